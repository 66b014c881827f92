"""Accounts that stay with their owner by the limit on moves alone, against party type, region, skill or plans."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.sections.coverage.people import Owners
    from tamscore.sections.coverage.placing import Placement
    from tamscore.sections.coverage.task import Task


def doubts_about_held(task: Task, owners: Owners, placement: Placement) -> Iterator[str]:
    """Yield how many accounts `max_moves` keeps with an owner against limits of plans, and against region or skill.

    `owners` are those of the table: accounts that it locks are not counted.
    """
    rows = np.flatnonzero(placement.owners.locked & ~owners.locked)
    plan, person = placement.plan[rows], placement.person[rows]
    outside = np.zeros(len(rows), bool)
    for o in np.unique(plan):
        here = plan == o
        outside[here] = ~task.within(int(o))[rows[here]]
    strange = ~task.serves[task.accounts.group_of(rows), person]
    for count, limit in ((outside, "party type or other limits of plans"), (strange, "region or skill")):
        if count.any():
            yield f"max_moves keeps {np.count_nonzero(count):,} accounts with their owners against {limit}"
