"""File names for people and campaigns with any name: safe on every system, and distinct."""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING

from tamscore.sections.campaigns.settings import slug

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST = 60
"""Most characters of a person or campaign name in a file name."""


def file_stems(kind: str, names: Sequence[str]) -> dict[str, str]:
    """Return the name of a file, without its ending, for each of some distinct names.

    A file name has ASCII letters, digits and hyphens after the `kind`. A name that is cut, becomes empty or equals
    another name gets a hash of the original name. So it keeps its file, whichever other names there are next time.
    """
    plain = {name: _ascii_slug(name) for name in names}
    counts = Counter(_cut(text) for text in plain.values())
    return {name: f"{kind}-{_distinct_slug(text, name, counts)}" for name, text in plain.items()}


def _distinct_slug(text: str, name: str, counts: Counter[str]) -> str:
    """Return a slug, with a hash of its name if the slug is not distinct."""
    if text == _cut(text) and counts[text] == 1 and text:
        return text
    mark = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{_cut(text)}-{mark}" if text else mark


def _cut(text: str) -> str:
    """Return the first characters of a slug."""
    return text[:LONGEST].rstrip("-")


def _ascii_slug(name: str) -> str:
    """Return a name in small ASCII letters and digits, without accents; '' if none remain."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return slug(plain).strip("-")
