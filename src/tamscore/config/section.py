"""The settings of an optional section of the job file: what it reads, in the words that the whole run shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tamscore.config.settings import Settings

if TYPE_CHECKING:
    from tamscore.schema import InputColumns


@dataclass(frozen=True)
class SideTable:
    """A further table that a section reads: its path, its columns, the share of its rows that must name an account.

    `account_key` is the key of the section that names its column of ids. `has_amounts` says that its numbers are
    amounts of money, `for_fitting` that a frozen model does without it, and `unmatched` what it means that some of its
    rows name no account.
    """

    path: str
    columns: InputColumns
    min_match_share: float
    account_key: str = "account_id"
    has_amounts: bool = True
    for_fitting: bool = False
    unmatched: str = ""


class SectionSettings(Settings):
    """A section of the job file with a room of its own; what it reads is checked before the run starts."""

    @property
    def makes_market(self) -> bool:
        """Whether the market is a table that the section makes: its words and amounts are as they are to be read."""
        return False

    def numbers(self) -> tuple[str, ...]:
        """Return the columns of the input, beside those of the market, that must hold numbers."""
        return ()

    def scored(self) -> tuple[str, ...]:
        """Return those of the numbers that every part of the scores is made of: they are read with the rest."""
        return ()

    def amounts(self) -> tuple[str, ...]:
        """Return those of the numbers that are amounts in the currency of the sales."""
        return ()

    def texts(self) -> tuple[str, ...]:
        """Return the columns of the input, beside those of the market, that are compared as text."""
        return ()

    def others(self) -> tuple[str, ...]:
        """Return the columns of the input, beside those of the market, that may hold anything."""
        return ()

    def tables(self, account_id: str) -> dict[str, SideTable]:
        """Return the further tables that are read, by key of the section.

        `account_id` is the market's column of ids, which serves where the section names no other.
        """
        del account_id
        return {}
