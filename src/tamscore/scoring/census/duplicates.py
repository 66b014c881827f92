"""Rows whose account id another row has too: exact copies, rows that are added up, and rows that contradict."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from tamscore.arrow import float_column, strings
from tamscore.schema import Reason
from tamscore.scoring.census.row_digests import row_digests
from tamscore.stages import draw
from tamscore.stages.folding import fold_ids
from tamscore.store import tables
from tamscore.substitution import LARGEST_MONEY, SubstituteSums

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from tamscore.schema import InputColumns
    from tamscore.scoring.census.part_rows import PartRows

_Rule: TypeAlias = Literal["identical", "sum", "reject", "error"]
"""What happens to rows of one id, see `rows.duplicates` of the job file."""


@dataclass(frozen=True)
class Suspects:
    """Rows of a partition whose id hash another row has too: positions (s,), ids (s,), sales (s,), digests (2, s).

    Equal digests mean equal rows: two independent 64-bit hashes of all columns that have to agree. `spelled` (s,)
    uint64 are hashes of the ids as they are written, of which `ids` may make one.
    """

    rows: Any
    ids: pa.Array
    spelled: Any
    sales: Any
    digests: Any

    @classmethod
    def none(cls) -> Suspects:
        """No rows."""
        import pyarrow as pa

        ids, hashes = pa.array([], pa.large_string()), np.empty((3, 0), np.uint64)
        return cls(np.empty(0, np.int64), ids, hashes[0], np.empty(0), hashes[1:])


def find_suspects(item: PartRows, columns: InputColumns, hashes: Any, rule: _Rule) -> Suspects:
    """Return the rows of a partition whose hash is among those given (sorted)."""
    at = np.flatnonzero(stand_among(item.hashes, hashes) & (item.reason != Reason.MISSING_ID))
    if not len(at):
        return Suspects.none()
    compared = _compared_columns(columns, rule)
    asked = list(dict.fromkeys((columns.account_id, columns.sales, *compared)))
    texts = [name for name in columns.texts if name in compared]
    table = tables.read(item.partition, asked, dictionary=texts)
    if len(at) < table.num_rows:
        table = table.take(at)
    digests = row_digests([table[name] for name in compared], len(at))
    written = strings(table[columns.account_id])
    ids = fold_ids(written, columns.id_form)
    return Suspects(at, ids, draw.id_hash(written), float_column(table[columns.sales]), digests)


def stand_among(hashes: Any, known: Any) -> Any:
    """Return which hashes (m,) bool are among the known ones (k,), which are sorted."""
    if not len(known):
        return np.zeros(len(hashes), bool)
    return known[np.minimum(np.searchsorted(known, hashes), len(known) - 1)] == hashes


def _compared_columns(columns: InputColumns, rule: _Rule) -> list[str]:
    """Return the columns in which rows of one id must agree; where they are added up, all but sales and currency.

    The id is none of them: ids that are compared as one may be written in several ways.
    """
    free: set[str | None] = {columns.account_id}
    if rule == "sum":
        rates = columns.substitution.rates
        free |= {columns.sales, rates.column if rates and rates.column not in columns.keep else None}
    elif rule != "identical":
        return []
    return [name for name in columns.all if name not in free]


@dataclass(frozen=True)
class SuspectGroups:
    """The suspects of all partitions, in order: the number (s,) of each one's id, and what holds for its group (n,).

    `first` is the place of the group's first row, by spelling of the id and then by place, `repeated` says whether
    there are others, `equal` whether all rows agree in the columns that have to.
    """

    ids: pa.Array
    code: Any
    first: Any
    repeated: Any
    equal: Any

    @classmethod
    def of(cls, suspects: Sequence[Suspects]) -> SuspectGroups:
        """Group suspects by their ids, which are compared in full, since two may share a hash."""
        import pyarrow as pa

        ids = pa.chunked_array([here.ids for here in suspects], pa.large_string()).combine_chunks().dictionary_encode()
        code, digests = ids.indices.to_numpy(), np.concatenate([here.digests for here in suspects], axis=1)
        count = len(ids.dictionary)
        order = np.lexsort((np.concatenate([here.spelled for here in suspects]), code))
        first = order[np.flatnonzero(np.diff(code[order], prepend=-1))]
        differs = (digests != digests[:, first[code]]).any(axis=0)
        contrary = np.bincount(code, weights=differs, minlength=count) > 0
        return cls(ids.dictionary, code, first, np.bincount(code, minlength=count) > 1, ~contrary)

    def names(self, chosen: Any) -> list[str]:
        """Return up to five of the ids of the groups chosen (n,) bool, the first in the alphabet."""
        import pyarrow as pa
        import pyarrow.compute as pc

        ids = self.ids.filter(pa.array(chosen))
        items: list[str] = ids.take(pc.array_sort_indices(ids)[:5]).to_pylist()
        return items

    def leads(self) -> Any:
        """Return which suspects (s,) bool are the first of their group."""
        leads = np.zeros(len(self.code), bool)
        leads[self.first] = True
        return leads


def settle(
    parts: Sequence[PartRows], suspects: Sequence[Suspects], groups: SuspectGroups, rule: _Rule, *, reject_missing: bool
) -> list[PartRows]:
    """Return the parts with the rows of repeated ids rejected, kept once, or added up.

    Which of several rows stays never matters: they are equal, or differ in what is added up; where their ids are
    written in several ways, the way decides and not the place. Beside the hashes, 8 bytes a row, memory goes to
    suspects only: their ids and about 70 bytes each.
    """
    reasons = np.concatenate([part.reason[here.rows] for part, here in zip(parts, suspects, strict=True)])
    sales = np.concatenate([here.sales for here in suspects])
    repeated, equal, leads = groups.repeated[groups.code], groups.equal[groups.code], groups.leads()
    if rule == "sum":
        equal &= _addable(groups, reasons)[groups.code]
    joins = repeated & equal if rule in {"identical", "sum"} else np.zeros(len(repeated), bool)
    reasons[repeated & ~joins] = Reason.DUPLICATE_ID
    counted, amounts = np.isnan(sales), np.full(len(sales), np.nan)
    if rule == "sum":
        amounts[joins & leads] = _added_up(groups.code, sales, joins)[groups.code[joins & leads]]
        reasons[joins & leads] = _summed_reasons(reasons[joins & leads], amounts[joins & leads], reject_missing)
    reasons[joins & ~leads] = Reason.ADDED_UP if rule == "sum" else Reason.DUPLICATE_ROW
    gone = counted & joins & (~leads | ~np.isnan(amounts))
    return list(_spread(parts, suspects, reasons, gone, joins & leads if rule == "sum" else None, amounts))


def _addable(groups: SuspectGroups, reasons: Any) -> Any:
    """Return which groups (n,) bool have no row whose sales are infinite or too large to be added."""
    bad = np.isin(reasons, (Reason.SALES_NOT_FINITE, Reason.SALES_TOO_LARGE))
    return np.bincount(groups.code, weights=bad, minlength=len(groups.first)) == 0


def _added_up(code: Any, sales: Any, joins: Any) -> Any:
    """Return the sum of sales of each group (n,) that joins; NaN for the others, and where all are missing.

    Sums are exact before they are rounded once, so that the order of rows does not matter.
    """
    at = np.flatnonzero(joins)
    order = at[np.argsort(code[at], kind="stable")]
    starts = np.flatnonzero(np.diff(code[order], prepend=-1))
    sums = np.full(code.max(initial=-1) + 1, np.nan)
    sums[code[order[starts]]] = _exact_sums(sales[order], starts)
    return sums


def _exact_sums(sales: Any, starts: Any) -> Any:
    """Return the sums (g,) of the pieces of sales that begin at `starts`, rounded once; NaN where all are missing."""
    if not len(starts):
        return np.empty(0)
    known = ~np.isnan(sales)
    counts = np.add.reduceat(known.astype(np.int64), starts)
    sums = np.where(counts, np.add.reduceat(np.where(known, sales, 0.0), starts), np.nan)
    stops = np.append(starts[1:], len(sales))
    for group in np.flatnonzero(counts > 2):
        piece = slice(starts[group], stops[group])
        sums[group] = math.fsum(sales[piece][known[piece]])
    return sums


def _summed_reasons(reasons: Any, amounts: Any, reject_missing: bool) -> Any:  # noqa: FBT001
    """Return why rows (n,) with these sums are rejected: as each of them was, but for what depends on sales."""
    where = np.where(reasons == Reason.PARTY_TYPE_UNKNOWN, reasons, np.uint8(Reason.SCORED))
    where[np.abs(amounts) >= LARGEST_MONEY] = Reason.SALES_TOO_LARGE
    if reject_missing:
        where[np.isnan(amounts)] = Reason.SALES_MISSING
    return where


def _spread(
    parts: Sequence[PartRows], suspects: Sequence[Suspects], reasons: Any, gone: Any, summed: Any | None, amounts: Any
) -> Iterator[PartRows]:
    """Yield the parts with the new reasons of their suspects, fewer missing sales, and sums in place of sales."""
    stop = 0
    for part, here in zip(parts, suspects, strict=True):
        start, stop = stop, stop + len(here.rows)
        if start == stop:
            yield part
            continue
        reason = part.reason.copy()
        reason[here.rows] = reasons[start:stop]
        missing = part.sales_missing - int(np.count_nonzero(gone[start:stop]))
        partition, mine = part.partition, np.flatnonzero(summed[start:stop]) if summed is not None else ()
        if len(mine):
            partition = replace(partition, sums=SubstituteSums(here.rows[mine], amounts[start:stop][mine]))
        yield replace(part, partition=partition, reason=reason, sales_missing=missing)
