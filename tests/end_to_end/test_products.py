"""Whitespace by product in a run: the same for any layout, in lists and coverage, and kept by a frozen model."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tamscore import pipeline
from tamscore.cli import app
from tamscore.errors import InputContractError, JobFileError
from tamscore.progress import Progress
from tamscore.questions.stored import open_run
from tamscore.report import page_of
from tamscore.report.chapters import chapters
from tamscore.report.evidence import gather
from tamscore.scoring.joining import order_lines
from tests.conftest import make_backend
from tests.end_to_end import market, shop

TABLES = ("products", "product_totals", "product_whitespace", "product_families")


def sold_of(table: pa.Table) -> pa.Table:
    """Return what accounts bought of each product; the families of products are metal and wood."""
    sold = shop.products_of(table)
    families = ["wood" if name in {"bellows", "chisel"} else "metal" for name in sold["product"].to_pylist()]
    return sold.append_column("kind", pa.array(families))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run with products and next offers: its folder, changes, directory, scores and sales by product."""
    folder = tmp_path_factory.mktemp("products")
    table = market.accounts(1200)
    market.write(table, folder / "market")
    sold = sold_of(table)
    pq.write_table(sold, folder / "sold.parquet", row_group_size=300)
    changes = {"products": {"path": str(folder / "sold.parquet"), "family": "kind"}, "next_offer": {"owned": 0.4}}
    run = market.run(folder / "market", folder / "scores", changes)
    return {"folder": folder, "changes": changes, "run": run, "scores": market.scores(run), "sold": sold}


