"""What a coverage brings by the truth of synthetic markets: the plan of before, by likelihood, with least service."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from bench.priority import WINDOW
from tamscore import backend, job_file, pipeline
from tamscore.progress import Progress
from tamscore.questions.stored import open_run
from tamscore.sections.coverage.placing import place_all
from tamscore.sections.coverage.plans import DIGITAL
from tamscore.sections.coverage.question import read_question
from tamscore.sections.coverage.settings import Coverage
from tamscore.sections.coverage.shortfall import minimum_rows, without_it
from tamscore.synthetic import write_market

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.sections.coverage.task import Task

WAYS = ("by likelihood", "with least service", "by true chances", "by true money")

GOAL = 1.6
"""So many times the money of the plan of before are the goal on each market. Some markets do not allow it."""


def case(rows: int, seed: int) -> dict[str, Any]:
    """One market, scored with labels of who bought: money and buyers of the prospects with a person, by three plans."""
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        write_market(folder, rows, seed)
        truth = folder / "truth"
        given = [*WINDOW, f'propensity.label_table="{truth}"', f'output.path="{folder / "scores"}"', 'device="cpu"']
        done = pipeline.run(job_file.load(folder / "job.toml", given), Progress())
        scores = pl.concat([pl.read_parquet(str(path)) for path in done.parts()])
        found = dict(plans(folder / "scores", judged(scores, truth)))
    ratio = {
        name: {key: round(found[name][key] / found["before"][key], 3) for key in ("money", "buyers")} for name in WAYS
    }
    return {"rows": rows, "seed": seed, **found, "against before": ratio}


def judged(scores: pl.DataFrame, truth: Path) -> pl.DataFrame:
    """The accounts in order of id with what they may truly be expected to bring in the quarter, and who bought.

    A new customer gives us the share of its wallet that customers of its segment give.
    """
    every = pl.read_parquet(truth / "*.parquet").join(scores.select("account_id", "sales", "kind"), on="account_id")
    buys = every.filter(pl.col("kind") == "expansion").group_by("segment")
    every = every.join(buys.agg((pl.col("sales").sum() / pl.col("wallet").sum()).alias("share")), on="segment")
    money = (pl.col("wallet") * pl.col("share") * pl.col("chance")).alias("money")
    return every.with_columns(money).sort(pl.col("account_id").cast(pl.String))


def plans(output: Path, truth: pl.DataFrame) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the plan of before, that by likelihood, and that with least service, with what each of them comes to."""
    question = read_question(open_run(output), Coverage())
    task, owners = question.task, question.owners
    plain = replace(task.accounts, promise=task.accounts.whitespace)
    old = [replace(plan, limits=()) for plan in task.plans]
    ways = {
        "before": replace(task, accounts=plain, plans=old, minimum={}),
        "by likelihood": replace(task, minimum={}),
        "with least service": task,
        "by true chances": promising(task, truth["chance"], task.accounts.whitespace),
        "by true money": promising(task, truth["money"], 1.0),
    }
    for name, way in ways.items():
        found = place_all(backend.load("cpu"), way, owners, None)
        role = np.array([plan.role for plan in way.plans])[found.plan]
        called = truth.filter(pl.Series(role != DIGITAL) & (pl.col("kind") == "acquisition"))
        figures: dict[str, Any] = {"prospects": len(called), "money": round(float(called["money"].sum()))}
        figures |= {"buyers": int(called["bought"].sum()), "value": round(found.value)}
        figures["gap"] = max(1 - found.value / found.choice.bound, 0.0)
        if way.minimum:
            figures["cost"] = round(1 - found.value / without_it(way, found), 4)
            prices = [{"role": plan.role, "price_of_an_hour": None} for plan in way.plans]
            keys = ("rule", "owed", "reached")
            figures["least_service"] = [[row[key] for key in keys] for row in minimum_rows(way, found, prices)]
        yield name, figures


def promising(task: Task, order: pl.Series, worth: Any) -> Task:
    """The task with what prospects truly promise in place of what was learned: no plan can know more than that.

    In all they promise as much as before, so that customers weigh the same.
    """
    prospects = task.accounts.sales <= 0
    promise = np.where(prospects, order.to_numpy() * worth, task.accounts.promise)
    promise[prospects] *= task.accounts.promise[prospects].sum() / promise[prospects].sum()
    return replace(task, accounts=replace(task.accounts, promise=promise), minimum={})


def summary(results: list[dict[str, Any]]) -> dict[str, Any]:
    """The least and the mean ratio against the plan of before, and what least service costs at the least and most.

    `seeds at the goal` counts the markets that reach `GOAL` times the money. Where the true chances do not, no plan by
    likelihood can.
    """
    figures: dict[str, Any] = {"seeds": len(results)}
    for name in WAYS:
        for key in ("money", "buyers"):
            ratios = [one["against before"][name][key] for one in results]
            figures[f"{key} {name}"] = {"least": min(ratios), "mean": round(float(np.mean(ratios)), 3)}
        figures[f"gap {name}"] = max(one[name]["gap"] for one in results)
    figures["goal"] = GOAL
    figures["seeds at the goal"] = {
        name: sum(one["against before"][name]["money"] >= GOAL for one in results) for name in WAYS
    }
    costs = [one["with least service"]["cost"] for one in results]
    return figures | {"cost of least service": [min(costs), max(costs)]}
