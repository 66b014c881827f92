"""Role choice: as good as an exact solver's where it is proven, within the hours always, the same on every device."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from tamscore import backend as backends
from tamscore.errors import InputContractError
from tamscore.sections.coverage import alike, price_search
from tamscore.sections.coverage.choice import choose
from tamscore.sections.coverage.hour_price import Options, ask
from tamscore.sections.coverage.offer import Offer, in_time
from tamscore.sections.coverage.price_search import Search
from tamscore.sections.coverage.rules import from_largest
from tamscore.sections.coverage.sharing import shared_out

HOST = backends.load("cpu")
ROLE = (0, 0, 1, 2, 3)
"""Two ways to be covered by the first role; the last role has no limit."""


def options(value, hours, role=ROLE, backend=HOST):
    return Options(backend.put(np.asarray(value, float)), backend.put(np.asarray(hours, float)), role)


def small_case(random):
    """A few accounts, some options closed to some of them, and hours for some of them."""
    accounts = random.integers(1, 25)
    spans = ((10, 40), (2, 10), (1, 30), (1, 9), (0, 1))
    hours = np.stack([random.integers(*span, accounts) for span in spans]).astype(float)
    value = 100 * random.random((5, accounts))
    value[random.random(value.shape) < 0.2] = -np.inf
    value[4] = random.random(accounts)
    return value, hours, np.array([*random.integers(0, 60, 3), np.inf])


def exact(value, hours, limits):
    """What the best coverage is worth, from an integer program stated row by row."""
    o, m = value.shape
    rows = [np.eye(m)[a][None, :].repeat(o, 0).ravel() for a in range(m)]
    scarce = [r for r in range(len(limits)) if np.isfinite(limits[r])]
    taken = [np.where((np.array(ROLE) == r)[:, None], hours, 0.0).ravel() for r in scarce]
    rules = LinearConstraint(
        np.array([*rows, *taken]), [1] * m + [-np.inf] * len(scarce), [1] * m + [limits[r] for r in scarce]
    )
    closed = ~np.isfinite(value).ravel()
    most = Bounds(0, np.where(closed, 0, 1))
    found = milp(np.where(closed, 0.0, -value.ravel()), constraints=rules, integrality=1, bounds=most)
    return -found.fun


def market(accounts=20_000, seed=0):
    """Accounts with lognormal room to grow, five roles with hours for few of them."""
    random = np.random.default_rng(seed)
    capacity = random.lognormal(8, 1.5, accounts)
    sales = np.where(random.random(accounts) < 0.3, random.lognormal(7, 1.5, accounts), 0.0)
    answers = ((0.12, 0.06), (0.05, 0.05), (0.09, 0.02), (0.035, 0.03), (0.005, 0.0))
    value = np.stack([win * capacity * random.uniform(0.8, 1.2, accounts) + keep * sales for win, keep in answers])
    hours = np.repeat(np.array([40.0, 10.0, 30.0, 8.0, 0.0])[:, None], accounts, 1)
    return value, hours, np.array([3600.0, 2400.0, 1200.0, np.inf])


def test_small_cases_are_what_an_exact_solver_finds():
    random = np.random.default_rng(7)
    for _ in range(80):
        value, hours, limits = small_case(random)
        proven = choose(HOST, options(value, hours), limits)
        truth = exact(value, hours, limits)
        assert proven.value == pytest.approx(truth)
        assert proven.gap < 1e-9
        rounded = choose(HOST, options(value, hours), limits, small=0)
        assert rounded.value <= truth + 1e-9 <= rounded.bound + 1e-6 * rounded.bound
        if rounded.gap < 1e-12:
            assert rounded.value == pytest.approx(truth)
        for one in (proven, rounded):
            assert (one.hours <= limits + 1e-9).all()
            assert np.isfinite(value[one.option, np.arange(value.shape[1])]).all()


def test_a_market_is_covered_within_its_hours_and_close_to_the_bound(backend):
    value, hours, limits = market(2_000)
    found = choose(backend, options(value, hours, backend=backend), limits)
    held = np.array([hours[found.option, np.arange(2_000)][np.array(ROLE)[found.option] == r].sum() for r in range(4)])
    assert (held <= limits).all()
    assert found.hours == pytest.approx(held)
    assert found.value == pytest.approx(value[found.option, np.arange(2_000)].sum())
    assert 0 <= found.gap < 1e-3
    on_host = choose(HOST, options(value, hours), limits)
    assert found.option.tolist() == on_host.option.tolist()


def test_the_reference_case_is_settled_and_one_more_person_is_worth_what_a_new_solution_says():
    """100,000 accounts, 42 people of 1,200 hours: the gap is below 0.1 %, the prediction within 2 %."""
    value, hours, _ = market(100_000)
    limits = np.array([20 * 1200.0, 14 * 1200.0, 8 * 1200.0, np.inf])
    search = Search(HOST, options(value, hours), 4)
    now = choose(HOST, search.options, limits, search)
    assert now.gap < 1e-3
    assert (now.hours <= limits).all()
    for role in range(3):
        more = limits + 1200.0 * (np.arange(4) == role)
        predicted = search.bound(more).value - now.bound
        solved = choose(HOST, options(value, hours), more).value - now.value
        assert predicted == pytest.approx(solved, rel=0.02)
        assert now.price[role] * 1200.0 >= predicted * (1 - 1e-3)  # hours are worth less the more of them there are


def test_accounts_alike_are_shared_out_by_count(backend):
    """Eight kinds of accounts, so that prices send thousands one way or the other: the gap is settled all the same."""
    value, hours, limits = market(8, seed=3)
    value, hours = (np.repeat(part, 500, axis=1) for part in (value, hours))
    found = choose(backend, options(value, hours, backend=backend), limits)
    assert (found.hours <= limits).all()
    assert found.gap < 1e-3
    more = limits + np.array([1200.0, 0, 0, 0])
    search = Search(backend, options(value, hours, backend=backend), 4)
    predicted = search.bound(more).value - search.bound(limits).value
    again = choose(backend, options(value, hours, backend=backend), more)
    assert predicted == pytest.approx(again.value - found.value, rel=0.02)


def test_accounts_alike_are_asked_once_and_count_each(backend):
    value, hours, _ = market(8, seed=3)
    whole = options(np.tile(value, 50), np.tile(hours, 50), backend=backend)
    search = Search(backend, whole, 4)
    search.begin(np.zeros(4))
    assert search.core.alike.accounts == 8 + 1  # and one for those outside the core
    for price in np.random.default_rng(1).random((20, 4)) * [30.0, 30.0, 30.0, 0.0]:
        asked, plain = search.ask(price), ask(backend, whole, price)
        assert asked.worth == pytest.approx(plain.worth)
        assert asked.hours == pytest.approx(plain.hours)


def test_accounts_that_only_seem_alike_are_distinguished(monkeypatch):
    """The number that stands for value and hours may be the same by chance: then every account counts for itself."""
    value, hours, limits = market(40)
    plain = choose(HOST, options(value, hours), limits)
    monkeypatch.setattr(alike, "kinds", lambda value, _: np.zeros(value.shape[1]))
    assert alike.alike(value, hours).size.tolist() == [1] * 40
    assert choose(HOST, options(value, hours), limits).option.tolist() == plain.option.tolist()


@pytest.mark.parametrize("sample", [50, 1_000])
def test_accounts_that_are_content_without_hours_are_added_up_and_the_bound_is_the_same(monkeypatch, backend, sample):
    """Whatever the sample says: prices that it puts too high are left again, for few hours as for too many."""
    value, hours, limits = market(8_000, seed=2)
    value[4, :50] = -1e6  # as accounts that are owed a service level
    whole = Search(HOST, options(value, hours), 4)
    monkeypatch.setattr(price_search, "SAMPLE", sample)
    search = Search(backend, options(value, hours, backend=backend), 4)
    for part in (1.0, 0.3, 2.0, 500.0):
        assert search.bound(limits * part).value == pytest.approx(whole.bound(limits * part).value, rel=3e-6)
        if part == 1.0:
            assert len(search.core.rows) < 8_000


def test_accounts_that_two_kinds_of_people_could_cover_are_shared_out_by_hours():
    """Ten accounts of 10 hours: the first two for the first kind alone, two for the second; 60 and 40 hours."""
    value = np.full((3, 10), 5.0)
    value[1, :2], value[0, 2:4], value[2] = -np.inf, -np.inf, 0.0
    hours = np.repeat([[10.0], [10.0], [0.0]], 10, axis=1)
    offer = Offer(value, hours, np.arange(3), np.array([60.0, 40.0, np.inf]))
    wish = np.array([0, 0, 1, 1, *[0] * 6])
    found = shared_out(offer, wish)
    assert found[:4].tolist() == [0, 0, 1, 1]
    assert offer.used(found).tolist() == [60.0, 40.0, 0.0]
    alone = Offer(value[[0, 2]], hours[[0, 2]], np.arange(2), np.array([60.0, np.inf]))
    assert shared_out(alone, np.zeros(10, int)).tolist() == [0] * 10


def test_more_hours_than_anybody_asks_for_cost_nothing():
    value, hours, _ = market(50)
    found = choose(HOST, options(value, hours), np.array([1e6, 1e6, 1e6, np.inf]))
    assert found.price.tolist() == [0.0] * 4
    assert found.option.tolist() == value.argmax(axis=0).tolist()
    assert found.gap < 1e-12


def test_without_people_everybody_is_covered_digitally():
    value, hours, _ = market(3_000)
    found = choose(HOST, options(value, hours), np.array([0.0, 0.0, 0.0, np.inf]))
    assert set(found.option.tolist()) == {4}
    assert found.gap < 1e-9


def test_where_all_accounts_are_alike_the_first_ids_are_served():
    value = np.repeat([[10.0], [4.0], [3.0], [3.0], [1.0]], 3_000, axis=1)
    hours = np.repeat([[40.0], [40.0], [40.0], [40.0], [0.0]], 3_000, axis=1)
    found = choose(HOST, options(value, hours), np.array([4000.0, 0.0, 0.0, np.inf]))
    assert found.option.tolist() == [0] * 100 + [4] * 2_900


def test_an_account_larger_than_all_hours_is_left_to_others():
    value, hours = np.array([[9.0], [5.0], [0.0], [0.0], [1.0]]), np.array([[2000.0], [1300.0], [1.0], [1.0], [0.0]])
    assert choose(HOST, options(value, hours), np.array([1200.0, 0.0, 0.0, np.inf])).option.tolist() == [4]


def test_locks_that_bind_more_hours_than_there_are_are_refused():
    value, hours, limits = market(2_000)
    value[1:, :200] = -np.inf  # 200 accounts of 40 hours each, with the first role and nobody else
    with pytest.raises(InputContractError, match=r"role 0: 8,000 hours are bound, 3,600 are there"):
        choose(HOST, options(value, hours), limits)


def test_an_account_without_any_option_is_refused():
    value, hours, limits = market(10)
    value[:, 3] = -np.inf
    with pytest.raises(InputContractError, match="1 accounts have no option"):
        choose(HOST, options(value, hours), limits)


def test_no_accounts_take_no_hours():
    assert choose(HOST, options(np.zeros((5, 0)), np.zeros((5, 0))), np.array([1.0, 1, 1, np.inf])).value == 0.0


@pytest.mark.parametrize("count", [0, 1, 40_000])
def test_accounts_from_the_largest_on_are_those_of_a_stable_sort(count):
    """Amounts that many accounts share lie across the portions that are put in order."""
    amount = np.random.default_rng(count).integers(0, 3, count).astype(np.float64)
    parts = list(from_largest(amount))
    assert np.concatenate(parts).tolist() == np.argsort(-amount, kind="stable").tolist()


def test_who_cannot_get_hours_in_time_is_left_out_and_nobody_else():
    """Of 100 accounts of 7 hours no more than 30 fit into 210; those that gain as much as the last of them stay."""
    gain, need = np.arange(100.0) // 10, np.full(100, 7.0)
    early = in_time(gain, need, 210.0)
    assert early[70:].all()
    assert not early[:60].any()
    need[0] = 6.0
    assert gain[in_time(gain, need, 210.0)].tolist() == gain.tolist(), "accounts of different hours stay"