def table_of(run: Any, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(run.tables / f"{name}.parquet").to_pylist()
    return rows


def test_each_account_is_what_its_own_sales_leave_of_the_potentials(made):
    own: dict[str, dict[str, float]] = defaultdict(dict)
    for row in made["sold"].to_pylist():
        own[row["account_id"]][row["product"]] = row["sales"]
    potentials: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for row in table_of(made["run"], "products"):
        potentials[row["cluster"]][row["product"]] = row
    named = 0
    for row in made["scores"].to_pylist():
        open_ = {}
        for product, cell in potentials[row["cluster"]].items():
            mine = own[row["account_id"]].get(product)
            open_[product] = max(cell["potential"] - mine, 0) if mine else cell["potential"] * cell["offered"]
        assert row["product_whitespace"] == pytest.approx(sum(open_.values()), abs=0.005)
        best = min(open_, key=lambda product: (-round(open_[product], 2), product))
        if open_[best] > 0.001:
            named += 1
            assert (row["open_product"], row["open_product_whitespace"]) == (best, pytest.approx(open_[best], abs=1e-6))
    assert named > 1000


def test_potentials_are_exact_cut_lines_where_owners_suffice_and_offers_are_those_of_the_offers(made):
    clusters = dict(zip(made["scores"]["account_id"].to_pylist(), made["scores"]["cluster"].to_pylist(), strict=True))
    owners: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in made["sold"].to_pylist():
        owners[clusters[row["account_id"]], row["product"]].append(row["sales"])
    exact = 0
    for row in table_of(made["run"], "products"):
        money = owners[row["cluster"], row["product"]]
        assert row["support"] == row["owners"] == len(money)
        if len(money) >= 25:
            exact += 1
            assert row["potential"] == np.quantile(money, 0.85, method="inverted_cdf")
            assert row["potential_low"] < row["potential"] <= row["potential_high"]
    assert exact >= 5
    offered = {(row["cluster"], row["product"]) for row in table_of(made["run"], "products") if row["offered"]}
    assert offered == {(row["cluster"], row["product"]) for row in table_of(made["run"], "next_offers")}


def test_sums_agree_over_accounts_clusters_products_and_families_to_the_cent(made):
    accounts = np.rint(made["scores"]["product_whitespace"].to_numpy() * 100).sum()
    kinds = table_of(made["run"], "product_whitespace")
    assert round(sum(row["product_whitespace"] for row in kinds) * 100) == accounts
    for row in kinds:
        assert row["difference"] == pytest.approx(row["whitespace"] - row["product_whitespace"], abs=0.005)
        mine = made["scores"].filter(pa.compute.equal(made["scores"]["kind"], row["kind"]))
        assert row["whitespace"] == pytest.approx(float(np.sum(np.round(mine["whitespace"].to_numpy(), 2))), abs=0.005)
    for name in ("products", "product_totals", "product_families"):
        rows = table_of(made["run"], name)
        assert round(sum(row["expansion"] + row["acquisition"] for row in rows) * 100) == accounts


@pytest.mark.parametrize("backend", ["host", "fake_gpu"])
def test_layout_ranges_workers_and_device_change_nothing(made, tmp_path, monkeypatch, backend):
    monkeypatch.setattr(order_lines, "RANGE_ROWS", 40)
    monkeypatch.setattr(order_lines, "HELD_ROWS", 70)
    random = np.random.default_rng(3)
    shuffled = made["sold"].take(random.permutation(made["sold"].num_rows))
    pq.write_table(shuffled, tmp_path / "sold.parquet", row_group_size=77)
    table = pq.read_table(made["folder"] / "market")
    path = market.write(table.take(random.permutation(table.num_rows)), tmp_path / "market", files=3)
    changes = {**made["changes"], "engine.workers": 1}
    changes["products"] = {**changes["products"], "path": str(tmp_path / "sold.parquet")}
    job = market.job(path, tmp_path / "scores", changes)
    again = pipeline.run(job, Progress(), make_backend(backend), accept=True)
    assert market.different(market.scores(again), made["scores"]) == []
    for name in TABLES:
        assert table_of(again, name) == table_of(made["run"], name)


def test_a_run_without_products_is_the_same_in_all_other_columns(made, tmp_path):
    changes = {"next_offer": {"path": made["changes"]["products"]["path"], "owned": 0.4}}
    plain = market.scores(market.run(made["folder"] / "market", tmp_path / "scores", changes))
    names = [name for name in plain.column_names if name not in {"next_offer_value", "next_offer_expected"}]
    assert market.different(plain.select(names), made["scores"].select(names)) == []


@pytest.mark.parametrize("by", ["probability", "expected_value"])
def test_offers_are_the_likeliest_or_the_dearest_that_an_account_lacks(made, tmp_path, by):
    run = made["run"]
    if by == "expected_value":
        changes = {**made["changes"], "next_offer": {"by": by, "owned": 0.4}}
        run = market.run(made["folder"] / "market", tmp_path / by, changes)
    own = defaultdict(set)
    for row in made["sold"].to_pylist():
        own[row["account_id"]].add(row["product"])
    offers: dict[str, dict[str, Any]] = defaultdict(dict)
    for row in table_of(run, "next_offers"):
        offers[row["cluster"]][row["product"]] = row
    worth = {(row["cluster"], row["product"]): row["potential"] for row in table_of(run, "products")}
    for row in market.scores(run).to_pylist():
        open_ = [name for name in offers[row["cluster"]] if name not in own[row["account_id"]]]
        assert (row["next_offer"] is None) == (not open_)
        if open_:
            assert row["next_offer"] in open_
            assert row["next_offer_value"] == worth[row["cluster"], row["next_offer"]]
            assert 0.0 <= row["next_offer_probability"] <= 1.0
            expected = row["next_offer_probability"] * row["next_offer_value"]
            assert row["next_offer_expected"] == pytest.approx(expected, abs=0.006)
    record = (run.manifest() or {})["extras"]["next_offer"]
    assert record["by"] == by
    assert record["model"]["customers"] == sum(row["sales"] > 0 for row in made["scores"].to_pylist() if row["sales"])


def manifest_of(run: Any) -> dict[str, Any]:
    manifest: dict[str, Any] | None = run.manifest()
    assert manifest is not None
    return manifest


def score_again(made: dict[str, Any], output: Any, changes: dict[str, Any], *, own_ladders: bool = False) -> Any:
    """Return a run of the same market with the model of the first."""
    job = market.job(made["folder"] / "market", output, changes)
    return pipeline.score(job, Progress(), str(made["run"].path), accept=True, own_ladders=own_ladders)


def test_a_frozen_model_keeps_its_potentials_and_new_products_have_none(made, tmp_path):
    rows = made["sold"].to_pylist()
    later = [{**row, "sales": 2 * row["sales"]} for row in rows] + [{**rows[0], "product": "forge", "kind": "metal"}]
    pq.write_table(pa.Table.from_pylist(later), tmp_path / "later.parquet")
    changes = {**made["changes"], "products": {**made["changes"]["products"], "path": str(tmp_path / "later.parquet")}}
    frozen = score_again(made, tmp_path / "frozen", changes)
    before = {(row["cluster"], row["product"]): row["potential"] for row in table_of(made["run"], "products")}
    after = {(row["cluster"], row["product"]): row["potential"] for row in table_of(frozen, "products")}
    assert {key: after[key] for key in before} == before
    assert [value for key, value in after.items() if key[1] == "forge"] == [None]
    assert frozen.manifest()["extras"]["products"]["potentials"]["run"] == made["run"].run_key
    own = score_again(made, tmp_path / "own", changes, own_ladders=True)
    doubled = {(row["cluster"], row["product"]): row for row in table_of(own, "products")}
    exact = [key for key, row in doubled.items() if row["basis"] == "cluster"]
    assert exact
    assert all(doubled[key]["potential"] == pytest.approx(2 * before[key]) for key in exact)


OFFERS = ("next_offer", "next_offer_value", "next_offer_share", "next_offer_probability", "next_offer_expected")


def later_job(made: dict[str, Any], folder: Any, lines: list[dict[str, Any]], **offers: Any) -> dict[str, Any]:
    """Return the changes of a job on later sales by product."""
    folder.mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_pylist(lines), folder / "later.parquet")
    products = {**made["changes"]["products"], "path": str(folder / "later.parquet")}
    return {"products": products, "next_offer": {**made["changes"]["next_offer"], **offers}}


