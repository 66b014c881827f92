"""The rows of accounts that a coverage is written as, without all else that was at work."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.sections.coverage.assignment import NOBODY
from tamscore.sections.coverage.by_kind import ByKind
from tamscore.sections.coverage.held_out import MARKED, is_control
from tamscore.sections.coverage.shortfall import short_of
from tamscore.store.holdouts import MARK_COLUMN

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from tamscore.sections.coverage.families import Whole
    from tamscore.sections.coverage.people import Owners
    from tamscore.sections.coverage.placing import Placement
    from tamscore.sections.coverage.task import Task

_ROW_GROUP = 1 << 20
"""So many accounts are put into columns together."""


def _account_schema(*, marked: bool = False) -> pa.Schema:
    """Return the columns of the table of accounts, with the mark of controls if there are such."""
    import pyarrow as pa

    texts = dict.fromkeys(("role", "service_level", "person"), pa.string())
    last = dict.fromkeys(("owner", "shortfall"), pa.string()) | ({MARK_COLUMN: pa.bool_()} if marked else {})
    return pa.schema({"account_id": pa.large_string(), **texts, "hours": pa.float64(), "value": pa.float64(), **last})


def _with_former(owners: Owners, people: int) -> Any:
    """The owner (m,) of each account by number; those who are none of so many people come after them."""
    former = owners.former
    if not len(former.account):
        return owners.person
    owner = owners.person.astype(np.int32)
    owner[former.account] = people + former.who
    return owner


@dataclass(frozen=True)
class CodedTexts:
    """A column of the scores: its texts, and the place (m,) of each row's among them, -1 for none."""

    levels: list[str]
    code: Any


def _coded_texts(texts: list[str], number: Any, place: Any) -> CodedTexts:
    """Return texts by number (m,), -1 for none, of accounts as a column whose rows have these places (m,) among them.

    Equal texts are one level; those that no account has are left out, and the first ones come first.
    """
    known = {text: at for at, text in enumerate(dict.fromkeys(texts))}
    kind = np.min_scalar_type(-len(known) - 1)
    level = np.array([*(known[text] for text in texts), NOBODY], kind)[number]
    first = np.full(len(known) + 1, len(level))  # the last is that of nobody
    first[level[::-1]] = np.arange(len(level) - 1, -1, -1)
    order = np.argsort(first[:-1], kind="stable")[: np.count_nonzero(first[:-1] < len(level))]
    rank = np.full(len(known) + 1, NOBODY, kind)
    rank[order] = np.arange(len(order), dtype=kind)
    distinct = list(known)
    return CodedTexts([distinct[at] for at in order.tolist()], rank[level[place]])


@dataclass(frozen=True)
class AccountRows:
    """Accounts (m,) in order of id: plan, person and owner before by number, value; hours (o, m).

    `names` are the roles and service levels of plans, and people, those who are gone last; `short` (m,) is the rule by
    which an account is owed more than it gets, null for all others. `control` (m,) bool are marked controls, None if
    there are none. `place` (m,) says where each row of the scores stands among them, None where nobody asked.
    """

    ids: pa.Array
    plan: Any
    person: Any
    owner: Any
    value: Any
    hours: ByKind
    short: pa.DictionaryArray
    names: tuple[pa.Array, pa.Array, pa.Array]
    control: Any | None = None
    place: Any | None = None

    @classmethod
    def of(cls, task: Task, placement: Placement, owners: Owners) -> AccountRows:
        """Return the rows of a placement."""
        import pyarrow as pa

        roles, levels = [plan.role for plan in task.plans], [plan.service_level for plan in task.plans]
        names = tuple(
            pa.array(texts, pa.string()) for texts in (roles, levels, [person.name for person in task.people])
        )
        ids, short = task.accounts.ids, short_of(task, placement)
        control = is_control(task.accounts, MARKED)
        mark = control if control.any() else None
        owner = _with_former(owners, len(task.people))
        names = (*names[:2], pa.array([*names[2].to_pylist(), *owners.former.names], pa.string()))
        place = task.accounts.place
        return cls(
            ids, placement.plan, placement.person, owner, placement.worths, task.hours, short, names, mark, place
        )

    def of_accounts(self, whole: Whole) -> AccountRows:
        """Return the rows of accounts, given those of the units that were covered whole.

        Each account has the plan and the person of its unit; hours and value stand with the head.
        """
        import pyarrow as pa

        of, head = whole.units.of, whole.units.head
        is_head = np.zeros(len(of), bool)
        is_head[head] = True
        value = np.zeros(len(of))
        value[head] = self.value
        nothing = len(self.hours.table)
        hours = ByKind(
            np.vstack([self.hours.table, np.zeros(self.hours.table.shape[1])]),
            np.where(is_head, self.hours.kind[of].astype(np.int64), nothing),
        )
        return replace(
            self,
            ids=whole.accounts.ids,
            place=whole.accounts.place,
            plan=self.plan[of],
            person=self.person[of],
            owner=_with_former(whole.owners, len(self.names[2]) - len(whole.owners.former.names)),
            value=value,
            hours=hours,
            short=self.short.take(pa.array(of)),
            control=None if self.control is None else self.control[of],
        )

    @property
    def schema(self) -> pa.Schema:
        """The columns of the table."""
        return _account_schema(marked=self.control is not None)

    def encode(self) -> dict[str, CodedTexts]:
        """Return role, service level and person of each row of the scores; levels in order of id, as the table has."""
        roles, levels, people = (part.to_pylist() for part in self.names)
        numbers = {"role": (roles, self.plan), "service_level": (levels, self.plan), "person": (people, self.person)}
        return {name: _coded_texts(texts, number, self.place) for name, (texts, number) in numbers.items()}

    def tables(self) -> Iterator[pa.Table]:
        """Yield the rows as tables, so many at a time as a row group holds."""
        for begin in range(0, max(len(self.ids), 1), _ROW_GROUP):
            yield self.table(slice(begin, begin + _ROW_GROUP))

    def table(self, here: slice) -> pa.Table:
        """Return neighbouring rows as a table."""
        import pyarrow as pa

        plan, rows = self.plan[here], np.arange(len(self.ids))[here]
        roles, levels, people = self.names
        who = [people.take(pa.array(codes, mask=codes == NOBODY)) for codes in (self.person[here], self.owner[here])]
        columns = {"account_id": self.ids[here].cast(pa.large_string())}
        columns |= {"role": roles.take(pa.array(plan)), "service_level": levels.take(pa.array(plan)), "person": who[0]}
        columns |= {"hours": self.hours[plan, rows], "value": self.value[here].round(2), "owner": who[1]}
        columns |= {"shortfall": self.short[here].dictionary_decode()}
        columns |= {} if self.control is None else {MARK_COLUMN: pa.array(self.control[here])}
        return pa.table(columns, self.schema)
