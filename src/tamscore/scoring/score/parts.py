"""One part of the scores: its columns, its files, and what it comes to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import level_codes, text_dictionary
from tamscore.schema import REASON_COLUMN, Flag, Reason
from tamscore.scoring.score.amounts import SUMMED, amounts
from tamscore.scoring.score.exact_totals import exact_totals
from tamscore.stages import quadrant
from tamscore.store import commit, contents
from tamscore.store.objects.path import ObjectPath

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from tamscore.scoring.assign import AssignedRows
    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.score.plan import ScorePlan
    from tamscore.store.commit import Placed
    from tamscore.store.run_directory import RunDirectory

KINDS = ("acquisition", "expansion")
MEASURES = ("accounts", *SUMMED)
_SHARED = (
    *("potential", "whitespace", "step", "relative_potential", "support", "potential_low", "potential_high"),
    *("rank", "rank_in_kind"),
)
"""Columns of numbers that most accounts share with others, as all prospects of a cluster do.

Sales and penetration are not among them: mostly zero, they take less time and room without a dictionary.
"""
_OF_LADDERS = ("step", "support")
"""The columns among them that accounts share if each account has its own level."""
_STAGED = ".arrow"
"""The file name ending of parts that are written again."""
TOP = 50
"""So many of the best accounts of every part are handed on for the list of top accounts."""


@dataclass(frozen=True)
class ScoredPart:
    """What a committed part comes to: rows, files, totals (clusters, quadrants, kinds, 4), flags, best accounts, sums.

    `work` holds sums by all that decides what is done about accounts, see `exact_totals`.
    `top` are the best of all kinds, `top_by_kind` those of each; `counts` what sections have counted, one each.
    `reused` says that an earlier, unfinished run had committed it, `left_out` are the columns that were not written.
    """

    scored: int
    rejected: int
    files: dict[str, Placed]
    totals: Any
    flags: dict[str, int]
    top: pa.Table
    top_by_kind: pa.Table
    work: dict[tuple[str, ...], Any]
    counts: tuple[Any, ...] = ()
    is_reused: bool = False
    left_out: tuple[str, ...] = ()


def reuse_part(
    part: PartRows, assigned: AssignedRows, plan: ScorePlan, known: ScoredPart | None = None
) -> ScoredPart | None:
    """Return the part as an earlier, unfinished run has committed it; None if it must be computed.

    If `known` is the result for the same files, the part is not read again. Files that may lack columns do not give a
    result, so the part is None.
    """
    files = plan.directory.commit(part.partition.index)
    if files is None:
        return None
    if known is not None and known.files == files:
        return replace(known, is_reused=True)
    if plan.written is not None:
        return None
    scored = scores_of(part.partition.index, files, plan.directory)
    return _describe(scored, int(np.count_nonzero(assigned.reason)), files, plan, is_reused=True)


def scores_name(index: int, files: Mapping[str, Placed], directory: RunDirectory) -> str:
    """Return which of the files of a part holds its scores."""
    staged, written = (directory.name_of(path) for path in (directory.staged(index), directory.part(index)))
    return staged if staged in files else written


def placed_scores(name: str, placed: Placed, directory: RunDirectory, columns: Sequence[str] | None = None) -> pa.Table:
    """Return columns of a part, all of them for None, from its file as it was placed."""
    path = directory.path / name
    read = contents.staged_table if name.endswith(_STAGED) else contents.placed_table
    return read(path, placed, columns)


def scores_of(index: int, files: Mapping[str, Placed], directory: RunDirectory) -> pa.Table:
    """Return all columns of a part that has these files."""
    name = scores_name(index, files, directory)
    return placed_scores(name, files[name], directory)


def with_reasons(table: pa.Table, reason: Any, bad: Any) -> pa.Table:
    """The rejected rows `bad` of a partition with the reason (m,) of each."""
    reasons = text_dictionary(reason[bad], [reason.code for reason in Reason])
    return table.take(bad).append_column(REASON_COLUMN, reasons)


def _place_scores(index: int, scored: pa.Table, plan: ScorePlan) -> dict[str, Placed]:
    """Write the columns of scored rows that the job wants; a part that is read again soon lies on a disk as it is."""
    left_out, path = plan.left_out(scored), plan.directory.part(index)
    if plan.is_staged and not isinstance(path, ObjectPath):
        path = plan.directory.staged(index)
        return {plan.directory.name_of(path): commit.place_arrow(scored, path)}
    repeated = [name for name in repeating(scored) if name not in left_out]
    placed = commit.place_parquet(scored.drop_columns(left_out) if left_out else scored, path, repeated)
    return {plan.directory.name_of(path): placed}


def write_part(index: int, scored: pa.Table, refused: pa.Table | None, plan: ScorePlan) -> ScoredPart:
    """Write the scored rows and the rejected rows of a partition, then the sidecar that commits them."""
    directory = plan.directory
    files, bad = _place_scores(index, scored, plan), 0
    if refused is not None:
        path, bad = directory.rejected_files(index), refused.num_rows
        files[directory.name_of(path)] = commit.place_parquet(refused, path)
    directory.commit_part(index, files, {"scored": scored.num_rows, "rejected": bad})
    return _describe(scored, bad, files, plan)


def rewrite_part(index: int, part: ScoredPart, scored: pa.Table, plan: ScorePlan) -> ScoredPart:
    """Write the scored rows of a committed part again, then its sidecar; its rejected rows stay as they are.

    Only columns that no total goes by may be other than before.
    """
    directory = plan.directory
    kept = {name: placed for name, placed in part.files.items() if name != scores_name(index, part.files, directory)}
    files = {**_place_scores(index, scored, plan), **kept}
    directory.commit_part(index, files, {"scored": scored.num_rows, "rejected": part.rejected})
    staged = directory.staged(index)
    if not isinstance(staged, ObjectPath):
        commit.remove(staged, directory.output)
    top, top_by_kind = _tops(scored, plan)
    return replace(
        part,
        files=files,
        top=top,
        top_by_kind=top_by_kind,
        counts=_counts_of(scored, plan),
        left_out=plan.left_out(scored),
    )


def _describe(
    scored: pa.Table, rejected: int, files: dict[str, Placed], plan: ScorePlan, *, is_reused: bool = False
) -> ScoredPart:
    """Return the result of a part, computed from its table."""
    parts = _totals(scored, plan), _flag_counts(scored), *_tops(scored, plan), exact_totals(scored)
    return ScoredPart(
        scored.num_rows, rejected, files, *parts, _counts_of(scored, plan), is_reused, plan.left_out(scored)
    )


def _tops(scored: pa.Table, plan: ScorePlan) -> tuple[pa.Table, pa.Table]:
    """Return the best accounts of a part, of all kinds and of each; none while a part is staged.

    They keep nothing else of the part, which may be a view of a file.
    """
    if plan.is_staged:
        return scored.schema.empty_table(), scored.schema.empty_table()
    own = _copied(scored)
    return best(own), best_by_kind(own)


def _copied(table: pa.Table) -> pa.Table:
    """Return a table whose dictionaries are its own."""
    import pyarrow as pa

    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            column = table.column(place).combine_chunks()
            texts = column.dictionary.take(pa.array(np.arange(len(column.dictionary))))
            own = pa.DictionaryArray.from_arrays(column.indices, texts)
            table = table.set_column(place, field, own)
    return table


def _counts_of(scored: pa.Table, plan: ScorePlan) -> tuple[Any, ...]:
    """Return what each section counts among the scored rows; nothing while a part is staged."""
    if plan.is_staged:
        return ()
    return tuple(section.state.count(scored) for section in plan.sections)


def _totals(scored: pa.Table, plan: ScorePlan) -> Any:
    """Accounts, sales, potential and whitespace (clusters, quadrants, kinds, 4) of the scored rows."""
    axes = {
        "cluster": plan.clusters,
        "quadrant": [play.quadrant for play in quadrant.PLAYS],
        "kind": KINDS,
    }
    cell, shape = np.zeros(scored.num_rows, np.int64), tuple(len(levels) for levels in axes.values())
    for name, levels in axes.items():
        cell = cell * len(levels) + level_codes(scored[name], levels)
    measured = (None, *(amounts(scored[name]) for name in SUMMED))
    sums = [np.bincount(cell, values, minlength=int(np.prod(shape))) for values in measured]
    return np.stack(sums, axis=-1).reshape(*shape, len(measured))


def _flag_counts(scored: pa.Table) -> dict[str, int]:
    """Return how many rows carry each flag."""
    texts = Flag.texts()
    counted, values = np.bincount(level_codes(scored["flags"], texts), minlength=len(texts)), np.arange(len(texts))
    return {flag.name.lower(): int(counted[values & int(flag) > 0].sum()) for flag in Flag if flag.name}


def best(scored: pa.Table) -> pa.Table:
    """The first accounts in the order of priority, then account id."""
    return scored.take(leading(scored, np.arange(scored.num_rows), "priority"))


def best_by_kind(scored: pa.Table) -> pa.Table:
    """The first accounts of each kind, one kind after the other: priority within the kind, then account id."""
    kind = level_codes(scored["kind"], KINDS)
    items = [leading(scored, np.flatnonzero(kind == code), "priority_in_kind") for code in range(len(KINDS))]
    return scored.take(np.concatenate(items))


def leading(scored: pa.Table, rows: Any, ranking: str) -> Any:
    """The places of the first accounts among some rows, by their place in a ranking, then account id."""
    import pyarrow.compute as pc

    if len(rows) > TOP:
        ranks = scored[ranking].to_numpy()[rows]
        rows = rows[ranks <= np.partition(ranks, TOP - 1)[TOP - 1]]
    keys = [(ranking, "ascending"), ("account_id", "ascending")]
    among = scored.select([name for name, _ in keys]).take(rows)
    return rows[pc.sort_indices(among, keys).to_numpy()[:TOP]]


def repeating(scored: pa.Table) -> list[str]:
    """The columns whose values come again and again: texts with a dictionary, and what a cluster's ladder gives."""
    import pyarrow as pa

    shared = _OF_LADDERS if "typical_sales" in scored.column_names else _SHARED
    return [*shared, *(field.name for field in scored.schema if pa.types.is_dictionary(field.type))]