def test_a_frozen_model_keeps_its_offers_and_probabilities(made, tmp_path):
    """Accounts that own what they owned are offered the same, whatever the others buy by now."""
    rows = made["sold"].to_pylist()
    still = {row["account_id"] for row in made["scores"].to_pylist()[::2]}
    later = [row for number, row in enumerate(rows) if row["account_id"] in still or number % 3]
    frozen = score_again(made, tmp_path / "frozen", later_job(made, tmp_path, later))
    before = {row["account_id"]: [row[name] for name in OFFERS] for row in made["scores"].to_pylist()}
    same = [[row[name] for name in OFFERS] == before[row["account_id"]] for row in market.scores(frozen).to_pylist()]
    scores = [row["account_id"] in still for row in market.scores(frozen).to_pylist()]
    assert all(np.array(same)[scores])
    assert not all(same)
    record = manifest_of(frozen)["extras"]["next_offer"]
    assert record["learned"] == {"source": "frozen", "run": made["run"].run_key}
    assert record["model"] == manifest_of(made["run"])["extras"]["next_offer"]["model"]
    evidence = gather(open_run(frozen.output), None, Progress(), compare=False)
    assert "offers and probabilities are those of run" in page_of(evidence, chapters(evidence))
    job = market.job(made["folder"] / "market", tmp_path / "third", later_job(made, tmp_path / "more", rows))
    third = pipeline.score(job, Progress(), str(frozen.path), accept=True)
    assert market.different(market.scores(third).select(OFFERS), made["scores"].select(OFFERS)) == []
    assert manifest_of(third)["extras"]["next_offer"]["learned"]["run"] == made["run"].run_key


def test_own_ladders_and_a_refresh_learn_offers_anew(made, tmp_path):
    later = made["sold"].to_pylist()[::2]
    changes = later_job(made, tmp_path, later)
    own = score_again(made, tmp_path / "own", changes, own_ladders=True)
    job = market.job(made["folder"] / "market", tmp_path / "refreshed", changes)
    for run in (own, pipeline.refresh(job, Progress(), str(made["run"].path), accept=True)):
        assert manifest_of(run)["extras"]["next_offer"]["learned"] == {"source": "fitted"}


