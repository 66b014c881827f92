"""Whitespace by product: potentials are cut lines of owners, sums are exact, and the first products are the largest."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamscore.backend.host import HostBackend
from tamscore.errors import InputContractError
from tamscore.scoring.joining.product_lines import PartProducts, ProductColumns
from tamscore.scoring.joining.product_table import ProductTablePlan, families_of
from tamscore.scoring.product_sales import NOT_OWNED, AccountProducts
from tamscore.scoring.score.sections import ScoredRows
from tamscore.sections.products.columns import ProductsState
from tamscore.sections.products.counts import Counts
from tamscore.sections.products.open_products import leading, open_cents, sums_by
from tamscore.sections.products.potential import (
    BASES,
    ProductModel,
    ProductPotentials,
    ProductRules,
    product_potentials,
)
from tamscore.sections.products.record import Facts
from tamscore.sections.products.stored_model import both, parse
from tamscore.sections.products.view import open_with
from tamscore.stages import interval
from tamscore.stages.draw import id_hash
from tamscore.store.tables import account_ids

RULES = ProductRules(0.85, 25, 0.95)


def potentials_of(backend, rows, shape, rules=RULES):
    money, cluster, product = (np.array(column) for column in zip(*rows, strict=True))
    return product_potentials(backend, money.astype(float), cluster, product, shape, rules)


def test_the_potential_of_a_product_is_the_first_cut_line_of_its_owners(backend):
    rows = [(float(money), 0, 0) for money in range(1, 101)] + [(float(money), 1, 0) for money in range(101, 201)]
    found = potentials_of(backend, rows, (2, 1))
    assert found.value.tolist() == [[85.0], [185.0]]
    assert found.support.tolist() == [[100], [100]]
    assert [BASES[code] for code in found.basis.ravel()] == ["cluster", "cluster"]
    assert found.low[0, 0] < 85.0 < found.high[0, 0]
    ranks = [int(found.low[0, 0]), int(found.high[0, 0])]
    assert tuple(ranks) == interval.ranks(100, 0.85, 0.95)


def test_few_owners_are_pooled_none_take_those_elsewhere_and_unknown_products_have_no_potential(backend):
    rows = [(float(money), 0, 0) for money in range(1, 101)] + [(50.0, 1, 0), (60.0, 1, 0)]
    found = potentials_of(backend, rows, (3, 2))
    assert [BASES[code] for code in found.basis[:, 0]] == ["cluster", "pooled", "party type"]
    assert 50.0 <= found.value[1, 0] <= 100.0
    assert found.value[2, 0] == 85.0  # P85 of all 102 owners
    assert np.isnan(found.value[:, 1]).all()
    assert [BASES[code] for code in found.basis[:, 1]] == ["none"] * 3


def test_a_party_type_without_owners_has_no_potentials(backend):
    empty = np.empty(0)
    found = product_potentials(backend, empty, empty.astype(int), empty.astype(int), (2, 3), RULES)
    assert np.isnan(found.value).all()
    assert found.support.sum() == 0


def open_of(backend, own, potential, offered):
    given_ = [backend.put(np.array(one)) for one in (own, potential, offered)]
    return backend.get(open_cents(backend.xp, *given_)).tolist()


def test_owners_lack_what_is_above_their_sales_and_others_what_is_offered(backend):
    own = [[40.0, 90.0, NOT_OWNED, NOT_OWNED, 0.0]]
    potential = [[100.0, 80.0, 70.0, 60.0, np.nan]]
    assert open_of(backend, own, potential, [[False, True, True, False, True]]) == [[60.0, 0.0, 70.0, 0.0, 0.0]]


def test_the_products_with_most_whitespace_come_first_and_none_is_named_that_has_none(backend):
    cents = backend.put(np.array([[5.0, 9.0, 9.0, 0.0, 7.0], [0.0, 0.0, 3.0, 0.0, 0.0]]))
    found = leading(backend.xp, cents)
    assert backend.get(found.product).tolist() == [[1, 2, 4], [2, -1, -1]]
    assert backend.get(found.cents).tolist() == [[9.0, 9.0, 7.0], [3.0, 0.0, 0.0]]


def test_sums_by_group_count_rows_as_often_as_accounts_have_them(backend):
    cents, member = backend.put(np.array([[1.0, 0.0], [2.0, 4.0]])), backend.put(np.array([[3.0, 0.0], [1.0, 1.0]]))
    money, accounts = (backend.get(one).tolist() for one in sums_by(backend.xp, cents, member))
    assert money == [[3.0, 0.0], [3.0, 4.0]]
    assert accounts == [[3.0, 0.0], [2.0, 1.0]]


def state_of(own: dict[str, dict[int, int]], value: Any, offered: Any) -> ProductsState:
    """Return the state of clusters A and B whose accounts own these products, for these units."""
    pairs = sorted((int(id_hash(pa.array([name], pa.large_string()))[0]), name) for name in own if own[name])
    ids = pa.array([name for _, name in pairs], pa.large_string())
    products = [sorted(own[name]) for _, name in pairs]
    start = np.cumsum([0, *map(len, products)])
    units = [own[name][p] for (_, name), of in zip(pairs, products, strict=True) for p in of]
    flat = np.array([p for of in products for p in of], np.int64)
    owned = AccountProducts(id_hash(ids), id_hash(ids, 1), start, flat, np.array(units, np.int64))
    nothing = np.zeros(value.shape, np.int64)
    model = ProductModel(ProductPotentials(value, value, value, nothing, nothing.astype(np.int8)), offered)
    names = pa.array([f"p{i}" for i in range(value.shape[1])], pa.large_string())
    facts = Facts(names, None, np.ones(2), nothing, np.zeros(value.shape[1]), 0.0, 0.85, 0.95, 0.4, "sales", "table")
    return ProductsState("account_id", "text", ("A", "B"), model, owned, facts)


@st.composite
def markets(draw: st.DrawFn) -> tuple[ProductsState, pa.Table]:
    """Draw what accounts of two clusters own, what is open in these, and the scores of the accounts."""
    products, count = draw(st.integers(1, 6)), draw(st.integers(1, 12))
    amounts = st.integers(1, 10**11)
    own = {f"a{i}": draw(st.dictionaries(st.integers(0, products - 1), amounts)) for i in range(count)}
    cells = st.lists(st.integers(0, 10**9), min_size=2 * products, max_size=2 * products)
    value = np.array(draw(cells)).reshape(2, products) / 100
    value[np.array(draw(cells)).reshape(2, products) % 5 == 0] = np.nan
    offered = np.array(draw(cells)).reshape(2, products) % 2 == 0
    cluster = draw(st.lists(st.sampled_from("AB"), min_size=count, max_size=count))
    kind = draw(st.lists(st.sampled_from(["expansion", "acquisition"]), min_size=count, max_size=count))
    columns = {"account_id": list(own), "cluster": cluster, "kind": kind, "whitespace": [1.25] * count}
    return state_of(own, value, offered), pa.table(columns)


def open_rows(state: ProductsState, scored: pa.Table) -> dict[str, Any]:
    """Return the columns of a table of scores."""
    part: Any = SimpleNamespace(hashes=id_hash(account_ids(scored["account_id"])))
    assigned: Any = None
    rows = ScoredRows(part, assigned, np.arange(scored.num_rows), scored, inputs=scored)
    return state.score(rows, HostBackend())


@given(market=markets(), cut=st.integers(0, 12))
def test_sums_over_products_are_those_over_accounts_to_the_cent_for_any_parts(market, cut):
    state, scored = market
    columns = open_rows(state, scored)
    table = scored.append_column("product_whitespace", columns["product_whitespace"])
    parts = [table.slice(0, cut), table.slice(cut)]
    total = Counts.together([state.count(part) for part in parts])
    whole = Counts.together([state.count(table)])
    assert all(np.array_equal(getattr(total, name), getattr(whole, name)) for name in ("cents", "accounts", "totals"))
    cents = np.rint(np.array(columns["product_whitespace"].to_pylist()) * 100)
    assert total.cents.sum() == cents.sum() == total.totals[:, 1].sum()
    findings = state.findings([state.count(part) for part in parts])
    totals = findings.tables["product_totals"]
    for name in ("expansion", "acquisition", "whitespace"):
        rows = findings.tables["products"]
        by_cluster = rows[name].to_numpy() if name in rows.column_names else None
        if by_cluster is not None:
            assert np.rint(by_cluster * 100).sum() == np.rint(totals[name].to_numpy() * 100).sum()
    assert np.rint(totals["whitespace"].to_numpy() * 100).sum() == cents.sum()


@given(market=markets())
def test_every_account_is_what_a_loop_over_its_products_finds(market):
    state, scored = market
    columns = open_rows(state, scored)
    for i, row in enumerate(scored.to_pylist()):
        c = "AB".index(row["cluster"])
        ids = pa.array([row["account_id"]], pa.large_string())
        at = np.flatnonzero(state.owned.key == id_hash(ids)[0])
        own = {}
        for a in at:
            here = slice(state.owned.start[a], state.owned.start[a + 1])
            pairs = zip(state.owned.product[here].tolist(), state.owned.units[here].tolist(), strict=True)
            own = {p: round(units / 100) for p, units in pairs}
        found = []
        for p, value in enumerate(state.model.cents[c].tolist()):
            reach = 0 if np.isnan(value) else int(value)
            found.append(max(reach - own[p], 0) if p in own else reach * bool(state.model.offered[c, p]))
        order = sorted((p for p in range(len(found)) if found[p] > 0), key=lambda p: (-found[p], p))[:3]
        assert round(columns["product_whitespace"][i].as_py() * 100) == sum(found)
        names = [columns[name][i].as_py() for name in ("open_product", "open_product_2", "open_product_3")]
        assert names == [*(f"p{p}" for p in order), *[None] * (3 - len(order))]
        amounts = [columns[f"{name}_whitespace"][i].as_py() for name in ("open_product", "open_product_2")]
        assert amounts == [*(found[p] / 100 for p in order), *[None] * 3][:2]


def table_with(*families):
    """Return the family of each product of a table that says these pairs."""
    part = PartProducts(pa.array([], pa.large_string()), {}, families)
    nothing: Any = None
    table = ProductTablePlan("products", "sold", nothing, ProductColumns("a", "p", "s", family="kind"))
    names = pa.array(sorted({product for product, _ in families} | {"anvil"}), pa.large_string())
    return families_of(table, names, [part]).to_pylist()


def test_each_product_has_one_family():
    assert table_with(("anvil", "tools"), ("bellows", "fire"), ("anvil", "tools")) == ["tools", "fire"]
    with pytest.raises(InputContractError, match=r"product 'anvil' is in 'tools' and in 'fire', expected one family"):
        table_with(("anvil", "tools"), ("anvil", "fire"))
    with pytest.raises(InputContractError, match=r"product 'anvil' has no family"):
        table_with(("bellows", "fire"))


def stored(products):
    """Return a stored model of two clusters with these products, and the model."""
    value = np.arange(2.0 * len(products)).reshape(2, -1)
    counts = np.ones(value.shape, np.int64)
    potentials = ProductPotentials(value, value - 1, value + 1, counts, counts.astype(np.int8))
    model = ProductModel(potentials, value % 2 == 0)
    names = pa.array(products, pa.large_string())
    facts = Facts(names, None, counts[0], counts, counts[0], 0.0, 0.85, 0.95, 0.4, "sales", "table")
    return both(model, ("A", "B"), facts), model


def test_a_stored_model_keeps_the_potentials_of_the_products_that_it_knew():
    (said, arrays), model = stored(["anvil", "chisel"])
    names = pa.array(["anvil", "bellows", "chisel"], pa.large_string())
    found = parse(said, arrays, ("A", "B"), names, "model", "run1")
    assert found.source == "run1"
    assert found.potentials.value[:, [0, 2]].tolist() == model.potentials.value.tolist()
    assert np.isnan(found.potentials.value[:, 1]).all()
    assert found.offered[:, [0, 2]].tolist() == model.offered.tolist()
    assert not found.offered[:, 1].any()


@pytest.mark.parametrize(
    ("changes", "lacking"),
    [({"format": 9}, ""), ({"clusters": ["A", "C"]}, ""), ({"products": ["anvil"]}, ""), ({}, "value")],
)
def test_a_stored_model_that_does_not_fit_is_refused(changes, lacking):
    (said, arrays), _ = stored(["anvil", "chisel"])
    arrays = {name: array for name, array in arrays.items() if name != lacking}
    with pytest.raises(InputContractError, match=r"model: products: .*; run its job again"):
        parse({**said, **changes}, arrays, ("A", "B"), pa.array(["anvil"], pa.large_string()), "model", "run1")


def test_an_account_says_what_is_open_and_of_which_products():
    account = {"product_whitespace": 1234.5, "open_product": "anvil", "open_product_whitespace": 1000.0}
    assert open_with(account) == [("open by product", "1,234.50; most of it: anvil 1,000")]
    assert open_with({"product_whitespace": 0.0}) == [("open by product", "0")]
    assert open_with({}) == []
