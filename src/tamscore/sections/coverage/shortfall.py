"""Accounts that are owed a service level: how many get it, which ones the hours do not suffice for, and its cost."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.sections.coverage.minimum import BY_PLANS, LEVELS, levels_of_plans, with_penalty
from tamscore.sections.coverage.price_search import Search
from tamscore.sections.coverage.reach import reach
from tamscore.view.words import count_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa

    from tamscore.sections.coverage.minimum import Owed
    from tamscore.sections.coverage.placing import Placement
    from tamscore.sections.coverage.task import Task

_FIRST = 5
"""Most accounts named for each rule that falls short."""


def without_it(task: Task, placement: Placement) -> float:
    """Return the upper bound of the value of a coverage without owed service levels."""
    if not len(placement.within):
        return placement.choice.bound
    search = placement.search
    plain = replace(search.options, value=replace(search.options.value, debt=None))
    return Search(search.backend, plain, search.roles, search.parts).bound(task.pools.hours).value


def _bound_at(task: Task, placement: Placement, limits: Any) -> float:
    """Return the upper bound of the value with other hours (r,), for coverages that serve the accounts these reach.

    With more hours, it serves the accounts that the present hours reach.
    """
    search, hours = placement.search, task.pools.hours_at(limits)
    if not len(placement.within) or (limits >= task.limits).all():
        return search.bound(hours).value
    here = served_with(task, placement, placement.within, limits)
    if here.all():
        return search.bound(hours).value
    plain = replace(search.options, value=replace(search.options.value, debt=None))
    options = with_penalty(
        search.backend, plain, levels_of_plans(task.plans)[task.pools.plan], placement.within.of(here)
    )
    return Search(search.backend, options, search.roles, search.parts, placement.choice.price).bound(hours).value


def worth_of(task: Task, placement: Placement, hours: Any) -> float:
    """Return the value of `hours` (r,) more or less: the change of the upper bound."""
    return _bound_at(task, placement, changed_hours(task, hours)) - placement.choice.bound


def changed_hours(task: Task, hours: Any) -> Any:
    """Return the hours (r,) of the roles with `hours` (r,) more or less, at least 0."""
    return np.maximum(task.limits + hours, 0.0)


def keeps_all(task: Task, placement: Placement, hours: Any) -> bool:
    """Return whether, with `hours` (r,) more or less, all accounts that now get what they are owed still get it."""
    return bool(served_with(task, placement, placement.within, changed_hours(task, hours)).all())


def served_with(task: Task, placement: Placement, owed: Owed, limits: Any) -> Any:
    """Return for which of the accounts (s,) that are owed a service level other hours (r,) suffice."""
    level, is_open = levels_of_plans(task.plans), placement.offer.value.is_open
    return reach(task.with_limits(limits), owed, placement.owners, is_open, level)


def _met(task: Task, placement: Placement) -> Any:
    """Return which of the accounts (s,) that are owed a service level get it."""
    return placement.owed.met(levels_of_plans(task.plans), placement.plan)


def minimum_rows(task: Task, placement: Placement, roles: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return one row per rule that owes accounts a level: accounts owed, reached and short, and the hours lacking.

    `without_plan` of the short accounts have no plan that offers their level, whatever the hours. `role` and
    `price_of_an_hour` are those of the role that would serve most of the others with the fewest hours.
    """
    owed, need = placement.owed, _hours_needed(task, placement)
    got, price = _met(task, placement), {row["role"]: row["price_of_an_hour"] for row in roles}
    rows = []
    for rule in np.unique(owed.rule).tolist():
        here = owed.rule == rule
        lack = np.flatnonzero(here & ~got)
        best = need[:, lack].argmin(axis=0)
        most = np.bincount(best[np.isfinite(need[best, lack])], minlength=len(task.plans))
        role = task.plans[int(most.argmax())].role if most.any() else None
        least = need[:, lack].min(axis=0)
        rows.append(
            {"rule": owed.rules[rule], "service_level": LEVELS[int(owed.least[here][0])], "owed": int(here.sum())}
            | {"reached": int((here & got).sum()), "short": len(lack)}
            | {"without_plan": int(np.count_nonzero(~np.isfinite(least)))}
            | {"hours_short": float(least[np.isfinite(least)].sum()), "role": role}
            | {"price_of_an_hour": price[role] if role else None}
        )
    return rows


def _hours_needed(task: Task, placement: Placement) -> Any:
    """Return the hours (o, s) of plans for accounts that are owed a level; infinite for closed plans and lower levels.

    Plans of roles without people are closed.
    """
    owed, offer, level = placement.owed, placement.offer, levels_of_plans(task.plans)
    is_open = np.isfinite(offer.value[:, owed.account]) & ~task.is_wanted[:, None]
    hours = np.where(is_open, offer.hours[:, owed.account], np.inf)
    return np.where(level[:, None] >= owed.least, hours, np.inf)


def lacking(task: Task, placement: Placement) -> Iterator[str]:
    """Yield, for each rule, how many accounts get less than it owes them, why, and the first of them."""
    owed, short = placement.owed, ~_met(task, placement)
    has_plan = np.isfinite(_hours_needed(task, placement)).any(axis=0)
    for rule in np.unique(owed.rule[short]).tolist():
        here = short & (owed.rule == rule)
        level = LEVELS[int(owed.least[here][0])]
        for rows, cause in ((here & has_plan, ""), (here & ~has_plan, f"; no plan open to them offers {level!r}")):
            if rows.any():
                accounts = owed.account[rows]
                first = ", ".join(repr(task.accounts.ids[int(row)].as_py()) for row in accounts[:_FIRST])
                yield f"{rule_name(owed.rules[rule])}: {count_text(len(accounts), 'account')}, first {first}{cause}"


def rule_name(rule: str) -> str:
    """Return the display name of a rule of least service."""
    return "no digital plan" if rule == BY_PLANS else f"tier {rule}" if rule.isupper() else rule


def short_of(task: Task, placement: Placement) -> pa.DictionaryArray:
    """Return the rule (m,) by which each account is owed more than it gets, null for all others."""
    import pyarrow as pa

    owed, short = placement.owed, ~_met(task, placement)
    code = np.full(len(task.accounts), -1, np.int8)
    code[owed.account[short]] = owed.rule[short]
    return pa.DictionaryArray.from_arrays(pa.array(code, mask=code < 0), pa.array(owed.rules, pa.string()))


def shortfall_table(task: Task, placement: Placement) -> pa.Table:
    """Return the accounts that are owed more than they get, in the order in which they would be served."""
    import pyarrow as pa

    owed, lack = placement.owed, placement.owed.of(~_met(task, placement))
    columns = {
        "account_id": task.accounts.ids.take(pa.array(lack.account)).cast(pa.large_string()),
        "rule": pa.array(owed.rules, pa.string()).take(pa.array(lack.rule)),
        "service_level": pa.array(LEVELS).take(pa.array(lack.least)),
        "priority": task.accounts.priority[lack.account],
    }
    return pa.table(columns)
