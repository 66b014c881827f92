"""The model on real and synthetic tables: held-out loss, stability, intervals, guard, lifetime value, look-alikes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench import guarding, worth
from bench.measure import clock
from jobs.trials import prepare
from tamscore import job_file, pipeline
from tamscore.model.files import read_model
from tamscore.progress import Progress
from tamscore.stages.choose_k import FOLDS, cut_lines
from tamscore.store.placed import files_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tamscore.config import Job
    from tamscore.store.run_directory import RunDirectory

LEVEL = 0.9
"""Probability that intervals are asked for."""
REDRAW, REFITS = 0.9, 2
"""Share of the rows of a refit, and the number of refits."""
MOVED = 0.2
"""A potential has moved where it differs by more than this share."""
TOP = 0.05
RULES = (
    'device="cpu"',
    'leakage.action="warn"',
    "clusters.stability=false",
    f"potential.interval_level={LEVEL}",
)


@dataclass(frozen=True)
class Trial:
    """A table to judge the model on: its job file, the path of its rows, further changes of the job."""

    name: str
    job: Path
    table: Path
    changes: tuple[str, ...] = ()

    def load(self, output: Path, *changes: str, table: Path | None = None) -> Job:
        """Return the job with the benchmark's rules and these changes, on another table where one is given."""
        places = (f"input.path={table or self.table}", f"output.path={output}")
        return job_file.load(self.job, [*places, *RULES, *self.changes, *changes])


def real_trials(tables: Path) -> list[Trial]:
    """Return the trials on prepared real tables."""
    names = ("wholesale_customers", "bank_marketing", "crunchbase_2013", "irs_bmf", "online_retail", "cdnow")
    more = {"cdnow": (f"lifetime_value.orders={tables / 'cdnow_orders'}.parquet",)}
    return [
        Trial(name, prepare.HERE / f"{name}.toml", tables / f"{name}.parquet", more.get(name, ()))
        for name in names
        if (tables / f"{name}.parquet").exists()
    ]


def model(trial: Trial, work: Path, level: str | None = None) -> dict[str, Any]:
    """Judge the model of one trial: fit, refits and guard, at a level of potential where one is given."""
    changes = [f'potential.level="{level}"'] if level else []
    with clock() as spent:
        done = pipeline.run(trial.load(work / "first", 'clusters.k="auto"', *changes), Progress())
    first = scores_of(done)
    refits = [refit(trial, work / f"refit-{i}", i, changes) for i in range(REFITS)]
    judged = [moved(first, again) for again in refits]
    job = trial.load(work / "first", *changes)
    return {
        "table": trial.name,
        "level": level or "cluster",
        "clusters": len(pc.unique(first["cluster"])),
        **held_out(first, job),
        "levels": levels(done),
        "said_to_move": said_to_move(done),
        **{name: round(max(found[name] for found in judged), 4) for name in ("moved", "median_move")},
        **{name: round(min(found[name] for found in judged), 4) for name in ("rank_correlation", "top_overlap")},
        "refits_inside_interval": round(float(np.mean([found["inside"] for found in judged])), 4),
        "guard": guarding.guard(job),
        **spent,
    }


def levels(done: RunDirectory) -> dict[str, Any]:
    """Return held-out loss, its standard error and coverage of both levels, by party type, as the run has them."""
    record = read_model(done.model, files_of(done.manifest() or {}))
    return {
        party.name: {
            one.level: [round(value, 5) for value in (one.loss, one.error, one.coverage)] for one in party.level.losses
        }
        for party in record.parties
        if party.level
    }


def said_to_move(done: RunDirectory) -> dict[str, float]:
    """Return the share of potentials that move, as the run says it, by party type: the larger of its redraws."""
    fit = (done.manifest() or {})["fit"]
    moves = {party: [each["moved"] for each in one["potential_stability"]] for party, one in fit.items()}
    return {party: round(max(shares), 4) for party, shares in moves.items() if shares}


def refit(trial: Trial, work: Path, number: int, changes: list[str]) -> pa.Table:
    """Return the scores of a run on 90 % of the rows, with another seed and every choice made anew."""
    settings = ('clusters.k="auto"', f"clusters.seed={number + 1}", *changes)
    job = trial.load(work / "scores", *settings)
    table = pq.read_table(job.input.path)
    ids = table[job.columns.account_id].cast(pa.string()).to_pylist()
    draw = [int.from_bytes(hashlib.blake2b(f"{number}:{one}".encode(), digest_size=4).digest()) for one in ids]
    work.mkdir(parents=True, exist_ok=True)
    pq.write_table(table.filter(pa.array(np.array(draw) < REDRAW * 2**32)), work / "market.parquet")
    return scores_of(pipeline.run(trial.load(work / "scores", *settings, table=work / "market.parquet"), Progress()))


def scores_of(done: RunDirectory) -> pa.Table:
    """Return what is compared of the scores of a run."""
    names = ["account_id", "cluster", "party_type", "sales", "potential", "whitespace"]
    return pq.read_table(done.scores, columns=[*names, "potential_low", "potential_high"])


