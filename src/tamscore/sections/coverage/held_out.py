"""Controls of a holdout: no person works on them, unless an owner holds them locked, or the holdout marks them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.sections.coverage.plans import DIGITAL
from tamscore.sections.coverage.texts import Texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tamscore.sections.coverage.accounts import CoverageAccounts
    from tamscore.sections.coverage.people import Owners
    from tamscore.sections.coverage.plans import TouchPlan
    from tamscore.sections.coverage.task import Task
    from tamscore.store.holdouts import Controls

HOLDOUT, _CONTROL, MARKED = "holdout", "control", "marked"
_FREE = ((HOLDOUT, frozenset({"", MARKED})),)
"""The limit of plans that take hours: accounts that are no control, or one that is marked."""


def with_controls(accounts: CoverageAccounts, controls: Controls, marked: Controls) -> CoverageAccounts:
    """Return the accounts with a text column that says which are controls; as they are if there are none."""
    import pyarrow as pa

    if not len(controls) and not len(marked):
        return accounts
    ids = pa.chunked_array([accounts.ids])
    code = controls.among(ids) + 2 * marked.among(ids).astype(np.uint8)
    return replace(accounts, texts={**accounts.texts, HOLDOUT: Texts(("", _CONTROL, MARKED), code.astype(np.uint8))})


def without_controls(plans: Sequence[TouchPlan]) -> tuple[TouchPlan, ...]:
    """Return the plans, those that take hours open to no control."""
    return tuple(plan if plan.role == DIGITAL else replace(plan, limits=(*plan.limits, *_FREE)) for plan in plans)


def is_control(accounts: CoverageAccounts, name: str = _CONTROL, rows: Any = slice(None)) -> Any:
    """Return which accounts, all (m,) or some, are controls without a person; with the name MARKED, the marked ones."""
    column = accounts.texts.get(HOLDOUT)
    return np.zeros(len(accounts), bool)[rows] if column is None else column.among([name], rows)


def control_notices(task: Task, owners: Owners) -> Iterator[str]:
    """Yield how many controls get no person, and how many stay with an owner who holds them locked."""
    held = is_control(task.accounts)
    if held.any():
        locked = int(np.count_nonzero(held & owners.locked))
        stay = f"; {locked:,} are locked and stay with their owners, which spoils the comparison" if locked else ""
        yield f"{int(held.sum()) - locked:,} controls of a holdout get no person{stay}"
    if marked := int(is_control(task.accounts, MARKED).sum()):
        yield f"{marked:,} controls of a holdout are covered like other accounts; holdout_control marks them"
