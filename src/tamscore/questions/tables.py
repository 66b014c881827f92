"""The tables of a run, read back: as rows, and as records of clusters, quadrants and top steps."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from tamscore.errors import UsageError
from tamscore.schema import POTENTIAL_HEAD
from tamscore.store import contents

if TYPE_CHECKING:
    from tamscore.store.run_directory import RunDirectory


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

    @property
    def borrows(self) -> bool:
        """Whether its first step leans on customers of others; without any customers there is nothing to lean on."""
        return self.low_support and any(value is not None for value in self.steps.values())


@dataclass(frozen=True)
class QuadrantRow:
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


def table(directory: RunDirectory, name: str) -> list[dict[str, Any]]:
    """The rows of one of the tables of a run."""
    rows: list[dict[str, Any]] = contents.whole(directory.tables / f"{name}.parquet").to_pylist()
    return rows


def optional_table(directory: RunDirectory, name: str) -> tuple[dict[str, Any], ...]:
    """The rows of a table that not every run has."""
    return tuple(table(directory, name)) if (directory.tables / f"{name}.parquet").exists() else ()


def sums_of(row: dict[str, Any]) -> Sums:
    """The sums of a row that holds them beside other things."""
    return Sums(round(row["accounts"]), float(row["sales"]), float(row["potential"]), float(row["whitespace"]))


def clusters_of(directory: RunDirectory) -> list[Cluster]:
    """Every cluster, in the order of the potential table."""
    kinds: dict[str, dict[str, Sums]] = {}
    parties: Counter[str] = Counter()
    for row in table(directory, "segments"):
        sums = kinds.setdefault(row["cluster"], {})[row["kind"]] = sums_of(row)
        parties[row["party_type"]] += sums.accounts
    return [_cluster_of(row, kinds[row["cluster"]], parties) for row in table(directory, "potential")]


def _cluster_of(row: dict[str, Any], kinds: dict[str, Sums], parties: Counter[str]) -> Cluster:
    """The cluster of a row of the potential table."""
    accounts = sum(sums.accounts for sums in kinds.values())
    steps = [name for name in row if f"high_{name}" in row]
    return Cluster(
        **{name: row[name] for name in POTENTIAL_HEAD},
        steps={name: row[name] for name in steps},
        intervals={name: (row[f"low_{name}"], row[f"high_{name}"]) for name in steps},
        kinds=kinds,
        accounts=accounts,
        share=accounts / max(parties[row["party_type"]], 1),
    )


def find_cluster(name: str, clusters: list[Cluster]) -> str:
    """The id of a cluster, however it was capitalised; raise UsageError if there is none."""
    known = [cluster.cluster for cluster in clusters]
    if name.upper() in known:
        return name.upper()
    close = get_close_matches(name.upper(), known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"the run has {', '.join(known)}"
    raise UsageError(f"--cluster: no cluster {name!r}; {hint}")


def quadrants_of(directory: RunDirectory) -> tuple[QuadrantRow, ...]:
    """Every quadrant that has accounts, by party type and kind."""
    names = ("party_type", "kind", "quadrant", "play", "role")
    return tuple(
        QuadrantRow(**{name: row[name] for name in names}, sums=sums_of(row)) for row in table(directory, "quadrants")
    )


def top_steps_of(directory: RunDirectory) -> tuple[TopStep, ...]:
    """Every way to set the top step, by party type."""
    names = ("party_type", "top_step", "in_force", "expansion", "potential_to_sales", "above")
    steps = []
    for row in table(directory, "top_step"):
        shares = {name.removeprefix("share_"): row[name] for name in row if name.startswith("share_")}
        steps.append(TopStep(**{name: row[name] for name in names}, shares=shares))
    return tuple(steps)


def differences(directory: RunDirectory, cluster: str) -> tuple[tuple[str, float], ...]:
    """How far a cluster lies from its party type, feature by feature in standard deviations, the farthest first."""
    rows = [row for row in table(directory, "features") if row["cluster"] == cluster]
    rows.sort(key=lambda row: -abs(row["difference"]))
    return tuple((row["feature"], row["difference"]) for row in rows)
