"""The keys of [families], and the rules that tie them to columns, features and other sections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from pydantic import Field

from tamscore.config.problems import NOTHING, Problem, nearest
from tamscore.config.section import SectionSettings
from tamscore.config.values import Column, Share  # noqa: TC001 - read at run time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.config.job import Columns
    from tamscore.config.method import Features

How: TypeAlias = Literal["sum", "max", "parent"]
"""How a number of a family follows from the numbers of its accounts."""
ROW_COLUMNS = ("family_members", "members_customers", "members_potential", "members_whitespace")
"""The columns about its accounts that a family has when it is scored as a row."""
BY_ACCOUNT = (
    *("propensity", "lifetime_value", "alerts", "jobs", "buying_roles", "segments", "products", "next_offer"),
)
"""Sections about single accounts, whose results cannot be added up to a family."""


class Families(SectionSettings):
    """Families of accounts, made from the ids of their parents."""

    min_match_share: Share = 0.5
    """Share of the ids in columns.parent_id that must name an account; the run stops if fewer do."""
    as_accounts: bool = False
    """Score families as rows, after a run of the accounts themselves, which is written to output.path plus
    -accounts."""
    features: dict[Column, How] = Field(default_factory=dict)
    """With as_accounts: how a numeric feature, or columns.revenue, of a family follows from its accounts: sum, max, or
    parent for that of its top account. Absent: sum for features under log_standard and for revenue, else parent."""

    @property
    def makes_market(self) -> bool:
        """Whether the market is the table of families."""
        return self.as_accounts

    def numbers(self) -> tuple[str, ...]:
        """Return the numeric columns that the table of families needs besides the market's."""
        return ROW_COLUMNS if self.as_accounts else ()

    def scored(self) -> tuple[str, ...]:
        """Return the same columns: all of them are in the scores."""
        return self.numbers()


def parents_are_read(columns: Columns, families: Families | None) -> Iterator[Problem]:
    """Yield a column of parents that nothing reads, and a section [families] without such a column."""
    named = {"parent_id": columns.parent_id, "ultimate_parent_id": columns.ultimate_parent_id}
    for key, column in named.items():
        if column is not None and families is None:
            hint = "add a section [families], or remove the key"
            yield Problem(("columns", key), "no column without [families]", column, hint)
    if families is not None and not any(named.values()):
        hint = "name the column of the market, or remove [families]"
        yield Problem(("columns", "parent_id"), "a column for [families]", NOTHING, hint)


def features_are_numbers(columns: Columns, features: Features, families: Families | None) -> Iterator[Problem]:
    """Yield the keys of families.features that are not numeric features, and all of them if nothing reads them."""
    for name, how in families.features.items() if families is not None else ():
        place, known = ("families", "features", name), (*features.numeric, *filter(None, [columns.revenue]))
        if families is not None and not families.as_accounts:
            yield Problem(place, "no key without families.as_accounts", how, "set it to true, or remove the key")
        elif name in features.categorical:
            yield Problem(place, "a numeric feature", name, "a category is always that of the top account")
        elif name not in known:
            yield Problem(place, "a numeric feature, or columns.revenue", name, nearest(name, known))


def columns_are_free(columns: Columns, features: Features, families: Families | None) -> Iterator[Problem]:
    """Yield the features that share a name with a column that the table of families adds."""
    if families is None or not families.as_accounts:
        return
    listed = (("numeric", (*features.numeric,)), ("categorical", features.categorical))
    named = [("features", key, name) for key, names in listed for name in names if name in ROW_COLUMNS]
    roles = {role: column for role, column in columns.model_dump().items() if column in ROW_COLUMNS}
    for place in (*named, *(("columns", role) for role in roles)):
        hint = "families.as_accounts adds a column of that name; rename it in the input"
        yield Problem(place, "a name of its own", roles.get(place[-1], place[-1]), hint)


def sections_go_by_families(
    families: Families | None, backtest: SectionSettings, *sections: SectionSettings | None
) -> Iterator[Problem]:
    """Yield the sections about single accounts if families are scored as rows."""
    if families is None or not families.as_accounts:
        return
    there = [name for name, section in zip(BY_ACCOUNT, sections, strict=True) if section is not None]
    there += ["backtest"] if getattr(backtest, "realised", None) else []
    for name in there:
        hint = "leave it to a job without as_accounts"
        yield Problem((name,), "no section that goes by accounts beside families.as_accounts", name, hint)
