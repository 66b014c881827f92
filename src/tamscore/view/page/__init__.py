"""The page: chapters put into HTML that needs nothing beside itself."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NoReturn

from tamscore import __version__
from tamscore.view.blocks import Points
from tamscore.view.svg import inline
from tamscore.view.words import clean, value_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.view.blocks import Chapter, Figure

__all__ = ["render"]


def render(
    chapters: Sequence[Chapter],
    heading: str,
    about: str,
    run: str,
    kicker: str = "Market report",
    *,
    currency: str | None = None,
    wide: bool = False,
) -> str:
    """Return the page as one text: style, script and figures inside, everything from data escaped.

    `kicker` says what kind of page it is, `currency` what its amounts are in; one that is `wide` is printed on paper
    laid across.

    Raise TypeError for a kind of block that the template has no form for.
    """
    from markupsafe import Markup

    page: str = _template().render(
        chapters=chapters,
        title=f"{heading}: {kicker.lower()}",
        kicker=kicker,
        wide=wide,
        heading=heading,
        about=about,
        version=__version__,
        run=run,
        currency=None if currency is None else clean(currency),
        anchors=_anchors_of(chapters),
        running=Markup(_css_text(heading)),  # noqa: S704 - only letters, digits and escapes
    )
    return page


def _anchors_of(chapters: Sequence[Chapter]) -> set[str]:
    """Return what links within the page may lead to: its chapters, and the points that have an anchor."""
    lists = (block for chapter in chapters for block in chapter.blocks if isinstance(block, Points))
    inner = (point.anchor for block in lists for point in block.points if point.anchor)
    return {f"#{name}" for name in (*(chapter.anchor for chapter in chapters), *inner)}


def _css_text(text: str) -> str:
    """Return a text as CSS has it between quotes, with all but letters, digits and blanks as escapes."""
    plain = (char if char == " " or (char.isascii() and char.isalnum()) else f"\\{ord(char):x} " for char in text)
    return f'"{"".join(plain)}"'


@cache
def _template() -> Any:
    """The template of the page, compiled once, with all that is the same on every page."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    def svg(figure: Figure, narrow: bool) -> Markup:  # noqa: FBT001 - called by the template
        return Markup(inline(figure, narrow=narrow))  # noqa: S704 - written by matplotlib, texts escaped

    def refuse(block: object) -> NoReturn:
        raise TypeError(f"render: no form for {type(block).__name__}")

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters["said"] = value_text
    style = _part("style.css").replace("DARK", _part("dark.css").replace("\n", " "))
    script = _part("script.js")
    fixed: dict[str, Any] = {"style": Markup(style), "script": Markup(script)}  # noqa: S704 - our own files
    digest = b64encode(sha256(script.encode()).digest()).decode()
    fixed["script_hash"] = Markup(f"sha256-{digest}")  # noqa: S704 - letters and digits
    return environment.from_string(_part("page.html.j2"), globals={**fixed, "svg": svg, "refuse": refuse})


@cache
def _part(name: str) -> str:
    """The text of a file that belongs to the page."""
    return (files(__name__) / name).read_text(encoding="utf-8")
