"""The source of a run's model: a new fit, the frozen model of an earlier run, or a refresh of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from tamscore.errors import InputContractError
from tamscore.model.earlier import NOWHERE
from tamscore.model.files import require_fits
from tamscore.schema import PARTY_TYPES
from tamscore.scoring.context import columns_of, differences, settings_of
from tamscore.scoring.drift import WATCHED_ROWS, DriftSetup, PartyDriftSetup
from tamscore.scoring.features import Encoding
from tamscore.scoring.fit.fit import fit_parties
from tamscore.scoring.fit.look_alike import is_enabled
from tamscore.scoring.fit.party import judge_features, party_counts
from tamscore.scoring.fit.party_fit import PartyFit, Reference
from tamscore.scoring.fit.refit import refit_parties
from tamscore.scoring.fit.sample import last_drawn
from tamscore.scoring.party_model import PartyModel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.config import Job
    from tamscore.model.earlier import EarlierLabels, EarlierRun
    from tamscore.model.record import PartyRecord
    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.context import Run
    from tamscore.stages.level_loss import PartyLevel


class ModelSource(Protocol):
    """The source of a run's model."""

    @property
    def record(self) -> dict[str, Any]:
        """The record of it in the manifest, which is also a part of the run's key."""

    @property
    def earlier(self) -> EarlierRun | None:
        """The run that this one builds on."""

    @property
    def made(self) -> dict[str, Any] | None:
        """The source of the earlier run's model, if that run's scores of the same input may be the new scores."""

    @property
    def accept(self) -> bool:
        """Whether any number of accounts may change cluster."""

    def require_suitable(self, job: Job) -> None:
        """Raise InputContractError, with the differences, unless the job matches the model."""

    def judge_features(self, run: Run, parts: list[PartRows]) -> None:
        """Raise GateError if the leakage guard stops a fit on these rows."""

    def fit_models(self, run: Run, parts: list[PartRows]) -> list[PartyFit]:
        """Return the model of every party type that has rows."""


@dataclass(frozen=True)
class NewModel:
    """A new model."""

    earlier: None = None
    made: None = None
    accept: bool = True

    @property
    def record(self) -> dict[str, Any]:
        """The record of it in the manifest."""
        return {"source": "fitted"}

    def require_suitable(self, job: Job) -> None:
        """Do nothing: any job matches a new model."""

    def judge_features(self, run: Run, parts: list[PartRows]) -> None:
        """Raise GateError if the leakage guard stops a fit on these rows."""
        judge_features(run, parts)

    def fit_models(self, run: Run, parts: list[PartRows]) -> list[PartyFit]:
        """Return the model of every party type that has rows."""
        return fit_parties(run, parts)


@dataclass(frozen=True)
class FrozenModel:
    """The model of an earlier run, unchanged; with its ladders and limits, unless `own_ladders` are computed.

    `stands` says that scores which the earlier run made of the same input may be used as the new scores.
    """

    earlier: EarlierRun
    own_ladders: bool = False
    accept: bool = True
    stands: bool = False

    @property
    def made(self) -> dict[str, Any] | None:
        """The source of the earlier run's model; None if its scores may not be used as the new scores."""
        source = self.earlier.source
        same = source.get("ladders", self.record["ladders"]) == self.record["ladders"]
        return source if self.stands and same else None

    @property
    def record(self) -> dict[str, Any]:
        """The record of it in the manifest."""
        return {"source": "frozen", **self.earlier.record, "ladders": "own" if self.own_ladders else "frozen"}

    def require_suitable(self, job: Job) -> None:
        """Raise InputContractError unless the job has the settings that the model was fitted under."""
        model, settings = self.earlier.model, settings_of(job)
        if self.own_ladders:
            free = {"potential", "quadrant"}
            settings |= {name: setting for name, setting in model.settings.items() if name in free}
        require_fits(model, columns_of(job), settings, differences(job, self.earlier.job))

    def judge_features(self, run: Run, parts: list[PartRows]) -> None:
        """Do nothing: the features of a fitted model stay."""

    def fit_models(self, run: Run, parts: list[PartRows]) -> list[PartyFit]:
        """Return the model of every party type of the earlier run; raise InputContractError if the input has others."""
        known = {party.name: party for party in self.earlier.model.parties}
        for party, count in party_counts(parts).items():
            if PARTY_TYPES[party] not in known:
                raise InputContractError(
                    f"{run.job.input.name}: {count:,} accounts are of party type {PARTY_TYPES[party]!r}, which the "
                    f"model of run {self.earlier.directory.run_key} does not know; refresh the model, or fit a new one"
                )
        fitted = [_reuse_party(run, party) for party in known.values()]
        if not self.own_ladders:
            return fitted
        return [replace(fit, reference=replace(fit.reference, table=None, limits=None)) for fit in fitted]


