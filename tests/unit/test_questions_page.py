"""The page of questions leads to headings that exist, and `CITATION.cff` names this version."""

from __future__ import annotations

import re
from pathlib import Path

import tamscore

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
ROW = re.compile(
    r"^\| (?P<question>[^|]+\?) \| (?P<page>\w+) \| \[(?P<heading>.+)\]\((?P<link>[^)]+)\) \|$", re.MULTILINE
)


def headings(page):
    """Return the headings of a page by their anchors."""
    text = re.sub(r"^```.*?^```", "", (DOCS / f"{page}.md").read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return {anchor(heading): heading for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}


def anchor(heading):
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_forty_questions_lead_to_headings_that_exist():
    rows = [row.groupdict() for row in ROW.finditer((DOCS / "questions.md").read_text(encoding="utf-8"))]
    assert len(rows) == len({row["question"] for row in rows}) >= 40
    for row in rows:
        known, (page, _, at) = headings(row["page"]), row["link"].partition(".md")
        heading = row["heading"].replace("\\", "")
        assert page == row["page"], row
        assert known.get(at.removeprefix("#"), next(iter(known.values()))) == heading, row
        assert at.removeprefix("#") in {"", *known}, row


def test_a_heading_that_is_not_there_is_noticed():
    assert "from-peers-to-potential" in headings("method")
    assert "no-such-heading" not in headings("method")


def test_the_citation_names_this_version():
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(r"^version: (.+)$", text, re.MULTILINE).group(1) == tamscore.__version__
