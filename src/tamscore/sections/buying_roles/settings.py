"""The keys of [buying_roles]: the roles that a deal needs, and the contacts of each account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from tamscore.config.problems import Problem
from tamscore.config.product_table import columns_differ
from tamscore.config.section import SectionSettings, SideTable
from tamscore.config.values import Column, Share, Storage, Text  # noqa: TC001 - read at run time
from tamscore.schema import InputColumns
from tamscore.substitution import fold_word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.config.job import Columns

_MOST_ROLES = 16


class BuyingRoles(SectionSettings):
    """The roles in a purchase that are known at each account."""

    path: Storage
    """Table (Parquet or CSV) of contacts, one row each."""
    account_id: Column | None = None
    """Column of that table with the account's id; absent: columns.account_id."""
    min_match_share: Share = 0.5
    """Share of the rows of that table that must name an account of the market; the run stops if fewer do."""
    role: Column = "role"
    """Column of that table with the contact's role or title."""
    wanted: Annotated[
        dict[Text, Annotated[tuple[Text, ...], Field(strict=False)]], Field(min_length=1, max_length=_MOST_ROLES)
    ]
    """Roles that a deal needs, each with further spellings, such as finance = ["CFO", "head of finance"]. Capitals and
    blanks around a word do not matter."""

    def tables(self, account_id: str) -> dict[str, SideTable]:
        """Return the table of contacts."""
        columns = InputColumns(self.account_id or account_id, "", keep=(self.role,))
        return {"path": SideTable(self.path, columns, self.min_match_share, has_amounts=False)}

    @property
    def words(self) -> dict[str, int]:
        """Return the number of the role of each normalised word."""
        written = [(name, *spellings) for name, spellings in self.wanted.items()]
        return {fold_word(word): place for place, parts in enumerate(written) for word in parts}


def words_stand_for_one_role(roles: BuyingRoles | None) -> Iterator[Problem]:
    """Yield the words that stand for two roles, and the names that a list of roles cannot hold."""
    taken: dict[str, str] = {}
    for name, spellings in (roles.wanted if roles is not None else {}).items():
        if "|" in name:
            yield Problem(("buying_roles", "wanted", name), "a name without '|', which parts roles", name)
        for word in (name, *spellings):
            first = taken.setdefault(fold_word(word), name)
            if first != name:
                hint = f"it stands for {first!r} too"
                yield Problem(("buying_roles", "wanted", name), "words of its own", word, hint)


def the_role_is_no_id(columns: Columns, roles: BuyingRoles | None) -> Iterator[Problem]:
    """Yield a problem if the column of roles is that of account ids."""
    yield from columns_differ("buying_roles", columns, roles, ("role",))
