"""How a joined table meets what it joins: one record, one sentence, one refusal."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from tamscore.errors import InputContractError

_NOTICED = 0.05
"""From this share of strangers on a person is told, though the table is taken."""
_ACCOUNT, PERSON = "an account", "a person"


@dataclass(frozen=True)
class Match:
    """How many of a table's rows met what its column `key` names; `strangers` counts the different values that did not.

    `first` is the first stranger and `row` its row, counted from 1; `known` a value that a row could have met. `cause`
    says what may be wrong and what to do, '' where that is not known.
    """

    table: str
    key: str
    rows: int
    met: int
    strangers: int = 0
    blank: int = 0
    first: str | None = None
    row: int | None = None
    known: str | None = None
    cause: str = ""
    what: str = _ACCOUNT

    @property
    def missed(self) -> float:
        """The share of the rows that met nothing."""
        return 1.0 - self.met / self.rows if self.rows else 0.0

    @property
    def is_noticed(self) -> bool:
        """Return whether so many rows met nothing that a person should know."""
        return self.missed >= _NOTICED

    @property
    def sentence(self) -> str:
        """Table, rows that met, first stranger."""
        several = f", {self.strangers:,} different" if self.strangers > 1 else ""
        first = "" if self.first is None else f"; first stranger {self.first!r} (row {self.row:,}{several})"
        blank = f"; {self.blank:,} rows have no {self.key!r}" if self.blank else ""
        return f"{self.table}: {self.met:,} of {self.rows:,} rows met {self.what}{first}{blank}"

    @property
    def notice(self) -> str:
        """The sentence, and what may be wrong."""
        return "; ".join(filter(None, (self.sentence, self.cause)))

    @property
    def record(self) -> dict[str, Any]:
        """The match as manifests and JSON have it."""
        return asdict(self)

    def require(self, share: float, setting: str, column: str = "") -> Match:
        """Return the match; raise InputContractError where fewer than that share of the rows met.

        `setting` is the key or option that holds the share, `column` the key that names the column, '' for none.
        """
        if self.met >= share * self.rows:
            return self
        known = f", such as {self.known!r}" if self.known is not None else ""
        where = f"name the column that has them in {column}" if column else "write them as they are there"
        raise InputContractError(
            f"{self.sentence}; expected {self.what}{known} in column {self.key!r} of at least {share:.0%} of its rows; "
            f"{self.cause or where}; or lower {setting}"
        )
