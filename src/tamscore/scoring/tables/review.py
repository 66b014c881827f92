"""Comparison of a run with the earlier run: drift, lifecycle of the clusters, accounts that change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.stages import drift
from tamscore.stages.drift import REACH, Histogram

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from tamscore.model.record import PartyRecord
    from tamscore.scoring.drift import DriftCounts
    from tamscore.scoring.fit.party_fit import PartyFit

Row = dict[str, Any]
_FAR, _VERY_FAR = 0.02, 0.05
"""Shares of accounts out of reach of every cluster from which on a look is due, or a new fit; 0.01 at the fit."""
_ACCOUNTS, _DRAWN, _FIT_ROWS = "accounts", "accounts drawn", "fit rows"
"""What the shares of a row of drift are shares of: a score places every account, a refresh its fit rows only."""
_OTHERS = -2
"""Where a histogram has the accounts whose category does not stand for itself."""


@dataclass(frozen=True)
class Review:
    """What stands beside the scores: rows of drift and of events, and how many accounts had a cluster and change it.

    `model_source` says where the model comes from, `input_change` how the input differs from that of the run before.
    """

    model_source: Row
    drift: Sequence[Row] = ()
    events: Sequence[Row] = ()
    known: int = 0
    moved: int = 0
    input_change: Row | None = None

    @property
    def relabelled(self) -> float:
        """The share of accounts that change cluster, of those that had one."""
        return self.moved / max(self.known, 1)

    @property
    def record(self) -> Row:
        """Return where the model comes from, and how many accounts change cluster, as the manifest has it."""
        counts = {"accounts_known": self.known, "accounts_relabelled": self.moved}
        return {**self.model_source, **(counts if self.drift else {})}

    @property
    def tables(self) -> dict[str, pa.Table]:
        """The tables by name."""
        import pyarrow as pa

        drifted = {"drift": pa.Table.from_pylist(self.drift, _drift_schema())} if self.drift else {}
        return {**drifted, "events": pa.Table.from_pylist(self.events)} if self.events else drifted

    @property
    def notices(self) -> list[str]:
        """Return what has drifted beyond the usual limits, in words."""
        return [_notice_of(row) for row in self.drift if row["verdict"] != "steady"]


def _drift_schema() -> pa.Schema:
    """The columns of the table of drift."""
    import pyarrow as pa

    texts, numbers = ("party_type", "what", "name", "of"), ("before", "now", "psi")
    names = [(name, pa.string()) for name in texts] + [(name, pa.float64()) for name in numbers]
    return pa.schema([*names, ("verdict", pa.string()), ("detail", pa.string())])


def _notice_of(row: Row) -> str:
    """A row of drift in words."""
    party, name, base = row["party_type"], row["name"], row["of"]
    if row["what"] == "category":
        return f"{party}: new category {name} has {row['now']:.1%} of the {base}; the model takes it as 'other'"
    if row["what"] == "far":
        return f"{party}: {row['now']:.1%} of the {base} lie far from every cluster, {row['before']:.1%} at the fit"
    what = f"column {name!r} has" if row["what"] == "feature" else f"the shares of the clusters among the {base} have"
    return f"{party}: {what} {row['verdict']} (stability index {row['psi']:.2f}; {row['detail']})"


def drift_rows(
    fit: PartyFit, stored: PartyRecord, seen: DriftCounts, counts: Any, far: int, floor: float
) -> Iterator[Row]:
    """The drift of one party type: features, new categories, accounts far from every cluster, shares of the clusters.

    `counts` (k,) accounts of today by cluster of the earlier model, `far` how many of them lie out of its reach: all
    accounts, or the rows that a refresh was fitted on, since it places no others under that model;
    `floor` is the share from which on a category would stand for itself.
    """
    party = fit.model.name
    levels = {vocabulary.column: vocabulary.all_levels for vocabulary in stored.space.vocabularies}
    for before, now in zip(stored.histograms, seen.histograms, strict=True):
        index = drift.stability_index(before, now)
        detail = drift.largest_move(before, now, levels.get(now.column, ()))
        yield _drift_row(
            party, "feature", now.column, _DRAWN, psi=index, verdict=drift.verdict(before, now), detail=detail
        )
    yield from _category_rows(party, stored, seen, floor)
    base = _FIT_ROWS if fit.change else _ACCOUNTS
    share = far / max(int(counts.sum()), 1)
    verdict = "strongly shifted" if share >= _VERY_FAR else "shifted" if share >= _FAR else "steady"
    yield _drift_row(party, "far", "far from every cluster", base, before=1 - REACH, now=share, verdict=verdict)
    yield from _cluster_rows(party, stored, counts, base)


def _category_rows(party: str, stored: PartyRecord, seen: DriftCounts, floor: float) -> Iterator[Row]:
    """Categories that are new: they would stand for themselves by now, and more accounts than once have none that do.

    A category that has always been about as frequent as the floor is not new when it has come to lie above it.
    """
    before, now = (
        {histogram.column: histogram.shares for histogram in side} for side in (stored.histograms, seen.histograms)
    )
    for column, unknown in seen.unknown.items():
        rows = sum(int(histogram.counts.sum()) for histogram in seen.histograms if histogram.column == column)
        more = now[column][_OTHERS] - before[column][_OTHERS]
        for level, count in sorted(unknown.items()):
            if count >= floor * rows and more >= floor / 2:
                yield _drift_row(
                    party, "category", f"{column} = {level}", _DRAWN, before=0.0, now=count / rows, verdict="new"
                )


def _cluster_rows(party: str, stored: PartyRecord, counts: Any, base: str) -> Iterator[Row]:
    """Yield how the shares of the clusters have moved, all together and one by one."""
    nothing = np.empty(0)
    before, now = Histogram("clusters", nothing, stored.counts), Histogram("clusters", nothing, counts)
    index = drift.stability_index(before, now)
    detail = drift.largest_move(before, now, stored.ids)
    yield _drift_row(party, "clusters", "clusters", base, psi=index, verdict=drift.verdict(before, now), detail=detail)
    for name, then, today in zip(stored.ids, before.shares, now.shares, strict=True):
        yield _drift_row(party, "cluster", name, base, before=float(then), now=float(today), verdict="steady")


def _drift_row(party: str, what: str, name: str, base: str, **record: Any) -> Row:
    """One row of the table of drift; its shares are shares of the base."""
    return {"party_type": party, "what": what, "name": name, "of": base, **record}


def event_rows(fit: PartyFit, stored: PartyRecord, counts: Any) -> Iterator[Row]:
    """Yield what became of the clusters of one party type, which have `counts` (k,) accounts now."""
    names = dict(stored.clusters) | dict(zip(fit.model.ids, fit.names, strict=True))
    accounts = dict(zip(fit.model.ids, counts.tolist(), strict=True))
    for event in fit.change.events if fit.change else ():
        yield {
            "party_type": fit.model.name,
            "event": event.kind,
            "cluster": event.cluster,
            "name": names[event.cluster],
            "related": " ".join(event.related),
            "accounts": accounts.get(event.cluster, 0),
            "fit_rows_before": event.before,
            "fit_rows_now": event.now,
            "fit_rows_shared": event.shared,
        }
