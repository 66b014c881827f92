"""The results of a run beside its scores: tables for people, the model for later runs, the manifest for both."""

from __future__ import annotations

import platform
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tamscore import __version__
from tamscore.engine import versions
from tamscore.model import files as model
from tamscore.scoring import warnings
from tamscore.scoring.context import ladder_rules, quadrant_rules
from tamscore.scoring.score.parts import KINDS, MEASURES
from tamscore.scoring.tables import honesty, ladders, model_record, portfolio, summaries
from tamscore.scoring.tables.plain import money, money_columns, plain
from tamscore.stages import diagnose
from tamscore.store import commit

if TYPE_CHECKING:
    import pyarrow as pa

    from tamscore.config import Job
    from tamscore.engine.device import DeviceChoice
    from tamscore.progress import Progress
    from tamscore.scoring.fit.party_fit import PartyFit
    from tamscore.scoring.tables.run_tables import RunTables
    from tamscore.stages.level_loss import PartyLevel
    from tamscore.store.commit import Placed
    from tamscore.store.run_directory import RunDirectory

PACKAGES = ("numpy", "scikit-learn", "pyarrow", "dask", "safetensors")


def write_run(directory: RunDirectory, tables: RunTables, job: Job, choice: DeviceChoice, progress: Progress) -> None:
    """Write tables, model and manifest; with the manifest the run is complete."""
    for text in _run_warnings(tables, job):
        progress.notice(text)
    files: dict[str, Placed] = {}
    cents = money_columns(job).union(*(finding.money for finding in tables.findings.values()))
    long = frozenset[str]().union(*(finding.without_csv for finding in tables.findings.values()))
    for name, table in _tables_of(tables, job).items():
        repeated = _coded_columns(table) if name in long else None
        files[f"tables/{name}.parquet"] = commit.place_parquet(table, directory.tables / f"{name}.parquet", repeated)
        if name not in long:
            files[f"tables/{name}.csv"] = commit.place_csv(plain(table, cents), directory.tables / f"{name}.csv")
    files |= model.write_model(directory.model, model_record.model_of(tables, job))
    for name, findings in tables.findings.items():
        files |= model.write_section(directory.model, name, *findings.model) if findings.model else {}
    for part in tables.scored:
        files |= part.files
    directory.seal(_manifest(tables, job, choice, progress), files)


def _coded_columns(table: pa.Table) -> list[str]:
    """The columns of a long table whose texts come again and again."""
    import pyarrow as pa

    return [field.name for field in table.schema if pa.types.is_dictionary(field.type)]


def _tables_of(tables: RunTables, job: Job) -> dict[str, pa.Table]:
    """The tables of a run by name; those of its optional sections come last."""
    return {
        "potential": ladders.potential_table(tables),
        "steps": ladders.step_table(tables),
        "top_step": ladders.top_step_table(tables, job),
        "segments": summaries.segment_table(tables),
        "quadrants": summaries.quadrant_table(tables),
        "priority": portfolio.priority_table(tables),
        "plays": portfolio.play_table(tables),
        "portfolio": portfolio.portfolio_table(tables, job.portfolio),
        "features": summaries.feature_table(tables),
        "quality": summaries.quality_table(tables),
        "map": summaries.map_table(tables),
        "top_accounts": summaries.top_accounts(tables),
        "top_by_kind": summaries.top_by_kind(tables),
        **tables.review.tables,
        "leakage": honesty.leakage_table(tables),
        "level": honesty.level_table(tables),
        "choice_of_k": honesty.choice_table(tables),
        "stability": honesty.stability_table(tables),
        "potential_stability": honesty.moves_table(tables),
        **{name: table for finding in tables.findings.values() for name, table in finding.tables.items()},
    }


def _run_warnings(tables: RunTables, job: Job) -> list[str]:
    """Return what a person should know about the result, party type by party type, then section by section."""
    ladder, rules = ladder_rules(job), quadrant_rules(job)
    by_party = [
        f"{policy.name}: {text}"
        for market, policy, fitted in zip(tables.markets, tables.policies, tables.party_fits, strict=True)
        for text in warnings.market_warnings(market, policy.limits, ladder, rules, fitted.reference)
    ]
    of_sections = [f"{name}: {text}" for name, finding in tables.findings.items() for text in finding.notices]
    absent = [
        f"{name}: not computed: {why}"
        for name, why in tables.missing.items()
        if name in job.sections and name in job.model_fields_set
    ]
    return [*by_party, *of_sections, *absent]


