"""`python -m bench CASE`: make a market if there is none, measure, print, and keep the result."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from bench.measure import record
from tamscore.synthetic import write_market

app = typer.Typer(help=__doc__, add_completion=False)
Rows = Annotated[int, typer.Option(help="companies in the synthetic market")]
Seed = Annotated[int, typer.Option(help="seed of the synthetic market")]
Set = Annotated[list[str] | None, typer.Option("--set", help="key=value override of the job file")]


def market(rows: int, seed: int, *, orders: bool = False) -> Path:
    """A synthetic market, made once and kept in the temporary folder; with orders where asked."""
    folder = Path(tempfile.gettempdir()) / f"tamscore-bench-{rows}-{seed}{'-orders' * orders}"
    if not (folder / "job.toml").exists():
        write_market(folder, rows, seed, orders=orders)
    return folder


def numbers(rows: int, seed: int) -> Path:
    """A market of numbers, made once and kept in the temporary folder."""
    from bench import numbers_market

    folder = Path(tempfile.gettempdir()) / f"tamscore-bench-numbers-{rows}-{seed}"
    if not (folder / "job.toml").exists():
        numbers_market.write(folder, rows, seed)
    return folder


@app.command("run")
def run_case(
    rows: Rows = 3_000_000,
    seed: Seed = 0,
    overrides: Set = None,
    orders: Annotated[bool, typer.Option("--orders", help="with lifetime value and its kin")] = False,  # noqa: FBT002
) -> None:
    """Measure the whole run."""
    from bench.whole_run import whole_run

    with tempfile.TemporaryDirectory() as output:
        record(
            "whole_run",
            whole_run(market(rows, seed, orders=orders), Path(output), overrides or [])
            | {"seed": seed, "orders": orders},
        )


@app.command("quality")
def quality_case(rows: Rows = 300_000, seed: Seed = 0, peers: int = 10, overrides: Set = None) -> None:
    """Compare inertia with the best of ten full scikit-learn `KMeans` runs."""
    from bench.quality import quality

    with tempfile.TemporaryDirectory() as output:
        for result in quality(market(rows, seed), Path(output), peers, overrides or []):
            record("quality", result | {"seed": seed})


@app.command("estimator")
def estimator_case(
    rows: Rows = 200_000,
    seeds: Annotated[int, typer.Option(help="seeds of each data set")] = 3,
    first_seed: Annotated[int, typer.Option(help="the first of them")] = 0,
    many: Annotated[bool, typer.Option("--many", help="64 to 1,000 clusters, against n_init=1")] = False,  # noqa: FBT002
) -> None:
    """Compare inertia and CPU of `tamscore.MiniBatchKMeans` with `KMeans(n_init=10)` on five kinds of data."""
    from bench.estimator import estimator, many_clusters

    for result in (many_clusters if many else estimator)(rows, range(first_seed, first_seed + seeds)):
        record("estimator", result)


@app.command("priority")
def priority_case(rows: Rows = 100_000, seeds: int = 5) -> None:
    """Money of those who are called first, against order by whitespace; and what is expected against what came."""
    from bench.priority import case, summary

    results = []
    for seed in range(seeds):
        results.append(case(rows, seed))
        record("priority", results[-1])
    record("priority", summary(results))


@app.command("later-window")
def later_window_case() -> None:
    """Hold the best tenth by priority, by whitespace and by today's sales against what came later in real tables."""
    from bench import later_window

    for result in later_window.cases():
        record("priority", result)


@app.command("propensity")
def propensity_case() -> None:
    """Compare propensity on real tables with a tuned boosting of scikit-learn on the same split."""
    from bench import propensity

    for name in propensity.TRIALS:
        record("propensity", propensity.case(name))


@app.command("race")
def race_case(
    rows: Rows = 3_000_000,
    seed: Seed = 0,
    rounds: Annotated[int, typer.Option(help="runs of ours and of the floor")] = 5,
    peer: Annotated[list[str] | None, typer.Option(help="a peer by name; all where none is given")] = None,
    peers: Annotated[bool, typer.Option(help="whether peers run at all")] = True,  # noqa: FBT002 - a flag
) -> None:
    """Compare with the floor and with peers on a market of numbers."""
    from bench.peers import PEERS
    from bench.race import race

    with tempfile.TemporaryDirectory() as output:
        for result in race(numbers(rows, seed), Path(output), rounds, (peer or list(PEERS)) if peers else []):
            record("race", {"rows": rows, "seed": seed} | result)


