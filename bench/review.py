"""Questions about a finished run: CPU and wall seconds of each, beside its answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.measure import clock, peak_megabytes

if TYPE_CHECKING:
    from collections.abc import Iterator

SCENARIOS = (
    ("potential.top_step=p99",),
    ("potential.cut_lines=[0.8, 0.9]", "potential.boundary=strictly_below"),
    ("quadrant.threshold=capacity", "quadrant.capacity=5000"),
    ("quadrant.level=cluster", "quadrant.threshold=median"),
)


def scored(market: Path, output: Path, *changes: str) -> Path:
    """The output of the market's job with some keys set, made once."""
    from tamscore import job_file, pipeline
    from tamscore.progress import Progress

    job = job_file.load(market / "job.toml", [f'output.path="{output}"', *changes])
    return Path(str(pipeline.run(job, Progress()).output))


def what_if(output: Path) -> Iterator[dict[str, Any]]:
    """Each scenario asked by itself: the whole question, from opening the run to its answer."""
    from tamscore.questions.stored import open_run
    from tamscore.questions.what_if import Scenario, answer, job_of

    for overrides in SCENARIOS:
        with clock() as spent:
            run, scenario = open_run(output), Scenario("then", overrides)
            found = answer(run, scenario, job_of(run, scenario))
        yield {
            "rows": run.manifest["rows"]["scored"],
            "overrides": overrides,
            **spent,
            "peak_mb": peak_megabytes(),
            "whitespace": [round(float(value), 2) for value in found.kinds[:, 2]],
        }


def drifted(market: Path, folder: Path, share: float = 0.2) -> Path:
    """The market a month later, made once: sales of a share of its accounts grown, shrunk, won or lost."""
    import shutil

    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    random = np.random.default_rng(1)
    (folder / "market").mkdir(parents=True, exist_ok=True)
    for file in sorted((market / "market").glob("*.parquet")):
        table = pq.read_table(file)
        sales = table["sales"].to_numpy().copy()
        chosen = random.random(len(sales)) < share
        sales[chosen] *= random.lognormal(0.0, 0.3, np.count_nonzero(chosen))
        won = random.random(len(sales)) < 0.005
        sales[won] = random.lognormal(8.0, 1.5, np.count_nonzero(won))
        place = table.column_names.index("sales")
        pq.write_table(table.set_column(place, "sales", pa.array(sales.round(2))), folder / "market" / file.name)
    shutil.copy(market / "job.toml", folder / "job.toml")
    return folder


def diff(first: Path, second: Path, to: Path) -> dict[str, Any]:
    """Two runs compared, every account's change written; `grown_by_mb` is what that took beside the program itself."""
    from tamscore.progress import Progress
    from tamscore.questions import diff_table
    from tamscore.questions.stored import open_run

    before = peak_megabytes()
    with clock() as spent:
        found = diff_table.compare(open_run(first), open_run(second), Progress(), 10, to)
    return {
        "rows": int(found.totals.both[:, 0].sum()),
        **spent,
        "peak_mb": peak_megabytes(),
        "grown_by_mb": peak_megabytes() - before,
        "same_model": found.same_model,
        "potential_by_cause": found.totals.parts[:, :, 1].sum(axis=0).tolist(),
        "sums_to_the_cent": bool(found.totals.parts[:, :, 1].sum() == found.totals.both[:, 1].sum()),
        "file_mb": to.stat().st_size / 1e6,
    }


def explain(output: Path, count: int = 20) -> dict[str, Any]:
    """Some accounts explained one by one, each from opening the run on."""
    import pyarrow.parquet as pq

    from tamscore.questions import explain
    from tamscore.questions.stored import open_run

    parts = open_run(output).parts()
    picked = [pq.read_table(part, columns=["account_id"])["account_id"][0].as_py() for part in parts[:count]]
    with clock() as spent:
        found = [explain.explain(open_run(output), account) for account in picked]
    each = {name: seconds / len(found) for name, seconds in spent.items()}
    potential = round(sum(one.account["potential"] for one in found), 2)
    return {"accounts": len(found), **each, "peak_mb": peak_megabytes(), "potential": potential}


def export(first: Path, second: Path, to: Path) -> dict[str, Any]:
    """What changed from one run to another, written for an upsert."""
    from datetime import UTC, datetime

    from tamscore.progress import Progress
    from tamscore.questions.export import DEFAULT_FIELDS, order_of
    from tamscore.questions.export_file import Target, write
    from tamscore.questions.stored import open_run

    before = peak_megabytes()
    with clock() as spent:
        run = open_run(second)
        order = order_of(run, DEFAULT_FIELDS, {}, datetime.now(UTC).date())
        tally = write(run, open_run(first), order, Target(to), Progress())
    counts = {"rows": tally.accounts, "exported": tally.exported, "new": tally.new, "changed": tally.changed}
    memory = {"peak_mb": peak_megabytes(), "grown_by_mb": peak_megabytes() - before}
    return {**counts, **spent, **memory, "format": to.suffix, "file_mb": to.stat().st_size / 1e6}
