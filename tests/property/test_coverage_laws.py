"""Laws of a coverage, on any small market: hours, party types, limits of plans, locks and changes of owner."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamscore import backend
from tamscore.errors import InputContractError, UsageError
from tamscore.sections.coverage.accounts import TEXTS, CoverageAccounts
from tamscore.sections.coverage.books import ratios
from tamscore.sections.coverage.held import doubts_about_held
from tamscore.sections.coverage.minimum import levels_of_plans
from tamscore.sections.coverage.people import Owners, Person
from tamscore.sections.coverage.placing import move, place_all, with_fair_books
from tamscore.sections.coverage.plans import (
    DEFAULT_PLANS,
    DIGITAL,
    OF_CHANNEL,
    PARTNER,
    TouchPlan,
    expected_value,
    for_team,
    with_partners,
)
from tamscore.sections.coverage.reach import Kinds, in_order
from tamscore.sections.coverage.refill import Desk
from tamscore.sections.coverage.scenarios import scenario_of
from tamscore.sections.coverage.scored_accounts import against_mean, place_of
from tamscore.sections.coverage.settings import Coverage
from tamscore.sections.coverage.shortfall import without_it, worth_of
from tamscore.sections.coverage.task import Task, task_of
from tamscore.sections.coverage.texts import Texts

HOST = backend.load("cpu")
ROLES = ("account_manager", "hunter", "inside_sales", "sdr", PARTNER)
REGIONS = ("north", "south")


def texts(levels, random, m):
    return Texts(tuple(levels), random.integers(0, len(levels), m).astype(np.uint8))


def market(m, seed, channel=0.3):
    """Accounts (m,) of both party types, all quadrants and tiers, in two regions."""
    random = np.random.default_rng(seed)
    sales = np.where(random.random(m) < 0.4, random.lognormal(6, 1.5, m).round(2), 0.0)
    whitespace = random.lognormal(7, 1.5, m).round(2)
    every = {name: Texts(("",), np.zeros(m, np.uint8)) for name in TEXTS}
    every["party_type"] = Texts(("channel", "end_user"), (random.random(m) >= channel).astype(np.uint8))
    every["quadrant"] = texts(("blue", "grey", "orange", "yellow"), random, m)
    every["tier"] = texts("ABCD", random, m)
    every["kind"] = Texts(("acquisition", "expansion"), (sales > 0).astype(np.uint8))
    promise = whitespace * against_mean(random.random(m) ** 3, sales > 0)
    skill = Texts(("",), np.zeros(m, np.uint8))
    ids = pa.array([f"A{i:04d}" for i in range(m)], pa.large_string())
    return CoverageAccounts(
        ids,
        sales,
        sales + whitespace,
        whitespace,
        promise,
        place_of(promise),
        every,
        texts(REGIONS, random, m),
        skill,
    )


@dataclass(frozen=True)
class Solved:
    """A coverage of a small market, as its laws look at it: role, hours and person by account."""

    task: Task
    owners: Owners
    found: Any

    @property
    def role(self):
        return np.array([plan.role for plan in self.task.plans])[self.found.plan]

    @property
    def hours(self):
        return self.found.offer.hours[self.found.plan, np.arange(len(self.task.accounts))]


@st.composite
def teams(draw):
    """Up to four people of any roles, hours and regions."""
    hours = st.sampled_from([0.0, 12.0, 40.0, 100.0])
    regions = st.sampled_from([frozenset(), *(frozenset({one}) for one in REGIONS)])
    drawn = draw(st.lists(st.tuples(st.sampled_from(ROLES), hours, regions), max_size=4))
    return [Person(f"person {i}", *one) for i, one in enumerate(drawn)]


def owners_of(random, accounts, people):
    """Some accounts owned, a few of them locked."""
    m = len(accounts)
    owned = (random.random(m) < 0.3) & bool(people)
    person = np.where(owned, random.integers(0, max(len(people), 1), m), -1)
    return Owners(person, owned & (random.random(m) < 0.1))


@st.composite
def problems(draw, channel=0.3):
    """A market with its team, owners, a limit on changes of owner, and the plans for them."""
    accounts = market(draw(st.integers(1, 40)), draw(st.integers(0, 2**16)), channel)
    people = draw(teams())
    owners = owners_of(np.random.default_rng(draw(st.integers(0, 2**16))), accounts, people)
    return accounts, people, owners, draw(st.sampled_from([None, 0, 3]))


MINIMUM = {"blue": "pooled", "A": "pooled", "orange": "pooled"}


def solved(problem, plans=None, minimum=MINIMUM):
    """The coverage of a problem; None where locks do not fit into the hours."""
    accounts, people, owners, most = problem
    task = task_of(accounts, for_team(DEFAULT_PLANS, people) if plans is None else plans, people, DIGITAL)
    task = replace(task, minimum=minimum)
    try:
        return Solved(task, owners, place_all(HOST, task, owners, most))
    except InputContractError:
        return None


@settings(max_examples=60, deadline=None)
@given(problem=problems())
def test_hours_are_never_exceeded_and_locks_and_the_limit_on_moves_are_kept(problem):
    accounts, people, owners, most = problem
    if (done := solved(problem)) is None:
        return
    has = done.found.person >= 0
    used = np.bincount(done.found.person[has], done.hours[has], len(people))
    assert (used <= np.array([one.hours for one in people]) * (1 + 1e-9)).all()
    assert (has == (done.role != DIGITAL)).all()
    assert (done.found.person[owners.locked] == owners.person[owners.locked]).all()
    if most is not None:
        assert move(owners, done.found.person).sum() <= most
    free = has & ~owners.locked
    if most is None:
        assert done.task.serves[accounts.group[free], done.found.person[free]].all()


@settings(max_examples=60, deadline=None)
@given(problem=problems())
def test_no_end_user_has_a_partner_manager_unless_a_plan_says_so(problem):
    accounts, _, owners, most = problem
    if (done := solved(problem)) is None or most is not None:
        return
    partner = (done.role == PARTNER) & ~owners.locked
    assert (accounts.texts["party_type"].equal("channel") | ~partner).all()
    plan = TouchPlan(PARTNER, "pooled", 6.0, 0.025, 0.02, 0.02)
    assert with_partners([plan])[0].limits == OF_CHANNEL
    said = TouchPlan(PARTNER, "pooled", 6.0, 0.025, 0.02, 0.02, (("party_type", frozenset({"end_user"})),))
    assert with_partners([said]) == (said,)


@pytest.mark.parametrize("column", ["party_type", "quadrant", "kind", "tier", "region"])
def test_a_plan_is_for_the_accounts_within_its_limits_alone(column):
    accounts = market(60, 5)
    name = accounts.column(column).levels[-1]
    plan = TouchPlan("hunter", "pooled", 5.0, 0.5, 0.5, 0.5, ((column, frozenset({name.upper()})),))
    done = solved((accounts, [Person("Ann", "hunter", 1e6)], nobody(60), None), (plan, DEFAULT_PLANS[-1]))
    assert (done.role == "hunter").tolist() == accounts.column(column).equal(name).tolist()


def test_accounts_that_the_limit_on_moves_keeps_against_party_type_and_region_are_counted():
    accounts = market(40, 1, channel=0.0)
    staff = [Person("Pia", PARTNER, 1e6, frozenset({accounts.region.levels[-1]})), Person("Ann", "sdr", 1e6)]
    owners = Owners(np.zeros(40, np.int64), np.zeros(40, bool))
    elsewhere = 40 - np.count_nonzero(accounts.region.equal(accounts.region.levels[-1]))
    remaining = solved((accounts, staff, owners, 0))
    assert list(doubts_about_held(remaining.task, owners, remaining.found)) == [
        "max_moves keeps 40 accounts with their owners against party type or other limits of plans",
        f"max_moves keeps {elsewhere} accounts with their owners against region or skill",
    ]
    free = solved((accounts, staff, owners, None))
    assert not list(doubts_about_held(free.task, owners, free.found))


def nobody(m):
    return Owners(np.full(m, -1), np.zeros(m, bool))


def test_without_partner_managers_everybody_may_have_channel_accounts():
    accounts = market(40, 1, channel=1.0)
    staff = [Person("Ann", "account_manager", 1e6)]
    assert set(solved((accounts, staff, nobody(40), None)).role) == {"account_manager"}
    with_partner = [*staff, Person("Pia", PARTNER, 1e6)]
    assert set(solved((accounts, with_partner, nobody(40), None)).role) == {PARTNER}


def test_a_last_resort_is_for_those_alone_to_whom_no_other_plan_without_hours_is_open():
    accounts = market(60, 2)
    own = TouchPlan(DIGITAL, "mail", 0.0, 0.0, 0.0, 0.0, (("quadrant", frozenset({"grey", "yellow"})),))
    last = TouchPlan(DIGITAL, DIGITAL, 0.0, 0.9, 0.9, 0.9, last_resort=True)
    done = solved((accounts, [], nobody(60), None), (own, last))
    quadrant = accounts.texts["quadrant"]
    assert (done.found.plan == 0).tolist() == quadrant.among(["grey", "yellow"]).tolist()


def test_rates_are_averages_scaled_by_the_probability_over_the_mean_of_its_kind():
    buys = np.array([True, True, False, False])
    likely = against_mean(np.array([1.0, 1.0, 0.02, 0.06]), buys)
    assert likely.tolist() == [1.0, 1.0, 0.5, 1.5]
    plan = TouchPlan("hunter", "high_touch", 30.0, 0.1, 0.2, 0.5)
    value = expected_value(plan, 100.0 * likely, np.array([10.0, 0.0, 0.0, -5.0]))
    assert value == pytest.approx([15.0, 20.0, 10.0, 30.0])
    assert against_mean(np.zeros(4), buys).tolist() == [1.0] * 4


def hours_for(done, row, later):
    """The most hours by which a person who serves an account could cover it, and the fewest that it takes, by person.

    Those are hours that are left, and hours of accounts in the mask `later` (m,) that are not locked.
    """
    task, offer = done.task, done.found.offer
    has = done.found.person >= 0
    used = np.bincount(done.found.person[has], done.hours[has], len(task.people))
    takes = has & later & ~done.owners.locked
    freed = np.bincount(done.found.person[takes], done.hours[takes], len(task.people))
    for p, person in enumerate(task.people):
        is_own = done.found.person[row] == p
        plans = (task.role_of_plan == task.role_of_person[p]) & np.isfinite(offer.value[:, row])
        plans &= levels_of_plans(task.plans) >= 1
        if plans.any() and task.serves[task.accounts.group_of(row), p]:
            yield person.hours - used[p] + freed[p] + is_own * done.hours[row], offer.hours[plans, row].min()


@settings(max_examples=120, deadline=None)
@given(problem=problems())
def test_no_blue_account_is_digital_while_somebody_who_serves_it_spends_hours_on_grey_ones(problem):
    """And none of tier A while hours go to accounts that are owed nothing, are orange or come later in tier A."""
    accounts, people, owners, _ = problem
    if not people or (done := solved((accounts, people, owners, None))) is None:
        return
    owed = done.found.owed
    order = np.full(len(accounts), len(owed))
    order[owed.account] = np.arange(len(owed))
    short = ~owed.met(levels_of_plans(done.task.plans), done.found.plan)
    for row in owed.account[short & ~owners.locked[owed.account]].tolist():
        for there, needed in hours_for(done, row, order > order[row]):
            assert there < needed * (1 - 1e-9)


@settings(max_examples=60, deadline=None)
@given(problem=problems())
def test_what_is_said_of_least_service_bounds_what_it_costs(problem):
    """A coverage never brings more than the bound that is said of it; without least service it brings no less."""
    accounts, people, owners, _ = problem
    if (done := solved((accounts, people, owners, None))) is None:
        return
    free = solved((accounts, people, owners, None), minimum={})
    assert done.found.value <= done.found.choice.bound * (1 + 1e-9)
    assert free.found.value <= without_it(done.task, done.found) * (1 + 1e-6)
    assert done.found.within.met(levels_of_plans(done.task.plans), done.found.plan).all()


def in_region(accounts, name):
    """The accounts of a region alone."""
    rows = np.flatnonzero(accounts.region.equal(name))
    numbers = {key: getattr(accounts, key)[rows] for key in ("sales", "potential", "whitespace", "promise", "priority")}
    names = {key: Texts(one.levels, one.code[rows]) for key, one in accounts.texts.items()}
    places = {key: Texts(one.levels, one.code[rows]) for key in ("region", "skill") for one in [getattr(accounts, key)]}
    return replace(accounts, ids=accounts.ids.take(pa.array(rows)), texts=names, **numbers, **places)


def test_the_bound_of_people_by_region_is_that_of_each_region_by_itself():
    """One region has far more hours than the other, and the gap is as small as that of one region."""
    accounts = market(2_000, 11)
    staff = [
        Person(f"{role} {name}", role, hours, frozenset({name}))
        for name, hours in zip(REGIONS, (60.0, 900.0), strict=True)
        for role in ROLES[:3]
    ]
    both = solved((accounts, staff, nobody(2_000), None), minimum={})
    bounds = []
    for name in REGIONS:
        own = in_region(accounts, name)
        there = [one for one in staff if name in one.regions]
        bounds.append(solved((own, there, nobody(len(own)), None), both.task.plans, minimum={}).found.choice.bound)
    assert both.found.choice.bound == pytest.approx(sum(bounds), rel=1e-5)
    assert both.found.value >= both.found.choice.bound * (1 - 2e-3)


def test_people_of_all_regions_help_those_of_one():
    """Hours that may go to any region are worth no less than hours bound to one, and the bound says so."""
    accounts = market(2_000, 11)
    of_one = [Person(name, "hunter", 300.0, frozenset({name})) for name in REGIONS]
    rooted, free = (
        solved((accounts, [*of_one, Person("Ann", "hunter", 600.0, where)], nobody(2_000), None), minimum={})
        for where in (frozenset({"north"}), frozenset())
    )
    assert free.found.value >= rooted.found.value
    assert free.found.choice.bound >= rooted.found.choice.bound
    assert free.found.value >= free.found.choice.bound * (1 - 5e-3)
    assert len(free.task.pools) == 3 + len(free.task.roles) - 1


def ways_to_serve(need, free_hours, kinds):
    """Whether accounts of these kinds all find whole hours of one of two kinds of people, by trying every way."""
    for way in itertools.product(range(2), repeat=len(kinds)):
        taken = [sum(need[kind][by] for kind, by in zip(kinds, way, strict=True) if by == who) for who in range(2)]
        if all(hours <= there for hours, there in zip(taken, free_hours, strict=True)):
            return True
    return False


@settings(max_examples=80, deadline=None)
@given(
    need=st.lists(st.lists(st.sampled_from([np.inf, 10.0]), min_size=2, max_size=2), min_size=2, max_size=2),
    free_hours=st.lists(st.sampled_from([0.0, 10.0, 20.0]), min_size=2, max_size=2),
    kind=st.lists(st.integers(0, 1), min_size=1, max_size=6),
)
def test_accounts_are_reached_one_after_the_other_where_all_of_them_find_hours(need, free_hours, kind):
    """Against every way to serve them; all need the same hours, so that parts of an account serve no more."""
    served: list[int] = []
    for row in range(len(kind)):
        if ways_to_serve(need, free_hours, [kind[i] for i in (*served, row)]):
            served.append(row)
    places = in_order(Kinds(np.array(need), np.array(free_hours)), np.array(kind))
    assert np.flatnonzero(places).tolist() == served


def test_where_hours_do_not_suffice_blue_comes_first_then_tier_a_by_priority_then_orange():
    accounts = market(60, 9, channel=0.0)
    done = solved((accounts, [Person("Ann", "sdr", 80.0)], nobody(60), None))
    owed = done.found.owed
    rank = [owed.rules[rule] for rule in owed.rule.tolist()]
    assert rank == sorted(rank, key=["blue", "A", "orange"].index)
    for rule in range(1, 4):
        places = accounts.priority[owed.account[owed.rule == rule]]
        assert (np.diff(places) > 0).all()
    met = owed.met(levels_of_plans(done.task.plans), done.found.plan)
    assert met.tolist() == [True] * 20 + [False] * (len(owed) - 20)


def test_a_level_that_only_intense_plans_give_is_kept():
    accounts = market(40, 3, channel=0.0)
    staff = [Person("Ann", "account_manager", 400.0)]
    done = solved((accounts, staff, nobody(40), None), minimum={"blue": "high_touch"})
    blue = np.flatnonzero(accounts.texts["quadrant"].equal("blue"))
    first = blue[np.argsort(accounts.priority[blue])][:10]
    assert set(done.hours[first]) == {40.0}


def test_what_is_owed_is_kept_where_less_service_is_worth_more():
    """Hours left over would go to the plan that is worth more, and be claimed back, without end."""
    accounts = market(40, 3, channel=0.0)
    intense = TouchPlan("hunter", "high_touch", 12.0, 0.01, 0.01, 0.01)
    plans = (intense, replace(intense, service_level="pooled", hours=8.0, acquisition=0.05, expansion=0.05))
    blue = accounts.texts["quadrant"].equal("blue")
    staff = [Person("Ann", "hunter", 12.0 * blue.sum() + 1.0)]
    done = solved((accounts, staff, nobody(40), None), (*plans, DEFAULT_PLANS[-1]), {"blue": "high_touch"})
    assert set(done.hours[blue]) == {12.0}


def test_an_account_that_no_digital_plan_is_for_gets_a_person_first():
    accounts = market(60, 2, channel=0.0)
    own = TouchPlan(DIGITAL, "mail", 0.0, 0.0, 0.0, 0.0, (("quadrant", frozenset({"grey", "yellow", "blue"})),))
    last = replace(DEFAULT_PLANS[-1], last_resort=True)
    orange = accounts.texts["quadrant"].equal("orange")
    staff = [Person("Ann", "sdr", 4.0 * orange.sum())]
    done = solved((accounts, staff, nobody(60), None), (DEFAULT_PLANS[4], own, last))
    assert (done.role == "sdr").tolist() == orange.tolist()


def test_accounts_that_no_digital_plan_is_for_are_served_blue_first():
    accounts = market(60, 2, channel=0.0)
    own = TouchPlan(DIGITAL, "mail", 0.0, 0.0, 0.0, 0.0, (("quadrant", frozenset({"orange"})),))
    blue = accounts.texts["quadrant"].equal("blue")
    staff = [Person("Ann", "sdr", 4.0 * blue.sum())]
    plans = (DEFAULT_PLANS[4], own, replace(DEFAULT_PLANS[-1], last_resort=True))
    done = solved((accounts, staff, nobody(60), None), plans)
    assert (done.role == "sdr").tolist() == blue.tolist()


@settings(max_examples=60, deadline=None)
@given(problem=problems())
def test_fair_books_change_no_plan_no_owner_and_no_hours_beyond_those_there_are(problem):
    accounts, people, owners, _ = problem
    if (plain := solved(problem)) is None:
        return
    fair = with_fair_books(plain.task, plain.found, 0.01)
    done = Solved(plain.task, owners, fair)
    assert np.array_equal(fair.plan, plain.found.plan)
    has = fair.person >= 0
    used = np.bincount(fair.person[has], done.hours[has], len(people))
    assert (used <= np.array([one.hours for one in people]) * (1 + 1e-9)).all()
    assert np.array_equal(has, plain.found.person >= 0)
    new = fair.person != plain.found.person
    assert done.task.serves[accounts.group[new], fair.person[new]].all()
    assert not owners.locked[new].any()
    assert not (move(owners, fair.person) & ~move(owners, plain.found.person)).any()
    assert unfairness(fair, done.task) <= unfairness(plain.found, done.task) + 1e-9


def unfairness(found, task):
    """How far people lie from the shares that their hours have in their roles."""
    return ((ratios(Desk.of(task, found.offer, found.plan, found.person)) - 1) ** 2).sum()


def test_two_people_share_accounts_and_value_where_their_hours_allow():
    """Eight accounts of 10 hours: all large ones lie with one person before, half of them after."""
    large = np.array([900.0] * 4 + [100.0] * 4)
    accounts = replace(market(8, 4, channel=0.0), whitespace=large, promise=large, sales=np.zeros(8))
    staff = [Person("Ann", "account_manager", 40.0), Person("Bob", "account_manager", 40.0)]
    plan = TouchPlan("account_manager", "pooled", 10.0, 0.5, 0.5, 0.0)
    done = solved((accounts, staff, nobody(8), None), (plan, DEFAULT_PLANS[-1]), {})
    unfair = replace(done.found, person=np.repeat([0, 1], 4))
    fair = with_fair_books(done.task, unfair, 0.1)
    assert np.bincount(fair.person[:4]).tolist() == [2, 2]
    assert fair.value == unfair.value


def test_where_nothing_is_worth_anything_those_who_are_owed_a_person_get_one_all_the_same():
    """As in a market without a customer: no account has potential, so that prices begin at nothing."""
    zero, staff = np.zeros(30), [Person("Ann", "account_manager", 120.0)]
    accounts = replace(market(30, 4, channel=0.0), whitespace=zero, promise=zero, potential=zero, sales=zero)
    done = solved((accounts, staff, nobody(30), None))
    assert done.hours.sum() == 120.0
    assert len(done.found.within) == 12


@pytest.mark.parametrize("text", ["ann=-1.5", "Ann=-0.5, ANN=-0.75"])
def test_no_scenario_takes_more_of_a_person_than_there_is(text):
    staff = [Person(name, "account_manager", 120.0) for name in ("Ann", "Bob")]
    task = task_of(market(5, 1), DEFAULT_PLANS, staff, DIGITAL)
    with pytest.raises(UsageError, match="expected -1 at the least"):
        scenario_of(text, task, Coverage())
    assert scenario_of("Ann=-1, Bob=-1, Account Manager=+2", task, Coverage()).hours.sum() == 2 * 1200.0 - 240.0


@pytest.mark.parametrize("role", ["hunter", "sdr", PARTNER])
def test_somebody_in_a_role_that_nobody_has_is_worth_what_a_coverage_with_this_person_brings_more(role):
    """Of a role without people that nobody asks about no account is covered."""
    accounts, people = market(2_000, 7), [Person("Ann", "account_manager", 900.0)]
    plans = for_team(DEFAULT_PLANS, people)
    without, there = (
        solved((accounts, team, nobody(2_000), None), plans, {})
        for team in (people, [*people, Person("Bob", role, 500)])
    )
    assert set(without.role) == {"account_manager", DIGITAL}
    change = worth_of(without.task, without.found, np.where(np.array(without.task.roles) == role, 500.0, 0.0))
    brought = there.found.choice.bound - without.found.choice.bound
    assert change == pytest.approx(brought, rel=2e-3)
    assert brought > 0


def test_locks_beyond_the_hours_name_the_people_whose_hours_they_exceed():
    """Ann has 100 hours for the north, Bob 900 for the south; 20 accounts of at least 10 hours are locked to Ann."""
    accounts = replace(market(20, 3, channel=0.0), region=Texts(REGIONS, np.zeros(20, np.uint8)))
    hours = {"Ann": (100.0, "north"), "Bob": (900.0, "south")}
    staff = [Person(name, "account_manager", h, frozenset({region})) for name, (h, region) in hours.items()]
    task = task_of(accounts, DEFAULT_PLANS, staff, DIGITAL)
    with pytest.raises(InputContractError, match=r"account_manager \('Ann'\): 200 hours are bound, 100 are there"):
        place_all(HOST, task, Owners(np.zeros(20, int), np.ones(20, bool)), None)
