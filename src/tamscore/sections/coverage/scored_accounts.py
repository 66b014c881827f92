"""The scored accounts of a run, read into their places in order of id, in few bytes each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import float_column, text_order, truths
from tamscore.config.problems import nearest
from tamscore.engine import heap
from tamscore.errors import UsageError
from tamscore.schema import FAMILY, FAMILY_TIER
from tamscore.sections.coverage.accounts import LIKELY, MONEY, OPEN_PRODUCT, TEXTS, CoverageAccounts, Family
from tamscore.sections.coverage.texts import Collected, Texts, by_kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from tamscore.sections.coverage.accounts import ScoredRun
    from tamscore.sections.coverage.settings import Coverage

_MANY = 2**32
"""From so many accounts on a row takes more than four bytes."""
_MOST_BYTES = 2**31
"""Below so many bytes the places of texts take four bytes each."""
_LEVELS = 2**16
"""So many different amounts have places of two bytes."""
_NO_NAMES = frozenset(
    {"account_id", "distance", "margin", *MONEY, "typical_sales", "penetration", "relative_potential", "support"}
    | {"potential_low", "potential_high", "rank", "rank_in_kind", *LIKELY, "expected_value", "priority_in_kind"}
)
"""Columns of the scores that hold ids or numbers, so that they are no regions or skills."""


@dataclass(frozen=True)
class _Levels:
    """Amounts (m,) by their place among few different ones (l,)."""

    amounts: Any
    place: Any

    @classmethod
    def of(cls, coded: pa.DictionaryArray) -> _Levels:
        """The amounts of a column of fewer than 2^16 different ones."""
        return cls(coded.dictionary.to_numpy(), coded.indices.to_numpy().astype(np.uint16))

    def __getitem__(self, rows: Any) -> Any:
        """The amounts of some accounts."""
        return self.amounts[self.place[rows]]


def read_accounts(run: ScoredRun, settings: Coverage, *, keeps_place: bool = False) -> CoverageAccounts:
    """The scored accounts of a run, with the place of its rows if asked; raise UsageError if it lacks a column.

    The scores are read twice, for the ids and for all else, which then goes straight to its place.
    """
    heap.share()
    asked = {"region": settings.region, "skill": settings.skill}
    run.require((*MONEY, *LIKELY, *TEXTS, *filter(None, asked.values())))
    if problem := problem_of_columns(settings, run.columns):
        raise UsageError(problem)
    texts_read = dict.fromkeys((*TEXTS, OPEN_PRODUCT, *filter(None, asked.values())))
    named = [name for name in texts_read if name in run.columns]
    numbers = [*MONEY, *(name for name in LIKELY if name in run.columns)]
    ids, place = _in_order_of_id([table["account_id"] for table in run.read(["account_id"])])
    family = _read_family(run, settings, place)
    money, texts = _read_columns(run, place, numbers, named)
    heap.give_back()
    texts = _place_scored_account(by_kind({"": Texts(("",), np.zeros(len(ids), np.uint8)), **texts}), place)
    if not keeps_place:
        del place
    heap.give_back()
    sales, potential, whitespace = money.pop("sales"), _few_levels(money.pop("potential")), money.pop("whitespace")
    promise = whitespace
    if LIKELY[0] in money:
        promise = against_mean(money.pop(LIKELY[0]), sales > 0)
        promise *= whitespace
    region, skill = (texts[column or ""] for column in asked.values())
    every = {name: texts.get(name, texts[""]) for name in (*TEXTS, OPEN_PRODUCT)}
    priority = money.pop(LIKELY[1]) if LIKELY[1] in money else place_of(whitespace)
    heap.give_back()
    accounts = CoverageAccounts(
        ids, sales, potential, whitespace, promise, priority, every, region, skill, run.id_form, family
    )
    return replace(accounts, place=place) if keeps_place else accounts


def _read_family(run: ScoredRun, settings: Coverage, place: Any) -> Family | None:
    """The families of accounts, each row of the parts at its place (m,); None where they are not covered whole."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if settings.families == "free":
        return None
    run.require((FAMILY, FAMILY_TIER))
    if not {FAMILY, FAMILY_TIER} <= set(run.columns):
        return None
    parts, is_top, tier, begin = [], np.zeros(len(place), bool), Collected(len(place)), 0
    for table in run.read(["account_id", FAMILY, FAMILY_TIER], coded=True):
        rows = place[begin : begin + table.num_rows]
        begin += table.num_rows
        names = table[FAMILY].cast(pa.large_string())
        is_top[rows] = truths(pc.equal(names, table["account_id"].cast(pa.large_string())))
        tier.fill(rows, table[FAMILY_TIER])
        parts += names.chunks
    code = np.empty(len(place), np.int32)
    code[place] = pa.chunked_array(parts, pa.large_string()).combine_chunks().dictionary_encode().indices.to_numpy()
    return Family(code, is_top, tier.texts())


