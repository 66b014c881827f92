"""The scored accounts of a run as coverage looks at them, in order of account id."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from tamscore.arrow import float_column, strings
from tamscore.config.problems import nearest
from tamscore.engine import heap
from tamscore.errors import UsageError
from tamscore.sections.coverage.texts import Texts, texts_of, together
from tamscore.stages.folding import fold_ids

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from tamscore.sections.coverage.settings import Coverage
    from tamscore.stages.folding import IdForm
    from tamscore.store.run_directory import RunDirectory

MONEY = ("sales", "potential", "whitespace")
LIKELY = ("probability", "priority")
LIMITING = ("party_type", "quadrant", "kind", "tier", "market_segment")
"""Columns of the scores that a plan may be limited by, beside size band and region."""
TEXTS = (*LIMITING, "role", "service_level", "campaign_band", "campaign_id", "campaign_channel")
MANY = 2**32
"""From so many accounts on a row takes more than four bytes."""
NO_NAMES = frozenset(
    {"account_id", "distance", "margin", *MONEY, "typical_sales", "penetration", "relative_potential", "support"}
    | {"potential_low", "potential_high", "rank", "rank_in_kind", *LIKELY, "expected_value", "priority_in_kind"}
)
"""Columns of the scores that hold ids or numbers, so that they are no regions or skills."""


class ScoredRun(Protocol):
    """What a coverage needs of a finished run."""

    @property
    def name(self) -> str:
        """Its run key."""

    @property
    def directory(self) -> RunDirectory:
        """Where it lies."""

    @property
    def id_form(self) -> IdForm:
        """How its job compares account ids."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of its scores."""

    def require(self, columns: Sequence[str]) -> None:
        """Raise UsageError that names those of the columns that its job has left out of its scores."""

    def read(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Yield columns of its scores, part by part, texts as texts."""


@dataclass(frozen=True)
class Accounts:
    """Accounts (m,) in order of id: money, texts by column name, and the region and skill they ask for, '' for none.

    `likely` (m,) is the probability of each over the mean of its kind; 1 where the run knows none. `priority` (m,) is
    its place, 1 for the first.
    """

    ids: pa.Array
    sales: Any
    potential: Any
    whitespace: Any
    likely: Any
    priority: Any
    texts: dict[str, Texts]
    region: Texts
    skill: Texts
    form: IdForm = "text"

    @cached_property
    def keys(self) -> pa.Array:
        """The ids (m,) as they are compared."""
        return fold_ids(self.ids, self.form)

    def __len__(self) -> int:
        """The number of accounts m."""
        return len(self.ids)

    @property
    def promise(self) -> Any:
        """The whitespace (m,) of each account times how likely it is won, against the mean of its kind."""
        return self.whitespace * self.likely

    def within(self, limits: Sequence[tuple[str, frozenset[str]]], rows: Any = slice(None)) -> Any:
        """Which accounts, all (m,) or some, hold one of the names in every column of the limits."""
        here = np.ones(len(self), bool)[rows]
        for column, names in limits:
            here &= self.column(column).among(names, rows)
        return here

    def column(self, name: str) -> Texts:
        """Return a column that plans may be limited by, under the name that the table of plans gives it."""
        return {"region": self.region, "band": self.texts["campaign_band"]}.get(name) or self.texts[name]

    @property
    def group(self) -> Any:
        """The number (m,) of each account's pair of region and skill."""
        return self.group_of(slice(None))

    def group_of(self, rows: Any) -> Any:
        """The number of the pair of region and skill of some accounts."""
        return self.region.code[rows].astype(np.int32) * len(self.skill.levels) + self.skill.code[rows]

    @property
    def groups(self) -> list[tuple[str, str]]:
        """All pairs of region and skill, by number."""
        return [(region, skill) for region in self.region.levels for skill in self.skill.levels]


def read_accounts(run: ScoredRun, settings: Coverage) -> Accounts:
    """The scored accounts of a run; UsageError where it has no column that the settings name."""
    heap.share()
    asked = {"region": settings.region, "skill": settings.skill}
    run.require((*MONEY, *LIKELY, *TEXTS, *filter(None, asked.values())))
    if problem := problem_of_columns(settings, run.columns):
        raise UsageError(problem)
    named = [name for name in dict.fromkeys((*TEXTS, *filter(None, asked.values()))) if name in run.columns]
    numbers = [*MONEY, *(name for name in LIKELY if name in run.columns)]
    parts: dict[str, list[Any]] = {name: [] for name in ("account_id", *numbers, *named)}
    for table in run.read([*parts]):
        for name, column in columns_of_part(table, numbers, named):
            parts[name].append(column)
    heap.give_back()  # what decoding took is as much as all that follows
    ids, rows = in_order_of_id(parts.pop("account_id"))
    money = {name: np.concatenate(parts.pop(name))[rows] for name in numbers}
    texts = {name: together(parts.pop(name), rows) for name in named}
    likely = against_mean(money.pop(LIKELY[0]), money["sales"] > 0) if LIKELY[0] in money else np.ones(len(ids))
    nothing = Texts(("",), np.zeros(len(ids), np.uint8))
    region, skill = (texts[column] if column else nothing for column in asked.values())
    every = {name: texts.get(name, nothing) for name in TEXTS}
    heap.give_back()
    place = (money.pop(LIKELY[1]) if LIKELY[1] in money else place_of(money["whitespace"])).astype(np.int32)
    sales, potential, whitespace = (money.pop(name) for name in MONEY)
    return Accounts(ids, sales, potential, whitespace, likely, place, every, region, skill, run.id_form)


def in_order_of_id(parts: list[pa.Array]) -> tuple[pa.Array, Any]:
    """All ids (m,) in order, and the row (m,) that each has in the parts together; the list of parts is emptied."""
    import pyarrow as pa
    import pyarrow.compute as pc

    ids = pa.concat_arrays(parts)
    parts.clear()
    order = pc.sort_indices(ids)
    return ids.take(order), order.to_numpy().astype(np.uint32 if len(ids) < MANY else np.int64)


def problem_of_columns(settings: Coverage, known: Sequence[str]) -> str:
    """Return what is wrong with the columns of region and skill, given the columns of the scores; '' for nothing."""
    for key, column in (("region", settings.region), ("skill", settings.skill)):
        if column is not None and column not in known:
            hint = nearest(column, known) or "keep it: columns.keep"
            return f"coverage.{key}: {column!r}: expected a column of the scores; {hint}"
        if column in NO_NAMES:
            return f"coverage.{key}: {column!r}: expected a column of names, got account ids or numbers; name another"
    return ""


def place_of(amount: Any) -> Any:
    """The place (m,) of each account, 1 for the largest amount; of equals the first come first."""
    place = np.empty(len(amount), np.int32)
    place[np.argsort(-amount, kind="stable")] = np.arange(1, len(amount) + 1)
    return place


def against_mean(chance: Any, buys: Any) -> Any:
    """The probability (m,) of each account over the mean of its kind, customers or prospects; 1 where that is 0."""
    found = np.ones(len(chance))
    for kind in (buys, ~buys):
        mean = float(chance[kind].mean()) if kind.any() else 0.0
        if mean > 0:
            found[kind] = chance[kind] / mean
    return found


def columns_of_part(table: pa.Table, numbers: Sequence[str], named: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Yield ids, numbers and texts of one part of the scores by name; texts as codes, which take less room."""
    yield "account_id", strings(table["account_id"])
    for name in numbers:
        found = np.nan_to_num(float_column(table[name]))
        yield name, found.astype(np.int32) if name == LIKELY[1] else found
    for name in named:
        yield name, texts_of(table[name])
