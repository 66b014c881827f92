"""Groups of product mixes: found where they are, no more than come out again, named by what leads, told by features."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from tamscore.backend.host import HostBackend
from tamscore.errors import InputContractError
from tamscore.scoring.product_sales import AccountProducts
from tamscore.sections.jobs import clustering
from tamscore.sections.jobs.clustering import GroupCandidate
from tamscore.sections.jobs.look_alike import SHARPNESS, loss_of, probabilities
from tamscore.sections.jobs.messages import messages_of
from tamscore.sections.jobs.mixes import OTHER, block_of, columns_named, shares_of
from tamscore.sections.jobs.naming import MIXED, LeadingProduct, job_names, leading_products
from tamscore.sections.jobs.party import MixSums, PartyJobs, labels
from tamscore.sections.jobs.settings import JobMessage
from tamscore.sections.jobs.stored_model import both, parse
from tamscore.stages.grid import fit_grid
from tamscore.synthetic.baskets import JOBS, job_mixes, split


def drawn_mixes(rows: int, seed: int = 0, spread: float = 30.0):
    """Shares (rows, products) of planted jobs, and these (rows,)."""
    random = np.random.default_rng(seed)
    job = random.integers(0, JOBS, rows)
    share = random.standard_gamma(spread * job_mixes()[job] + 1e-9)
    return share / share.sum(axis=1, keepdims=True), job


def block(share):
    return block_of(share, fit_grid(np.ones(share.shape[1])))


def test_planted_groups_are_found_on_every_backend(backend):
    share, job = drawn_mixes(1500)
    centers = clustering.fit_groups(backend, block(share), block(share), JOBS, 0)
    assert adjusted_rand_score(job, labels(backend, block(share), centers)) > 0.95
    assert np.array_equal(centers, clustering.fit_groups(HostBackend(), block(share), block(share), JOBS, 0))


def test_the_planted_number_is_the_largest_that_comes_out_again():
    share, _ = drawn_mixes(1500)
    tried = clustering.candidates_of(
        block(share), range(2, 9), 0, lambda f, items, *shared: [f(i, *shared) for i in items]
    )
    assert clustering.chosen(tried, 0.8, 0.01) == JOBS
    assert (next(one for one in tried if one.k == JOBS).rand or 0.0) > 0.95


def test_mixes_of_one_kind_are_one_group():
    random = np.random.default_rng(3)
    share = random.dirichlet(np.full(8, 5.0), 1200)
    tried = clustering.candidates_of(
        block(share), range(2, 7), 0, lambda f, items, *shared: [f(i, *shared) for i in items]
    )
    assert clustering.chosen(tried, 0.8, 0.01) == 1


def test_a_number_needs_strength_and_customers():
    tried = [
        GroupCandidate(k, strength, 1.0, smallest, ())
        for k, strength, smallest in ((2, 0.9, 0.3), (3, 0.8, 0.1), (4, 0.79, 0.2))
    ]
    assert clustering.chosen(tried, 0.8, 0.1) == 3
    assert clustering.chosen(tried, 0.8, 0.2) == 2
    assert clustering.chosen(tried, 0.95, 0.1) == 1
    assert clustering.chosen([GroupCandidate(2, None, None, 0.5, ())], 0.8, 0.1) == 1


def test_prediction_strength_is_that_of_the_worst_group_worked_out_by_pairs():
    own, other = np.array([0, 0, 0, 1, 1, 1, 1]), np.array([0, 0, 1, 1, 1, 1, 1])
    expected = min(
        np.mean([other[i] == other[j] for i in range(7) for j in range(7) if i != j and own[i] == own[j] == group])
        for group in (0, 1)
    )
    assert clustering.strength(other, own) == pytest.approx(expected) == pytest.approx(1 / 3)
    assert clustering.strength(own, own) == 1.0
    assert clustering.strength(np.array([0, 0, 0]), np.array([0, 0, 1])) == 0.0


def test_equal_mixes_make_fewer_groups_than_asked():
    share = np.eye(4)[np.repeat([0, 1], 40)]
    centers = clustering.fit_groups(HostBackend(), block(share), block(share), 3, 0)
    assert len(centers) == 2


@given(amounts=st.lists(st.dictionaries(st.integers(0, 4), st.integers(1, 10**6), min_size=1), min_size=1, max_size=6))
def test_shares_are_those_of_each_account_by_itself(amounts):
    counts = [len(one) for one in amounts]
    owned = AccountProducts(
        np.arange(len(amounts), dtype=np.uint64),
        np.zeros(len(amounts), np.uint64),
        np.concatenate([[0], np.cumsum(counts)]),
        np.array([product for one in amounts for product in sorted(one)]),
        np.array([one[product] for one in amounts for product in sorted(one)], float),
    )
    names = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, 3, 4]), pa.array(list("abcde")))
    columns = columns_named(["b", "d", OTHER], names)
    accounts = np.arange(len(amounts))[::2]
    expected = [[one.get(1, 0), one.get(3, 0), one.get(0, 0) + one.get(2, 0) + one.get(4, 0)] for one in amounts[::2]]
    totals = [sum(one.values()) for one in amounts[::2]]
    assert shares_of(owned, columns, accounts) == pytest.approx(np.array(expected) / np.array(totals)[:, None])


def test_sums_of_mixes_are_the_same_in_any_order():
    share, job = drawn_mixes(600)
    whole = MixSums.of(share, job, JOBS)
    parts = MixSums.of(share[:100], job[:100], JOBS) + MixSums.of(share[100:][::-1], job[100:][::-1], JOBS)
    assert np.array_equal(whole.shares, parts.shares)
    assert whole.means[2] == pytest.approx(share[job == 2].mean(axis=0), abs=1e-6)
    assert whole.market == pytest.approx(share.mean(axis=0), abs=1e-6)


def test_products_lead_where_their_share_is_large_and_well_above_the_markets():
    mean, market = np.array([[0.5, 0.3, 0.12, 0.08], [0.34, 0.33, 0.32, 0.01]]), np.array([0.3, 0.3, 0.2, 0.02])
    first, second = leading_products(mean, market, ("a", "b", "c", "d"))
    assert [one.product for one in first] == ["a"]
    assert [one.product for one in second] == ["c"]


def leads(*products):
    return tuple(LeadingProduct(one, 0.4, 0.1) for one in products)


def test_names_are_two_leading_products_and_never_the_same():
    found = job_names([leads("a", "b", "c"), leads("a", "b", "d"), leads("a", "b"), (), ()])
    assert found == ("a + b", "a + b + d", "a + b (2)", MIXED, f"{MIXED} (2)")
    assert job_names([leads("a", "b"), leads("a", "b")], ("old", None)) == ("old", "a + b")
    assert job_names([leads("a", "b"), leads("x")], (None, "a + b")) == ("a + b (2)", "a + b")


def party(names, leading, learned=None):
    found = GroupCandidate(len(names), 0.9, 0.95, 0.2, (0.9,) * len(names))
    sums = MixSums(np.ones(len(names), int), np.ones((len(names), 3)))
    return PartyJobs("end_user", names, np.ones((len(names), 3)), leading, sums, (found,), found, learned)


def test_messages_go_by_name_first_and_else_by_the_product_that_leads_most():
    one = party(("a + b", "b + c"), (leads("a", "b"), leads("b", "c")))
    given_ = {"B": JobMessage(theme="of b"), "a + b": JobMessage(theme="whole"), "z": JobMessage()}
    found = messages_of((one, None), given_)
    assert (found.themes, found.propositions, found.unused) == (("whole", "of b"), ("", ""), ("z",))


def test_probabilities_come_to_one_and_are_the_sharper_the_larger_the_sharpness():
    odds = np.array([[2.0, -1.0], [0.0, 0.0], [-3.0, 1.0]], np.float32)
    soft, sharp = probabilities(odds, SHARPNESS[0]), probabilities(odds, 3.0)
    assert soft.sum(axis=0) == pytest.approx(1.0)
    assert (sharp.max(axis=0) > soft.max(axis=0)).all()
    assert np.isfinite(probabilities(np.array([[900.0], [-900.0]], np.float32), 3.0)).all()
    assert loss_of(np.array([[0.25], [0.75]]), np.array([1])) == pytest.approx(-np.log(0.75))


def test_stored_jobs_are_read_back_and_damaged_ones_refused():
    restored, arrays = both(("a", "b", OTHER), [party(("x", "y"), (leads("a"), leads("b")))])
    found = parse(restored, arrays, "run", "here")
    assert found.columns == ("a", "b", OTHER)
    assert found.parties["end_user"].names == ("x", "y")
    for damaged in (
        {**restored, "format": 9},
        {**restored, "columns": ["a"]},
        {"format": 1},
        {**restored, "parties": [{}]},
    ):
        with pytest.raises(InputContractError, match=r"here: jobs: .*; run its job again"):
            parse(damaged, arrays, "run", "here")
    with pytest.raises(InputContractError):
        parse(restored, {}, "run", "here")


def test_synthetic_baskets_come_to_the_sales_to_the_cent():
    random = np.random.default_rng(1)
    cents, units = random.integers(1, 10**7, 50), random.multinomial(9, np.full(20, 0.05), 50)
    assert split(cents, units).sum(axis=1).tolist() == cents.tolist()
    assert (split(cents, units)[units == 0] == 0).all()