def _in_order_of_id(parts: list[pa.ChunkedArray]) -> tuple[pa.Array, Any]:
    """All ids (m,) in order, and the place (m,) that each row of the parts has among them; the list is emptied."""
    import pyarrow as pa

    is_small = sum(part.nbytes for part in parts) < _MOST_BYTES
    ids = pa.chunked_array([chunk for part in parts for chunk in part.chunks], parts[0].type)
    parts.clear()
    ids = ids.cast(pa.string() if is_small else pa.large_string()).combine_chunks()
    heap.give_back()
    order = text_order(ids)
    place = np.empty(len(ids), np.uint32 if len(ids) < _MANY else np.int64)
    place[order] = np.arange(len(ids), dtype=place.dtype)
    return ids.take(pa.array(order)), place


def _read_columns(
    run: ScoredRun, place: Any, numbers: Sequence[str], named: Sequence[str]
) -> tuple[dict[str, Any], dict[str, Texts]]:
    """Numbers (m,) by name, each row of the parts at its place (m,); texts as codes, in the order of the parts."""
    money = {name: np.empty(len(place), np.int32 if name == LIKELY[1] else np.float64) for name in numbers}
    texts, begin = {name: Collected(len(place)) for name in named}, 0
    for table in run.read([*numbers, *named], coded=True):
        rows = place[begin : begin + table.num_rows].astype(np.intp)
        begin += table.num_rows
        for name, column in money.items():
            numbers_here = float_column(table[name])
            is_whole = np.isfinite(numbers_here.sum())
            column[rows] = numbers_here if is_whole else np.nan_to_num(numbers_here)
        for name, collected in texts.items():
            collected.fill(slice(begin - table.num_rows, begin), table[name])
    return money, {name: collected.texts() for name, collected in texts.items()}


def _place_scored_account(texts: dict[str, Texts], place: Any) -> dict[str, Texts]:
    """Return texts of the same kinds with each row at its place (m,)."""
    kinds = next(iter(texts.values())).kind
    kind = np.empty_like(kinds)
    kind[place] = kinds
    return {name: replace(column, kind=kind) for name, column in texts.items()}


def _few_levels(amount: Any) -> Any:
    """Amounts (m,) that are few different ones as places among them: what the accounts of a cluster share."""
    import pyarrow as pa

    if len(np.unique(amount[:_LEVELS])) > _LEVELS // 4:
        return amount
    coded = pa.array(amount).dictionary_encode()
    return _Levels.of(coded) if len(coded.dictionary) < _LEVELS else amount


def problem_of_columns(settings: Coverage, known: Sequence[str]) -> str:
    """Return what is wrong with the columns of region and skill, given the columns of the scores; '' for nothing."""
    for key, column in (("region", settings.region), ("skill", settings.skill)):
        if column is not None and column not in known:
            hint = nearest(column, known) or "keep it: columns.keep"
            return f"coverage.{key}: {column!r}: expected a column of the scores; {hint}"
        if column in _NO_NAMES:
            return f"coverage.{key}: {column!r}: expected a column of names, got account ids or numbers; name another"
    return ""


def place_of(amount: Any) -> Any:
    """The place (m,) of each account, 1 for the largest amount; of equals the first come first."""
    place = np.empty(len(amount), np.int32)
    place[np.argsort(-amount, kind="stable")] = np.arange(1, len(amount) + 1)
    return place


def against_mean(chance: Any, buys: Any) -> Any:
    """The probability (m,) of each account over the mean of its kind, customers or prospects; 1 where that is 0.

    It stands in the place of the probability.
    """
    for kind in (buys, ~buys):
        mean = float(chance[kind].mean()) if kind.any() else 0.0
        np.divide(chance, mean, out=chance, where=kind) if mean > 0 else np.copyto(chance, 1.0, where=kind)
    return chance