@app.command("scaling")
def scaling_case(rows: Annotated[list[int] | None, typer.Option(help="companies")] = None, seed: Seed = 0) -> None:
    """Measure how CPU seconds and peak memory grow with the rows."""
    from bench.scaling import scaling

    series = rows or [300_000, 3_000_000, 12_000_000, 48_000_000]
    with tempfile.TemporaryDirectory() as output:
        for result in scaling([(each, numbers(each, seed)) for each in series], Path(output)):
            record("scaling", result | {"seed": seed})


@app.command("full")
def full_case(
    rows: Annotated[list[int] | None, typer.Option(help="companies; several for how costs grow")] = None,
    seed: Seed = 0,
) -> None:
    """Measure a run with every section on, its report and its lists, by stage and section, at growing sizes."""
    from bench.full import full, growth

    before: dict[str, Any] = {}
    for each in rows or [300_000, 1_000_000, 3_000_000]:
        with tempfile.TemporaryDirectory() as work:
            for result in full(market(each, seed, orders=True), Path(work)):
                stages = result.get("stages")
                grown = {"growth": growth(stages, before)} if stages and before else {}
                record("full", {"companies": each, "seed": seed, **result, **grown})
                before = stages or before


@app.command("engines")
def engines_case(rows: Rows = 3_000_000, seed: Seed = 0, rounds: int = 5) -> None:
    """Compare engines and numbers of workers."""
    from bench.scaling import engines

    with tempfile.TemporaryDirectory() as output:
        for result in engines(numbers(rows, seed), Path(output), rounds):
            record("engines", {"rows": rows, "seed": seed} | result)


@app.command("sizing")
def sizing_case() -> None:
    """Simulate larger markets and machines from what has been measured; prints a table."""
    from dataclasses import asdict

    from bench import sizing

    costs, assumed = sizing.measured(), sizing.Assumed()
    results = list(sizing.table(costs, assumed))
    for line in sizing.lines(results):
        print(line)
    record("sizing", {"costs": asdict(costs), "assumed": asdict(assumed), "results": results})


@app.command("all")
def all_cases() -> None:
    """Measure everything that needs no finished run, with the settings that results are committed for."""
    run_case()
    quality_case()
    race_case()
    engines_case()
    scaling_case()


@app.command("compare")
def compare_case(before: Path, after: Path) -> None:
    """Say what became faster or slower between two files of results."""
    from bench.compare import compare

    for line in compare(before, after):
        print(line)


@app.command("rescoring")
def rescoring_case(rows: Rows = 300_000, seed: Seed = 0, what: str = "all", overrides: Set = None) -> None:
    """Two months: accounts that keep their cluster (months), events (planted), speed of a frozen model (frozen)."""
    from bench import rescoring

    cases = {"months": rescoring.months, "planted": rescoring.planted, "frozen": rescoring.frozen}
    for name, case in cases.items():
        if what in {"all", name}:
            with tempfile.TemporaryDirectory() as output:
                result = case(Path(tempfile.gettempdir()), Path(output), rows, seed, overrides or [])
                record("rescoring", result | {"seed": seed})


@app.command("protocol")
def protocol_case(part: Path, rounds: int = 15) -> None:
    """Compare placing a part of a finished run under the commit protocol with plainly writing it."""
    from bench.protocol import protocol

    with tempfile.TemporaryDirectory(dir=part.parent) as output:
        record("protocol", protocol(part, Path(output) / "output", rounds))


@app.command("verifying")
def verifying_case(rows: Rows = 1_000_000, seed: Seed = 0, rounds: int = 5) -> None:
    """Measure what it costs readers of a version to hold its files against their hashes."""
    from bench.review import drifted, scored
    from bench.verifying import verifying

    first = market(rows, seed)
    second = drifted(first, first.with_name(f"{first.name}-later"))
    earlier, later = (scored(folder, folder / "scores") for folder in (first, second))
    with tempfile.TemporaryDirectory() as place:
        for result in verifying(earlier, later, Path(place), rounds):
            record("verifying", {"rows": rows, "seed": seed} | result)


@app.command("what-if")
def what_if_case(rows: Rows = 3_000_000, seed: Seed = 0) -> None:
    """Answer scenarios from a finished run."""
    from bench.review import scored, what_if

    folder = market(rows, seed)
    for result in what_if(scored(folder, folder / "scores")):
        record("what_if", result | {"seed": seed})


@app.command("explain")
def explain_case(rows: Rows = 3_000_000, seed: Seed = 0) -> None:
    """Explain accounts of a finished run."""
    from bench.review import explain, scored

    folder = market(rows, seed)
    record("explain", {"rows": rows, **explain(scored(folder, folder / "scores")), "seed": seed})


