"""The files of all lists in one folder, which changes as a whole: readers see the lists of one run, never of two."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tamscore.errors import UsageError
from tamscore.optional_packages import with_extra
from tamscore.questions.lists import page
from tamscore.questions.lists.names import file_stems
from tamscore.questions.lists.table import flat, summary
from tamscore.store import commit, folders, records
from tamscore.view.words import clean, words

if TYPE_CHECKING:
    from pathlib import Path

    from tamscore.questions.lists.gather import RunLists, WorkList
    from tamscore.questions.stored import StoredRun
    from tamscore.store.commit import Placed

_RECORD = "lists.json"
"""The record of the lists that lie in a folder: their summary, and the hashes of the files."""
_SUMMARY, _INDEX = "summary.csv", "index.html"


def write(run: StoredRun, lists: RunLists, folder: Path, *, pages: bool = True, overwrite: bool = False) -> list[Any]:
    """Write all lists to a folder, their summary and a page with links; return the rows of the summary.

    Lists that an earlier call left there are replaced as a whole. Raise UsageError if the folder holds other files of
    these names and is not to be overwritten, holds folders, or pages are asked for and a package is missing.
    """
    if pages and find_spec("jinja2") is None:
        raise UsageError(f"lists: jinja2 not installed; {with_extra('report')}, or add --no-pages")
    stems = {
        (kind, name): stem
        for kind in ("person", "campaign")
        for name, stem in file_stems(
            kind, [work_list.name for work_list in lists.lists if work_list.kind == kind]
        ).items()
    }
    rows = [row if pages else _without_page(row) for row in summary(lists.lists, stems)]
    mine = _replace(folder, rows, overwrite=overwrite)
    commit.sweep_beside(folder)
    with folders.stage(folder) as staged:
        placed = _place_all(run, lists, rows, staged, pages=pages)
        records.place({"run": run.name, "plan": plan_of(run), "lists": rows}, placed, staged / _RECORD)
        folders.put_in_place(staged, folder, {*mine, *placed, _RECORD})
    return rows


def _without_page(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row of the summary of lists that have no pages."""
    return {name: value for name, value in row.items() if name != "page"}


def plan_of(run: StoredRun) -> str | None:
    """Return the name of the coverage that lists follow, None where the scores themselves say who covers an account."""
    return run.roles.plan.name if run.roles.plan else None


def _replace(folder: Path, rows: list[dict[str, Any]], *, overwrite: bool) -> set[str]:
    """Return the files of an earlier call, which go; raise UsageError if anything speaks against that."""
    if not folder.exists():
        return set()
    if not folder.is_dir():
        raise UsageError(f"--to: {folder}: expected a folder, or nothing yet; got a file")
    if why := folders.fixed_by(folder.resolve()):
        raise UsageError(f"--to: {folder}: cannot be replaced as a whole: {why}; name a folder of its own")
    record = records.read(folder / _RECORD) if (folder / _RECORD).is_file() else {}
    known = {*record.get(records.FILES, {}), *([_RECORD] if record else [])}
    names = {_RECORD, _SUMMARY, _INDEX, *(row[key] for row in rows for key in ("file", "page") if key in row)}
    strange = sorted(name for name in names - known if (folder / name).exists())
    if strange and not overwrite:
        raise UsageError(f"--to: {folder / strange[0]}: is there already; add --overwrite, or name another folder")
    return known


def _place_all(
    run: StoredRun, lists: RunLists, rows: list[dict[str, Any]], folder: Path, *, pages: bool
) -> dict[str, Placed]:
    """Put the files of all lists into a folder; return what was placed by name."""
    placed = {_SUMMARY: commit.place_csv(pa.Table.from_pylist(rows), folder / _SUMMARY)}
    for work_list, row in zip(lists.lists, rows, strict=True):
        parts, none = (flat(part, run.name) for part in work_list.parts()), flat(work_list.accounts(0, 0), run.name)
        placed[row["file"]] = commit.place_csv_parts(parts, none.schema, folder / row["file"])
        if pages:
            placed[row["page"]] = commit.place_bytes(_html(run, work_list, row["file"]), folder / row["page"])
    if pages:
        placed[_INDEX] = commit.place_bytes(_index(run, lists, rows), folder / _INDEX)
    return placed


def _html(run: StoredRun, work_list: WorkList, file: str) -> bytes:
    """Return the page of a list."""
    from tamscore.view.page import render

    kind = "Account list" if work_list.kind == "person" else "Campaign list"
    about = f"{words(work_list.by)} · run {run.name}"
    return render(
        page.chapters_of(work_list, file), clean(work_list.name), clean(about), run.name, kind, wide=True
    ).encode()


def _index(run: StoredRun, lists: RunLists, rows: list[dict[str, Any]]) -> bytes:
    """Return the page that leads to all lists."""
    from tamscore.view.page import render

    about = f"{lists.scored:,} accounts · run {run.name}"
    return render(page.overview(lists, rows), "Who works on what", about, run.name, "Lists").encode()
