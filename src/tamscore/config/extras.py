"""The sections of the job file that are absent where nobody asks for them: each adds columns to the scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tamscore.config.method import Section

if TYPE_CHECKING:
    from tamscore.schema import InputColumns


class Extra(Section):
    """A section of the job file that adds columns to the scores; what it reads is checked before the run starts.

    `account_key` is the key that names the column of ids of its table.
    """

    account_key: ClassVar[str] = "account_id"

    def numbers(self) -> tuple[str, ...]:
        """Return the columns of the input, beside those of the market, that must hold numbers."""
        return ()

    def texts(self) -> tuple[str, ...]:
        """Return the columns of the input, beside those of the market, that are compared as text."""
        return ()

    def others(self) -> tuple[str, ...]:
        """Return the columns of the input, beside those of the market, that may hold anything."""
        return ()

    def tables(self, account_id: str) -> dict[str, tuple[str, InputColumns]]:
        """Return the further tables that are read, by key of the section: path, and columns.

        `account_id` is the market's column of ids, which serves where the section names no other.
        """
        del account_id
        return {}
