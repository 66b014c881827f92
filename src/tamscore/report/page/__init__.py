"""The page: chapters put into HTML that needs nothing beside itself."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from tamscore import __version__
from tamscore.insight.wording import clean
from tamscore.report.svg import inline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.report.blocks import Chapter, Figure
    from tamscore.report.evidence import Evidence


def render(found: Evidence, chapters: Sequence[Chapter]) -> str:
    """The page as one text: style, script and figures inside, everything from data escaped."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    def svg(figure: Figure, narrow: bool) -> Markup:  # noqa: FBT001 - called by the template
        return Markup(inline(figure, narrow=narrow))  # noqa: S704 - written by matplotlib, texts escaped

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    style = part("style.css").replace("DARK", part("dark.css").replace("\n", " "))
    name = heading(found)
    fixed: dict[str, Any] = {"style": Markup(style), "script": Markup(part("script.js"))}  # noqa: S704 - our own files
    return environment.from_string(part("page.html.j2")).render(
        **fixed,
        svg=svg,
        chapters=chapters,
        title=f"{name}: market report",
        heading=name,
        about=about(found),
        version=__version__,
        run=found.run.name,
    )


def heading(found: Evidence) -> str:
    """What the report is about: the folder that holds the market's input."""
    return clean(found.run.job.input.path.rstrip("/*").rsplit("/", 1)[-1].removesuffix(".parquet")) or "market"


def about(found: Evidence) -> str:
    """When the run came to count, and which it is."""
    when = f"{found.at[:10]} · " if found.at else ""
    return f"{when}{found.summary.rows['scored']:,} accounts · run {found.run.name}"


@cache
def part(name: str) -> str:
    """The text of a file that belongs to the page."""
    return (files(__name__) / name).read_text(encoding="utf-8")
