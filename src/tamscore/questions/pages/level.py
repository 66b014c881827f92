"""The two levels of potential side by side: how well each places customers that it has not seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.questions.pages.choice import by_party
from tamscore.view.blocks import Cell, Text, group
from tamscore.view.words import words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tamscore.view.blocks import Block

    _Row = dict[str, Any]

_ALIKE = 0.01
"""Levels whose losses differ by a smaller share place customers equally well."""


def blocks(rows: Sequence[_Row]) -> Iterator[Block]:
    """Yield the losses of both levels, and a verdict on each party type; nothing where none was compared."""
    parties = by_party(rows)
    if not parties:
        return
    columns = "party type:code|level|loss:ten_thousandths|± error:ten_thousandths|covered:permille/2|customers:count/2"
    cells = [[_cells_of(row, those) for row in those] for those in parties.values()]
    note = "loss of held-out customers at the first cut line, less is better; covered: share of them at or below it"
    yield group("Level of potential", columns, cells, f"{note}; * in use")
    for party, those in parties.items():
        yield Text(f"{words(party)}: {verdict(those)}")


def _cells_of(row: _Row, rows: Sequence[_Row]) -> list[object]:
    """Return the cells of a level."""
    most = max(row["loss"] for row in rows)
    name = f"{row['level']}{' *' * row['in_use']}"
    loss = Cell(row["loss"], row["loss"] / most if most > 0 else 0.0)
    return [row["party_type"], name, loss, row["error"], row["coverage"], row["customers"]]


def verdict(rows: Sequence[_Row]) -> str:
    """Say which level places held-out customers better, and which key changes it."""
    cluster, account = (next(row for row in rows if row["level"] == level) for level in ("cluster", "account"))
    in_use = "account" if account["in_use"] else "cluster"
    gain = account["loss"] / cluster["loss"] - 1 if cluster["loss"] > 0 else 0.0
    if abs(gain) < _ALIKE:
        return f"both levels place customers equally well ({gain:+.1%}); level {in_use} is in use"
    better, worse = ("account", "cluster") if gain < 0 else ("cluster", "account")
    by = 1 - (1 + gain if gain < 0 else 1 / (1 + gain))
    text = f"level {better} places customers {by:.0%} better than level {worse}"
    return f"{text} and is in use" if better == in_use else f'{text}; set potential.level = "{better}"'
