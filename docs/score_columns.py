"""Prints the reference of the score columns from their declarations: `make docs` puts it into docs/score_columns.md."""

from __future__ import annotations

import sys
from itertools import groupby
from typing import TYPE_CHECKING

from tamscore.questions.dictionary import score_columns

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = """# The columns of the scores

*Made by `docs/score_columns.py` from the declarations of the columns; `make docs` renews it. `tamscore schema scores`
prints the same as JSON.*

Each run writes one row an account. Kept columns (`columns.keep`) stand after the market segment. Money is in the
currency of sales. `output.columns` can leave columns out.
"""


def lines() -> Iterator[str]:
    """Yield the reference, line by line."""
    yield HEAD
    for section, columns in groupby(score_columns(), lambda one: one["section"]):
        yield f"## [{section}]\n" if section else "## Every run\n"
        yield "| column | type | unit | meaning | null when |"
        yield "| --- | --- | --- | --- | --- |"
        for one in columns:
            yield f"| `{one['column']}` | {one['type']} | {one['unit']} | {one['meaning']} | {one['null']} |"
        yield ""


if __name__ == "__main__":
    sys.stdout.write("\n".join(lines()))
