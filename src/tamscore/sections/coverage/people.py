"""People who cover accounts, and who of them owns which account today."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.scoring.joining.match import Match


@dataclass(frozen=True)
class Person:
    """One who covers accounts: role, hours a year, and the regions and skills served; no regions are all of them."""

    name: str
    role: str
    hours: float
    regions: frozenset[str] = frozenset()
    skills: frozenset[str] = frozenset()

    def serves(self, region: str, skill: str) -> bool:
        """Return whether they may have accounts of that region that ask for that skill."""
        return (not self.regions or region in self.regions) and (not skill or skill in self.skills)


@dataclass(frozen=True)
class Former:
    """Accounts (n,) in order whose owner is none of the people any more, and each one's number (n,) among `names`."""

    account: Any
    who: Any
    names: tuple[str, ...]


_NO_FORMER = Former(np.zeros(0, np.int64), np.zeros(0, np.int64), ())


@dataclass(frozen=True)
class LastBooks:
    """Where owners are those of the last coverage: its name, its run, and how many of its accounts are not scored."""

    coverage: str
    run: str
    gone: int


@dataclass(frozen=True)
class Owners:
    """The owner of each account today: person (m,) by number or -1, and where (m,) that is locked.

    `joins` says how the table met accounts and people, `doubts` names the owners who are none of these. Where owners
    are those of the last coverage, `last` says which, and `former` who of them is gone.
    """

    person: Any
    locked: Any
    joins: tuple[Match, ...] = ()
    doubts: tuple[str, ...] = ()
    former: Former = _NO_FORMER
    last: LastBooks | None = None


def numbers_of(people: Sequence[Person]) -> Any:
    """The smallest type of whole numbers for people by number and -1."""
    return np.min_scalar_type(-len(people) - 1)
