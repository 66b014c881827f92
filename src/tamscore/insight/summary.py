"""What a run found, read from its files into one record."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import asdict, dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from tamscore.errors import UsageError
from tamscore.store import contents
from tamscore.store.named import run_named

if TYPE_CHECKING:
    import pyarrow as pa

    from tamscore.store.location import Location
    from tamscore.store.run_directory import RunDirectory

HEAD = ("party_type", "cluster", "name", "support", "basis", "parent", "low_support", "distinct_steps")
"""The columns of the potential table before its steps; behind them stand the ends of their intervals."""
ENDS = ("low_", "high_")
MEASURES = ("accounts", "sales", "potential", "whitespace")
ACCOUNT = (
    "rank", "account_id", "name", "party_type", "cluster", "kind", "sales", "potential", "whitespace",
    "basis", "support", "low_support", "potential_low", "potential_high",
    "relative_potential", "relative_message", "quadrant", "play", "role",
)  # fmt: skip
"""What is shown of an account; `name` only where the job has names."""


@dataclass(frozen=True)
class Sums:
    """How many accounts there are, and what they come to in money."""

    accounts: int
    sales: float
    potential: float
    whitespace: float


@dataclass(frozen=True)
class Cluster:
    """One cluster: its ladder by step (None where nobody buys), where that comes from, sums by kind.

    `share` is its part of all accounts of its party type. `intervals` holds low and high of each step; with
    `low_support` that of the first one rests on borrowed customers.
    """

    party_type: str
    cluster: str
    name: str
    support: int
    basis: str
    parent: str
    low_support: bool
    steps: dict[str, float | None]
    intervals: dict[str, tuple[float | None, float | None]]
    kinds: dict[str, Sums]
    accounts: int
    share: float


@dataclass(frozen=True)
class Quadrant:
    """The accounts of one kind in one quadrant of a party type, and what to do about them."""

    party_type: str
    kind: str
    quadrant: str
    play: str
    role: str
    sums: Sums


@dataclass(frozen=True)
class TopStep:
    """What is open among the customers of a party type under one top step, and the share of it that lies with each.

    `above` counts customers that buy more than the cap.
    """

    party_type: str
    top_step: str
    in_force: bool
    expansion: float
    potential_to_sales: float | None
    above: int
    shares: dict[str, float | None]


@dataclass(frozen=True)
class Summary:
    """What a run found; with `cluster` given, what it found about that one (and `apart`: what sets it apart)."""

    run: str
    path: str
    tamscore: str
    device: dict[str, str]
    rows: dict[str, Any]
    totals: dict[str, Sums]
    clusters: tuple[Cluster, ...]
    quadrants: tuple[Quadrant, ...]
    top_steps: tuple[TopStep, ...]
    top: tuple[dict[str, Any], ...]
    notices: tuple[str, ...]
    cluster: str | None = None
    apart: tuple[tuple[str, float], ...] = ()
    model: dict[str, Any] = field(default_factory=dict)
    drift: tuple[dict[str, Any], ...] = ()
    events: tuple[dict[str, Any], ...] = ()
    leakage: tuple[dict[str, Any], ...] = ()
    choice_of_k: tuple[dict[str, Any], ...] = ()
    stability: tuple[dict[str, Any], ...] = ()
    campaigns: tuple[dict[str, Any], ...] = ()
    interval_level: float | None = None
    extras: dict[str, dict[str, Any]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


def load(path: Location, top: int = 10, cluster: str | None = None) -> Summary:
    """What the run at a path found, with its `top` best accounts; of one cluster only where it is named.

    Raises UsageError where there is no complete run, or no such cluster.
    """
    directory = run_named(path)
    manifest = directory.manifest()
    if manifest is None:
        raise UsageError(f"{directory.path}: the run is not complete; run its job again")
    clusters = clusters_of(directory)
    known = None if cluster is None else cluster_named(cluster, clusters)
    return Summary(
        run=directory.run_key,
        path=str(directory.path),
        tamscore=str(manifest["tamscore"]),
        device=dict(manifest["device"]),
        rows=dict(manifest["rows"]),
        totals={kind: sums_of(sums) for kind, sums in manifest["totals"].items()},
        clusters=tuple(one for one in clusters if known in {None, one.cluster}),
        quadrants=quadrants_of(directory) if known is None else (),
        top_steps=top_steps_of(directory) if known is None else (),
        top=tuple(best_accounts(directory, top, known)),
        notices=tuple(notice for notice in manifest["notices"] if not notice.startswith("device ")),
        cluster=known,
        apart=() if known is None else differences(directory, known),
        model=dict(manifest.get("model", {})),
        drift=optional_table(directory, "drift") if known is None else (),
        events=optional_table(directory, "events") if known is None else (),
        leakage=() if known else optional_table(directory, "leakage"),
        choice_of_k=() if known else optional_table(directory, "choice_of_k"),
        stability=tuple(row for row in optional_table(directory, "stability") if known in {None, row["cluster"]}),
        campaigns=optional_table(directory, "campaigns") if known is None else (),
        interval_level=manifest["job"]["potential"].get("interval_level"),
        extras={} if known else dict(manifest.get("extras", {})),
        missing={} if known else dict(manifest.get("missing", {})),
    )


def table(directory: RunDirectory, name: str) -> list[dict[str, Any]]:
    """The rows of one of the tables of a run."""
    rows: list[dict[str, Any]] = contents.whole(directory.tables / f"{name}.parquet").to_pylist()
    return rows


def optional_table(directory: RunDirectory, name: str) -> tuple[dict[str, Any], ...]:
    """The rows of a table that not every run has."""
    return tuple(table(directory, name)) if (directory.tables / f"{name}.parquet").exists() else ()


def sums_of(row: dict[str, Any]) -> Sums:
    """The sums of a row that holds them beside other things."""
    accounts, *money = (row[measure] for measure in MEASURES)
    return Sums(round(accounts), *map(float, money))


def clusters_of(directory: RunDirectory) -> list[Cluster]:
    """Every cluster, in the order of the potential table."""
    kinds: dict[str, dict[str, Sums]] = {}
    parties: Counter[str] = Counter()
    for row in table(directory, "segments"):
        sums = kinds.setdefault(row["cluster"], {})[row["kind"]] = sums_of(row)
        parties[row["party_type"]] += sums.accounts
    return [cluster_of(row, kinds[row["cluster"]], parties) for row in table(directory, "potential")]


def cluster_of(row: dict[str, Any], kinds: dict[str, Sums], parties: Counter[str]) -> Cluster:
    """The cluster of a row of the potential table."""
    accounts = sum(sums.accounts for sums in kinds.values())
    return Cluster(
        **{name: row[name] for name in HEAD[:-1]},
        steps=(steps := {name: row[name] for name in row if name not in HEAD and not name.startswith(ENDS)}),
        intervals={name: (row[f"low_{name}"], row[f"high_{name}"]) for name in steps},
        kinds=kinds,
        accounts=accounts,
        share=accounts / max(parties[row["party_type"]], 1),
    )


def cluster_named(name: str, clusters: list[Cluster]) -> str:
    """The id of a cluster, however it was capitalised; UsageError where there is none."""
    known = [one.cluster for one in clusters]
    if name.upper() in known:
        return name.upper()
    close = get_close_matches(name.upper(), known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"the run has {', '.join(known)}"
    raise UsageError(f"--cluster: no cluster {name!r}; {hint}")


def quadrants_of(directory: RunDirectory) -> tuple[Quadrant, ...]:
    """Every quadrant that has accounts, by party type and kind."""
    names = ("party_type", "kind", "quadrant", "play", "role")
    return tuple(
        Quadrant(**{name: row[name] for name in names}, sums=sums_of(row)) for row in table(directory, "quadrants")
    )


def top_steps_of(directory: RunDirectory) -> tuple[TopStep, ...]:
    """Every way to set the top step, by party type."""
    names = ("party_type", "top_step", "in_force", "expansion", "potential_to_sales", "above")
    found = []
    for row in table(directory, "top_step"):
        shares = {name.removeprefix("share_"): value for name, value in row.items() if name not in names}
        found.append(TopStep(**{name: row[name] for name in names}, shares=shares))
    return tuple(found)


def differences(directory: RunDirectory, cluster: str) -> tuple[tuple[str, float], ...]:
    """How far a cluster lies from its party type, feature by feature in standard deviations, the farthest first."""
    rows = [row for row in table(directory, "features") if row["cluster"] == cluster]
    rows.sort(key=lambda row: -abs(row["difference"]))
    return tuple((row["feature"], row["difference"]) for row in rows)


def best_accounts(directory: RunDirectory, count: int, cluster: str | None) -> list[dict[str, Any]]:
    """The first accounts of the ranking, of the whole market or of one cluster.

    Those that the run has listed are taken from its list, more of them from the scores.
    """
    import pyarrow as pa

    listed = contents.whole(directory.tables / "top_accounts.parquet")
    if cluster is None and count <= listed.num_rows:
        found = shown(listed).slice(0, count)
    else:
        parts = directory.parts() if count else []
        best = [first(shown(contents.whole(part), cluster), count) for part in parts]
        found = first(pa.concat_tables(best), count) if best else shown(listed).slice(0, 0)
    rows: list[dict[str, Any]] = found.to_pylist()
    return rows


def shown(accounts: pa.Table, cluster: str | None = None) -> pa.Table:
    """What is shown of the accounts, of one cluster or all, with texts as texts."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = accounts.select([name for name in ACCOUNT if name in accounts.column_names])
    if cluster is not None:
        columns = columns.filter(pc.equal(columns["cluster"].cast(pa.string()), cluster))
    fields = [field.with_type(pa.string()) if pa.types.is_dictionary(field.type) else field for field in columns.schema]
    return columns.cast(pa.schema(fields))


def first(accounts: pa.Table, count: int) -> pa.Table:
    """The first accounts in the order of the ranking: rank, then account id."""
    return accounts.sort_by([("rank", "ascending"), ("account_id", "ascending")]).slice(0, count)


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
