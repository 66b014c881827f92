"""What stands on the first page: whom to call, what is at stake, what changed, hours, and what to mind."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tamscore.errors import UsageError
from tamscore.questions.ranking import best_accounts
from tamscore.questions.tables import optional_table, sums_of
from tamscore.store.versions import run_named, version_before

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tamscore.questions.roles import RoleColumns
    from tamscore.questions.stored import StoredRun
    from tamscore.questions.tables import Cluster
    from tamscore.store.location import Location
    from tamscore.store.run_directory import RunDirectory

    _Row = dict[str, Any]

_CALLS = 20
"""So many accounts stand on the first page."""
_KINDS = ("expansion", "acquisition")
HEAD = ("title", "company", "currency", "period", "owner")
_STEADY = "steady"


@dataclass(frozen=True, kw_only=True)
class Stake:
    """Accounts of a kind: how many, what they buy, what may be expected of them, and their whitespace as a ceiling.

    `expected` is None for a run that does not know it; `called` is that of those among the first accounts.
    """

    accounts: int
    sales: float
    ceiling: float
    expected: float | None
    called_accounts: int
    called: float | None


@dataclass(frozen=True, kw_only=True)
class FigureChange:
    """A figure before and now with its change as a share of what it was; None where one of them is not known."""

    what: str
    before: float | None
    now: float | None
    change: float | None


@dataclass(frozen=True, kw_only=True)
class ChangesSince:
    """What changed since another run: figures of both, and accounts new and gone where the run has counted them."""

    run: str
    named: bool
    measures: tuple[FigureChange, ...]
    new: int | None
    gone: int | None


@dataclass(frozen=True, kw_only=True)
class Hours:
    """Hours that the accounts of a role ask for in a year, and those there are."""

    role: str
    people: int
    needed: float
    there: float


@dataclass(frozen=True, kw_only=True)
class ClusterTrust:
    """How far clusters can be trusted: how many come out again, which do not, and which lean on others.

    `graded` is 0 for a run that has not asked it; `model` is the run that fitted the clusters, if it is another one.
    """

    clusters: int
    graded: int
    sound: int
    unstable: tuple[str, ...]
    thin: tuple[str, ...]
    model: str | None


@dataclass(frozen=True, kw_only=True)
class Quality:
    """What became of the rows: read, scored, rejected, flagged by reason; features that look like sales."""

    read: int
    scored: int
    rejected: int
    flagged: _Row
    suspects: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Drift:
    """Figures compared with those that the model was fitted on, those that moved, and limits of the input broken."""

    compared: int
    moved: tuple[str, ...]
    broken: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class PageOne:
    """The first page of a run; `report` is its [report], `leaving` the alert about customers that may leave.

    `line` is the first cut line, such as p85.
    """

    report: dict[str, str | None]
    call: tuple[_Row, ...]
    stake: dict[str, Stake]
    line: str
    leaving: _Row | None
    since: ChangesSince | None
    hours: tuple[Hours, ...]
    trust: ClusterTrust
    quality: Quality
    drift: Drift


def load(
    directory: RunDirectory,
    manifest: Mapping[str, Any],
    roles: RoleColumns,
    clusters: Sequence[Cluster],
    since: Location | None = None,
    *,
    compare: bool = True,
) -> PageOne:
    """Return the first page of a run, compared with the run `since`, or the one that it replaced, unless not `compare`.

    Raise UsageError if there is no run `since`.
    """
    call = tuple(
        row for row in best_accounts(directory, roles, _CALLS, None) if row["whitespace"] or row.get("value_at_risk")
    )
    stakes = stakes_of(directory, manifest)
    earlier = _before(directory, since) if compare else None
    alerts = manifest.get("extras", {}).get("alerts", {}).get("lists", {})
    return PageOne(
        report=_head(manifest["job"]),
        call=call,
        stake={kind: Stake(**stakes[kind], **_expected_counts(call, kind)) for kind in _KINDS},
        line=next(iter(clusters[0].steps)),
        leaving=alerts.get("may_leave"),
        since=None if earlier is None else _since_of(earlier, manifest, stakes, named=since is not None),
        hours=() if roles.plan is None else tuple(_hours_of(roles.plan.record["roles"])),
        trust=_trust_of(directory, manifest, clusters),
        quality=_quality_of(directory, manifest),
        drift=_drift_of(directory, manifest),
    )


def _head(job: Mapping[str, Any]) -> dict[str, str | None]:
    """Return the [report] of a stored job; the currency is that of [currency] if it names none."""
    record = {name: (job.get("report") or {}).get(name) for name in HEAD}
    return {**record, "currency": record["currency"] or (job.get("currency") or {}).get("target")}


def head_with(run: StoredRun, overrides: Sequence[str]) -> dict[str, str | None]:
    """Return the [report] of a run with keys of it set; raise UsageError for keys of other sections."""
    for text in overrides:
        if not text.startswith("report."):
            raise UsageError(f"--set {text}: expected a key of [report], such as report.title; others need a new run")
    return _head(run.job_with(overrides).model_dump())


def stakes_of(directory: RunDirectory, manifest: Mapping[str, Any]) -> dict[str, _Row]:
    """Return accounts, sales, ceiling and expected value of each kind in a run."""
    expected: dict[str, float | None] = dict.fromkeys(_KINDS)
    for row in optional_table(directory, "priority"):
        if row["expected_value"] is not None:
            expected[row["kind"]] = (expected[row["kind"]] or 0.0) + row["expected_value"]
    sums = {kind: sums_of(manifest["totals"][kind]) for kind in _KINDS}
    return {
        kind: {"accounts": sums.accounts, "sales": sums.sales, "ceiling": sums.whitespace, "expected": expected[kind]}
        for kind, sums in sums.items()
    }


def _expected_counts(call: Iterable[_Row], kind: str) -> _Row:
    """Return how many of the first accounts are of a kind, and what may be expected of them."""
    values = [row.get("expected_value") for row in call if row["kind"] == kind]
    known = [value for value in values if value is not None]
    return {"called_accounts": len(values), "called": sum(known) if known else None}


def _before(directory: RunDirectory, since: Location | None) -> RunDirectory | None:
    """Return the run to compare with: the one named, else the one replaced, if it is still whole."""
    return version_before(directory) if since is None else run_named(since, directory.output)[0]


def _since_of(
    earlier: RunDirectory, manifest: Mapping[str, Any], stakes: Mapping[str, _Row], *, named: bool
) -> ChangesSince:
    """Return what changed since an earlier run."""
    then = stakes_of(earlier, earlier.manifest() or {})
    both = (then, stakes)
    pairs = {
        "accounts": [float(sum(item[kind]["accounts"] for kind in _KINDS)) for item in both],
        "customers": [float(item["expansion"]["accounts"]) for item in both],
        "sales": [item["expansion"]["sales"] for item in both],
        **{f"expected_{kind}": [item[kind]["expected"] for item in both] for kind in _KINDS},
    }
    text = manifest.get("input_change") or {}
    known = text if text.get("run") == earlier.run_key else {}
    measures = tuple(_measure(what, *pair) for what, pair in pairs.items())
    return ChangesSince(
        run=earlier.run_key, named=named, measures=measures, new=known.get("new"), gone=known.get("gone")
    )


def _measure(what: str, before: float | None, now: float | None) -> FigureChange:
    """Return a figure with its change."""
    change = None if not before or now is None else (now - before) / abs(before)
    return FigureChange(what=what, before=before, now=now, change=change)


def _hours_of(roles: Iterable[_Row]) -> Iterator[Hours]:
    """Yield the hours of every role that has a limit and people or work, from the record of a coverage."""
    for row in roles:
        needed, there = row["hours_needed"], row["hours_available"]
        if there is not None and (needed or there):
            yield Hours(role=row["role"], people=row["people"], needed=needed, there=there)


def _trust_of(directory: RunDirectory, manifest: Mapping[str, Any], clusters: Sequence[Cluster]) -> ClusterTrust:
    """Return how far the clusters of a run can be trusted."""
    graded = optional_table(directory, "stability")
    grades = Counter(row["grade"] for row in graded)
    return ClusterTrust(
        clusters=len(clusters),
        graded=len(graded),
        sound=grades["stable"] + grades["highly stable"],
        unstable=tuple(row["cluster"] for row in graded if row["grade"] == "unstable"),
        thin=tuple(cluster.cluster for cluster in clusters if cluster.borrows),
        model=manifest.get("model", {}).get("run"),
    )


def _quality_of(directory: RunDirectory, manifest: Mapping[str, Any]) -> Quality:
    """Return what became of the rows of a run."""
    rows = manifest["rows"]
    return Quality(
        read=rows["read"],
        scored=rows["scored"],
        rejected=sum(rows["rejected"].values()),
        flagged={name: count for name, count in rows["flagged"].items() if count},
        suspects=tuple(row["feature"] for row in optional_table(directory, "leakage") if row["verdict"] != "clear"),
    )


def _drift_of(directory: RunDirectory, manifest: Mapping[str, Any]) -> Drift:
    """Return what moved since the model was fitted, and which limits of the input are broken."""
    rows = optional_table(directory, "drift")
    moved = (f"{row['name'] or row['what']} ({row['verdict']})" for row in rows if row["verdict"] != _STEADY)
    broken = (manifest.get("input_change") or {}).get("broken", ())
    return Drift(compared=len(rows), moved=tuple(moved), broken=tuple(broken))
