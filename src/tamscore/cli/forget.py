"""`forget`: accounts leave every version of an output."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tamscore import terminal
from tamscore.cli.arguments import AsJson, Output
from tamscore.errors import UsageError, unreadable
from tamscore.view.blocks import Chapter, table, without_empty
from tamscore.view.words import count_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tamscore.store.forgetting import Forgetting
    from tamscore.store.location import Location

_Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Ids of accounts, as the scores have them.")]
_From = Annotated[
    Path | None, typer.Option("--from", metavar="FILE", help="A text file with more ids, one a line, in UTF-8.")
]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")]
_SOURCE = (
    "remove the accounts from the source table, too: the next run scores whatever its input holds",
    "files elsewhere are not touched: exports, lists of campaigns, reports, backups; remove the accounts there",
)
"""What is left to do."""


def forget(
    output: Output, ids: _Ids = None, file: _From = None, dry_run: _DryRun = False, as_json: AsJson = False
) -> None:
    """Remove accounts from every version.

    For example: tamscore forget scores A0000011 --dry-run. Scores, rejected rows, lists and coverage lose the accounts;
    sums, cut lines and models stay. Exits with 2 if no version has any of them. See docs/operations.md.
    """
    from tamscore.store import forgetting
    from tamscore.store.versions import output_of

    asked = [*(ids or ()), *(_ids_in(file) if file else ())]
    if not asked:
        raise UsageError("expected the ids of accounts, or --from FILE, got neither")
    where = output_of(output)
    result = forgetting.plan(where, asked) if dry_run else forgetting.forget(where, asked)
    if as_json:
        print(json.dumps({"dry_run": dry_run, **asdict(result)}, indent=1, ensure_ascii=False))
    else:
        terminal.put_chapter(_chapter(result))
        print("\n".join([*_lines(result, dry_run=dry_run), *_of_families(where)]))


def _of_families(output: Location) -> list[str]:
    """Return what is left to do if the rows of an output are families; nothing if they are accounts."""
    from tamscore.family_runs import SUFFIX, as_rows
    from tamscore.store.run_directory import RunDirectory, current_version

    current = current_version(output)
    if current is None or as_rows(RunDirectory(output, current).manifest() or {}) is None:
        return []
    return [f"its rows are families: forget their accounts in {output}{SUFFIX}, then run the job again"]


def _ids_in(file: Path) -> list[str]:
    """Return the ids in a file, a line each, without blank lines; raise UsageError if it cannot be read as UTF-8."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"--from: {file}: expected a text file in UTF-8, one id a line ({error})") from None
    except OSError as error:
        raise unreadable(file, error) from error
    return [line for line in text.splitlines() if line.strip()]


def _lines(forgetting: Forgetting, *, dry_run: bool) -> list[str]:
    """Return what that comes to, what was not found, and what is left to do."""
    verb = "would forget" if dry_run else "forgot"
    files = sum(len(change.files) for change in forgetting.versions) + len(forgetting.beside)
    versions = count_text(len(forgetting.versions), "version")
    total = (
        f"{verb} {count_text(forgetting.accounts, 'account')} in {versions}; {count_text(files, 'file')} written again"
    )
    items = [total, *_unknown_ids(forgetting.unknown)]
    items += [
        f"column {column!r} names them in {count_text(rows, 'row')} of other accounts; change that in the source table"
        for column, rows in forgetting.named.items()
    ]
    items += [
        f"written elsewhere: {out.path} on {out.host}, {out.command} on {out.at}" for out in forgetting.handed_out
    ]
    items += [f"{name} in the output was not written by tamscore: look into it" for name in forgetting.strange]
    return [*items, *_SOURCE]


def _chapter(forgetting: Forgetting) -> Chapter:
    """Return what changed in each version and beside, one a row."""
    rows = [
        (
            "version",
            version.version,
            version.scored,
            version.rejected,
            len(version.files),
            "current" if version.current else "",
        )
        for version in forgetting.versions
    ]
    nothing = (None, None, None)
    beside = [("beside", name, *nothing, "") for name in forgetting.beside]
    unfinished = [("removed", name, *nothing, "not complete: a run makes it anew") for name in forgetting.unfinished]
    columns = "what|name:id|scored rows:count|rejected rows:count|files:count/2|note/2"
    return Chapter("forget", "", "", (without_empty(table("", columns, [*rows, *beside, *unfinished])),))


def _unknown_ids(unknown: Iterable[str]) -> list[str]:
    """Return a line for each id that nothing has."""
    return [f"not found in any version: {text!r}" for text in unknown]
