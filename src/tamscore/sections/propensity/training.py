"""The rows that a propensity is learned from: drawn by account id, buyers first, the same for every partitioning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.schema import InputColumns
from tamscore.scoring.census.partition import level_counts
from tamscore.scoring.features import joined_texts, read_features, texts_at
from tamscore.sections.propensity import design as designs
from tamscore.sections.propensity.learning import Training
from tamscore.stages import draw, prepare

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from tamscore.backend import Backend
    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.market import Market
    from tamscore.sections.propensity.design import PropensityDesign
    from tamscore.sections.propensity.settings import Propensity

_FLOOR = 0.005
"""Categories with a smaller share of the drawn rows are folded into 'other'."""


@dataclass(frozen=True)
class _LabelledDraw:
    """Which labelled rows are drawn: the seed, and by label the draw number up to which they are taken."""

    seed: int
    up_to: dict[int, int]


@dataclass(frozen=True)
class LabelledRows:
    """Drawn rows: draw numbers (n,), labels (n,), numbers (d, n), texts (n,) by column."""

    numbers: Any
    label: Any
    numeric: Any
    texts: dict[str, pa.Array]


def columns_of(market: Market, section: Propensity) -> InputColumns:
    """The columns that a propensity is learned from: those of the section, else the features of the job."""
    columns = market.run.columns
    mine = (section.numeric, section.categorical) if section.features else (columns.numeric, columns.categorical)
    return InputColumns(columns.account_id, columns.sales, numeric=mine[0], categorical=mine[1])


def draw_of(rows: Sequence[PartRows], labels: Sequence[Any], most: int, seed: int, other: int) -> _LabelledDraw:
    """At most so many rows: all buyers up to the half of them, then those with the label `other`."""
    numbers = {
        label: [draw.draw_number(part.hashes[mine == label], seed) for part, mine in zip(rows, labels, strict=True)]
        for label in (1, other)
    }
    counts = {label: sum(map(len, number)) for label, number in numbers.items()}
    buyers = min(counts[1], max(most // 2, most - counts[other]))
    return _LabelledDraw(
        seed, {1: draw.threshold(numbers[1], buyers), other: draw.threshold(numbers[other], most - buyers)}
    )


def _draw_rows(
    item: tuple[PartRows, Any], columns: InputColumns, how: _LabelledDraw, backend: Backend
) -> LabelledRows | None:
    """The drawn rows of a partition; None where there are none."""
    part, labels = item
    numbers = draw.draw_number(part.hashes, how.seed)
    taken = [np.flatnonzero((labels == label) & (numbers <= np.uint64(last))) for label, last in how.up_to.items()]
    at = np.sort(np.concatenate(taken))
    if not len(at):
        return None
    features = read_features(part.partition, columns, backend, at)
    numeric = [backend.get(features.numeric[name]) for name in columns.numeric]
    texts = {name: features.texts[name] for name in columns.categorical}
    return LabelledRows(numbers[at], labels[at], np.stack(numeric) if numeric else np.empty((0, len(at))), texts)


def _join(labelled_rows: Sequence[LabelledRows]) -> LabelledRows:
    """All drawn rows in order of their draw numbers."""
    numbers = np.concatenate([rows.numbers for rows in labelled_rows])
    order = np.argsort(numbers, kind="stable")
    texts = texts_at(joined_texts([rows.texts for rows in labelled_rows]), order)
    label = np.concatenate([rows.label for rows in labelled_rows])[order]
    return LabelledRows(
        numbers[order], label, np.concatenate([rows.numeric for rows in labelled_rows], axis=1)[:, order], texts
    )


def draw_training(market: Market, labels: Sequence[Any], how: _LabelledDraw, columns: InputColumns) -> LabelledRows:
    """The drawn rows of the whole market."""
    run = market.run
    items = zip(market.rows, labels, strict=True)
    return _join([drawn for drawn in run.map("training rows", _draw_rows, items, columns, how, run.backend) if drawn])


def design_of(drawn: LabelledRows, columns: InputColumns) -> PropensityDesign:
    """Return how the drawn rows become numbers."""
    numbers = [designs.number(name, drawn.numeric[place]) for place, name in enumerate(columns.numeric)]
    levels = [prepare.vocabulary(name, level_counts(texts), _FLOOR) for name, texts in drawn.texts.items()]
    return designs.PropensityDesign(tuple(numbers), tuple(levels))


def training_of(drawn: LabelledRows, design: PropensityDesign, counts: dict[int, int]) -> Training:
    """The drawn rows as they are learned from, weighted so that they stand for `counts` rows by label."""
    codes = {vocabulary.column: vocabulary.encode(drawn.texts[vocabulary.column]) for vocabulary in design.vocabularies}
    numbers = dict(zip((number.column for number in design.numbers), drawn.numeric, strict=True))
    raw = design.raw(np, numbers, codes)
    terms = np.stack([np.ones(len(drawn.label)), *design.straight(np, raw)])
    label = (drawn.label == 1).astype(np.float64)
    drawn_of = {1: label.sum(), 0: len(label) - label.sum()}
    weight = np.where(label == 1, counts[1] / drawn_of[1], counts[0] / max(drawn_of[0], 1))
    return Training(raw, design.levels, terms, label, weight * len(label) / weight.sum())
