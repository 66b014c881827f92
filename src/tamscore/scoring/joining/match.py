"""The match of a joined table with the accounts or people that it names: its record, sentence and error."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from tamscore.errors import InputContractError

_NOTICED = 0.05
"""From this share of unmatched rows on, a run reports them, although it uses the table."""
_ACCOUNT, PERSON = "an account", "a person"


@dataclass(frozen=True)
class Match:
    """Numbers of a table's rows that were matched by its column `key`; `strangers` counts distinct unmatched values.

    `first` is the first unmatched value and `row` its row, counted from 1. `known` is a value that would match. `cause`
    says what may be wrong and what to do, '' if unknown.
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
        """The share of rows without a match."""
        return 1.0 - self.met / self.rows if self.rows else 0.0

    @property
    def is_noticed(self) -> bool:
        """Return whether so many rows have no match that the run reports them."""
        return self.missed >= _NOTICED

    @property
    def sentence(self) -> str:
        """The table, its matched rows, and the first unmatched value, as a sentence."""
        several = f", {self.strangers:,} different" if self.strangers > 1 else ""
        first = "" if self.first is None else f"; first stranger {self.first!r} (row {self.row:,}{several})"
        blank = f"; {self.blank:,} rows have no {self.key!r}" if self.blank else ""
        return f"{self.table}: {self.met:,} of {self.rows:,} rows met {self.what}{first}{blank}"

    @property
    def notice(self) -> str:
        """The sentence with the possible cause."""
        return "; ".join(filter(None, (self.sentence, self.cause)))

    @property
    def record(self) -> dict[str, Any]:
        """The match as a record of manifests and JSON."""
        return asdict(self)

    def require(self, share: float, setting: str, column: str = "") -> Match:
        """Return the match; raise InputContractError if fewer than this share of the rows have a match.

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
