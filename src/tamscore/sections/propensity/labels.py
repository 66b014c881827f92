"""Labels: which accounts bought in the label window, partition by partition, and checks of the cut-off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import float_column
from tamscore.errors import InputContractError
from tamscore.schema import Reason
from tamscore.stages import draw
from tamscore.stages.hash_index import order_of
from tamscore.stages.keys import positions
from tamscore.store import tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from tamscore.schema import Partition
    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.context import Run
    from tamscore.scoring.market import Market
    from tamscore.sections.propensity.settings import Propensity
    from tamscore.stages.folding import IdForm

UNLABELLED, _REJECTED = -1, -2
_FEWEST = 50
"""Fewest buyers, and fewest others if there are any, for a probability."""


_EARLY = "labels"
"""The name of the labels that were counted before the fit."""


@dataclass(frozen=True)
class _Asked:
    """The source of labels: a column of the input, or labels (n,) int8 by sorted id hash (n,) from a table.

    `column` is None if a table has the labels. Accounts without a label get `otherwise`.
    """

    column: str | None
    otherwise: int
    hashes: Any
    values: Any


def labels_of(market: Market, section: Propensity) -> list[Any]:
    """Return the label (m,) int8 of every row by partition: 1, 0, UNLABELLED, or REJECTED.

    Raise InputContractError if labels are neither 1 nor 0, or if features are from after the cut-off.
    """
    run = market.run
    with run.progress.stage("labels", run.plan.rows) as done:
        early = run.early.pop(_EARLY, None)
        read = early or list(run.flow.map(_read_labels, market.rows, run.flow.share(_asked_of(run, section))))
        items = [_of_scored(labels, rows.reason) for labels, rows in zip(read, market.assigned, strict=True)]
        if section.as_of and section.feature_cutoff:
            parts = [(part.partition, labels) for part, labels in zip(market.rows, items, strict=True)]
            for _ in run.flow.map(_require_dates, parts, section.as_of, section.feature_cutoff):
                pass
        done(sum(map(len, items)))
    return items


def require_early(run: Run, parts: Sequence[PartRows], section: Propensity) -> None:
    """Raise InputContractError unless enough rows that may be scored have a label, before anything is fitted.

    Later steps may reject more rows, so the labels are counted again before training.
    """
    with run.progress.stage("label_counts", run.plan.rows) as done:
        read = list(run.flow.map(_read_labels, parts, run.flow.share(_asked_of(run, section))))
        done(sum(map(len, read)))
    counts = counts_of([_of_scored(labels, part.reason) for labels, part in zip(read, parts, strict=True)])
    require_enough(counts, section.label_table or run.job.input.name)
    run.early[_EARLY] = read


def _of_scored(labels: Any, reason: Any) -> Any:
    """Return the labels (m,) of rows, REJECTED for rows that are not scored by their reasons (m,) uint8."""
    return np.where(reason == Reason.SCORED, labels, np.int8(_REJECTED))


def counts_of(result: Sequence[Any]) -> dict[int, int]:
    """Return how many accounts bought (1), did not (0), and are UNLABELLED."""
    return {value: sum(int(np.count_nonzero(item == value)) for item in result) for value in (1, 0, UNLABELLED)}


def _asked_of(run: Run, section: Propensity) -> _Asked:
    """Return the source of labels; read the table of labels if there is one."""
    if section.feature_cutoff is None or section.label is None:
        raise AssertionError("a label without its cut-off passed the checks of the job file")
    otherwise = 0 if section.missing == "zero" else UNLABELLED
    nothing = np.empty(0, np.uint64), np.empty(0, np.int8)
    hashes, values = _read_label_values(run, section) if section.label_table else nothing
    column = None if section.label_table else section.label
    return _Asked(column, otherwise, hashes, values)


def _read_label_values(run: Run, section: Propensity) -> tuple[Any, Any]:
    """Return sorted id hashes of the table of labels, and its labels; raise InputContractError if an id repeats."""
    plan = run.plan.tables["propensity.label_table"]
    account = section.account_id or run.job.columns.account_id
    parts = list(run.flow.map(_read_table, plan.partitions, account, section.label, run.columns.id_form))
    hashes, values = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = order_of(hashes)
    hashes, values = hashes[order], values[order]
    if twice := int(np.count_nonzero(hashes[1:] == hashes[:-1])):
        raise InputContractError(
            f"{section.label_table}: {twice:,} rows repeat an account of another row; one row an account is expected "
            f"for column {section.label!r}"
        )
    return hashes, values


def _read_table(partition: Partition, account: str, column: str, form: IdForm) -> tuple[Any, Any]:
    """Return the id hashes and labels of a part of the table of labels."""
    table = tables.read(partition, [account, column])
    hashes = draw.id_hash(tables.account_ids(table[account], form))
    return hashes, _encode(float_column(table[column]), column, partition.where)


def _read_labels(part: PartRows, asked: _Asked) -> Any:
    """Return the label (m,) int8 of every row of a partition, scored or not."""
    labels = _join(part.hashes, asked) if asked.column is None else _read_column(part.partition, asked.column)
    return np.where(labels == UNLABELLED, asked.otherwise, labels).astype(np.int8)


def _read_column(partition: Partition, column: str) -> Any:
    """Return the labels (m,) int8 from a column of a partition."""
    return _encode(float_column(tables.read(partition, [column])[column]), column, partition.where)


def _join(hashes: Any, asked: _Asked) -> Any:
    """Return the labels (m,) int8 of accounts from the table of labels, given their id hashes (m,)."""
    if not len(asked.hashes):
        return np.full(len(hashes), UNLABELLED, np.int8)
    (place,) = positions(asked.hashes, hashes, "left")
    at = np.minimum(place, len(asked.hashes) - 1)
    return np.where(asked.hashes[at] == hashes, asked.values[at], UNLABELLED)


def _encode(values: Any, column: str, where: str) -> Any:
    """Labels as int8, UNLABELLED for missing ones; raise InputContractError where one is neither 1 nor 0."""
    bad = ~(np.isnan(values) | (values == 0) | (values == 1))
    if bad.any():
        raise InputContractError(
            f"{where}: column {column!r}: expected 1, 0 or nothing, got {float(values[bad][0])!r} in "
            f"{np.count_nonzero(bad):,} rows such as the first; write 1 for accounts that bought in the label window"
        )
    return np.where(np.isnan(values), UNLABELLED, np.nan_to_num(values)).astype(np.int8)


def _require_dates(item: tuple[Partition, Any], as_of: str, cutoff: date) -> None:
    """Raise InputContractError if any labelled row of a partition is from after the cut-off."""
    import pyarrow as pa
    import pyarrow.compute as pc

    partition, labels = item
    column = tables.read(partition, [as_of])[as_of]
    try:
        days = column.cast(pa.date32(), safe=False)
    except pa.ArrowException as error:
        raise InputContractError(
            f"{partition.where}: column {as_of!r} is {column.type}, expected dates; cast it, or leave "
            "propensity.as_of out"
        ) from error
    late = pc.fill_null(pc.greater(days, pa.scalar(cutoff, pa.date32())), fill_value=False)
    known = late.to_numpy() & (labels >= 0)
    if known.any():
        raise InputContractError(
            f"{partition.where}: column {as_of!r}: {np.count_nonzero(known):,} rows with a label are from after "
            f"propensity.feature_cutoff = {cutoff}; take their state of that day, or leave out their label"
        )


def require_enough(counts: Mapping[int, int], where: str) -> None:
    """Raise InputContractError, with the number needed, if accounts by label (1, 0, UNLABELLED) are too few.

    If no account is labelled 0, buyers are compared with accounts without a label.
    """
    only_buyers = not counts[0] and counts[UNLABELLED] >= _FEWEST
    for label, what in ((1, "bought"), (0, "did not buy")):
        count = counts[label]
        if count < _FEWEST and not (label == 0 and only_buyers):
            raise InputContractError(
                f"{where}: {count:,} accounts are labelled {label} ({what}), at least {_FEWEST} are needed, "
                f"{_FEWEST - count} more; label more accounts, take a longer label window, or leave propensity.label "
                "out for a look-alike score"
            )
