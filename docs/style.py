"""Checks that pages and strings follow the project's English: `python docs/style.py`, a part of `make lint`.

Pages are checked for words that have a plainer form, for long sentences, for semicolons and colons, and for how easy
they are to read (Flesch reading ease). Of reference pages and of docstrings and messages in `src`, words alone count.
`docs/style_left.txt` lists what has not been rewritten yet: no new file joins it, and what passes leaves it.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
WORDS = {
    r"(?:best|first|top) tenth|(?<!nine )tenths|by lot": "decile, random ranking",
    r"(?:is|are|was|were|be|been) told|tells? of|are told apart": "reported; says",
    r"mends?|mended|spoilt|made anew": "fix, corrupt, rebuilt",
    r"must be said|if (?:you do )?not (?:say|said)|unless the job says otherwise": "required, default",
    r"whoever": "a backtest; the person who",
    r"everybody|his|he": "each account, their",
    r"^nothing, where": "Raise Error if not ...",
    r"is a mistake": "is invalid: expected ..., got ...",
    r"hold (?:scores|them|it|these) against": "compare with",
    r"all the same|save for|reckon(?:ed|s)?|its kin|thereof|wherein|lest|nought|henceforth": "a plain word",
}
"""Patterns of words that no text uses, each with what to write; STYLE.md's table and words of its kind."""
AVOID = {
    re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", re.IGNORECASE | re.MULTILINE): instead
    for pattern, instead in WORDS.items()
}
MOST_WORDS = 30
MEAN_WORDS = 17.0
SEMICOLONS = 2.0
COLONS = 25.0
FLESCH = 50.0
"""Limits of a page: words of its longest sentence and of the mean one, marks in 1,000 words, reading ease."""
REFERENCE = {
    "command_line", "decisions", "glossary", "index", "job_file", "json_outputs", "performance", "questions",
    "python_api", "score_columns",
}  # fmt: skip
"""Pages that are looked up and not read: only their words are checked."""
LEFT = frozenset((Path(__file__).parent / "style_left.txt").read_text(encoding="utf-8").split())


OF_STRINGS = {"messages"}
"""Pages that hold nothing but strings of `src`, which are checked where they stand."""


def pages() -> list[Path]:
    """Return every page of the documentation."""
    return [
        *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY")),
        *sorted((ROOT / "docs").glob("*.md")),
    ]


def paragraphs(text: str) -> Iterator[str]:
    """Yield the paragraphs and list items of a page as plain text, without code, tables, headings and pictures."""
    text = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"!\[[^\]]*\]\([^)]*\)", "", text)
    text = re.sub(r"\[((?:[^\[\]]|\[[^\]]*\])*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"`[^`]*`", "code", text).replace("*", "")
    for block in re.split(r"\n\s*\n|\n(?=\s*(?:[-•]|\d+\.) )|\n(?= {0,3}\S.*\n)(?=\s*- )", text):
        lines = [line.strip() for line in block.splitlines() if not re.match(r"\s*[|#]", line)]
        if joined := re.sub(r"^(?:[-•]|\d+\.) ", "", " ".join(lines).strip()):
            yield joined


def sentences(page: str) -> list[list[str]]:
    """Return the sentences of a page, each as its words."""
    found = []
    for paragraph in paragraphs(re.sub(r"^(\s*)\* ", r"\1- ", page, flags=re.MULTILINE)):
        parts = re.split(r"(?<=[.!?])[\"')]* +(?=[\"'(A-Z0-9]|code)", paragraph)
        found += [words for part in parts if (words := re.findall(r"[A-Za-z][\w'-]*|\d[\d.,%]*", part))]
    return found


def syllables(word: str) -> int:
    """Return about how many syllables a word has: its groups of vowels, without a mute e at the end."""
    word = word.lower()
    groups = len(re.findall(r"[aeiouy]+", word))
    return max(1, groups - (word.endswith("e") and not word.endswith(("le", "ee")) and groups > 1))


def flesch(page: str) -> float:
    """Return the Flesch reading ease of a page: 206.835 - 1.015 words a sentence - 84.6 syllables a word."""
    found = sentences(page)
    words = [word for sentence in found for word in sentence]
    if not words:
        return 100.0
    return 206.835 - 1.015 * len(words) / len(found) - 84.6 * sum(map(syllables, words)) / len(words)


def unplain(text: str) -> Iterator[str]:
    """Yield a complaint for each word that has a plainer form."""
    for pattern, instead in AVOID.items():
        for match in pattern.finditer(text):
            yield f"{match.group()!r}: write {instead}"


def complaints(name: str, page: str) -> list[str]:
    """Return everything that keeps a page from passing."""
    text = re.sub(r"^ *```.*?^ *```$", "", page, flags=re.MULTILINE | re.DOTALL)
    found = [*unplain(re.sub(r"`[^`]*`", "code", text))]
    if name in OF_STRINGS:
        return []
    return found if name in REFERENCE else [*found, *style_of(page)]


def style_of(page: str) -> Iterator[str]:
    """Yield what is wrong with the sentences of a page."""
    every = sentences(page)
    count = sum(map(len, every)) or 1
    yield from (f"{len(one)} words: {' '.join(one[:12])} ..." for one in every if len(one) > MOST_WORDS)
    if count / (len(every) or 1) > MEAN_WORDS:
        yield f"{count / len(every):.1f} words a sentence, at most {MEAN_WORDS}"
    prose = " ".join(paragraphs(re.sub(r"^(\s*)\* ", r"\1- ", page, flags=re.MULTILINE)))
    for mark, most in ((";", SEMICOLONS), (":", COLONS)):
        if (rate := 1000 * len(re.findall(rf"{mark}(?= |$)", prose)) / count) > most:
            yield f"{rate:.0f} of {mark!r} in 1,000 words, at most {most:.0f}"
    if (ease := flesch(page)) < FLESCH:
        yield f"reading ease {ease:.0f}, at least {FLESCH:.0f}"


def strings(module: Path) -> Iterator[tuple[int, str]]:
    """Yield the docstrings and messages of a module with their lines, without names in backticks and units."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.lineno, re.sub(r"`[^`\n]*`|:[a-z_]+(?=/\d|\||$)", "code", node.value)


def main() -> int:
    """Print complaints about files that are not listed, and listed files that pass. Return 1 if there is any."""
    found = {page: complaints(page.stem, page.read_text(encoding="utf-8")) for page in pages()}
    for module in sorted((ROOT / "src").rglob("*.py")):
        found[module] = [f"{line}: {what}" for line, text in strings(module) for what in unplain(text)]
    named = {path.relative_to(ROOT).as_posix(): what for path, what in found.items()}
    failures = [f"{name}: {one}" for name, what in named.items() if name not in LEFT for one in what]
    passing = [name for name in LEFT if not named.get(name)]
    print("\n".join([*failures, *(f"take off docs/style_left.txt: {name}" for name in sorted(passing))]))
    print(f"style: {len(failures)} complaints; {len(LEFT)} files left to rewrite")
    return bool(failures or passing)


if __name__ == "__main__":
    sys.exit(main())
