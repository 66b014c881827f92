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
from tamscore.sections.coverage.texts import Collected, Texts, by_kind
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

    def read(self, columns: Sequence[str], *, coded: bool = False) -> Iterator[pa.Table]:
        """Yield columns of its scores, part by part, texts as texts; with `coded` as dictionaries where they are."""


@dataclass(frozen=True)
class Accounts:
    """Accounts (m,) in order of id: money, texts by column name, and the region and skill they ask for, '' for none.

    `promise` (m,) is the whitespace of each times its probability over the mean of its kind; 1 where the run knows none.
    `priority` (m,) is its place, 1 for the first.
    """

    ids: pa.Array
    sales: Any
    potential: Any
    whitespace: Any
    promise: Any
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
        return self.region.codes(rows).astype(np.int32) * len(self.skill.levels) + self.skill.codes(rows)

    @property
    def groups(self) -> list[tuple[str, str]]:
        """All pairs of region and skill, by number."""
        return [(region, skill) for region in self.region.levels for skill in self.skill.levels]


def read_accounts(run: ScoredRun, settings: Coverage) -> Accounts:
    """The scored accounts of a run; UsageError where it has no column that the settings name.

    The scores are read twice, for the ids and for all else, which then goes straight to its place.
    """
    heap.share()
    asked = {"region": settings.region, "skill": settings.skill}
    run.require((*MONEY, *LIKELY, *TEXTS, *filter(None, asked.values())))
    if problem := problem_of_columns(settings, run.columns):
        raise UsageError(problem)
    named = [name for name in dict.fromkeys((*TEXTS, *filter(None, asked.values()))) if name in run.columns]
    numbers = [*MONEY, *(name for name in LIKELY if name in run.columns)]
    ids, place = in_order_of_id([strings(table["account_id"]) for table in run.read(["account_id"])])
    money, texts = read_columns(run, place, numbers, named)
    del place
    texts = by_kind({"": Texts(("",), np.zeros(len(ids), np.uint8)), **texts})
    heap.give_back()
    sales, potential, whitespace = (money.pop(name) for name in MONEY)
    promise = whitespace * against_mean(money.pop(LIKELY[0]), sales > 0) if LIKELY[0] in money else whitespace
    region, skill = (texts[column or ""] for column in asked.values())
    every = {name: texts.get(name, texts[""]) for name in TEXTS}
    priority = money.pop(LIKELY[1]) if LIKELY[1] in money else place_of(whitespace)
    heap.give_back()
    return Accounts(ids, sales, potential, whitespace, promise, priority, every, region, skill, run.id_form)


def in_order_of_id(parts: list[pa.Array]) -> tuple[pa.Array, Any]:
    """All ids (m,) in order, and the place (m,) among them that each row of the parts together has; parts are emptied.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    ids = pa.concat_arrays(parts)
    parts.clear()
    heap.give_back()
    order = pc.sort_indices(ids)
    place = np.empty(len(ids), np.uint32 if len(ids) < MANY else np.int64)
    place[order.to_numpy()] = np.arange(len(ids), dtype=place.dtype)
    return ids.take(order), place


def read_columns(
    run: ScoredRun, place: Any, numbers: Sequence[str], named: Sequence[str]
) -> tuple[dict[str, Any], dict[str, Texts]]:
    """Numbers (m,) and texts by name, each row of the parts at its place (m,); texts as codes, which take less room."""
    money = {name: np.empty(len(place), np.int32 if name == LIKELY[1] else np.float64) for name in numbers}
    texts, begin = {name: Collected(len(place)) for name in named}, 0
    for table in run.read([*numbers, *named], coded=True):
        rows = place[begin : begin + table.num_rows]
        begin += table.num_rows
        for name, column in money.items():
            column[rows] = np.nan_to_num(float_column(table[name]))
        for name, collected in texts.items():
            collected.put(rows, table[name])
    return money, {name: collected.texts() for name, collected in texts.items()}


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
