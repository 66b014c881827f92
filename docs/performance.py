"""Prints the tables of all benchmarks from bench/results: `make docs` puts them into docs/performance.md.

`python docs/performance.py docs/performance.md` takes only the records that this page has counted, for a test.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

RESULTS = Path(__file__).parents[1] / "bench" / "results"
HEAD = """# Performance

*Made by `docs/performance.py` from `bench/results/`. `make docs` renews it.*

This page holds the tables of all benchmarks, for readers who size a machine or who judge the method. Each row is the
newest record of its kind. CPU seconds add up all threads. The machines have two cores and are shared, so compare CPU
seconds, not the time on the clock. Repeat a table with the command above it.

On 30 November 2026, `tamscore run` scored the synthetic market of 3,000,000 companies in 21 CPU seconds, 15.5 seconds
on the clock and 0.97 GB of memory, on two cores of a quiet machine. That was measured by hand, with
`/usr/bin/time -f '%U %S %e %M'`. Version 0.2.0 does more for each account than the older versions in the tables. It
adds the look-alike, the priority and the expected value.

Two targets are not met. A run takes 2.5 to 2.7 times the CPU of the floor, and 1.5 is the target. It takes 3.2 times
less than scikit-learn's `KMeans`, and 5 is the target. Both ratios are those of the [race](#from-parquet-to-scores).

