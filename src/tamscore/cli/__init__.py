"""The command line: it parses, calls, prints, and maps errors to exit codes. No other module catches them.

Commands import what they need inside the function, so that `--help` answers at once.
"""

from __future__ import annotations

import gc
import os
import sys
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from tamscore import __version__, logs, terminal
from tamscore.cli import (
    alerts,
    backtest,
    campaigns,
    check,
    cover,
    export,
    forget,
    init,
    intake,
    lift,
    lists,
    prune,
    report,
    rescore,
    review,
    run,
    shipped,
    show,
    sql,
    throughput,
    versions,
)
from tamscore.cli.examples import epilog_of
from tamscore.cli.failures import leave, report_errors, require_utf8, stoppable
from tamscore.cli.streams import open_all

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["COMMANDS", "EXIT_CODES", "app", "main"]

EXIT_CODES = """\
Exit codes: 0 done, 1 unexpected, 2 usage or job file, 3 input contract, 4 a person must accept, 5 try again later,
6 out of memory, 7 device, 10 nothing to do, 128 + signal when stopped."""


_HOW_MUCH = {"-q", "--quiet", "-v", "--verbose"}


class _Commands(TyperGroup):
    """The commands; all their errors are reported in one format."""

    def invoke(self, ctx: Any) -> Any:
        """Return the result of the command that the arguments name."""
        _protected_args = [*ctx._protected_args, *ctx.args]  # noqa: SLF001
        with (
            terminal.logging_as(ctx.params["log_format"]),
            report_errors(as_json="--json" in _protected_args, answers=_only_answers(_protected_args)),
        ):
            return super().invoke(ctx)

    def make_context(self, info_name: str | None, args: list[str], *more: Any, **options: Any) -> Any:
        """Return the context of the arguments; errors in the arguments are reported in the chosen log format."""
        with (
            terminal.logging_as("json" if os.environ.get(logs.VARIABLE) == "json" else "text"),
            report_errors(as_json=False),
        ):
            require_utf8(args)
            return super().make_context(info_name, _how_much_first(args), *more, **options)

    def format_commands(self, _: Any, formatter: Any) -> None:
        """Write the commands group by group."""
        for title, group in COMMANDS.items():
            with formatter.section(title):
                formatter.write_dl([(name, self.commands[name].get_short_help_str(72)) for name in group])


def _only_answers(args: list[str]) -> bool:
    """Return whether a command only prints: by its name, with --dry-run, or without a place to write to."""
    if not args:
        return False
    to = any(text == "--to" or text.startswith("--to=") for text in args)
    printed = {"campaigns": not to, "export": "--to=-" in args or ("--to", "-") in pairwise(args)}
    return args[0] in _ANSWERS or "--dry-run" in args or printed.get(args[0], False)


def _how_much_first(args: list[str]) -> list[str]:
    """Return the arguments with -q and -v before the command, wherever they stand."""
    wanted = [text for text in args if text in _HOW_MUCH]
    return [*wanted, *(text for text in args if text not in _HOW_MUCH)]


app = typer.Typer(
    name="tamscore",
    cls=_Commands,
    help="Score a whole total addressable market: clusters of peers, sales potential and whitespace for every account.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,  # the rich help takes longer than everything else here
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
COMMANDS: dict[str, dict[str, Callable[..., None]]] = {
    "A run": {
        "init": init.init,
        "run": run.run,
        "score": rescore.score,
        "refresh": rescore.refresh,
        "check": check.check,
        "show": show.show,
        "report": report.report,
    },
    "Questions about finished runs": {
        "explain": review.explain,
        "diff": review.diff,
        "what-if": review.what_if,
        "backtest": backtest.backtest,
        "coverage": cover.coverage,
        "alerts": alerts.alerts,
        "lift": lift.lift,
    },
    "Results and versions": {
        "export": export.export,
        "sql": sql.sql,
        "lists": lists.lists,
        "holdout": lift.holdout,
        "campaigns": campaigns.campaigns,
        "verify": show.verify,
        "history": versions.history,
        "rollback": versions.rollback,
        "prune": prune.prune,
        "pin": prune.pin,
        "forget": forget.forget,
    },
    "Data and machine": {
        "import": intake.import_,
        "synth": intake.synth,
        "schema": show.schema,
        "docs": shipped.docs,
        "template": shipped.template,
        "doctor": show.doctor,
        "bench": throughput.bench,
    },
}
"""The commands by topic, in the order of the help."""
_ANSWERS = {
    "check",
    "show",
    "explain",
    "diff",
    "what-if",
    "alerts",
    "lift",
    "verify",
    "history",
    "sql",
    "schema",
    "docs",
    "doctor",
    "bench",
}
"""The commands whose result is what they print."""
for _group in COMMANDS.values():
    for _name, _command in _group.items():
        app.command(_name, epilog=epilog_of(_name))(_command)


def _print_version(asked: bool) -> None:
    """Print the version, if `asked`."""
    if asked:
        print(f"tamscore {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version)
    ] = False,
    log_format: Annotated[
        Literal["text", "json"],
        typer.Option(
            envvar=logs.VARIABLE,
            help="Format of standard error: text, or one JSON record a line in OpenTelemetry's data model.",
        ),
    ] = "text",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no notices, errors only.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="A line for each stage, with its CPU time.")] = False,
) -> None:
    """Take the options that belong to no command."""
    del version, log_format  # used while the arguments are parsed
    terminal.HOW_MUCH.set("quiet" if quiet else "verbose" if verbose else "usual")


def _require_typer() -> None:
    """Exit with a message if typer is too old: every exit code would become 1, with a traceback."""
    if not hasattr(typer, "TyperException"):
        from tamscore.questions.packages import FLOORS

        floor = FLOORS["typer"]
        sys.exit(f"error: typer {typer.__version__} is too old, expected {floor}; pip install 'typer>={floor}'")


def main() -> None:
    """Run the command line and exit with its code."""
    _require_typer()
    open_all()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # partitions share the threads; threads of BLAS would only wait
    gc.set_threshold(200_000)  # most objects that the collector would scan are modules, which stay
    try:
        with stoppable():
            typer.main.get_command(app).main(prog_name="tamscore")
    except SystemExit as end:
        leave(end)
