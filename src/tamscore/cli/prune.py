"""`prune` and `pin`: old versions go, those that somebody needs stay."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from tamscore import terminal
from tamscore.cli.arguments import AsJson, Output
from tamscore.errors import NothingToDo, UsageError
from tamscore.view.blocks import Chapter, table, without_empty
from tamscore.view.words import count_text

if TYPE_CHECKING:
    from tamscore.store.pruning import Pruning

_Keep = Annotated[int, typer.Option("--keep", metavar="N", min=1, help="Keep the N newest versions.")]
_NewerThan = Annotated[
    str | None,
    typer.Option("--newer-than", metavar="DATE|DAYS", help="Keep what is newer, too: 2026-10-01, or 90 for days."),
]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be removed, and remove nothing.")]


def prune(
    output: Output, keep: _Keep = 2, newer_than: _NewerThan = None, dry_run: _DryRun = False, as_json: AsJson = False
) -> None:
    """Remove old versions.

    For example: tamscore prune scores --keep 4 --newer-than 90. It never removes the current version, a pinned one, or
    one that a kept version is based on. Exits with 10 if there is nothing to remove. See docs/operations.md.
    """
    from tamscore.store import pruning
    from tamscore.store.versions import output_of

    where, since = output_of(output), None if newer_than is None else _moment(newer_than)
    result = pruning.plan(where, keep, since) if dry_run else pruning.prune(where, keep, since)
    if as_json:
        print(json.dumps({"dry_run": dry_run, **asdict(result)}, indent=1, ensure_ascii=False))
    else:
        verb = "would remove" if dry_run else "removed"
        terminal.put_chapter(_chapter(result, verb))
        print(_total(result, verb))
    if not result.removed:
        raise typer.Exit(NothingToDo.exit_code)


def _moment(text: str) -> datetime:
    """Return the beginning of a day (UTC), or the time so many days ago; raise UsageError if the text is neither."""
    days = re.fullmatch(r"(\d{1,5})(?: ?(?:d|days?))?", text.strip())
    try:
        if days:
            return datetime.now(UTC) - timedelta(days=int(days[1]))
        result = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"--newer-than: expected a date such as 2026-10-01, or a number of days such as 90, got {text!r}"
        ) from error
    return result if result.tzinfo else result.replace(tzinfo=UTC)


def _chapter(pruning: Pruning, verb: str) -> Chapter:
    """Return what was removed and what stays, a version a row."""
    gone = [(verb, version, size / 1e6, "") for version, size in pruning.removed.items()]
    rows = [*gone, *(("kept", version.version, None, version.why) for version in pruning.kept)]
    return Chapter("prune", "", "", (without_empty(table("", "what|version:id|MB:tenths|why/2", rows)),))


def _total(pruning: Pruning, verb: str) -> str:
    """Return what the versions that were removed come to."""
    size = sum(pruning.removed.values()) / 1e6
    return (
        f"{verb} {count_text(len(pruning.removed), 'version')}, {size:,.1f} MB"
        if pruning.removed
        else "nothing to remove"
    )


def pin(
    output: Output,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="A run key or its beginning.")],
    undo: Annotated[bool, typer.Option("--undo", help="Let prune remove it again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Keep a version from being pruned.

    For example: tamscore pin scores 3fa9. Pin what something outside the output needs: an audit, or another output that
    is scored with the model of this version.
    """
    from tamscore.store import pins
    from tamscore.store.pruning import lock
    from tamscore.store.versions import output_of, version_like

    with lock(output_of(output), "pin"):
        key = version_like(output, version).run_key
        changed = pins.set_pin(output, key, keep=not undo)
    if as_json:
        print(json.dumps({"version": key, "pinned": not undo, "changed": changed}))
    else:
        print(f"{key} is {'not ' if undo else ''}pinned{'' if changed else ' already'}")
