"""Customer jobs as later runs read them: names, figures and single numbers, and the arrays of the model."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.errors import InputContractError
from tamscore.sections.jobs.clustering import GroupCandidate
from tamscore.sections.jobs.look_alike import JobLookAlikes
from tamscore.stages.look_alike import LookAlike

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tamscore.scoring.market import Market
    from tamscore.sections.jobs.party import PartyJobs

NAME = "jobs"
_FORMAT = 1
_ARRAYS = ("offsets", "slopes", "hinges", "bends", "means", "spreads")
_SINGLE = ("seed", "last", "area", "customers", "prospects", "excluded")
"""The arrays of a look-alike, and what it says in single values."""


@dataclass(frozen=True)
class StoredJobs:
    """The customer jobs of a party type as an earlier run left them."""

    party_type: str
    names: tuple[str, ...]
    centers: Any
    candidates: tuple[GroupCandidate, ...]
    found: GroupCandidate
    learned: JobLookAlikes | None


@dataclass(frozen=True)
class StoredModel:
    """The columns (C,) of mixes, and the customer jobs of each party type by its name, of a run with a name."""

    run: str
    columns: tuple[str, ...]
    parties: dict[str, StoredJobs]


def both(columns: Sequence[str], parties: Sequence[PartyJobs]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the description and the arrays of a model."""
    arrays: dict[str, Any] = {}
    items = []
    for party in parties:
        arrays[f"{party.party_type}.centers"] = np.asarray(party.centers, np.float64)
        learned = party.learned
        for place, model in enumerate(learned.models if learned else ()):
            arrays |= {f"{party.party_type}.{place}.{name}": np.asarray(getattr(model, name)) for name in _ARRAYS}
        items.append(
            {
                "party_type": party.party_type,
                "names": list(party.names),
                "candidates": [asdict(candidate) for candidate in party.candidates],
                "found": asdict(party.found),
                "look_alike": _describe(learned) if learned else None,
            }
        )
    return {"format": _FORMAT, "columns": list(columns), "parties": items}, arrays


def _describe(learned: JobLookAlikes) -> dict[str, Any]:
    """Return what look-alikes say in single values."""
    figures = {field.name: getattr(learned, field.name) for field in fields(JobLookAlikes) if field.name != "models"}
    return {**figures, "models": [{name: getattr(model, name) for name in _SINGLE} for model in learned.models]}


def stored_model(market: Market) -> StoredModel | None:
    """Return the customer jobs of the run that this one builds on; None if it builds on none, or that run has none.

    Raise InputContractError if its files make no sense.
    """
    earlier = market.model_source.earlier
    if earlier is None:
        return None
    directory, pair = earlier.directory, earlier.section(NAME)
    return None if pair is None else parse(*pair, directory.run_key, str(directory.model))


def parse(text: Mapping[str, Any], arrays: Mapping[str, Any], run: str, where: str) -> StoredModel:
    """Return the customer jobs that two files of a model hold; raise InputContractError if they make no sense."""
    try:
        if text["format"] != _FORMAT:
            raise ValueError(f"expected format {_FORMAT}, got {text['format']!r}")  # noqa: TRY301 - one way out
        columns = tuple(map(str, text["columns"]))
        parties = {item["party_type"]: _party_jobs(item, arrays, len(columns)) for item in text["parties"]}
        return StoredModel(run, columns, parties)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise InputContractError(f"{where}: {NAME}: {error}; run its job again") from error


def _party_jobs(text: Mapping[str, Any], arrays: Mapping[str, Any], columns: int) -> StoredJobs:
    """Return the customer jobs of a party type; raise ValueError if they do not hold together."""
    name, names = str(text["party_type"]), tuple(map(str, text["names"]))
    centers = arrays[f"{name}.centers"]
    if centers.shape != (len(names), columns) or not np.isfinite(centers).all():
        raise ValueError(f"{name}: expected centers of {len(names)} jobs and {columns} products, got {centers.shape}")
    learned = _look_alikes(name, text["look_alike"], arrays, len(names)) if text["look_alike"] else None
    candidates = tuple(map(_candidate_of, text["candidates"]))
    return StoredJobs(name, names, centers, candidates, _candidate_of(text["found"]), learned)


def _candidate_of(text: Mapping[str, Any]) -> GroupCandidate:
    """Return a number of groups as it was judged."""
    return GroupCandidate(**{**text, "similarity": tuple(text["similarity"])})


def _look_alikes(party: str, text: Mapping[str, Any], arrays: Mapping[str, Any], jobs: int) -> JobLookAlikes:
    """Return the look-alikes of the jobs of a party type; raise ValueError if there are more or fewer than jobs."""
    models = []
    for place, item in enumerate(text["models"]):
        here = {name: arrays[f"{party}.{place}.{name}"] for name in _ARRAYS}
        single = {name: item[name] for name in _SINGLE} | {"excluded": tuple(item["excluded"])}
        models.append(LookAlike(**here, **single))
    if len(models) != jobs:
        raise ValueError(f"{party}: expected look-alikes of {jobs} jobs, got {len(models)}")
    return JobLookAlikes(
        tuple(models), **{field.name: text[field.name] for field in fields(JobLookAlikes) if field.name != "models"}
    )