@dataclass(frozen=True)
class RefreshedModel:
    """A model refreshed from an earlier one; `accept` says that a person has accepted its changes."""

    earlier: EarlierRun
    accept: bool = False
    made: None = None

    @property
    def record(self) -> dict[str, Any]:
        """The record of it in the manifest."""
        return {"source": "refreshed", **self.earlier.record}

    def require_suitable(self, job: Job) -> None:
        """Raise InputContractError unless the job has the features and columns of the model."""
        model = self.earlier.model
        settings = {**model.settings, "columns": settings_of(job)["columns"]}
        require_fits(model, columns_of(job), settings, differences(job, self.earlier.job))

    def judge_features(self, run: Run, parts: list[PartRows]) -> None:
        """Raise GateError if the leakage guard stops a fit on these rows."""
        judge_features(run, parts)

    def fit_models(self, run: Run, parts: list[PartRows]) -> list[PartyFit]:
        """Return the model of every party type that has rows; a type without rows keeps its model for later runs."""
        fitted = refit_parties(run, parts, self.earlier)
        there = {fit.model.name for fit in fitted}
        fitted += [_reuse_party(run, party) for party in self.earlier.model.parties if party.name not in there]
        return sorted(fitted, key=lambda fit: fit.model.encoding.party)


def _reuse_party(run: Run, party: PartyRecord) -> PartyFit:
    """Return a party type of an earlier model unchanged, ready to assign."""
    encoding = Encoding(run.columns, PARTY_TYPES.index(party.name), party.space.vocabularies, party.segments)
    level = _level_under(run.job, party)
    in_force, typical = (level.in_force, level.model) if level else (None, None)
    look_alike = party.look_alike if is_enabled(run.job) else None
    model = PartyModel(party.name, encoding, party.space, party.centers, party.ids, in_force, look_alike, typical)
    remaining = Reference(party.names, party.table, party.limits, party.reach)
    parts = (model, party.fit, party.spread, party.rows, party.constant, party.histograms, party.named, remaining)
    return PartyFit(*parts, level=level)


def _level_under(job: Job, party: PartyRecord) -> PartyLevel | None:
    """Return the level of an earlier model's party type under a job, which may choose another with own ladders."""
    level = party.level
    return replace(level, in_use=job.potential.level) if level and level.model else level


def drift_setup(
    run: Run, parts: list[PartRows], model_source: ModelSource, fitted: Sequence[PartyFit]
) -> DriftSetup | None:
    """Return the settings for watching drift during assignment; None if the run builds on no other."""
    if model_source.earlier is None:
        return None
    seed = run.job.clusters.seed
    labels = model_source.earlier.labels
    stored = {party.name: party for party in model_source.earlier.model.parties}
    parties = tuple(_party_drift_setup(fit, stored.get(fit.model.name), labels, parts, seed) for fit in fitted)
    return DriftSetup(labels, seed, run.job.clusters.hysteresis, parties)


def _party_drift_setup(
    fit: PartyFit, stored: PartyRecord | None, labels: EarlierLabels, parts: list[PartRows], seed: int
) -> PartyDriftSetup:
    """Return the settings for watching drift of a party type; empty for a type without an earlier model."""
    ids = fit.model.ids
    place = np.array([ids.index(name) if name in ids else NOWHERE for name in labels.ids] + [NOWHERE], np.uint16)
    up_to, _ = last_drawn(parts, fit.model.encoding.party, seed, WATCHED_ROWS)
    vocabularies = {vocabulary.column: vocabulary for vocabulary in stored.space.vocabularies} if stored else {}
    return PartyDriftSetup(place, stored.histograms if stored else (), vocabularies, up_to)
