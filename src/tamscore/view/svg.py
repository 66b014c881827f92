"""Figures inside a page: what matplotlib writes, made smaller, themed by the page, and readable to a screen reader."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from tamscore.view.canvas import PALETTE
from tamscore.view.drawing import render

if TYPE_CHECKING:
    from tamscore.view.blocks import Figure

_SVG, _LINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
_USED = re.compile(r"#([\w-]+)")
_VARIABLES = {value: f"var(--{name})" for name, value in PALETTE.items()}
_COLOUR = re.compile("|".join(_VARIABLES))


def inline(figure: Figure, *, narrow: bool) -> str:
    """The figure as an element of a page."""
    root = ET.fromstring(render(figure, "svg", narrow=narrow))  # noqa: S314 - written a moment ago by matplotlib
    _drop_furniture(root)
    _shorten(root, f"{figure.name}-{'n' if narrow else 'w'}-")
    root.attrib = {"viewBox": root.attrib["viewBox"], "role": "img", "aria-label": figure.alt}
    ET.register_namespace("", _SVG[1:-1])
    text = ET.tostring(root, encoding="unicode")
    text = re.sub(r' xmlns(:\w+)?="[^"]*"', "", text)
    return _COLOUR.sub(lambda result: _VARIABLES[result[0]], text)


def _drop_furniture(root: ET.Element) -> None:
    """Take out what says who drew it, its global style, and the empty sheet behind it."""
    for child in list(root):
        if child.tag.endswith("metadata") or child.find(f"{_SVG}style") is not None:
            root.remove(child)


def _shorten(root: ET.Element, prefix: str) -> None:
    """Keep the names only that are referred to, each with a prefix, so that no two figures of a page share one."""
    used = {name for item in root.iter() for value in item.attrib.values() for name in _USED.findall(value)}
    for entry in root.iter():
        if entry.text is not None and not entry.text.strip():
            entry.text = None
        entry.tail = None
        for key, value in list(entry.attrib.items()):
            if key == "id":
                del entry.attrib[key]
                if value in used:
                    entry.attrib[key] = prefix + value
            elif key == "style":
                entry.attrib[key] = _style(value, prefix)
            elif key == _LINK:
                entry.attrib["href"] = f"#{prefix}{entry.attrib.pop(key)[1:]}"
            elif value.startswith("url(#"):
                entry.attrib[key] = _USED.sub(rf"#{prefix}\1", value)


def _style(style: str, prefix: str) -> str:
    """A style without its font, which the page decides, and without spaces."""
    parts = [part.strip() for part in style.split(";") if part.strip()]
    items = [_rename(part, prefix) for part in parts if not part.startswith("font-family")]
    return ";".join(part.replace(": ", ":") for part in items)


def _rename(part: str, prefix: str) -> str:
    """A part of a style with its references under their new names, and of a font its size alone."""
    if part.startswith("font:"):
        size = re.search(r"[\d.]+px", part)
        weight = "font-weight: 700;" if "bold" in part or "700" in part else ""
        return f"{weight}font-size: {size[0] if size else '9px'}"
    return re.sub(r"url\(#", f"url(#{prefix}", part)
