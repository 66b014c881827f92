"""The report of a run: one file for people who look rather than read, and its figures as files of their own."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from tamscore.errors import UsageError
from tamscore.optional_packages import with_extra
from tamscore.store import commit
from tamscore.view.words import clean

if TYPE_CHECKING:
    from pathlib import Path

    from tamscore.progress import Progress
    from tamscore.questions.stored import StoredRun
    from tamscore.report.evidence import ReportData
    from tamscore.store.location import Location
    from tamscore.view.blocks import Chapter

__all__ = ["page_of", "require_packages", "write_report"]

_PACKAGES = ("jinja2", "matplotlib")
"""The data that a report needs beside a run."""


def write_report(
    run: StoredRun,
    progress: Progress,
    output: Location,
    figures: Path | None = None,
    since: Location | None = None,
    *,
    head: dict[str, str | None] | None = None,
    compare: bool = True,
    first_page_only: bool = False,
) -> list[Chapter]:
    """The chapters of the report on a run, written to a file; its figures as SVG and PNG to a folder.

    Told against the run `since`, or the one before it, unless not to `compare`; its first page alone if asked for.
    `head` takes the place of the run's own [report]. UsageError where a package is missing.
    """
    require_packages()
    from tamscore.report.chapters import chapters, one_pager
    from tamscore.report.evidence import gather

    data = gather(run, since, progress, compare=compare, accounts=not first_page_only)
    data = data.with_heading(head) if head else data
    with progress.stage("draw"):
        items = one_pager(data) if first_page_only else chapters(data)
        text = page_of(data, items)
    commit.sweep_beside(output)
    commit.place_bytes(text.encode(), output)
    if figures:
        with progress.stage("figures"):
            _write_figures(items, figures)
    return items


def _write_figures(chapters: list[Chapter], folder: Path) -> None:
    """Write every figure to a folder, as SVG and PNG, numbered in the order of the report."""
    from tamscore.view.blocks import Figure
    from tamscore.view.drawing import picture

    folder.mkdir(parents=True, exist_ok=True)
    commit.sweep_beside(folder / "any")
    drawn = [block for chapter in chapters for block in chapter.blocks if isinstance(block, Figure)]
    for number, figure in enumerate(drawn, start=1):
        for form in ("svg", "png"):
            commit.place_bytes(picture(figure, form), folder / f"{number:02d}-{figure.name}.{form}")


def require_packages() -> None:
    """Raise UsageError unless all packages are there, with the extra that brings them."""
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if missing:
        raise UsageError(f"report: {' and '.join(missing)} not installed; {with_extra('report')}")


def page_of(data: ReportData, chapters: list[Chapter]) -> str:
    """The page that holds the chapters."""
    from tamscore.view.page import render

    names = (_heading(data), _about(data), data.run.name, _kicker(data))
    return render(chapters, *names, currency=data.currency)


def _heading(data: ReportData) -> str:
    """Return what the report is called: the title that the job gives it, the company, else the folder of the input."""
    report = data.page_one.report
    folder = (data.run.job.input.path or "").rstrip("/*").rsplit("/", 1)[-1].removesuffix(".parquet")
    return clean(report["title"] or report["company"] or folder) or "market"


def _kicker(data: ReportData) -> str:
    """Return what kind of page it is, and of which company unless that is its title."""
    report = data.page_one.report
    return clean(f"{report['company']} · Market report") if report["company"] and report["title"] else "Market report"


def _about(data: ReportData) -> str:
    """Period and owner where the job names them, when the run came to count, and which it is."""
    report = data.page_one.report
    parts = [report["period"], report["owner"], data.at and data.at[:10]]
    parts += [f"{data.summary.rows['scored']:,} accounts", f"run {data.run.name}"]
    return clean(" · ".join(filter(None, parts)))
