"""The columns of a propensity, and their totals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import text_dictionary
from tamscore.engine.flow import LocalFlow
from tamscore.scoring.features import Encoding, stream_features
from tamscore.scoring.score.sections import RowsToForetell, WinForecast
from tamscore.sections.propensity import judging as propensity
from tamscore.sections.propensity import labels, reasons, training
from tamscore.sections.propensity import record as propensity_record
from tamscore.sections.propensity import stored_model as propensity_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from tamscore.backend import Backend
    from tamscore.schema import InputColumns, Partition
    from tamscore.scoring.market import Market
    from tamscore.scoring.score.sections import Findings, ScoredRows, State
    from tamscore.sections.propensity.judging import EvaluatedPropensity, PropensityModel
    from tamscore.sections.propensity.settings import Propensity

_EVERY_PARTY = -1
"""Party types are learned from together."""
_NO_LABEL = "no label: name propensity.label; the column look_alike tells who looks like a customer without one"


@dataclass(frozen=True)
class _Probabilities:
    """Probability, band and reasons of every account."""

    model: PropensityModel
    columns_read: InputColumns
    bands: tuple[float, float]
    record: dict[str, Any]
    cost: float

    def foretell(self, rows: RowsToForetell) -> WinForecast:
        """Probability and reasons of the scored rows of a partition.

        Nobody is known to be won by labels of buyers alone: their probability is that of having a label.
        """
        probability, why = _foretold(self.model, self.columns_read, rows.part.partition, rows.at, rows.backend)
        codes = np.min_scalar_type(-2 * sum(map(len, self.model.design.state_names)) - 1)
        reasons_ = {f"reason {place}": item.astype(codes) for place, item in enumerate(why)}
        wins = probability if self.record["mode"] == "probability" else None
        return WinForecast(wins, more={"probability": probability, **reasons_})

    def score(self, rows: ScoredRows, backend: Backend) -> dict[str, pa.Array]:
        """The columns of the scored rows of a partition."""
        import pyarrow as pa

        forecast = rows.foretold or self.foretell(RowsToForetell(rows.part, rows.assigned, rows.at, (), backend))
        probability, *why = forecast.more.values()
        numbers = [item.astype(np.int64) for item in why]
        text = text_dictionary(*reasons.texts(numbers, self.model.design.state_names))
        place = propensity.band(np, probability, self.bands)
        return {
            "propensity": pa.array(probability),
            "propensity_band": text_dictionary(place, list(propensity.BANDS)),
            "propensity_reasons": text,
        }

    def count(self, scored: pa.Table) -> Any:
        """Accounts and expected buyers (2, 3) by band."""
        text = scored["propensity"].to_numpy()
        place = propensity.band(np, text, self.bands)
        size = len(propensity.BANDS)
        return np.stack([np.bincount(place, minlength=size), np.bincount(place, weights=text, minlength=size)])

    def findings(self, counts: Sequence[Any]) -> Findings:
        """The verdict, bands with what contacting them costs, and the model for later runs."""
        return propensity_record.findings(self.model, self.record, sum(counts), self.bands, self.cost)


def prepare(market: Market, section: Propensity) -> State | str:
    """The propensity of a market; in words what is missing without a label.

    Raises InputContractError where there are too few buyers to learn from.
    """
    if section.label is None:
        return _NO_LABEL
    parts = propensity_model.stored_propensity(market, section)
    model, record = parts or _learn(market, section)
    columns = training.columns_of(market, section)
    return _Probabilities(model, columns, section.bands, record, section.cost_per_contact)


def _learn(market: Market, section: Propensity) -> tuple[PropensityModel, dict[str, Any]]:
    """A propensity learned from the labels, with its record."""
    run = market.run
    label = labels.labels_of(market, section)
    counts = labels.counts_of(label)
    labels.require_enough(counts, section.label_table or run.job.input.name)
    other = 0 if counts[0] else labels.UNLABELLED
    columns = training.columns_of(market, section)
    how = training.draw_of(market.rows, label, section.max_rows, run.job.clusters.seed, other)
    drawn = training.draw_training(market, label, how, columns)
    design = training.design_of(drawn, columns)
    rows = training.training_of(drawn, design, {1: counts[1], 0: counts[other]})
    rules = propensity.CalibrationRules(section.calibration, section.class_prior, negatives=other == 0)
    with run.progress.stage("propensity", len(rows.label)) as done, LocalFlow(run.job.engine.workers) as local:
        judged = propensity.evaluate(design, rows, local.map, rules)
        done(len(rows.label))
    return judged.propensity, _record_of(judged, section, counts, len(rows.label), drawn)


def _record_of(
    judged: EvaluatedPropensity, section: Propensity, counts: dict[int, int], used: int, drawn: training.LabelledRows
) -> dict[str, Any]:
    """Return what the manifest says of a propensity, but for what it comes to."""
    return {
        "mode": "probability" if counts[0] or section.class_prior else "labelled",
        "model": {"source": "fitted"},
        **propensity_record.describe_propensity(judged),
        "labels": {"bought": counts[1], "did_not_buy": counts[0], "unlabelled": counts[labels.UNLABELLED]},
        "learned_from": used,
        "window": {name: str(day) for name, day in section.dates()},
        "suspects": propensity_record.suspects(drawn, judged.propensity.design),
    }


def _foretold(
    model: PropensityModel, columns: InputColumns, partition: Partition, at: Any, backend: Backend
) -> tuple[Any, list[Any]]:
    """Probability (s,) and reasons (s,) of some rows of a partition, on the host."""
    scorer, encoding = model.scorer.on(backend), Encoding(columns, _EVERY_PARTY, model.design.vocabularies, None)
    probability = np.empty(len(at))
    why = [np.empty(len(at), np.int64) for _ in range(min(reasons.REASONS, len(model.design.columns)))]
    for features in stream_features(partition, columns, backend):
        first, stop = np.searchsorted(at, (features.here.start, features.here.stop))
        raw = features.raw(at[first:stop] - features.first, encoding, backend)
        for start in range(0, len(raw), backend.block_rows):
            block = raw.part(start, start + backend.block_rows)
            scores, begin = propensity.foretell(model, scorer, backend, block.numeric, block.codes), first + start
            here = slice(begin, begin + len(block))
            probability[here] = backend.get(scores.probability)
            for place, reason in zip(why, scores.reasons, strict=True):
                place[here] = backend.get(reason)
    return probability, why
