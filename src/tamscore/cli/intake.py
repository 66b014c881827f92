"""`import` and `synth`: the commands that make a market table."""

from __future__ import annotations

import json
import shlex
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from tamscore import terminal
from tamscore.cli import import_options as options
from tamscore.cli.arguments import AsJson, new_path, place_option
from tamscore.cli.run import near
from tamscore.errors import UsageError
from tamscore.view.blocks import Chapter, Table, table
from tamscore.view.words import clean, count_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tamscore.store.csv_import import ImportReport
    from tamscore.store.csv_import.plan import ImportPlan
    from tamscore.store.csv_import.scan import CsvCell
    from tamscore.store.location import Location

_Result = TypeVar("_Result")
_LONGEST = 34
"""Most characters shown of the cells of a column."""


def synth(  # noqa: PLR0913, PLR0917 - every option of the command
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.", parser=new_path)],
    rows: Annotated[int, typer.Option("--rows", metavar="N", help="Accounts to make.")] = 300_000,
    seed: Annotated[int, typer.Option("--seed", metavar="S", help="The same seed gives the same bytes.")] = 0,
    files: Annotated[int, typer.Option("--files", metavar="F", help="Parquet files to write.")] = 16,
    month: Annotated[int, typer.Option("--month", metavar="M", help="The same market so many months on.")] = 1,
    events: Annotated[
        bool, typer.Option("--events", help="Let segments split, merge, vanish and come until then.")
    ] = False,
    orders: Annotated[bool, typer.Option("--orders", help="Make two years of order lines, too.")] = False,
    products: Annotated[
        bool, typer.Option("--products", help="Make sales by product with planted customer jobs, too.")
    ] = False,
    families: Annotated[bool, typer.Option("--families", help="Give accounts parents, too.")] = False,
    effect: Annotated[
        float | None,
        typer.Option("--effect", metavar="E", help="Make outcomes in place of a market: work brings so much more."),
    ] = None,
    after: Annotated[
        Any, place_option("--after", "RUN", "The run whose holdouts have these outcomes; with --effect.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a synthetic market and a job file that fits it.

    The true segment and wallet of every account stand in a folder of their own beside the market. With --effect and
    --after it makes what became of the holdouts of a run, to try tamscore lift with.
    """
    if (effect is None) != (after is None):
        raise UsageError("--effect: expected together with --after RUN, whose holdouts the outcomes are of")
    if effect is not None:
        _make_outcomes(directory, after, effect, seed, as_json=as_json)
        return
    from tamscore.progress import Progress
    from tamscore.store import commit, folders
    from tamscore.synthetic import Month, require_unused, write_market

    inner = directory / "job.toml"
    commit.sweep_beside(directory)
    commit.sweep_beside(inner)
    require_unused(directory)
    with folders.stage(inner if directory.is_dir() else directory) as folder:
        with terminal.listening() as listener, Progress(listener).stage("synth", rows) as done:
            more = {"orders": orders, "products": products, "families": families}
            write_market(folder, rows, seed, files, _steps(done), Month(month, events), **more)
        folders.move_in(folder, directory)
    if as_json:
        job, market = str(inner.absolute()), str((directory / "market").absolute())
        print(json.dumps({"rows": rows, "market": market, "job": job}, ensure_ascii=False))
        return
    print(f"wrote {rows:,} accounts to {near((directory / 'market').absolute())}, the truth about them beside it")
    print(f"next: tamscore run {shlex.quote(near((directory / 'job.toml').absolute()))}")


def _make_outcomes(directory: Path, after: Location, effect: float, seed: int, *, as_json: bool) -> None:
    """Write outcomes of the holdouts of a run and the truth about them, and print the next step."""
    from tamscore.questions.planted import write_outcomes
    from tamscore.questions.stored import open_run
    from tamscore.store import commit, folders
    from tamscore.synthetic import require_unused

    commit.sweep_beside(directory)
    require_unused(directory)
    with folders.stage(directory) as folder:
        buyers = write_outcomes(open_run(after), folder, effect, seed)
        folders.move_in(folder, directory)
    file = near((directory / "outcomes.parquet").absolute())
    if as_json:
        print(json.dumps({"outcomes": file, "buyers": buyers}, ensure_ascii=False))
        return
    print(f"wrote {count_text(buyers, 'buyer')} to {file}, the truth about them beside it")
    print(f"next: tamscore lift {shlex.quote(str(after))} --outcomes {shlex.quote(file)}")


def _steps(advance: Callable[[int], None]) -> Callable[[int], None]:
    """Return a function that takes the total done so far and reports the increment to `advance`."""
    before = 0

    def so_far(done: int) -> None:
        nonlocal before
        advance(done - before)
        before = done

    return so_far


def import_(  # noqa: PLR0913, PLR0917 - every option of the command
    sources: options.Sources,
    destination: options.Destination,
    dry_run: options.DryRun = False,
    types: options.Types = None,
    null: options.Null = None,
    drop: options.Drop = None,
    encoding: options.Encoding = "utf-8",
    delimiter: options.Delimiter = None,
    decimal: options.Decimal = None,
    thousands: options.Thousands = None,
    escape: options.Escape = None,
    skip: options.Skip = None,
    multiline: options.Multiline = None,
    max_bad_share: options.MaxBadShare = None,
    max_rejected_share: options.MaxRejectedShare = 0.01,
    overwrite: options.Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Turn CSV exports of a CRM into Parquet.

    Every cell is examined before anything is written. Shows the type of each column with the reason, and the cells that
    do not fit.
    """
    from tamscore.store import csv_import
    from tamscore.store.sources import standard_input

    if not dry_run:
        csv_import.require_destination(destination, overwrite=overwrite)
    sources = [str(standard_input.store()) if source == standard_input.STANDARD_INPUT else source for source in sources]
    inspect = partial(
        csv_import.inspect, sources, _types_of(types or ()), delimiter=delimiter, encoding=encoding, decimal=decimal,
        thousands=thousands, escape=escape, skip=skip, multiline=multiline or (), null_values=null or (),
        drop=drop or (), max_bad_share=max_bad_share,
    )  # fmt: skip
    size = sum(path.stat().st_size for path in csv_import.source.find(sources))
    plan = _measure_step("inspect", size, inspect)
    if not as_json:
        _tell_plan(plan)
    write = partial(csv_import.write, plan, destination, max_rejected_share=max_rejected_share, overwrite=overwrite)
    report = None if dry_run else _measure_step("write", size, write)
    if as_json:
        print(json.dumps(_import_record(plan, report), indent=1, ensure_ascii=False))
    elif report is None:
        print("nothing was written (--dry-run)")
    else:
        _tell_report(report, destination)


def _import_record(plan: ImportPlan, report: ImportReport | None) -> dict[str, Any]:
    """Return the result of an import as JSON holds it; without files if it was only tried."""
    columns = ("name", "type", "why", "filled", "empty", "bad")
    return {
        "rows": plan.rows,
        "rejected": plan.rejected,
        "columns": [{key: getattr(column, key) for key in columns} for column in plan.columns],
        "files": [str(file) for file in report.files] if report else [],
        "rejected_file": str(report.rejected_file) if report and report.rejected_file else None,
    }


def _measure_step(stage: str, size: int, step: Callable[..., _Result]) -> _Result:
    """Return the result of a step of an import that reads so many bytes, with its progress shown as a stage."""
    from tamscore.progress import Progress

    with terminal.listening() as listener, Progress(listener).stage(stage, size) as done:
        return step(progress=_meter(done))


def _meter(advance: Callable[[int], None]) -> Callable[[str, int, int], None]:
    """Return a function that reports the progress of an import as steps of its stage."""
    so_far = _steps(advance)
    return lambda _stage, done, _total: so_far(done)


def _types_of(texts: Iterable[str]) -> dict[str, str]:
    """Return types by column, from `column=type`; the last `=` separates, since names of columns may contain one."""
    record = {}
    for text in texts:
        name, equals, kind = text.rpartition("=")
        if not (name and equals and kind):
            raise UsageError(f"--type: expected COLUMN=TYPE, such as revenue=float, got {text!r}")
        record[name] = kind
    return record


def _tell_plan(plan: ImportPlan) -> None:
    """Print the columns with their types and reasons, and the cells that do not fit the type."""
    terminal.put_chapter(Chapter("import", "", "", (_plan_table(plan),)))
    examples: list[tuple[str, Iterable[CsvCell]]] = [(column.name, column.bad_examples) for column in plan.columns]
    for name, cells in examples:
        for cell in cells:
            print(clean(f"bad cell in {name!r}: {cell}; becomes empty"))
    for column in plan.columns:
        if column.losses:
            lost = ", ".join(f"{reason} ({times:,})" for reason, times in column.losses)
            print(clean(f"column {column.name!r} has {count_text(column.bad, 'cell')} that become empty: {lost}"))
        tokens = [f"{token!r} ({times:,})" for token, times in column.empty_tokens if token]
        if tokens:
            print(clean(f"column {column.name!r} has cells that stand for no value: {', '.join(tokens)}"))
    for row in plan.rejected_examples:
        print(clean(f"rejected row {row.row} of {row.file}: {row.reason}: {row.text!r}"))
    dropped = f", left out: {', '.join(map(repr, plan.dropped))}" if plan.dropped else ""
    print(clean(f"{plan.rows:,} rows, {plan.rejected:,} rejected; {len(plan.columns)} columns{dropped}"))
    _tell_files(plan)


def _tell_files(plan: ImportPlan) -> None:
    """Print what the lines of each file are, and peculiarities of each file."""
    for file in plan.files:
        print(clean(f"{file.source.path}: {file.account_of_lines}"))
        if file.source.dialect.encoding != "utf-8":
            print(clean(f"{file.source.path}: read as {file.source.dialect.encoding}"))
        if file.source.trailing:
            print(clean(f"{file.source.path}: rows end with a delimiter; the empty cell behind it is left out"))
        if file.sloppy:
            row = file.sloppy_rows[0]
            print(
                clean(
                    f"{file.source.path}: {count_text(file.sloppy, 'cell')} with text behind a closing quote; the "
                    "quotes "
                    f"are taken off (row {row.row}: {row.text!r})"
                )
            )


def _plan_table(plan: ImportPlan) -> Table:
    """Return the table of columns, one row each."""
    rows = [
        (column.name, column.type, column.filled, column.empty, column.bad, column.why, _examples(column.samples))
        for column in plan.columns
    ]
    return table("", "column:id|type|filled:count|empty:count|bad:count|why/2|for example/3", rows)


def _examples(samples: Sequence[str]) -> str:
    """Return some cells of a column in one line, cut if it is too long."""
    text = " | ".join(samples)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _tell_report(report: ImportReport, destination: Path) -> None:
    """Print the number of rows written and their place."""
    where = near(destination.absolute())
    print(f"wrote {report.rows_written:,} rows to {where} ({count_text(len(report.files), 'file')})")
    if report.bad_cells:
        print(f"{report.bad_cells:,} bad cells are empty there")
    if report.rejected_file:
        print(f"{report.rows_rejected:,} rejected rows lie in {near(report.rejected_file.absolute())}")
    print(f"next: tamscore init {where} writes a job file for it; one that you have names it as input.path")
