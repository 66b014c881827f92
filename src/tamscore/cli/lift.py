"""`holdout` and `lift`: accounts that nobody works on, and what work on the others has brought."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Annotated, Literal

import typer

from tamscore import terminal
from tamscore.cli.arguments import AsJson, Run
from tamscore.errors import NothingToDo, UsageError

_Of = Annotated[
    Literal["prospects", "customers"] | None,
    typer.Option("--of", help="Accounts to draw controls from; default: prospects."),
]
_Name = Annotated[
    str | None, typer.Option("--name", metavar="NAME", help="Name of the holdout; default: prospects or customers.")
]
_HeldOut = Annotated[str | None, typer.Option("--name", metavar="NAME", help="The holdout, if there are several.")]
_Share = Annotated[float | None, typer.Option("--share", metavar="S", help="The share of controls; default: 0.1.")]
_Rate = Annotated[
    float | None,
    typer.Option("--rate", metavar="R", help="The share that buys without treatment; default: from labels, or 0.04."),
]
_Lift = Annotated[float | None, typer.Option("--lift", metavar="L", help="The lift to detect; default: 0.3 for 30 %.")]
_MinMatchShare = Annotated[
    float, typer.Option(min=0, max=1, help="Share of the outcomes that must name an account; else exit 3.")
]
_Until = Annotated[
    str | None, typer.Option("--until", metavar="DATE", help="The day to evaluate it; lift warns before that day.")
]


def holdout(  # noqa: PLR0913, PLR0917 - every option of the command
    run: Run,
    of: _Of = None,
    name: _Name = None,
    share: _Share = None,
    rate: _Rate = None,
    lift: _Lift = None,
    until: _Until = None,
    mark: Annotated[bool, typer.Option("--mark", help="Mark controls in lists; default: leave them out.")] = False,
    end: Annotated[bool, typer.Option("--end", help="End the holdout.")] = False,
    as_json: AsJson = False,
) -> None:
    """Draw controls: accounts that no list and no person gets.

    They are drawn once, stay through reruns, and are left out of coverage, lists and campaigns (with --mark: marked
    there) until you end the holdout. Says which lift can be seen. Exits with 10 if the holdout exists already.
    """
    from tamscore.questions import holdouts
    from tamscore.questions.stored import open_run
    from tamscore.sections.lift.view import answer_holdout

    _require_between("--share", share, 0.0, 0.5)
    _require_between("--rate", rate, 0.0, 1.0)
    _require_between("--lift", lift, 0.0, 100.0)
    if name is not None and not name.strip():
        raise UsageError("--name: expected a name, got nothing")
    wanted = holdouts.Wanted(name and name.strip(), of, share, rate, lift, until and _day(until), mark or None)
    stored = open_run(run)
    result, changed = holdouts.end(stored.directory.output, wanted) if end else holdouts.draw(stored, wanted, _today())
    if as_json:
        record = {**result.record, "folder": str(result.folder), "changed": changed}
        print(json.dumps(record, indent=1, ensure_ascii=False))
    else:
        terminal.put_chapter(answer_holdout({**result.record}))
    if not changed:
        raise typer.Exit(NothingToDo.exit_code)


def _require_between(option: str, value: float | None, low: float, high: float) -> None:
    """Raise UsageError if a value is given and does not lie between two others, the upper one included."""
    if value is not None and not low < value <= high:
        raise UsageError(f"{option}: expected a number above {low:g} and at most {high:g}, got {value:g}")


def _day(text: str) -> str:
    """Return a day as it is written in ISO 8601; raise UsageError if the text is none."""
    try:
        return date.fromisoformat(text.strip()).isoformat()
    except ValueError as error:
        raise UsageError(f"--until: expected a date such as 2027-03-31, got {text!r}") from error


def _today() -> date:
    """Return the day that it is in UTC."""
    return datetime.now(UTC).date()


def lift(
    run: Run,
    outcomes: Annotated[
        str,
        typer.Option(
            "--outcomes",
            metavar="TABLE",
            help="Table of account_id and bought or amount, and contacted if you know; others bought nothing.",
        ),
    ],
    name: _HeldOut = None,
    days: Annotated[
        int | None,
        typer.Option("--days", metavar="N", help="Days that the outcomes cover; default: those since the draw."),
    ] = None,
    min_match_share: _MinMatchShare = 0.5,
    as_json: AsJson = False,
) -> None:
    """Compare what treated accounts and controls of a holdout bought.

    Buyers over all and by stratum, tier, play, channel and person, with 95 % intervals; money of customers. The result
    is kept beside the holdout: reports show it, and the next coverage goes by what it measured.
    """
    from tamscore.questions import lift as proof
    from tamscore.questions.stored import open_run
    from tamscore.sections.lift.view import answer_lift

    _require_between("--days", days, 0, 3660)
    record = proof.record_lift(open_run(run), name, proof.Look(outcomes, _today(), days, min_match_share))
    if as_json:
        print(json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False))
    else:
        terminal.put_chapter(answer_lift(record))