def _manifest(tables: RunTables, job: Job, choice: DeviceChoice, progress: Progress) -> dict[str, Any]:
    """Return what the run read, did and found, as it stands in `_manifest.json`."""
    by_kind = tables.totals.sum(axis=(0, 1))
    scored = sum(part.scored for part in tables.scored)
    if tables.plan.rows != scored + sum(tables.reasons.values()):
        raise AssertionError(f"rows read {tables.plan.rows}, scored {scored}, rejected {tables.reasons}")
    return {
        "tamscore": __version__,
        "python": platform.python_version(),
        "packages": packages_of(choice),
        "device": _device_record(choice),
        "job": job.model_dump(mode="json"),
        "model": tables.review.record,
        "inputs": tables.plan.record,
        "input_change": tables.review.input_change,
        "rows": {
            "read": tables.plan.rows,
            "scored": scored,
            "rejected": tables.reasons,
            "flagged": tables.flags,
            "filled": tables.filled,
        },
        "totals": {kind: dict(zip(MEASURES, money(by_kind[i]), strict=True)) for i, kind in enumerate(KINDS)},
        "fit": {
            fit.model.name: _fit_record(fit, inertia)
            for fit, inertia in zip(tables.party_fits, tables.inertia, strict=True)
        },
        "tied_share": {
            market.model.name: round(diagnose.tied_share(market.sales.sales), 6) for market in tables.markets
        },
        "extras": {name: finding.record for name, finding in tables.findings.items() if finding.record},
        "missing": tables.missing,
        **({"left_out": list(left_out)} if (left_out := tables.left_out) else {}),
        **tables.sealed,
        "joins": [match.record for match in tables.joins],
        "notices": progress.notices,
        "stages": [asdict(time) for time in progress.times],
    }


def _level_record(level: PartyLevel | None) -> dict[str, Any] | None:
    """Which level of potential is in use, on how many customers it rests, and the held-out loss of both levels."""
    if level is None:
        return None
    losses = {loss.level: {"loss": loss.loss, "error": loss.error, "coverage": loss.coverage} for loss in level.losses}
    customers = level.model.customers if level.model else 0
    return {"in_use": level.in_use, "customers": customers, "losses": losses}


def packages_of(choice: DeviceChoice) -> dict[str, str]:
    """Return the versions of the packages that the numbers passed through; of GPU libraries if a GPU computed."""
    gpu = versions.gpu_libraries() if choice.name == "cuda" else {}
    return {name: versions.installed_version((name,)) for name in PACKAGES} | gpu


def _device_record(choice: DeviceChoice) -> dict[str, Any]:
    """Return which device computed and why; for GPUs also their names, the driver's version and the reader."""
    record = {"name": choice.name, "reason": choice.reason}
    if choice.name != "cuda":
        return record
    fed = {"reader": choice.reader.name, "reader_reason": choice.reader.reason} if choice.reader else {}
    return {**record, "gpus": list(choice.gpus), "driver": versions.driver_version(), **fed}


def _fit_record(party_fit: PartyFit, inertia: int) -> dict[str, Any]:
    """Return how a fit came about, and the inertia of all scored rows under it."""
    fit, grid = party_fit.fit, party_fit.model.space.fitted_grid
    return {
        "clusters": len(fit.centers),
        "inertia": inertia * grid.unit**2,
        "rows": party_fit.rows,
        "inertia_per_row": fit.inertia * grid.unit**2 / max(int(fit.counts.sum()), 1),
        "batches": fit.batches,
        "passes": fit.passes,
        "reseeded": fit.reseeded,
        "constant_columns": party_fit.constant,
        "level": _level_record(party_fit.level),
        "potential_stability": [asdict(move) for move in party_fit.moves],
    }
