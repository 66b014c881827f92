"""The page: chapters put into HTML that needs nothing beside itself."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NoReturn

from tamscore import __version__
from tamscore.view.svg import inline
from tamscore.view.words import said

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.view.blocks import Chapter, Figure


def render(
    chapters: Sequence[Chapter],
    heading: str,
    about: str,
    run: str,
    kicker: str = "Market report",
    *,
    wide: bool = False,
) -> str:
    """Return the page as one text: style, script and figures inside, everything from data escaped.

    `kicker` says what kind of page it is; one that is `wide` is printed on paper laid across.

    Raise TypeError for a kind of block that the template has no form for.
    """
    page: str = template().render(
        chapters=chapters,
        title=f"{heading}: {kicker.lower()}",
        kicker=kicker,
        wide=wide,
        heading=heading,
        about=about,
        version=__version__,
        run=run,
    )
    return page


@cache
def template() -> Any:
    """The template of the page, compiled once, with all that is the same on every page."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    def svg(figure: Figure, narrow: bool) -> Markup:  # noqa: FBT001 - called by the template
        return Markup(inline(figure, narrow=narrow))  # noqa: S704 - written by matplotlib, texts escaped

    def refuse(block: object) -> NoReturn:
        raise TypeError(f"render: no form for {type(block).__name__}")

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters["said"] = said
    style = part("style.css").replace("DARK", part("dark.css").replace("\n", " "))
    fixed: dict[str, Any] = {"style": Markup(style), "script": Markup(part("script.js"))}  # noqa: S704 - our own files
    return environment.from_string(part("page.html.j2"), globals={**fixed, "svg": svg, "refuse": refuse})


@cache
def part(name: str) -> str:
    """The text of a file that belongs to the page."""
    return (files(__name__) / name).read_text(encoding="utf-8")