def test_a_product_that_nobody_buys_any_more_stays_open_and_offered_under_a_frozen_model(made, tmp_path):
    later = [row for row in made["sold"].to_pylist() if row["product"] != "anvil"]
    frozen = score_again(made, tmp_path / "frozen", later_job(made, tmp_path, later))
    before, after = (
        {row["cluster"]: row for row in table_of(run, "products") if row["product"] == "anvil" and row["offered"]}
        for run in (made["run"], frozen)
    )
    assert before
    assert {key: row["potential"] for key, row in after.items()} == {k: row["potential"] for k, row in before.items()}
    assert all(row["owners"] == 0 for row in after.values())
    (family,) = [row for row in table_of(frozen, "product_totals") if row["product"] == "anvil"]
    assert family["family"] == "metal"
    assert "anvil" in market.scores(frozen)["next_offer"].to_pylist()
    said = [text for text in manifest_of(frozen)["notices"] if "1 of 5 products of run" in text]
    assert len(said) == 1
    assert "'anvil'" in said[0]


def test_a_frozen_run_refuses_offers_that_its_model_has_not_learned(made, tmp_path):
    rows = made["sold"].to_pylist()
    with pytest.raises(InputContractError, match=r"next_offer.owned: expected 0.4, by which run .*, got 0.2"):
        score_again(made, tmp_path / "a", later_job(made, tmp_path, rows, owned=0.2))
    changes = later_job(made, tmp_path, rows)
    changes["products"]["owned"] = 0.3
    with pytest.raises(InputContractError, match=r"products.owned: expected 0.4, by which run .*, got 0.3"):
        score_again(made, tmp_path / "b", changes)
    shares = market.run(made["folder"] / "market", tmp_path / "shares", later_job(made, tmp_path, rows, by="share"))
    job = market.job(made["folder"] / "market", tmp_path / "c", made["changes"])
    with pytest.raises(InputContractError, match=r"next_offer.by: expected 'share', since run .* has learned no prob"):
        pipeline.score(job, Progress(), str(shares.path), accept=True)
    job = market.job(made["folder"] / "market", tmp_path / "d", later_job(made, tmp_path, rows, by="share"))
    by_share = pipeline.score(job, Progress(), str(made["run"].path), accept=True)
    names = ("next_offer", "next_offer_share", "next_offer_value", "next_offer_probability")
    assert market.different(market.scores(by_share).select(names), market.scores(shares).select(names)) == []


def test_a_section_that_the_model_lacks_is_learned_from_the_table_and_the_run_says_so(made, tmp_path):
    plain = market.run(made["folder"] / "market", tmp_path / "plain", {"products": made["changes"]["products"]})
    job = market.job(made["folder"] / "market", tmp_path / "frozen", made["changes"])
    run = pipeline.score(job, Progress(), str(plain.path), accept=True)
    assert manifest_of(run)["extras"]["next_offer"]["learned"] == {"source": "fitted"}
    assert any("has stored no offers: they are learned" in text for text in manifest_of(run)["notices"])


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda said, arrays: said.update(format=9), "expected format 1 and clusters"),
        (lambda said, arrays: arrays.update(offers=arrays["offers"] + 99), "expected numbers of products from -1"),
        (lambda said, arrays: arrays.update(share=arrays["share"][:, :1]), "expected offers of"),
        (lambda said, arrays: arrays.update(weights=arrays["weights"][1:]), "expected weights"),
        (lambda said, arrays: arrays.update(probability=arrays["probability"] + 2), "expected finite weights"),
        (lambda said, arrays: arrays.pop("columns"), "'columns'"),
    ],
)
def test_stored_offers_that_make_no_sense_are_refused(made, spoil, said):
    from tamscore.model.files import read_section
    from tamscore.sections.next_offer import stored_model
    from tamscore.store.placed import files_of

    pair = read_section(made["run"].model, "next_offer", files_of(manifest_of(made["run"])))
    assert pair is not None
    described, arrays = pair
    names = pa.array(described["products"], pa.large_string())
    whole = stored_model.parse(described, arrays, described["clusters"], names, "model", "run")
    assert len(whole.product) == len(names)
    clusters = list(described["clusters"])
    spoil(described, arrays)
    with pytest.raises(InputContractError, match=said):
        stored_model.parse(described, arrays, clusters, names, "model", "run")


