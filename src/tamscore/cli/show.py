"""`show`, `verify`, `schema` and `doctor`: what a run found, whether it is whole, what a job file may hold."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tamscore import terminal
from tamscore.cli.arguments import AsJson, Output, Plan, Run, new_place, place_option
from tamscore.errors import InputContractError
from tamscore.view.words import clean

if TYPE_CHECKING:
    from tamscore.questions.doctor import Check


def show(
    run: Run,
    as_json: AsJson = False,
    top: Annotated[int, typer.Option("--top", metavar="N", min=0, help="Accounts to list.")] = 10,
    cluster: Annotated[str | None, typer.Option("--cluster", metavar="ID", help="Look at one cluster only.")] = None,
    plan: Plan = None,
) -> None:
    """Show the results of a run.

    Potential by cluster, segment sizes, whitespace by kind and quadrant, and the best accounts.
    """
    from tamscore.questions.show import load, render, to_json

    summary = load(run, top, cluster, plan)
    if as_json:
        print(to_json(summary))
    else:
        terminal.print_page(lambda width: render(summary, width))


def verify(
    output: Output,
    as_json: AsJson = False,
) -> None:
    """Look for damage: read every byte of every complete version.

    Files that are missing, changed, or not listed; a pointer that is torn. Exits with 3 if anything is wrong.
    """
    from tamscore.store import versions
    from tamscore.store.verify import problems_of_output, seal

    problems = problems_of_output(versions.output_of(output))
    whole = sum(seal(run) for run in versions.versions(output))
    if as_json:
        print(json.dumps({"versions": whole, "problems": problems}, indent=1, ensure_ascii=False))
    else:
        print("\n".join(problems) or f"{whole} complete version{'s' * (whole != 1)}, all as they were written")
    if problems:
        raise typer.Exit(InputContractError.exit_code)


def schema(
    of: Annotated[
        Literal["job", "scores", "outputs", "exit-codes"],
        typer.Argument(metavar="[job|scores|outputs|exit-codes]", help="The schema to print."),
    ] = "job",
) -> None:
    """Print a schema for machines as JSON.

    The JSON Schema of the job file for editors; each column that the scores may hold, with type, unit, meaning and when
    it is null; the JSON Schemas of what commands print with --json; or the exit codes of all commands.
    """
    from tamscore.job_file import json_schema
    from tamscore.questions import dictionary
    from tamscore.questions.outputs.schemas import output_schemas

    asked = {
        "job": json_schema,
        "scores": lambda: [*dictionary.score_columns()],
        "outputs": output_schemas,
        "exit-codes": dictionary.exit_codes,
    }
    print(json.dumps(asked[of](), indent=2, ensure_ascii=False))


def doctor(
    output: Annotated[Any, place_option("--output", "DIR", "A folder that a run would write to.", new_place)] = None,
    as_json: AsJson = False,
) -> None:
    """Check what this machine offers a run.

    Versions, processors, memory, GPUs and, with --output, write access. Exits with 1 if a run would fail.
    """
    from tamscore.questions.doctor import examine

    checks = examine(output)
    if as_json:
        print(json.dumps([asdict(check) for check in checks], indent=1, ensure_ascii=False))
    else:
        _tell_checks(checks)
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


def _tell_checks(checks: list[Check]) -> None:
    """Print the checks, one a line, then what to do."""
    console = terminal.console()
    width = max(len(check.name) for check in checks)
    for check in checks:
        line = f"{'ok  ' if check.ok else 'FAIL'}  {check.name:<{width}}  {check.value}"
        console.print(clean(line), style=None if check.ok else "bold red", soft_wrap=True)
        if check.remedy:
            console.print(clean(f"{'':<{width + 8}}{check.remedy}"), soft_wrap=True)
    bad = sum(not check.ok for check in checks)
    console.print(f"{bad} of {len(checks)} checks failed" if bad else "this machine can run jobs")
