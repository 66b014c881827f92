"""The leakage guard: every feature judged on the sample, and the run stopped where one looks like sales in disguise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tamscore.backend.host import HostBackend
from tamscore.errors import GateError
from tamscore.schema import PARTY_TYPES
from tamscore.stages import echo, leakage, prepare

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tamscore.config import Job
    from tamscore.scoring.context import Run
    from tamscore.scoring.fit.sample import SampledRows
    from tamscore.stages.leakage import FeatureEvidence


@dataclass(frozen=True)
class FeatureVerdict:
    """What the guard says about a feature in a party type, and what it rests on.

    `echo` is how far peers' sales echo an account's own under all features, `echo_without` how far without this one;
    `prospects` is how many accounts without sales it was compared with.
    """

    party_type: str
    feature: str
    verdict: Literal["clear", "suspect", "allowed"]
    evidence: FeatureEvidence
    echo: float
    echo_without: float
    reason: str
    prospects: int

    @property
    def stops(self) -> bool:
        """Whether the run may stop for it: a suspect with prospects enough to compare with, or a copy of sales."""
        sure = self.prospects >= leakage.PROSPECTS_TO_BLOCK or abs(self.evidence.correlation) >= leakage.COPY
        return self.verdict == "suspect" and sure


def inspect(run: Run, samples: Mapping[int, SampledRows]) -> dict[int, tuple[FeatureVerdict, ...]]:
    """The verdict on every feature by party type; raise GateError if one is a suspect and the job says so."""
    if run.job.leakage.action == "off":
        return dict.fromkeys(samples, ())
    with run.progress.stage("guard", len(samples)) as done:
        record, items = {}, []
        for party, drawn in samples.items():
            record[party], warning = _evaluate_features(run.job, PARTY_TYPES[party], drawn)
            items += warning
            done(1)
    suspects = [verdict for verdicts in record.values() for verdict in verdicts if verdict.verdict == "suspect"]
    stopping = [suspect for suspect in suspects if suspect.stops]
    if stopping and run.job.leakage.action == "block":
        raise GateError("\n".join(_refusal(run.job, stopping, items)), gate="leakage")
    for text in [*map(_line, suspects), *items]:
        run.progress.notice(text)
    return record


def _evaluate_features(job: Job, party: str, drawn: SampledRows) -> tuple[tuple[FeatureVerdict, ...], list[str]]:
    """The verdicts on the features of a party type, and what its suspects do to potential together."""
    rows = leakage.chosen_rows(drawn.sales)
    views, sales = _views_of(job, drawn, rows), drawn.sales[rows]
    limits = leakage.LeakageLimits(job.leakage.separability, job.leakage.told_apart, job.leakage.correlation)
    record = leakage.evidence(views, sales, limits)
    if not record:
        return (), []
    suspects = [name for name, evidence in record.items() if limits.suspects(evidence)]
    backend = HostBackend()  # a sketch of few rows; the same on every device
    whole, *without, cleared = map(float, echo.echoes(backend, views, sales, suspects, job.clusters.seed))
    prospects = int(np.count_nonzero(sales <= 0))
    verdicts = tuple(
        FeatureVerdict(
            party,
            name,
            _ruling(job, name, suspects),
            evidence,
            whole,
            alone,
            _reason(evidence, name in suspects),
            prospects,
        )
        for (name, evidence), alone in zip(record.items(), without, strict=True)
    )
    return verdicts, [_together(party, suspects, whole, cleared)] if suspects else []


def _views_of(job: Job, drawn: SampledRows, rows: Any) -> dict[str, Any]:
    """Every feature of the job as views (v, m) of some rows."""
    views = {name: leakage.numeric_views(drawn.numeric[name][rows]) for name in job.features.numeric}
    for name in job.features.categorical:
        text = drawn.texts[name].take(rows)
        levels = prepare.Vocabulary(name, tuple(sorted(set(text.unique().to_pylist()) - {None})))
        views[name] = leakage.level_views(levels.encode(text))
    return views


def _ruling(job: Job, feature: str, suspects: Sequence[str]) -> Literal["clear", "suspect", "allowed"]:
    """Return what becomes of a feature."""
    if feature not in suspects:
        return "clear"
    return "allowed" if feature in job.features.allow else "suspect"


def _reason(evidence: FeatureEvidence, suspect: bool) -> str:  # noqa: FBT001
    """One sentence on why a feature is a suspect, or is none."""
    if np.isnan(evidence.separability):
        follows = (
            f"has rank correlation {evidence.correlation:.2f} with sales, and there are no prospects to compare with"
        )
        return f"is a copy of sales: it {follows}" if suspect else follows
    given, area = "given the other features", f"AUC {evidence.separability_given:.2f}"
    if not suspect and leakage.follows_size(evidence):
        return f"{given}, {evidence.overlap:.0%} of the prospects lie beyond the customers' median ({area})"
    if not suspect:
        return f"{given}, prospects have it as customers do ({area})"
    if evidence.separability_given < leakage.SURE:
        area += f"; {evidence.told_apart_given:.0%} of the customers have values that hardly any prospect has"
    return (
        f"{given}, it tells customers from prospects ({area}), and its "
        f"rank correlation with their sales is {evidence.correlation:.2f}"
    )


def _together(party: str, suspects: Sequence[str], whole: float, cleared: float) -> str:
    """Return what the suspects of a party type do to potential, in a sketch with them and without."""
    what = " and ".join(map(repr, suspects)) if len(suspects) < 3 else f"these {len(suspects)}"
    without = "no feature is left" if np.isnan(cleared) else f"it is {cleared:.2f}"
    return f"{party}: own sales follow the peers' cut line with rank correlation {whole:.2f}; without {what} {without}"


def _line(verdict: FeatureVerdict) -> str:
    """A verdict as a line of a message."""
    few = "" if verdict.stops else f"; only {verdict.prospects} prospects to compare with, so the run goes on"
    return f"{verdict.party_type}: feature {verdict.feature!r} looks like sales in disguise: {verdict.reason}{few}"


def _refusal(job: Job, suspects: Sequence[FeatureVerdict], value: Sequence[str]) -> list[str]:
    """Return why the run stops, feature by feature, and what to do."""
    names = ", ".join(repr(name) for name in dict.fromkeys(suspect.feature for suspect in suspects))
    remedy = (
        f"leave out {names}; or, for what is known before an account buys, name it under features.allow; "
        "[leakage] action = 'warn' only tells"
    )
    return [f"{job.input.name}: {text}" for text in [*map(_line, suspects), *value]] + [remedy]
