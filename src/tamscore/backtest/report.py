"""A backtest as a person reads it: tenths with their growth as bars, contenders with their losses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from tamscore.insight.layout import add, new_table, section
from tamscore.view.words import NOTHING, counted, money, share, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType
    from rich.table import Table

    from tamscore.backtest import Backtest
    from tamscore.backtest.challengers import Loss
    from tamscore.backtest.deciles import Tenth

BARS = "▁▂▃▄▅▆▇█"
NOTE = "growth: sales afterwards less sales, with its 95 % interval; by lot: a ranking that knows nothing"


def render(result: Backtest, width: int | None) -> Group:
    """The result as tables for a terminal of that width; None for files and programs."""
    parts: list[RenderableType] = [*headline(result)]
    for kind in dict.fromkeys(one.kind for one in result.tenths):
        by: dict[str, list[Tenth]] = {}
        for one in result.tenths:
            by.setdefault(one.ranked_by, []).extend([one] if one.kind == kind else [])
        lines = [f"growth by {name:<10} {spark([one.growth for one in those])}" for name, those in by.items() if those]
        parts += section(f"{kind}: whitespace against growth", tenths(by, width), NOTE)
        parts += [Text(line) for line in ("", *lines)]
    for party in dict.fromkeys(one.party_type for one in result.losses):
        those_losses = [one for one in result.losses if one.party_type == party]
        note = f"{counted(those_losses[0].customers, 'customer')}, five folds, pinball loss of log sales"
        parts += section(f"the price of simplicity: {words(party)}", losses(those_losses, width), note)
    return Group(*parts)


def headline(result: Backtest) -> list[Text]:
    """What was compared, and how far whitespace and growth go together."""
    lines = [f"backtest    {result.path}", f"afterwards  {result.realised}, not known of {result.unknown:,} accounts"]
    if result.joined is not None:
        lines.append(f"joined      {result.joined.notice}")
    for kind, count in result.accounts.items():
        value = result.rank_correlation[kind]
        together = f"; rank correlation of whitespace and growth {value:+.2f}" if value == value else ""  # noqa: PLR0124 - NaN
        lines.append(f"{kind:<11} {counted(count, 'account')}{together}")
    return [Text(line) for line in lines]


def spark(values: Sequence[float]) -> str:
    """The values as bars between the least and the most of them."""
    low, high = min(values), max(values)
    step = (high - low) / (len(BARS) - 1) or 1.0
    return "".join(BARS[round((value - low) / step)] for value in values)


def tenths(by: dict[str, list[Tenth]], width: int | None) -> Table:
    """The tenths by whitespace, the first has the most; beside each the growth of the tenth of the other rankings."""
    others = [name for name, those in by.items() if those and name != "whitespace"]
    heads = "".join(f"|>by {name}|>from|>to" for name in others)
    table = new_table(f">tenth|>accounts|>whitespace|>sales|>afterwards|>median|>grew|>growth|>from|>to{heads}", width)
    for i, one in enumerate(by["whitespace"]):
        growth = [each for name in ("whitespace", *others) for each in ends(by[name][i])]
        cells = [money(one.whitespace), money(one.sales), money(one.realised), money(one.median_growth)]
        add(table, one.tenth, f"{one.accounts:,}", *cells, share(one.grew, 1), *growth)
    return table


def ends(one: Tenth) -> list[str]:
    """The growth of a tenth, and the ends of its interval."""
    return [money(value) for value in (one.growth, one.growth_low, one.growth_high)]


def losses(those: Sequence[Loss], width: int | None) -> Table:
    """The losses of all contenders, and by how much they lie below that of the method."""
    table = new_table("cut line|contender|>loss|>below clusters|>from|>to", width)
    for one in those:
        gain = [NOTHING] * 3 if one is those[0] or one.contender == those[0].contender else percents(one)
        add(table, f"P{one.line * 100:g}", one.contender, f"{one.loss:.4f}", *gain)
        if one.contender == those[-1].contender:
            table.add_section()
    return table


def percents(one: Loss) -> list[str]:
    """By how much a loss lies below that of the method, and the ends of the interval."""
    return [f"{value:+.1%}" for value in (one.below_method, one.low, one.high)]
