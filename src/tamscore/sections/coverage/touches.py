"""Touch plans of single accounts: hours of a role from a table, in place of those of the role's plans."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import places_in, strings
from tamscore.errors import InputContractError
from tamscore.sections.coverage.by_kind import ByKind
from tamscore.sections.coverage.joining import match_accounts
from tamscore.sections.coverage.names import fold
from tamscore.sections.coverage.plans import DIGITAL
from tamscore.sections.coverage.reading import cells, read_table
from tamscore.store import tables
from tamscore.substitution import plain_word

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from tamscore.scoring.joining.match import Match
    from tamscore.sections.coverage.accounts import CoverageAccounts
    from tamscore.sections.coverage.plans import TouchPlan
    from tamscore.sections.coverage.settings import Coverage

_KEYS = ("account_id", "role", "service_level")
NEEDED = ("account_id", "role", "hours")
"""Columns that the table needs."""
READ = (*NEEDED, "service_level")
_NO_PLAN = "expected a plan that takes hours, but coverage.plans has none"


@dataclass(frozen=True)
class AccountTouches:
    """Hours of single accounts: account (t,), plan (t,) by number, hours (t,); and ids that the run does not have.

    `joins` says how the table met the accounts.
    """

    account: Any
    plan: Any
    hours: Any
    unknown: tuple[str, ...] = ()
    joins: tuple[Match, ...] = ()


NONE = AccountTouches(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))


def read_touches(settings: Coverage, accounts: CoverageAccounts, plans: Sequence[TouchPlan]) -> AccountTouches:
    """Return the hours of single accounts in the table; for all service levels of a role if the table names none.

    Ids that the run does not have are passed over and named. Raise InputContractError if hours are missing or not
    above 0, a role or service level has no plan that takes hours, a row stands
    twice, or fewer rows than coverage.min_match_share meet an account.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    path = settings.account_plans
    if path is None:
        return NONE
    table = read_table(path, NEEDED, READ)
    if "service_level" not in table.column_names:
        table = table.append_column("service_level", pa.nulls(table.num_rows, pa.string()))
    ids = pc.fill_null(tables.account_ids(table["account_id"], accounts.form), "")
    roles, levels = (fold(strings(table[key]), plain_word) for key in _KEYS[1:])
    hours = table["hours"].cast(pa.float64()).combine_chunks().fill_null(np.nan).to_numpy()
    fits = _fitting(roles, levels, plans)
    _require_good_rows(path, table, np.isfinite(hours) & (hours > 0), "expected hours above 0")
    _require_good_rows(
        path, table, fits.any(axis=1), f"expected one of the plans {_names(plans)}" if _names(plans) else _NO_PLAN
    )
    _require_good_rows(path, table, _once(ids, roles, levels), "stands twice")
    row = places_in(ids, accounts.keys.cast(ids.type))
    general = levels.to_numpy(zero_copy_only=False) == ""
    order = np.argsort(~general, kind="stable")  # a row that names its service level comes last and holds
    entry, plan = np.nonzero(fits[order] & (row[order] >= 0)[:, None])
    entry = order[entry]
    unknown = tuple(sorted(set(ids.filter(pa.array(row < 0)).to_pylist())))
    match = match_accounts(path, ids, row, accounts, settings.min_match_share)
    return AccountTouches(row[entry], plan, hours[entry], unknown, (match,))


def _fitting(roles: pa.Array, levels: pa.Array, plans: Sequence[TouchPlan]) -> Any:
    """Return which plans (t, o) each row of the table speaks of, given its role and level folded."""
    role, level = (part.to_numpy(zero_copy_only=False) for part in (roles, levels))
    same = [
        (role == plain_word(plan.role))
        & ((level == "") | (level == plain_word(plan.service_level)))
        & (plan.role != DIGITAL)
        for plan in plans
    ]
    return np.array(same, bool).T


def _once(ids: pa.Array, roles: pa.Array, levels: pa.Array) -> Any:
    """Return which rows (t,) are the first of their account, role and service level."""
    import pyarrow as pa
    import pyarrow.compute as pc

    between = pa.scalar("\x1f", pa.large_string())
    keys = pc.binary_join_element_wise(ids, roles, levels, between).to_numpy(zero_copy_only=False)
    first = np.zeros(len(keys), bool)
    first[np.unique(keys, return_index=True)[1]] = True
    return first


def _names(plans: Sequence[TouchPlan]) -> str:
    """The plans that take hours, for a message."""
    return ", ".join(dict.fromkeys(plan.name for plan in plans if plan.role != DIGITAL))


def _require_good_rows(path: str, table: pa.Table, good: Any, expected: str) -> None:
    """Raise InputContractError unless all rows are good, with the first that is not, and how many there are."""
    bad = np.flatnonzero(~good)
    if len(bad):
        row = cells(table.slice(int(bad[0]), 1).to_pylist()[0])
        more = f"; {len(bad):,} such rows" if len(bad) > 1 else ""
        raise InputContractError(f"{path}: row {bad[0] + 1:,} ({row}): {expected}{more}")


def hours_of(plans: Sequence[TouchPlan], accounts: int, touches: AccountTouches = NONE) -> ByKind:
    """The hours (o, m) of every plan for every account."""
    usual = np.array([plan.hours for plan in plans], np.float64)
    own, place = np.unique(touches.account, return_inverse=True)
    kind = np.zeros(accounts, np.min_scalar_type(len(own)))
    kind[own] = np.arange(1, len(own) + 1)
    table = np.tile(usual, (len(own) + 1, 1))
    table[place + 1, touches.plan] = touches.hours
    return ByKind(table, kind)
