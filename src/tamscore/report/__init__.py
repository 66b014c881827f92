"""The report of a run: one file for people who look rather than read, and its figures as files of their own."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from tamscore.errors import UsageError
from tamscore.extras import with_extra
from tamscore.store import commit
from tamscore.view.words import clean

if TYPE_CHECKING:
    from pathlib import Path

    from tamscore.insight.stored import StoredRun
    from tamscore.progress import Progress
    from tamscore.report.evidence import Evidence
    from tamscore.store.location import Location
    from tamscore.view.blocks import Chapter

PACKAGES = ("jinja2", "matplotlib")
"""What a report needs beside a run."""


def write_report(
    run: StoredRun,
    progress: Progress,
    output: Location,
    figures: Path | None = None,
    since: Location | None = None,
    *,
    compare: bool = True,
) -> list[Chapter]:
    """The chapters of the report on a run, written to a file; its figures as SVG and PNG to a folder.

    Told against the run `since`, or the one before it, unless not to `compare`. UsageError where a package is missing.
    """
    check_packages()
    from tamscore.report.chapters import chapters
    from tamscore.report.evidence import gather

    found = gather(run, since, progress, compare=compare)
    with progress.stage("draw"):
        told = chapters(found)
        text = page_of(found, told)
    commit.sweep_beside(output)
    commit.place_bytes(text.encode(), output)
    if figures:
        with progress.stage("figures"):
            write_figures(told, figures)
    return told


def write_figures(chapters: list[Chapter], folder: Path) -> None:
    """Write every figure to a folder, as SVG and PNG, numbered in the order of the report."""
    from tamscore.view.blocks import Figure
    from tamscore.view.drawing import picture

    folder.mkdir(parents=True, exist_ok=True)
    commit.sweep_beside(folder / "any")
    drawn = [block for chapter in chapters for block in chapter.blocks if isinstance(block, Figure)]
    for number, figure in enumerate(drawn, start=1):
        for form in ("svg", "png"):
            commit.place_bytes(picture(figure, form), folder / f"{number:02d}-{figure.name}.{form}")


def check_packages() -> None:
    """Nothing, where all packages are there; UsageError with the extra that brings them else."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise UsageError(f"report: {' and '.join(missing)} not installed; {with_extra('report')}")


def page_of(found: Evidence, chapters: list[Chapter]) -> str:
    """The page that holds the chapters."""
    from tamscore.view.page import render

    return render(chapters, heading(found), about(found), found.run.name)


def heading(found: Evidence) -> str:
    """What the report is about: the folder that holds the market's input."""
    return clean((found.run.job.input.path or "").rstrip("/*").rsplit("/", 1)[-1].removesuffix(".parquet")) or "market"


def about(found: Evidence) -> str:
    """When the run came to count, and which it is."""
    when = f"{found.at[:10]} · " if found.at else ""
    return f"{when}{found.summary.rows['scored']:,} accounts · run {found.run.name}"