def run_of(made: dict[str, Any], folder: Any, sold: pa.Table, **more: Any) -> Any:
    """Return a run of the same market with other sales by product."""
    folder.mkdir(exist_ok=True)
    pq.write_table(sold, folder / "sold.parquet")
    products = {**made["changes"]["products"], "path": str(folder / "sold.parquet"), **more}
    return market.run(made["folder"] / "market", folder / "scores", {**made["changes"], "products": products})


def test_blanks_around_names_and_forms_of_unicode_make_no_other_product(made, tmp_path):
    """The same table, with blanks around names and umlauts in one sign or in two, gives the same run."""
    rows = [
        {**row, "product": row["product"].replace("anvil", "ambo\u00df \u00f6")} for row in made["sold"].to_pylist()
    ]
    plain = run_of(made, tmp_path / "plain", pa.Table.from_pylist(rows))
    ways = ("{}", " {}", "{}  ", "{}\u00a0")
    odd = [
        {**row, "product": ways[n % 4].format(row["product"]), "kind": f"{row['kind']} "} for n, row in enumerate(rows)
    ]
    odd = [
        {**row, "product": unicodedata.normalize("NFD", row["product"])} if n % 3 else row for n, row in enumerate(odd)
    ]
    again = run_of(made, tmp_path / "odd", pa.Table.from_pylist(odd))
    assert market.different(market.scores(again), market.scores(plain)) == []
    assert table_of(again, "products") == table_of(plain, "products")


def test_blank_products_and_missing_amounts_are_left_out_and_counted(made, tmp_path):
    rows = made["sold"].to_pylist()
    blank = [{**row, "product": "  " if n % 7 == 0 else row["product"]} for n, row in enumerate(rows)]
    blank[1]["product"], blank[2]["sales"], blank[3]["sales"] = None, None, float("inf")
    run = run_of(made, tmp_path, pa.Table.from_pylist(blank))
    lacking = sum(n % 7 == 0 for n in range(len(rows))) + 1
    said = f"some are left out (missing_product {lacking:,}, missing_amount 1, infinite_amount 1)"
    assert any(said in text for text in manifest_of(run)["notices"])
    assert {row["product"] for row in table_of(run, "products")} == {row["product"] for row in rows}


def test_products_that_differ_in_capitals_count_as_different_and_the_run_says_so(made, tmp_path):
    rows = [
        {**row, "product": row["product"].upper() if n % 2 else row["product"]}
        for n, row in enumerate(made["sold"].to_pylist())
    ]
    run = run_of(made, tmp_path, pa.Table.from_pylist(rows))
    said = "5 of 10 products differ from others in capitals alone, such as 'ANVIL' and 'anvil': they count as different"
    assert any(said in text for text in manifest_of(run)["notices"])


def test_a_table_that_several_sections_refuse_is_reported_once(made, tmp_path):
    with pytest.raises(InputContractError) as refused:
        run_of(made, tmp_path, made["sold"].slice(0, 0))
    assert str(refused.value).count("has 0 different products") == 1


def test_products_that_are_numbers_are_texts_and_lists_are_refused(made, tmp_path):
    rows = made["sold"].to_pylist()
    number = {name: place for place, name in enumerate(sorted({row["product"] for row in rows}))}
    numbers = run_of(made, tmp_path / "a", pa.Table.from_pylist([{**r, "product": number[r["product"]]} for r in rows]))
    assert {row["product"] for row in table_of(numbers, "products")} == {"0", "1", "2", "3", "4"}
    with pytest.raises(InputContractError, match=r"column 'product' holds list<.*>, expected a text in each row"):
        run_of(made, tmp_path / "b", pa.Table.from_pylist([{**row, "product": [row["product"]]} for row in rows]))


