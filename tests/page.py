"""A page taken apart without a browser: its elements with their attributes, its tables, whether its tags match."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "br", "hr", "img", "input"}


@dataclass
class Grid:
    """A table: caption, heads, rows of texts."""

    caption: str = ""
    heads: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)


class Page(HTMLParser):
    """Elements of a page in order, its tables, its texts by element name; AssertionError where tags do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.tables: list[Grid] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag in VOID:
            return
        self._open.append(tag)
        self.texts.setdefault(tag, []).append("")
        if tag == "table":
            self.tables.append(Grid())
        elif tag == "tr" and "tbody" in self._open:
            self.tables[-1].rows.append([])

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag):
        assert self._open, tag
        assert self._open[-1] == tag, (self._open[-1], tag)
        self._open.pop()
        text = self.texts[tag][-1].strip()
        if tag == "caption":
            self.tables[-1].caption = text
        elif tag == "th":
            self.tables[-1].heads.append(text)
        elif tag == "td":
            self.tables[-1].rows[-1].append(text)

    def handle_data(self, data):
        for tag in set(self._open):
            self.texts[tag][-1] += data

    def having(self, tag, **attributes):
        """The attributes of every element of a name that has these among its own."""
        wanted = {name.rstrip("_"): value for name, value in attributes.items()}
        return [one for name, one in self.elements if name == tag and wanted.items() <= one.items()]

    def table(self, caption):
        """The one table whose caption begins so."""
        found = [one for one in self.tables if one.caption.startswith(caption)]
        assert len(found) == 1, (caption, [one.caption for one in self.tables])
        return found[0]
