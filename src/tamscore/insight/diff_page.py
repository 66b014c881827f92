"""What changed between two runs, as a page for people and as JSON for machines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.text import Text

from tamscore.insight.causes import CAUSES
from tamscore.insight.layout import add, new_table, section
from tamscore.scoring.score.parts import KINDS
from tamscore.view.words import NOTHING, clean, counted, money, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType
    from rich.table import Table

    from tamscore.insight.diff_table import Diff

GROUPS = ("kept", "new", "gone")


def render(found: Diff, width: int | None) -> Group:
    """The changes as tables for a terminal of that width; None for files and programs."""
    model = "under one model" if found.same_model else "under models fitted apart"
    kept = sum(int(found.totals.kept[k, 0]) for k in range(len(KINDS)))
    head = Text(
        clean(f"from {found.first} to {found.second}, {model}: {counted(kept, 'account')} in both"), style="bold"
    )
    parts: list[RenderableType] = [head, *(Text(clean(text)) for text in found.notices)]
    parts += section("accounts", accounts(found, width), "of those kept the change, of the others what they hold")
    parts += section("why potential and whitespace changed", why(found, width), "accounts in both runs")
    if found.movers.num_rows:
        parts += section("top movers", movers(found, width), "potential, and how each cause moved it")
    return Group(*parts)


def accounts(found: Diff, width: int | None) -> Table:
    """Accounts kept, new and gone by kind, with their money."""
    table = new_table("kind||>accounts|>potential|>whitespace|turned", width)
    for k, kind in reversed([*enumerate(KINDS)]):
        for group in GROUPS:
            count, *amounts = getattr(found.totals, group)[k].tolist()
            turned = turned_of(found, k) if group == "kept" else ""
            shape = signed if group == "kept" else plain
            add(table, kind, group, f"{count:,}", *map(shape, amounts), turned)
        table.add_section()
    return table


def turned_of(found: Diff, kind: int) -> str:
    """How many accounts came over from the other kind."""
    count = int(found.totals.turned[kind])
    return f"{count:,} {'won: bought nothing before' if kind else 'lost: buy nothing any more'}" if count else ""


def why(found: Diff, width: int | None) -> Table:
    """What each cause did, by kind."""
    table = new_table("kind|cause|>accounts|>potential|>whitespace", width)
    for k, kind in reversed([*enumerate(KINDS)]):
        for cause, (count, *amounts) in zip(CAUSES, found.totals.parts[k].tolist(), strict=True):
            add(table, kind, words(cause), f"{count:,}", *map(signed, amounts))
        table.add_section()
    return table


def movers(found: Diff, width: int | None) -> Table:
    """The accounts that moved most."""
    table = new_table("~account|from|to|>before|>after|" + "|".join(f">{words(cause)}" for cause in CAUSES), width)
    for row in found.movers.to_pylist():
        ends = (money(float(row[f"potential_{when}"])) for when in ("before", "after"))
        causes = (signed(100 * row[cause]) for cause in CAUSES)
        add(table, row["name"] or row["account_id"], row["cluster_before"], row["cluster_after"], *ends, *causes)
    return table


def plain(cents: float) -> str:
    """An amount in short."""
    return money(float(cents) / 100)


def signed(cents: float) -> str:
    """A change in short, with its sign; `-` where there is none."""
    return f"{'+' if cents > 0 else ''}{plain(cents)}" if cents else NOTHING


def to_json(found: Diff) -> str:
    """The changes as JSON; money in units of the currency."""
    record = {
        "first": found.first,
        "second": found.second,
        "same_model": found.same_model,
        "notices": found.notices,
        "kinds": {kind: kind_record(found, k) for k, kind in enumerate(KINDS)},
        "movers": [dict(mover_record(row)) for row in found.movers.to_pylist()],
    }
    return json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False)


def kind_record(found: Diff, kind: int) -> dict[str, Any]:
    """What became of the accounts of a kind."""
    totals = found.totals
    groups = {group: sums(getattr(totals, group)[kind]) for group in GROUPS}
    causes = {cause: sums(totals.parts[kind, place]) for place, cause in enumerate(CAUSES)}
    return {**groups, "turned": int(totals.turned[kind]), "causes": causes}


def sums(values: Any) -> dict[str, float]:
    """Accounts, potential and whitespace by name."""
    count, *amounts = values.tolist()
    return {"accounts": count, "potential": amounts[0] / 100, "whitespace": amounts[1] / 100}


def mover_record(row: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """An account that moved, as JSON holds it."""
    for name, value in row.items():
        if name != "status":
            yield name, value if value is None or isinstance(value, str) else float(value)