def test_a_killed_run_goes_on_from_what_its_parts_come_to(made):
    """Nothing of what sections count is of a kind that checkpoints cannot keep."""
    assert not [text for text in manifest_of(made["run"])["notices"] if "cannot keep" in text]


def test_too_many_products_for_the_clusters_are_refused(made, tmp_path, monkeypatch):
    from tamscore.sections.products import columns

    monkeypatch.setattr(columns, "MOST_CELLS", 10)
    with pytest.raises(InputContractError, match=r"column 'product' has 5 different products, expected at most \d"):
        market.run(made["folder"] / "market", tmp_path / "scores", made["changes"])


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"next_offer": {}}, r"next_offer.path: expected a table, got nothing; or add \[products\]"),
        ({"products": {"path": "sold"}, "next_offer": {"path": "sold"}}, r"next_offer.path: expected no value beside"),
        ({"products": {"path": "sold", "product": "account_id"}}, "products.product: expected a column of its own"),
        ({"products": {"path": "sold", "product": "sales"}}, r"products.sales: .*; products.product names it, too"),
        ({"products": {"path": "sold", "family": "product"}}, r"products.family: .*; products.product names it, too"),
        ({"next_offer": {"path": "sold", "product": "sales"}}, r"next_offer.sales: .*; next_offer.product names it"),
        ({"buying_roles": {"path": "c", "role": "account_id", "wanted": {"user": []}}}, "buying_roles.role: expected"),
        (
            {"products": {"path": "sold"}, "next_offer": {"sales": "x"}},
            r"next_offer.sales: .*; say it in products.sales",
        ),
    ],
)
def test_the_table_is_named_once(tmp_path, sections, said):
    with pytest.raises(JobFileError, match=said):
        market.job(tmp_path / "market", tmp_path / "scores", sections)


def test_report_show_explain_and_lists_name_the_open_products(made, tmp_path):
    evidence = gather(open_run(made["run"].output), None, Progress(), compare=False)
    page = page_of(evidence, chapters(evidence))
    assert "Whitespace by product" in page
    assert "Families of products" in page
    runner = CliRunner()
    shown = runner.invoke(app, ["show", str(made["folder"] / "scores")])
    assert "WHITESPACE OF ACCOUNTS AND OF PRODUCTS" in shown.output
    row = next(row for row in made["scores"].to_pylist() if row["open_product_2"])
    invocation = runner.invoke(app, ["explain", str(made["folder"] / "scores"), row["account_id"]])
    assert f"most of it: {row['open_product']} " in invocation.output
    people = tmp_path / "people.csv"
    people.write_text("person,role,hours\nAnn,hunter,800\nBob,account_manager,800\n")
    covered = runner.invoke(app, ["coverage", str(made["folder"] / "scores"), "--people", str(people)])
    assert covered.exit_code == 0, covered.output
    assert "COVERAGE BY MOST OPEN PRODUCT" in covered.output
    listed = runner.invoke(app, ["lists", str(made["folder"] / "scores"), "--to", str(tmp_path / "lists")])
    assert listed.exit_code == 0, listed.output
    (file,) = (tmp_path / "lists").rglob("*nn*.csv")
    columns = file.read_text(encoding="utf-8-sig").splitlines()[0].replace('"', "")
    assert "open_product,open_product_whitespace,open_product_2,open_product_2_whitespace" in columns


def exported(made, folder, name: str, *options: str) -> Any:
    """Return the rows that `export --by product` writes to a file of that name."""
    asked = ["export", str(made["run"].path), "--to", str(folder / name), "--by", "product", *options]
    said = CliRunner().invoke(app, asked)
    assert said.exit_code == 0, said.output
    return pq.read_table(folder / name) if name.endswith(".parquet") else pa.csv.read_csv(folder / name)