def moved(first: pa.Table, again: pa.Table) -> dict[str, float]:
    """Compare the potentials of the accounts that two runs share."""
    both = first.join(again.select(["account_id", "potential", "whitespace"]), "account_id", right_suffix="_again")
    both = both.filter(pc.is_valid(both["potential_again"])).sort_by("account_id")
    old, new, white, white_again, low, high = (
        both[name].cast(pa.float64()).to_numpy()
        for name in (
            *("potential", "potential_again", "whitespace", "whitespace_again"),
            *("potential_low", "potential_high"),
        )
    )
    change = np.abs(new - old) / np.where(old > 0, old, 1.0)
    known = np.isfinite(low) & np.isfinite(high)
    inside = (low[known] <= new[known]) & (new[known] <= high[known])
    best = max(int(TOP * len(white)), 1)
    tops = [set(np.argsort(-values, kind="stable")[:best]) for values in (white, white_again)]
    return {
        "moved": float(np.mean(change > MOVED)),
        "median_move": float(np.median(change)),
        "rank_correlation": float(np.corrcoef(guarding.ranks(white), guarding.ranks(white_again))[0, 1]),
        "top_overlap": len(tops[0] & tops[1]) / best,
        "inside": float(inside.mean()) if known.any() else float("nan"),
    }


def held_out(scores: pa.Table, job: Job) -> dict[str, Any]:
    """Return pinball loss and coverage of the first cut line over held-out customers, by the clusters of a run."""
    buyers = scores.filter(pc.greater(scores["sales"], 0))
    sales, line = buyers["sales"].cast(pa.float64()).to_numpy(), job.potential.lines[0]
    label = np.unique(buyers["cluster"].cast(pa.string()).to_numpy(), return_inverse=True)[1]
    ids = buyers["account_id"].cast(pa.string()).to_pylist()
    fold = np.array([hashlib.blake2b(one.encode(), digest_size=1).digest()[0] % FOLDS for one in ids])
    logs, cut = np.log(sales), np.empty(len(sales))
    for out in range(FOLDS):
        known = fold != out
        cuts = cut_lines(label[known], logs[known], int(label.max()) + 1, line, job.potential.min_customers)
        cut[~known] = cuts[label[~known]]
    above = logs - cut
    loss = np.maximum(line * above, (line - 1) * above)
    error = float(loss.std() / np.sqrt(len(loss)))
    covered = float(np.mean(above <= 0))
    return {"customers": len(sales), "line": line} | {
        name: round(value, 5) for name, value in (("loss", float(loss.mean())), ("error", error), ("covered", covered))
    }


def later_buyers(tables: Path, markets: Sequence[Trial], work: Path) -> Iterator[dict[str, Any]]:
    """Yield how well look-alike and the cluster's customer share tell which prospects buy later."""
    real = Trial("irs_bmf", prepare.HERE / "irs_bmf.toml", tables / "irs_bmf.parquet")
    late = pq.read_table(tables / "irs_bmf_2026.parquet")
    buys = late.filter(pc.greater(pc.fill_null(late["REVENUE_AMT"], 0), 0))["EIN"]
    yield from separability_rows(real, late["EIN"], buys, work / real.name)
    for trial in markets:
        truth = pq.read_table(trial.table.parent / "truth")
        ids = truth["account_id"].cast(pa.string())
        yield from separability_rows(trial, ids, ids.filter(pc.greater(truth["bought"], 0)), work / trial.name)


def separability_rows(trial: Trial, known: Any, buyers: Any, work: Path) -> Iterator[dict[str, Any]]:
    """Yield the area under the curve of each way to find those of the `known` prospects that are `buyers` later."""
    done = pipeline.run(trial.load(work / "look"), Progress())
    scores = pq.read_table(done.scores).sort_by("account_id")
    ids = scores["account_id"].cast(pa.string())
    there = pc.is_in(ids, pa.array(known.to_pylist(), pa.string()))
    keep = pc.and_(pc.equal(scores["kind"].cast(pa.string()), "acquisition"), there).to_numpy()
    customer = pc.greater(pc.fill_null(scores["sales"].cast(pa.float64()), 0.0), 0).to_numpy()
    label = np.unique(scores["cluster"].cast(pa.string()).to_numpy(), return_inverse=True)[1]
    share = np.bincount(label, weights=customer) / np.bincount(label)
    bought = pc.is_in(ids, pa.array(buyers.to_pylist(), pa.string())).to_numpy()[keep]
    ways = {"cluster share": share[label], **{name: scores[name].to_numpy() for name in ("potential", "look_alike")}}
    for way, values in ways.items():
        yield {
            "table": trial.name,
            "prospects": int(keep.sum()),
            "bought": int(bought.sum()),
            "way": way,
            "auc": round(guarding.area(values[keep].astype(np.float64), bought), 4),
        }


def others(tables: Path, markets: Sequence[Trial], work: Path) -> Iterator[dict[str, Any]]:
    """Yield how lifetime value and look-alikes compare with what came later."""
    for result in worth.lifetime_value(tables, work / "worth", None):
        if result["way"].startswith(("lifetime value", "sales so far")):
            yield {"measure": "lifetime value", **result}
    for result in later_buyers(tables, markets, work):
        yield {"measure": "look-alike", **result}
