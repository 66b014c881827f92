"""A table on standard input: stored in a temporary file, which is named by how the table begins."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING

from tamscore.errors import InputContractError, UsageError
from tamscore.store.formats import HEAD_BYTES, format_of, is_text
from tamscore.store.temporary import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

STANDARD_INPUT = "-"
"""The argument that names standard input."""
_OVERRIDE = f"input.path={STANDARD_INPUT}"
_ENDINGS = {b"PAR1": ".parquet", b"ARROW1": ".arrow", b"\xff\xff\xff\xff": ".arrows"}


def store() -> Path:
    """Return a temporary file with all bytes of standard input: Parquet, Arrow, CSV, or one JSON object a line.

    Raise UsageError if it is a terminal, InputContractError if it is empty or of another format.
    """
    if sys.stdin.isatty():
        raise UsageError("standard input: expected a table, got a terminal; pipe one in, or name a file")
    head = sys.stdin.buffer.read(HEAD_BYTES)
    path = temporary_folder() / f"stdin{_ending_of(head)}"
    with path.open("wb") as file:
        file.write(head)
        shutil.copyfileobj(sys.stdin.buffer, file)
    return path


def _ending_of(head: bytes) -> str:
    """Return the ending of files that begin so; raise InputContractError as `store`."""
    for magic, ending in _ENDINGS.items():
        if head.startswith(magic):
            return ending
    kind = format_of(head)
    if kind and head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        return ".ndjson"
    if kind or not head or not is_text(head):
        what = kind.name if kind else f"one that begins with {head[:4]!r}" if head else "nothing"
        raise InputContractError(
            f"standard input: expected CSV, lines of JSON, Arrow or Parquet, got {what}; "
            f"{kind.remedy if kind else 'look at what writes to it'}"
        )
    return ".csv"


def with_stored(overrides: Sequence[str]) -> list[str]:
    """Return the overrides of a job file, `input.path=-` as the path of what came; raise as `store`."""
    return [f"input.path={json.dumps(str(store()))}" if text == _OVERRIDE else text for text in overrides]
