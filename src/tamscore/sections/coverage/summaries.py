"""What a coverage comes to: by role, person, size band and quadrant, and who changes owner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.sections.coverage.accounts import OPEN_PRODUCT
from tamscore.sections.coverage.assignment import NOBODY
from tamscore.sections.coverage.books import ratios, within
from tamscore.sections.coverage.by_kind import BLOCK, first_of
from tamscore.sections.coverage.held_out import is_control
from tamscore.sections.coverage.placing import loss_of_staying, move
from tamscore.sections.coverage.plans import DIGITAL
from tamscore.sections.coverage.refill import Desk
from tamscore.sections.coverage.rules import quadrant_plans
from tamscore.sections.coverage.shortfall import keeps_all, worth_of

_GONE = "its owner is none of the people now"

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tamscore.sections.coverage.placing import Placement
    from tamscore.sections.coverage.task import Task
    from tamscore.sections.coverage.texts import Texts


def role_rows(task: Task, placement: Placement, hours_each: float) -> list[dict[str, Any]]:
    """One row per role: hours needed, there and used, the price of an hour, and the worth of one person more or less.

    `hours_needed` are those that the plans of all quadrants ask for; `one_more` and `one_less` are what the bound
    gains and loses with so many hours.
    """
    asked = quadrant_plans(task)
    rows = ((o, np.flatnonzero(asked[o, :])) for o in range(len(task.plans)))
    needed = np.array([placement.offer.hours[o, here].sum() for o, here in rows])
    items = [float(needed[task.role_of_plan == r].sum()) for r in range(len(task.roles))]
    return [_role_row(task, placement, r, hours, hours_each) for r, hours in enumerate(items)]


def _role_row(task: Task, placement: Placement, r: int, needed: float, hours_each: float) -> dict[str, Any]:
    """The row of a role by number, given the hours that are needed of it.

    What one person less costs is left out where accounts would be short then of what they are owed.
    """
    here, limited = (task.role_of_plan == r)[placement.plan], task.roles[r] != DIGITAL
    people = int(np.count_nonzero(task.role_of_person == r))
    row = {"role": task.roles[r], "people": people, "accounts": int(here.sum()), "hours_needed": needed}
    row |= {"hours_available": float(task.limits[r]) if limited else None}
    row |= {"hours_used": float(placement.offer.used(placement.plan)[r])}
    row |= {"value": round(float(placement.worths[here].sum()), 2)}
    astype = (np.arange(len(task.roles)) == r).astype(np.float64)
    more = worth_of(task, placement, astype * hours_each) if limited else None
    less = (
        worth_of(task, placement, -astype * hours_each)
        if limited and keeps_all(task, placement, -astype * hours_each)
        else None
    )
    row["price_of_an_hour"] = round(_price(task, placement, r, more, hours_each), 4)
    return row | {"one_more": _cents(more), "one_less": _cents(less)}


def _price(task: Task, placement: Placement, role: int, one_more: float | None, hours_each: float) -> float:
    """Return what one more hour of a role brings.

    Where all hours go to accounts that are owed a service level, the price at which the others do without hours is no
    more than a limit: there it is the mean over the hours of one more person.
    """
    limit = task.pools.price_of_role(placement.choice.price, role)
    return min(limit, one_more / hours_each) if one_more is not None and len(placement.within) else limit


def _cents(amount: float | None) -> float | None:
    """An amount in whole cents."""
    return None if amount is None else round(amount, 2)


def people_rows(task: Task, placement: Placement, balance: float | None = None) -> list[dict[str, Any]]:
    """One row per person: accounts, hours there and used, potential and value.

    The ratios are accounts and value against the share that the person's hours have in the role; `within` says whether
    both are within the bound `balance`, None without one.
    """
    has, count = np.flatnonzero(placement.person != NOBODY), len(task.people)
    who, hours = placement.person[has], placement.offer.hours[placement.plan[has], has]
    accounts = np.bincount(who, minlength=count)
    columns = {"hours_used": hours, "potential": task.accounts.potential[has], "value": placement.worths[has]}
    sums = {name: np.bincount(who, column, count) for name, column in columns.items()}
    ratio = ratios(Desk.of(task, placement.offer, placement.plan, placement.person))
    fair = [None] * count if balance is None else within(ratio, balance).tolist()
    return [
        {"person": person.name, "role": person.role, "hours": person.hours, "accounts": int(accounts[p])}
        | {name: round(float(total[p]), 2) for name, total in sums.items()}
        | {"accounts_ratio": round(float(ratio[0, p]), 4), "value_ratio": round(float(ratio[1, p]), 4)}
        | {"within": fair[p]}
        for p, person in enumerate(task.people)
    ]


def treatment_rows(task: Task, placement: Placement) -> dict[str, list[dict[str, Any]]]:
    """Rows of accounts, hours and value by treatment, by what they are grouped by: see `_group`.

    Those are size bands, campaigns, quadrants, and of a run with products the product that has the most whitespace.
    """
    texts = task.accounts.texts
    columns = {"band": texts["campaign_band"], "campaign_id": texts["campaign_id"], "quadrant": texts["quadrant"]}
    if (product := texts.get(OPEN_PRODUCT)) is not None:
        columns["product"] = product
    known = {name: column for name, column in columns.items() if name in {"band", "quadrant"} or column.levels != ("",)}
    rows = _group(task, placement, known)
    return {
        "bands": rows["band"],
        "campaigns": _with_channels(rows.get("campaign_id", []), texts["campaign_id"], texts["campaign_channel"]),
        "quadrants": rows["quadrant"],
        "products": [
            {**row, "product": None if row["product"] == "all" else row["product"]} for row in rows.get("product", [])
        ],
    }


def _with_channels(rows: list[dict[str, Any]], name: Texts, channel: Texts) -> list[dict[str, Any]]:
    """The rows of campaigns with the channel of each."""
    first = channel.codes(first_of(name.code)).tolist() if rows else []
    of = {level: channel.levels[code] for level, code in zip(name.levels, first, strict=True)} if rows else {}
    return [{"campaign_id": row["campaign_id"], "channel": of[row["campaign_id"]], **row} for row in rows]


def _group(task: Task, placement: Placement, columns: Mapping[str, Texts]) -> dict[str, list[dict[str, Any]]]:
    """For each column one row per level and plan that has accounts there: accounts, hours, value."""
    plans = len(task.plans)
    return {
        key: [
            {key: texts.levels[at // plans] or "all", "role": plan.role, "service_level": plan.service_level}
            | {"accounts": int(accounts[at]), "hours": float(hours[at]), "value": round(float(value[at]), 2)}
            for at in np.flatnonzero(accounts).tolist()
            for plan in [task.plans[at % plans]]
        ]
        for (key, texts), (accounts, hours, value) in zip(
            columns.items(), _sums(task, placement, [*columns.values()]), strict=True
        )
    }


def _sums(task: Task, placement: Placement, columns: Sequence[Texts]) -> list[tuple[Any, Any, Any]]:
    """Accounts, hours and value of each level of columns and plan; block by block, which takes less memory."""
    sizes = [len(texts.levels) * len(task.plans) for texts in columns]
    items = [(np.zeros(size, np.int64), np.zeros(size), np.zeros(size)) for size in sizes]
    for begin in range(0, len(task.accounts), BLOCK):
        rows = np.arange(begin, min(begin + BLOCK, len(task.accounts)))
        plan = placement.plan[rows]
        taken, worths = placement.offer.hours[plan, rows], placement.worths[rows]
        places = (texts.codes(rows).astype(np.int64) * len(task.plans) + plan for texts in columns)
        items = [_add(known, place, taken, worths) for known, place in zip(items, places, strict=True)]
    return items


def _add(known: tuple[Any, Any, Any], place: Any, hours: Any, value: Any) -> tuple[Any, Any, Any]:
    """Counts and sums (s,) that go on with some accounts (n,), each at its place, as if there was one block."""
    counts, *totals = known
    at = np.concatenate([np.arange(len(counts)), place])
    more = (np.bincount(at, np.concatenate(pair)) for pair in zip(totals, (hours, value), strict=True))
    return counts + np.bincount(place, minlength=len(counts)), next(more), next(more)


def consistency_rows(task: Task, placement: Placement) -> list[dict[str, Any]]:
    """One row per quadrant: the treatment most accounts get, their share, and accounts of that quadrant."""
    quadrant = task.accounts.texts["quadrant"]
    rows, codes = [], quadrant.code
    for code, name in enumerate(quadrant.levels):
        counts = np.bincount(placement.plan[codes == code], minlength=len(task.plans))
        most, whole = int(counts.argmax()), int(counts.sum())
        treatment = {"quadrant": name or "all", "treatment": task.plans[most].name}
        rows.append({**treatment, "accounts": whole, "share": round(float(counts[most] / whole), 6) if whole else None})
    return sorted(rows, key=lambda row: str(row["quadrant"]))


def owner_record(placement: Placement) -> dict[str, Any] | None:
    """How many accounts keep their owner, get another person or none, and what that costs at the most; None without.

    Where owners are those of the last coverage it says which, and how many of its accounts are not scored any more.
    """
    owners = placement.owners
    number = int(np.count_nonzero((owners.person != NOBODY) & (owners.person == placement.person)))
    left = np.concatenate([np.flatnonzero(move(owners, placement.person)), owners.former.account])
    if owners.last is None and not number + len(left):
        return None
    has = int(np.count_nonzero(placement.person[left] != NOBODY))
    return {
        "coverage": None if owners.last is None else owners.last.coverage,
        "run": None if owners.last is None else owners.last.run,
        "gone": None if owners.last is None else owners.last.gone,
        "accounts": number + len(left),
        "kept": number,
        "moved": has,
        "released": len(left) - has,
        "without_owner": len(owners.former.account),
        "cost": round(max(placement.free_bound - placement.value, 0.0), 2),
    }


def move_rows(task: Task, placement: Placement) -> list[dict[str, Any]]:
    """One row per account that changes owner, in order of id: from whom, to whom, why, and what that brings a year.

    `gain` is its value less that of the best plan of its owner's role; None where the owner does not serve it, or is
    gone.
    """
    rows = np.flatnonzero(move(placement.owners, placement.person))
    gain = np.round(loss_of_staying(task, placement, rows), 2)
    name = [task.people[who].name for who in placement.owners.person[rows].tolist()]
    items = [
        _move_row(task, placement, row, owner, _why(task, placement, row), more)
        for row, owner, more in zip(rows.tolist(), name, gain.tolist(), strict=True)
    ]
    former = placement.owners.former
    gone = zip(former.account.tolist(), former.who.tolist(), strict=True)
    items += [_move_row(task, placement, row, former.names[who], _GONE, np.inf) for row, who in gone]
    return [row for _, row in sorted(items, key=lambda move: move[0])]


def _move_row(
    task: Task, placement: Placement, row: int, owner: str, reason: str, gain: float
) -> tuple[int, dict[str, Any]]:
    """The account by number that changes owner, and its row."""
    person = placement.person[row]
    return row, {
        "account_id": task.accounts.ids[row].as_py(),
        "owner": owner,
        "person": task.people[person].name if person != NOBODY else None,
        "reason": reason,
        "gain": gain if np.isfinite(gain) else None,
    }


def _why(task: Task, placement: Placement, row: int) -> str:
    """Return why an account leaves its owner."""
    owner = int(placement.owners.person[row])
    if placement.person[row] == NOBODY and is_control(task.accounts, rows=slice(row, row + 1)).any():
        return "it is a control of a holdout"
    if not task.serves[task.accounts.group_of(row), owner]:
        return "its owner does not serve its region or skill"
    if placement.person[row] == NOBODY:
        return "its hours bring more elsewhere"
    if task.role_of_person[owner] != task.role_of_plan[placement.plan[row]]:
        return "another role brings more"
    return "its owner's hours are full"
