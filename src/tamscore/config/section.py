"""The base class of an optional section's settings: the columns and tables that the section reads."""

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
    """An optional section of the job file; the columns and tables that it reads are checked before the run starts."""

    @property
    def makes_market(self) -> bool:
        """Whether the section makes the market's table, whose words and amounts are then used unchanged."""
        return False

    def numbers(self) -> tuple[str, ...]:
        """Return the columns of the input, beside those of the market, that must hold numbers."""
        return ()

    def scored(self) -> tuple[str, ...]:
        """Return the numeric columns that every part of the scores needs: they are read with the market's columns."""
        return ()

    def amounts(self) -> tuple[str, ...]:
        """Return the numeric columns that are amounts in the currency of the sales."""
        return ()

    def texts(self) -> tuple[str, ...]:
        """Return the columns of the input, beside those of the market, that are compared as text."""
        return ()

    def others(self) -> tuple[str, ...]:
        """Return the columns of the input, beside those of the market, that may hold anything."""
        return ()

    def tables(self, account_id: str) -> dict[str, SideTable]:
        """Return the further tables of the section, by its keys.

        `account_id` is the market's column of ids, the default for tables whose column of ids the section does not
        name.
        """
        del account_id
        return {}
