"""`report`: a run as one page for people who look rather than read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tamscore import terminal
from tamscore.cli.arguments import (
    NO_RUN,
    AsJson,
    Overwrite,
    Plan,
    Run,
    Since,
    file_option,
    new_place,
    place,
    place_option,
)
from tamscore.cli.run import near
from tamscore.errors import UsageError
from tamscore.view.words import count_text

if TYPE_CHECKING:
    from tamscore.store.location import Location


def report(  # noqa: PLR0913, PLR0917 - every option of the command
    run: Run,
    output: Annotated[
        Any,
        place_option(
            "--to", "FILE", "The page to write; default: report.html or one-pager.html.", new_place, "--output"
        ),
    ] = None,
    one_pager: Annotated[
        bool, typer.Option("--one-pager", help="Write the first page alone: one sheet to act on.")
    ] = False,
    figures: Annotated[Path | None, file_option("--figures", "DIR", "Write the figures as SVG and PNG, too.")] = None,
    since: Since = None,
    plan: Plan = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="report.KEY=VALUE", help="Set a key of [report], such as report.title."),
    ] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Write a run as one page: what to do first, then the evidence.

    One file that needs no server and no network, for a screen, a phone or paper.
    """
    from tamscore.progress import Progress
    from tamscore.questions.page_one import head_with
    from tamscore.questions.stored import open_run
    from tamscore.report import require_packages, write_report
    from tamscore.store.handed_out import not_handed_out, require_free

    require_packages()
    stored = open_run(run, plan=plan)
    target: Location = output or place("one-pager.html" if one_pager else "report.html")
    if one_pager and figures:
        raise UsageError("--figures: the first page has none; leave out --one-pager")
    if target.is_dir():
        raise UsageError(f"--to: {target}: expected a file to write, got a folder")
    require_free(stored.directory, "report", target, overwrite=overwrite)
    head = head_with(stored, overrides) if overrides else None
    compare = str(since) != NO_RUN
    with terminal.listening(as_json=as_json) as listener:
        progress = Progress(listener)
        before = since if compare else None
        with not_handed_out(stored.directory, "report", target, progress):
            chapters = write_report(
                stored, progress, target, figures, before, head=head, compare=compare, first_page_only=one_pager
            )
    record = {"run": stored.name, "report": str(target), "bytes": target.stat().st_size}
    record["chapters"] = [chapter.anchor for chapter in chapters]
    print(
        json.dumps(record, indent=1)
        if as_json
        else f"{near(target)}  {record['bytes']:,} bytes, {count_text(len(chapters), 'chapter')}"
    )
