"""Prints the reference of JSON outputs from their declarations: `make docs` puts it into docs/json_outputs.md."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tamscore.questions.outputs import OUTPUTS

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = """# What `--json` prints

*Made by `docs/json_outputs.py` from the declarations of the outputs; `make docs` renews it. `tamscore schema outputs`
prints the same as JSON Schemas.*

A command with `--json` prints one JSON value on standard output; events and errors go to standard error, one JSON
object a line. A key is a path: `.` leads into an object, `[]` into each item of a list, `*` stands for any name. A `?`
behind a key says that it may be absent, behind a type that the value may be null. Later versions may add keys.
"""


def lines() -> Iterator[str]:
    """Yield the reference, line by line; commands that print the same stand together."""
    yield HEAD
    rows = []
    for keys in OUTPUTS.values():
        if keys in rows:
            continue
        rows.append(keys)
        yield f"## {', '.join(call for call, same in OUTPUTS.items() if same == keys)}\n"
        yield "| key | type | meaning |"
        yield "| --- | --- | --- |"
        for key, text in keys.items():
            kind, meaning = text.split(": ", 1)
            yield f"| `{key}` | {kind} | {meaning.replace('|', '/')} |"
        yield ""


if __name__ == "__main__":
    sys.stdout.write("\n".join(lines()))