def test_an_export_by_product_has_a_row_for_each_product_that_is_owned_open_or_offered(made, tmp_path, monkeypatch):
    monkeypatch.setattr("tamscore.questions.export_products.HELD_CELLS", 700)
    table = exported(made, tmp_path, "products.parquet")
    own = {(row["account_id"], row["product"]): row["sales"] for row in made["sold"].to_pylist()}
    cells = {(row["cluster"], row["product"]): row for row in table_of(made["run"], "products")}
    scores = {row["account_id"]: row for row in made["scores"].to_pylist()}
    rows = {(row["account_id"], row["product"]): row for row in table.to_pylist()}
    assert len(rows) == table.num_rows
    sums: dict[str, int] = defaultdict(int)
    for key in ((account, product) for account in scores for product in {product for _, product in cells}):
        cell, score = cells.get((scores[key[0]]["cluster"], key[1])), scores[key[0]]
        reach = 0.0 if cell is None else round(cell["potential"], 2)
        open_ = max(reach - own[key], 0) if key in own else reach * bool(cell and cell["offered"])
        assert (key in rows) == (key in own or open_ > 0 or score["next_offer"] == key[1])
        if key in rows:
            row = rows[key]
            assert float(row["sales"]) == own.get(key, 0.0)
            assert float(row["potential"]) == reach
            assert float(row["whitespace"]) == pytest.approx(open_, abs=1e-9)
            assert row["family"] == ("wood" if key[1] in {"bellows", "chisel"} else "metal")
            assert (row["probability"] is None) == (key in own)
            if score["next_offer"] == key[1]:
                assert row["probability"] == score["next_offer_probability"]
            sums[key[0]] += round(float(row["whitespace"]) * 100)
    assert {name: sums[name] for name in scores} == {
        name: round(row["product_whitespace"] * 100) for name, row in scores.items()
    }
    assert set(table["score_version"].to_pylist()) == {made["run"].run_key}


def test_an_export_by_product_as_csv_and_of_some_accounts(made, tmp_path):
    whole = exported(made, tmp_path, "whole.csv")
    assert whole.column_names == exported(made, tmp_path, "whole.parquet").column_names
    some = exported(made, tmp_path, "some.csv", "--only", "tier=A")
    tiers = {row["account_id"] for row in made["scores"].to_pylist() if row["tier"] == "A"}
    assert set(some["account_id"].to_pylist()) == {one for one in whole["account_id"].to_pylist() if one in tiers}
    asked = ["export", str(made["run"].path), "--by", "product"]
    for options, said in (
        (["--to", "x.parquet", "--fields", "cluster"], "--fields: expected no such option with --by product"),
        (["--to", "-"], "--by: expected a file for products"),
        (["--to", f"parquet:{tmp_path / 'folder'}"], "--by: expected a file for products"),
        (["--to", f"duckdb:{tmp_path / 'file'}#table"], "--by: expected a file for products"),
    ):
        refused = CliRunner().invoke(app, [*asked, *options])
        assert refused.exit_code == 2
        assert said in refused.output


def test_an_export_by_product_needs_products_and_the_table_as_it_was_read(made, tmp_path):
    plain = market.run(made["folder"] / "market", tmp_path / "plain", {})
    asked = ["export", str(plain.path), "--to", str(tmp_path / "x.csv"), "--by", "product"]
    assert "the run has no products; a job with [products] has" in CliRunner().invoke(app, asked).output
    pq.write_table(made["sold"], tmp_path / "sold.parquet")
    changes = {"products": {"path": str(tmp_path / "sold.parquet")}}
    run = market.run(made["folder"] / "market", tmp_path / "own", changes)
    pq.write_table(made["sold"].slice(1), tmp_path / "sold.parquet")
    asked[1] = str(run.path)
    refused = CliRunner().invoke(app, asked)
    assert refused.exit_code == 3
    assert "sold.parquet is not as run" in " ".join(refused.output.split())
    assert not (tmp_path / "x.csv").exists()