For sizes that nobody has run, see [sizing](operations.md#sizing).
"""
Record = dict[str, Any]
Cell = str | Callable[[Record], object]


@dataclass(frozen=True)
class Benchmark:
    """A table: its file, what it says, how to repeat it, its columns, and which keys tell its rows apart."""

    case: str
    title: str
    about: str
    command: str
    columns: Mapping[str, Cell]
    key: tuple[str, ...] = ()
    where: Mapping[str, Any] | None = None


COST: dict[str, Cell] = {"seconds": "seconds", "CPU s": "cpu_seconds", "memory, MB": "peak_mb"}
CHAPTERS: dict[str, list[Benchmark]] = {
    "Time and memory of a run": [
        Benchmark(
            "full",
            "Every section",
            "A market with every section of the job file, its report and its lists.",
            "full",
            {"companies": "companies", "step": "step", **COST},
            ("companies", "step"),
        ),
        Benchmark(
            "whole_run",
            "The plain run",
            "The synthetic market: 29 numbers, 3 categories, two party types. One row has orders and what needs them.",
            "run",
            {"companies": "rows", "orders": lambda one: "yes" if one.get("orders") else "no", **COST},
            ("rows", "orders"),
        ),
        Benchmark(
            "products",
            "Whitespace by product",
            "What `[products]` adds to a plain run, alone and together with `next_offer`.",
            "products",
            {
                "companies": "rows",
                "order lines": "lines",
                "plain run, CPU s": "plain.cpu_seconds",
                "products add, CPU s": "beyond.products.cpu_seconds",
                "both add, CPU s": "beyond.both.cpu_seconds",
                "both add, MB": "beyond.both.peak_mb",
            },
            ("rows",),
        ),
        Benchmark(
            "scaling",
            "More companies",
            "Companies with 29 numbers and no categories.",
            "scaling",
            {"companies": "rows", **COST, "CPU microseconds a company": "cpu_microseconds_a_row"},
            ("rows",),
        ),
        Benchmark(
            "engines",
            "Threads and processes",
            "The same job on threads and on worker processes.",
            "engines",
            {"engine": "contender", **COST, "time relative to two threads": "seconds_over_local"},
            ("contender",),
        ),
        Benchmark(
            "rescoring",
            "The weekly run",
            "A run with a frozen model, beside the CPU time of reading and of writing alone.",
            "rescoring",
            {
                "companies": "rows",
                "CPU s": "cpu_seconds",
                "decode, CPU s": "decode_cpu_seconds",
                "write, CPU s": "write_cpu_seconds",
                "accounts that keep their cluster": "kept",
            },
            where={"what": "frozen model"},
        ),
    ],
    "Other programs on the same rows": [
        Benchmark(
            "race",
            "From Parquet to scores",
            "3,000,000 companies, 29 numbers, 11 clusters, each program in a process of its own. The floor decodes the "
            "features twice and writes the scores, nothing else. "
            "Ratios compare with tamscore in the same race. See [comparison](comparison.md).",
            "race",
            {
                "program": "contender",
                "CPU s": "cpu_seconds",
                "relative to tamscore": "cpu_over_ours",
                "memory, MB": "peak_mb",
                "inertia above the best": lambda one: percent(one.get("inertia_over_best"), 1, 4),
                "other load": "load",
            },
            ("contender",),
        ),
        Benchmark(
            "estimator",
            "`tamscore.MiniBatchKMeans` and scikit-learn's `KMeans`",
            "Inertia above that of scikit-learn, and the CPU time relative to it. "
            "`KMeans` has `n_init=10` below 64 clusters and `n_init=1` from there.",
            "estimator",
            {
                "data": "data",
                "clusters": "k",
                "seed": "seed",
                "excess inertia": lambda one: percent(one["excess"], 0, 4),
                "CPU relative": "cpu_ratio",
            },
            ("data", "k", "seed"),
        ),
        Benchmark(
            "quality",
            "The clusters of a run",
            "300,000 companies. The best and the worst of ten full runs of scikit-learn's `KMeans` on the same rows.",
            "quality",
            {
                "party type": "party_type",
                "clusters": "k",
                "inertia relative to the best": lambda one: f"{one['ratio_to_best']:.5f}",
                "worst relative to the best": lambda one: f"{one['worst_of_peers_to_best']:.5f}",
            },
            ("party_type",),
        ),
        Benchmark(
            "csv_import",
            "CSV import",
            "1,500,000 rows with quotes, against the reader before it.",
            "csv-import",
            {
                "rows": "rows",
                "MB": lambda one: one["bytes"] / 1e6,
                "CPU s": "median_cpu_seconds_here",
                "before, CPU s": "median_cpu_seconds_against",
            },
            ("rows",),
        ),
    ],
    "Commands on a finished run": [
        Benchmark(
            "coverage", "Coverage", "Roles and people for every account.", "coverage",
            {"part": "part", "companies": "rows", **COST, "gap to the bound": lambda one: percent(one["gap"], 0, 4)},
            ("part", "rows"),
            {"part": {"role_choice", "whole", "owned", "regional"}},
        ),
        Benchmark(
            "what_if", "What if", "One question each.", "what-if",
            {"companies": "rows", "question": lambda one: ", ".join(one["overrides"]), **COST}, ("overrides",),
        ),
        Benchmark("explain", "Explain", "One account, mean of twenty.", "explain", {"companies": "rows", **COST}),
        Benchmark("diff", "Diff", "Two runs of one market.", "diff", {"companies": "rows", **COST}),
        Benchmark(
            "export", "Export", "To one Parquet file.", "diff", {"companies": "rows", "exported": "exported", **COST}
        ),
        Benchmark(
            "verifying", "Checks before reading", "What comparing hashes costs each reader.", "verifying",
            {
                "reader": "reader", "CPU s": "cpu_seconds",
                "share of the checks": lambda one: percent(one["share"], 0, 2),
            },
            ("reader",),
        ),
    ],
    "How good the model is": [
        Benchmark(
            "model",
            "Potential",
            "Held-out pinball loss at the first cut line, and the share of customers below it (0.85 is right). Then "
            "what a refit on 90 % of the rows changes. *Moved* is the share of accounts whose potential moves by "
            "more than 20 %. *Inside* is the share of potentials that stay inside their interval of 90 %.",
            "model",
            {
                "table": "table", "level": "level", "clusters": "clusters", "customers": "customers", "loss": "loss",
                "covered": "covered", "moved": "moved", "rank correlation of whitespace": "rank_correlation",
                "inside": "refits_inside_interval",
            },
            ("table", "level"),
            {"measure": "potential"},
        ),
        Benchmark(
            "leaks", "Leakage guard", "Ten planted leaks and ten honest features. The correlation is that of "
            "prospects' potential with their true wallet.", "leaks",
            {
                "seed": "seed", "caught together": "caught_together", "caught alone": "caught_alone",
                "honest kept": "kept_together", "correlation with leaks": "wallet_correlation_with_leaks",
                "after the guard": "wallet_correlation_after_the_guard",
            },
            ("seed",),
        ),
        Benchmark(
            "choice_of_k", "Number of clusters", "Correlation of potential with the true wallet by each way to "
            "choose k, and how much longer the fit takes with `auto`.", "choice-of-k",
            {
                "seed": "seed", "auto": "wallet_correlation.auto", "elbow": "wallet_correlation.elbow",
                "silhouette": "wallet_correlation.silhouette", "CPU of the fit, times": "cost",
            },
            ("seed",),
        ),
        Benchmark(
            "intervals", "Intervals of thin clusters", "Share of intervals that hold the true value at P85, and the "
            "error relative to plain percentiles.", "intervals",
            {
                "markets": "name", "asked for": "level", "min_customers": "min_customers",
                "coverage, 5 to 10 customers": lambda one: of_size(one, 0, "coverage"),
                "coverage, 11 to 24": lambda one: of_size(one, 1, "coverage"),
                "error, 5 to 10 customers": lambda one: of_size(one, 0, "ratio"),
                "error, 11 to 24": lambda one: of_size(one, 1, "ratio"),
            },
            ("name", "level", "min_customers", "clusters"),
        ),
        Benchmark(
            "propensity", "Propensity", "Held-out rows of public tables, against a tuned boosting of scikit-learn.",
            "propensity",
            {
                "table": "case", "rows": "hidden", "base rate": "rate", "AUC": "ours.auc", "tuned": "tuned.auc",
                "Brier": "ours.brier", "tuned, Brier": "tuned.brier", "calibration error": "ours.error",
                "tuned, error": "tuned.error",
            },
            ("case",),
        ),
        Benchmark(
            "priority", "Priority", "Best decile of prospects on synthetic markets: value that came, by priority "
            "relative to by whitespace, and expected value over value that came.", "priority",
            {
                "seed": "seed", "look-alike": "look_alike.ratio", "labels": "labels.ratio",
                "labels, expected over came": "labels.best_tenth.expected_over_came",
            },
            ("seed",),
            {"case": {"synthetic"}},
        ),
        Benchmark(
            "lifetime_value", "Lifetime value", "Forecasts of later purchases on public tables.", "lifetime-value",
            {
                "table": "table", "customers": "customers", "way": "way", "total over spent": "total_to_spent",
                "mean error": "mean_error", "rank correlation": "rank_correlation",
                "spent by the best fifth": "spent_by_best_fifth",
            },
            ("table", "way"),
        ),
        Benchmark(
            "offers", "Next offer", "Share of customers who bought one of the first 1, 3 or 10 offers later.", "offers",
            {
                "table": "set", "order": "order", "hit at 1": "hit_1", "hit at 3": "hit_3", "hit at 10": "hit_10",
                "value at 10": "value_10",
            },
            ("set", "order"),
        ),
        Benchmark(
            "lift", "Lift", "Synthetic outcomes with a known effect. *Covered*: how often the 95 % interval "
            "holds it. *Found*: how often the effect is found.", "lift",
            {"outcome": "of", "true lift": "lift", "seeds": "seeds", "covered": "covered", "found": "seen"},
            ("of", "lift"),
            {"seeds": None},
        ),
    ],
    "Faults": [
        Benchmark(
            "lost_worker", "A worker is lost", "The whole run with and without the loss, least of the rounds.",
            "lost-worker",
            {
                "companies": "rows", "CPU s": lambda one: one["least_cpu_seconds"][0],
                "with the loss": lambda one: one["least_cpu_seconds"][1], "CPU ratio": "least_cpu_seconds_ratio",
            },
        ),
        Benchmark(
            "protocol", "Commit protocol", "Placing parts by the protocol, against plain writing.", "protocol",
            {
                "bytes": "bytes", "CPU s": "placed_cpu_seconds", "plain, CPU s": "written_cpu_seconds",
                "ratio": "cpu_ratio",
            },
        ),
        Benchmark(
            "input_change", "Input unlike the week before", "Pairs of inputs, false alarms, and planted faults that "
            "were missed, of ten kinds.", "input-change",
            {
                "source": "source", "pairs": "pairs", "false alarms": "alarms",
                "missed": lambda one: sum(one["missed"].values()),
            },
            ("source",),
        ),
    ],
    "GPUs, by models": [
        Benchmark(
            "gpu_instructions", "Instructions a row", "Counted in the compiled kernels. No GPU has run them. See "
            "[GPUs](gpu.md).", "gpu_instructions",
            {
                "clusters": "k", "features": "features", "prepare": "row.prepare.instructions",
                "label": "row.label.instructions", "score for sums": "row.score for sums.instructions",
                "add": "row.add.instructions",
            },
            ("model", "k", "features"),
        ),
        Benchmark(
            "gpu_model", "Whole runs", "A model and no measurement: seconds on 16 processors, and with an H200.",
            "gpu_model",
            {
                "companies": "rows",
                "settings": lambda one: ", ".join(map(str, one["overrides"])),
                "processors, s": "host_seconds", "with a GPU, s": "gpu_seconds", "times": "times_the_host",
            },
            ("rows", "overrides"),
        ),
    ],
}  # fmt: skip


def lines(counts: Mapping[str, int]) -> Iterator[str]:
    """Yield the page, from the first so many records of each file; from all records if there are no counts."""
    files = {path.stem: read(path) for path in sorted(RESULTS.glob("*.jsonl"))}
    records = {name: files[name][:count] for name, count in counts.items()} if counts else files
    yield HEAD
    for chapter, benchmarks in CHAPTERS.items():
        yield f"## {chapter}\n"
        for benchmark in benchmarks:
            if rows := newest(benchmark, records.get(benchmark.case, [])):
                yield from table(benchmark, rows)
    yield "## Where the figures come from\n"
    yield "| file | records | newest | version |\n| --- | ---: | --- | --- |"
    for name, rows in records.items():
        last = rows[-1]
        yield f"| `{name}.jsonl` | {len(rows)} | {last['date']} | {last['tamscore']} |"


def read(path: Path) -> list[Record]:
    """Return the records of a file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def newest(benchmark: Benchmark, records: list[Record]) -> list[Record]:
    """Return the newest record for each value of the benchmark's key, in the order in which they first appear."""
    rows: dict[object, Record] = {}
    for record in records:
        if all(fits(record.get(name), wanted) for name, wanted in (benchmark.where or {}).items()):
            rows[repr([record.get(name, False) for name in benchmark.key])] = record
    return [*rows.values()]


def fits(value: object, wanted: object) -> bool:
    """Return whether a value is the wanted one, one of a set, or, if None is wanted, any value at all."""
    if wanted is None:
        return value is not None
    return value in wanted if isinstance(wanted, set) else value == wanted


def table(benchmark: Benchmark, rows: list[Record]) -> Iterator[str]:
    """Yield one table with its heading, its meaning and its command."""
    yield f"### {benchmark.title}\n"
    module = f"bench.{benchmark.command}" if benchmark.case.startswith("gpu") else f"bench {benchmark.command}"
    yield f"{benchmark.about} Command: `python -m {module}`.\n"
    yield f"| {' | '.join([*benchmark.columns, 'date'])} |"
    texts = [[shown(value(row, cell)) for cell in benchmark.columns.values()] for row in rows]
    numbers = [all(re.match(r"[\d-]|$", text[place]) for text in texts) for place in range(len(benchmark.columns))]
    yield f"| {' | '.join('---:' if number else '---' for number in numbers)} | --- |"
    for row, cells in zip(rows, texts, strict=True):
        yield f"| {' | '.join([*cells, row['date']])} |"
    yield ""


def value(record: Record, cell: Cell) -> object:
    """Return the value of a column: by a function, or by a path of keys with dots; None if it is not there."""
    if not isinstance(cell, str):
        return cell(record)
    inner: Any = record
    for name in cell.split("."):
        inner = inner.get(name) if isinstance(inner, dict) else None
    return inner


def shown(what: object) -> str:
    """Return a value as text: numbers with three digits after the first, large ones whole and in groups."""
    if what is None:
        return ""
    if isinstance(what, float) and abs(what) < 1000:
        return f"{what:.3g}" if abs(what) < 1 else f"{what:.4g}"
    return f"{round(what):,}" if isinstance(what, int | float) else str(what)


def percent(what: float | None, zero: float, digits: int) -> str:
    """Return how far a ratio lies from zero, in percent."""
    return "" if what is None else f"{100 * (what - zero):.{digits}f} %"


def of_size(record: Record, place: int, what: str) -> float | None:
    """Return a figure of one band of customers at the first cut line."""
    sizes = [band for band in record["by_size"] if band["line"] == 0.85]
    return sizes[place][what] if place < len(sizes) else None


def counted(page: str) -> dict[str, int]:
    """Return the number of records of each file that a page was made from."""
    return {name: int(count) for name, count in re.findall(r"^\| `(\w+)\.jsonl` \| (\d+) \|", page, re.MULTILINE)}


if __name__ == "__main__":
    page = Path(sys.argv[1]).read_text(encoding="utf-8") if len(sys.argv) > 1 else ""
    sys.stdout.write("\n".join(lines(counted(page))) + "\n")
