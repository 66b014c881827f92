"""The summary of a run, read from its files into one record."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tamscore.questions import page_one
from tamscore.questions.ranking import best_accounts
from tamscore.questions.roles import role_columns
from tamscore.questions.tables import (
    clusters_of,
    differences,
    find_cluster,
    optional_table,
    quadrants_of,
    sums_of,
    top_steps_of,
)
from tamscore.sections.coverage.measured import measured_notices
from tamscore.store.versions import require_keys, run_named

if TYPE_CHECKING:
    from tamscore.questions.page_one import PageOne
    from tamscore.questions.roles import RoleColumns
    from tamscore.questions.tables import Cluster, QuadrantRow, Sums, TopStep
    from tamscore.store.location import Location
    from tamscore.store.run_directory import RunDirectory


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What a run found; with `cluster` given, what it found about that one (and `apart`: what sets it apart)."""

    run: str
    path: str
    tamscore: str
    device: dict[str, str]
    rows: dict[str, Any]
    totals: dict[str, Sums]
    clusters: tuple[Cluster, ...]
    quadrants: tuple[QuadrantRow, ...] = ()
    top_steps: tuple[TopStep, ...] = ()
    top: tuple[dict[str, Any], ...]
    notices: tuple[str, ...]
    page_one: PageOne | None = None
    cluster: str | None = None
    apart: tuple[tuple[str, float], ...] = ()
    model: dict[str, Any] = field(default_factory=dict)
    drift: tuple[dict[str, Any], ...] = ()
    events: tuple[dict[str, Any], ...] = ()
    leakage: tuple[dict[str, Any], ...] = ()
    level: tuple[dict[str, Any], ...] = ()
    choice_of_k: tuple[dict[str, Any], ...] = ()
    stability: tuple[dict[str, Any], ...] = ()
    potential_stability: tuple[dict[str, Any], ...] = ()
    campaigns: tuple[dict[str, Any], ...] = ()
    priority: tuple[dict[str, Any], ...] = ()
    interval_level: float | None = None
    extras: dict[str, dict[str, Any]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    input_change: dict[str, Any] | None = None
    coverage: str | None = None

    @property
    def currency(self) -> str | None:
        """The currency of the amounts, where the job names it."""
        return None if self.page_one is None else self.page_one.report["currency"]

    @property
    def records(self) -> dict[str, dict[str, Any]]:
        """The record of every section that has one: campaigns are recorded in a table."""
        campaigns = {"campaigns": {"rows": self.campaigns}} if self.campaigns else {}
        return {**campaigns, **self.extras}


def load(
    path: Location,
    top: int = 10,
    cluster: str | None = None,
    plan: str | None = None,
    since: Location | None = None,
    *,
    compare: bool = True,
) -> Summary:
    """Return what the run at a path found, with its `top` best accounts; of one cluster only where it is named.

    Owners come from the newest coverage, or from the one whose name begins with `plan`. The first page compares with
    the run `since`, or the one before it, unless not `compare`. Raise UsageError if there is no
    complete run, no such cluster, or no such coverage.
    """
    directory, manifest = run_named(path)
    require_keys(directory, manifest, ("tamscore", "device", "totals", "notices", "job"))
    clusters = clusters_of(directory)
    known = None if cluster is None else find_cluster(cluster, clusters)
    form, listed = manifest["job"]["columns"].get("id_form", "text"), directory.tables / "top_accounts.parquet"
    roles = role_columns(directory, form, plan, listed)
    summary = Summary(
        run=directory.run_key,
        path=str(directory.path),
        tamscore=str(manifest["tamscore"]),
        device=dict(manifest["device"]),
        rows=dict(manifest["rows"]),
        totals={kind: sums_of(sums) for kind, sums in manifest["totals"].items()},
        clusters=tuple(cluster for cluster in clusters if known in {None, cluster.cluster}),
        top=tuple(best_accounts(directory, roles, top, known)),
        notices=tuple(notice for notice in manifest["notices"] if not notice.startswith("device ")),
        cluster=known,
        coverage=_roles_note(roles),
        model=dict(manifest.get("model", {})),
        stability=tuple(row for row in optional_table(directory, "stability") if known in {None, row["cluster"]}),
        interval_level=manifest["job"]["potential"].get("interval_level"),
    )
    if known is not None:
        return replace(summary, apart=differences(directory, known))
    first = page_one.load(directory, manifest, roles, clusters, since, compare=compare)
    return replace(summary, page_one=first, **_of_the_market(directory, manifest))


def _roles_note(roles: RoleColumns) -> str | None:
    """Return the source of roles and persons; None if quadrants suggest the roles."""
    if roles.plan is not None:
        known = "".join(f"; {text}" for text in measured_notices(roles.plan.record.get("measured", ())))
        return f"{roles.plan.name}, roles and persons are those of tamscore coverage{known}"
    return "roles and persons are those of the scores" if roles.is_sealed else None


_MARKET_TABLES = ("drift", "events", "leakage", "level", "choice_of_k", "potential_stability", "campaigns", "priority")


def _of_the_market(directory: RunDirectory, manifest: dict[str, Any]) -> dict[str, Any]:
    """Return what a run found that is not about any one cluster, by field of the summary."""
    return {
        "quadrants": quadrants_of(directory),
        "top_steps": top_steps_of(directory),
        **{name: optional_table(directory, name) for name in _MARKET_TABLES},
        "extras": dict(manifest.get("extras", {})),
        "input_change": manifest.get("input_change"),
        "missing": dict(manifest.get("missing", {})),
    }


def to_json(summary: Summary) -> str:
    """The summary as JSON; numbers that are none are null."""
    return json.dumps(_plain(asdict(summary)), indent=1, ensure_ascii=False, allow_nan=False)


def _plain(value: Any) -> Any:
    """The value with NaN and infinity as None."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