@app.command("diff")
def diff_case(rows: Rows = 3_000_000, seed: Seed = 0) -> None:
    """Compare two months, then export what changed, each in a process of its own, so that its memory is its own."""
    from bench.review import drifted, scored

    first = market(rows, seed)
    second = drifted(first, first.with_name(f"{first.name}-later"))
    outputs = [str(scored(folder, folder / "scores")) for folder in (first, second)]
    for case in ("diff", "export"):
        code = "import sys; from bench.__main__ import between; between(*sys.argv[1:])"
        subprocess.run([sys.executable, "-c", code, case, *outputs, str(seed)], check=True)


def between(case: str, first: str, second: str, seed: str) -> None:
    """Measure what is asked of two finished runs."""
    from bench import review

    with tempfile.TemporaryDirectory() as folder:
        to = Path(folder) / "changes.parquet"
        record(case, getattr(review, case)(Path(first), Path(second), to) | {"seed": int(seed)})


@app.command("coverage")
def coverage_case(rows: Rows = 100_000, seed: Seed = 0, seeds: int = 5) -> None:
    """Cover a market by 42 people: role choice, the whole command, owners, people by country; each in its own process.

    Then money and buyers by the truth of so many markets, against the plan of before.
    """
    from bench.covering_money import case as money_case
    from bench.covering_money import summary
    from bench.review import scored

    folder = market(rows, seed)
    output = str(scored(folder, folder / "scores"))
    some = market(30_000, seed)
    abroad = str(scored(some, some / "with countries", 'columns.keep=["country"]'))
    for case in ("role_choice", "whole", "owned", "regional"):
        code = "import sys; from bench.__main__ import covering; covering(*sys.argv[1:])"
        of = abroad if case == "regional" else output
        subprocess.run([sys.executable, "-c", code, case, of, str(seed)], check=True)
    results = []
    for other in range(seeds):
        results.append(money_case(rows, other))
        record("coverage", {"part": "money", **results[-1]})
    if results:
        record("coverage", {"part": "money, all seeds", **summary(results)})


def covering(case: str, output: str, seed: str) -> None:
    """Measure one part of the coverage of a finished run."""
    from bench import covering

    record("coverage", {"part": case, **getattr(covering, case)(Path(output)), "seed": int(seed)})


@app.command("lifetime-value")
def lifetime_value_case(
    peers: Annotated[Path | None, typer.Option(help="what lifetime_value_peers.py wrote")] = None,
) -> None:
    """Hold lifetime value against what customers of two shops spent afterwards."""
    from bench import worth
    from jobs.trials import prepare

    with tempfile.TemporaryDirectory() as folder:
        prepare.prepare(prepare.RAW, Path(folder))
        for result in worth.lifetime_value(Path(folder), Path(folder) / "scores", peers):
            record("lifetime_value", result)


@app.command("next-offer")
def next_offer_case() -> None:
    """Hold next offers against what customers of a shop bought afterwards."""
    from bench import worth
    from jobs.trials import prepare

    with tempfile.TemporaryDirectory() as folder:
        prepare.prepare(prepare.RAW, Path(folder))
        for result in worth.next_offer(Path(folder), Path(folder) / "scores"):
            record("next_offer", result)


@app.command("csv-import")
def csv_import_case(
    rows: Rows = 3_000_000,
    seed: Seed = 0,
    rounds: int = 3,
    quotes: Annotated[bool, typer.Option(help="whether texts stand in quotes")] = True,  # noqa: FBT002 - a flag
    against: Annotated[str | None, typer.Option(help="another tamscore program, to be run in turn")] = None,
) -> None:
    """Measure the import of a CSV file; prints rows and checksum of what it writes."""
    from bench.csv_import import csv_import, write_csv

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "market.csv"
        write_csv(path, rows, seed, quotes=quotes)
        result = csv_import(path, Path(folder), rounds, against)
        record("csv_import", {"rows": rows, "seed": seed, "quotes": quotes} | result)


@app.command("same-results")
def same_results_case(
    against: str,
    rows: Rows = 6_000,
    seed: Seed = 0,
    job: Annotated[list[str] | None, typer.Option(help="only these of the jobs")] = None,
) -> None:
    """Hold every result of three jobs against those of another tamscore program; exit with 1 where one differs."""
    from bench.same_results import JOBS, same_results

    ours = str(Path(sys.executable).with_name("tamscore"))
    with tempfile.TemporaryDirectory() as folder:
        found = list(same_results(Path(folder), rows, seed, {"here": ours, "against": against}, job or tuple(JOBS)))
    for result in found:
        print(json.dumps(result))
    raise typer.Exit(int(any(result["differ"] for result in found)))


