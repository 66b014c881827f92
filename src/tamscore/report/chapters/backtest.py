"""Looking back: whether the accounts with much whitespace grew, and whether other methods would have said it better."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.report.figures.hindsight import growth
from tamscore.view.blocks import Block, Chapter, table
from tamscore.view.words import counted, money, share, words

if TYPE_CHECKING:
    from tamscore.report.evidence import Evidence, Row
    from tamscore.view.blocks import Table

MISSING = (
    "What came of these scores: not known yet; tamscore backtest JOB --realised COLUMN holds them against later sales."
)


def chapter(found: Evidence) -> Chapter | None:
    """The chapter; None where no backtest of the run was made."""
    if found.backtest is None:
        return None
    told, kinds = found.backtest, by_kind(found.backtest)
    blocks: list[Block] = [growth(kinds)] if kinds else []
    blocks += [tenths(kind, by["whitespace"]) for kind, by in kinds.items()]
    if told["losses"]:
        blocks.append(losses(told["losses"]))
    return Chapter("backtest", "What came of it", message(told), tuple(blocks))


def by_kind(told: Row) -> dict[str, dict[str, list[Row]]]:
    """The tenths by kind and by what they were ranked by."""
    found: dict[str, dict[str, list[Row]]] = {}
    for row in told["tenths"]:
        found.setdefault(row["kind"], {}).setdefault(row["ranked_by"], []).append(row)
    return found


def message(told: Row) -> str:
    """What it comes to, in one sentence."""
    known = [
        f"{value:+.2f} over {counted(told['accounts'][kind], 'account')} of {kind}"
        for kind, value in told["rank_correlation"].items()
        if value is not None
    ]
    return f"Whitespace and growth afterwards: rank correlation {' and '.join(known) or 'not known'}."


def tenths(kind: str, rows: list[Row]) -> Table:
    """The tenths of a kind by whitespace."""
    told = [
        (
            f"{one['tenth']}",
            f"{one['accounts']:,}",
            *(money(one[name]) for name in ("whitespace", "sales", "realised")),
            share(one["grew"], 1),
            money(one["growth"]),
            f"{money(one['growth_low'])} to {money(one['growth_high'])}",
        )
        for one in rows
    ]
    heads = ">tenth|>accounts|>whitespace|>sales|>afterwards|>grew|>growth|>95 % interval"
    return table(f"Tenths by whitespace, {kind}", heads, told, folded=True)


def losses(rows: list[dict[str, Any]]) -> Table:
    """What other methods would have said better about held-out customers."""
    told = [
        (words(one["party_type"]), f"P{one['line'] * 100:g}", one["contender"], f"{one['loss']:.4f}", gain(one))
        for one in rows
    ]
    caption = "The price of simplicity: loss on held-out customers"
    return table(caption, "party type|cut line|contender|>loss|>below clusters", told, folded=True)


def gain(one: dict[str, Any]) -> str:
    """By how much a contender's loss lies below that of the method."""
    return "" if one["below_method"] is None else f"{one['below_method']:+.1%}"