@app.command("leaks")
def leaks_case(rows: Rows = 60_000, seeds: int = 5) -> None:
    """Count the planted leaks that the leakage guard catches, and the honest features that it keeps."""
    from bench.leaks import guard

    for seed in range(seeds):
        with tempfile.TemporaryDirectory() as output:
            record("leaks", guard(market(rows, seed), Path(output), seed) | {"seed": seed})


@app.command("choice-of-k")
def choice_of_k_case(rows: Rows = 60_000, seeds: int = 5) -> None:
    """Compare the k that is chosen with the k of other criteria, by the true wallets; and what choosing costs."""
    from bench.choice_of_k import choice_of_k

    for seed in range(seeds):
        with tempfile.TemporaryDirectory() as output:
            record("choice_of_k", choice_of_k(market(rows, seed), Path(output)) | {"seed": seed})


@app.command("input-change")
def input_change_case(rows: Rows = 20_000) -> None:
    """Count alarms about the input on honest weeks, months and years, and planted faults that none is raised for."""
    from bench.input_change import input_change
    from jobs.trials import prepare

    with tempfile.TemporaryDirectory() as folder:
        for result in input_change(Path(folder), prepare.RAW, rows):
            record("input_change", result)


@app.command("intervals")
def intervals_case(markets: int = 400, min_customers: int = 25, seed: Seed = 0) -> None:
    """Simulate clusters of 5 to 1,000 customers: coverage of intervals at 90 and 95 %, errors of pooled cut values."""
    from bench.intervals import WORLDS, intervals

    for level in (0.90, 0.95):
        for world in WORLDS:
            record("intervals", intervals(world, level, markets, min_customers, seed) | {"seed": seed})


@app.command("lost-worker")
def lost_worker_case(rows: Rows = 300_000, seed: Seed = 0, rounds: int = 3, parts: int = 24) -> None:
    """Measure what a worker killed at nine tenths of a run costs."""
    from bench.lost_worker import lost_worker

    with tempfile.TemporaryDirectory() as output:
        record("lost_worker", lost_worker(market(rows, seed), Path(output), rounds, parts, rows))


@app.command("model")
def model_case(
    tables: Annotated[list[str] | None, typer.Option("--table", help="only these tables")] = None,
    rows: Annotated[int, typer.Option(help="companies in a synthetic market")] = 20_000,
    seeds: Annotated[int, typer.Option(help="synthetic markets")] = 5,
    level: Annotated[str | None, typer.Option(help="level of potential")] = None,
    others: Annotated[bool, typer.Option(help="lifetime value and look-alikes, too")] = True,  # noqa: FBT002 - a flag
) -> None:
    """Judge the model on real and synthetic tables: loss, stability, intervals, guard, lifetime value, look-alikes."""
    from bench import model
    from jobs.trials import prepare

    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        prepare.prepare(prepare.RAW, work / "tables")
        markets = [
            model.Trial(f"synthetic_{seed}", market(rows, seed) / "job.toml", market(rows, seed) / "market")
            for seed in range(seeds)
        ]
        for trial in model.real_trials(work / "tables") + markets:
            if not tables or trial.name in tables:
                record("model", {"measure": "potential", **model.model(trial, work / trial.name, level)})
        for result in model.others(work / "tables", markets, work) if others else ():
            record("model", result)


@app.command("lift")
def lift_case(seeds: Annotated[int, typer.Option(help="simulated holdouts of each kind")] = 2_000) -> None:
    """Measure what intervals of a holdout cover, how often they see what is none, and power as announced."""
    from bench.lift import lift

    for result in lift(seeds):
        record("lift", result)


@app.command("offers")
def offers_case(
    peers: Annotated[Path | None, typer.Option(help="folder that offers_peers.py answers in")] = None,
) -> None:
    """Compare next offers with later purchases on three public sets, beside popularity, rules and factorisation."""
    from bench.offers import offers
    from jobs.trials import prepare

    with tempfile.TemporaryDirectory() as folder:
        for result in offers(prepare.RAW, peers or Path(folder)):
            record("offers", result)


@app.command("products")
def products_case(rows: Rows = 300_000, seed: Seed = 0) -> None:
    """Measure what whitespace of 20 products costs beyond the plain run, in CPU seconds and memory."""
    from bench.products import products

    with tempfile.TemporaryDirectory() as folder:
        record("products", products(market(rows, seed), seed, Path(folder) / "sold.parquet"))


@app.command("published-lift")
def published_lift_case(
    table: Annotated[Path | None, typer.Argument(help="the CSV file of the MineThatData e-mail experiment")] = None,
) -> None:
    """Hold effects and intervals of lift against those of published experiments."""
    from bench.published import published

    for result in published(table):
        record("lift", result)


if __name__ == "__main__":
    app()
