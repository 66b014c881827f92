"""A coverage as a person reads it: hours by role with their price, people, bands, simple rules, changes of owner."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.text import Text

from tamscore.insight.layout import add, new_table, section
from tamscore.view.words import NOTHING, change, clean, counted, money, share, words

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from tamscore.coverage import Coverage


def render(result: Coverage, width: int | None) -> Group:
    """The result as tables for a terminal of that width; None for files and programs."""
    parts: list[RenderableType] = [*headline(result)]
    note = "needed: by all quadrants; one more, one less: what a person changes"
    parts += section("hours", roles(result.roles, width), note)
    parts += section("against simple rules", rules(result, width), "the same hours and plans for all")
    if result.scenarios:
        parts += section("more or fewer people", scenarios(result, width))
    parts += section("coverage by size band", treatments(result.bands, "band", "band", width))
    if result.campaigns:
        parts += section("coverage by campaign", treatments(result.campaigns, "campaign_id", "campaign", width))
    parts += section("treatment by quadrant", consistency(result.consistency, width), "what most accounts get")
    parts += section("people", people(result.people, width))
    if result.moves:
        parts += section("changes of owner", moves(result.moves, width), "moves.csv lists them")
    return Group(*parts)


def headline(result: Coverage) -> list[Text]:
    """Where the tables lie, and how good the coverage is proven to be."""
    sure = result.certificate
    refilled = sure.value > sure.value_of_naming
    lines = [
        f"coverage   {result.path}",
        f"accounts   {result.accounts:,} covered, none left out",
        f"value      {money(sure.value)} a year expected; none within these hours exceeds {money(sure.bound)}",
        f"gap        {sure.gap:.3%}, of it {sure.naming:.3%} from naming people",
        *([f"           {sure.gap_before:.3%} before hours left over were given out again"] if refilled else []),
        "           expected by touch plans, which are assumptions until they are measured",
    ]
    if result.unknown:
        some = f"{', '.join(map(repr, result.unknown[:3]))}{' and others' if len(result.unknown) > 3 else ''}"
        lines.append(f"unknown    {counted(len(result.unknown), 'account')} with a touch plan of its own: {some}")
    lines += [f"joined     {match.notice}" for match in result.joins]
    lines += [f"doubt      {text}" for text in result.doubts]
    return [Text(clean(line)) for line in lines]


def roles(rows: list[dict[str, Any]], width: int | None) -> Table:
    """Hours needed, there and used, their price, and what a person more or less is worth, role by role."""
    heads = "role|>people|>accounts|>needed|>there|>used|>value|>an hour|>one more|>one less"
    table = new_table(heads, width)
    for row in rows:
        there = NOTHING if row["hours_available"] is None else f"{row['hours_available']:,.0f}"
        hours = [f"{row['hours_needed']:,.0f}", there, f"{row['hours_used']:,.0f}"]
        worth = [money(row[name]) for name in ("value", "price_of_an_hour", "one_more", "one_less")]
        add(table, words(row["role"]), f"{row['people']:,}", f"{row['accounts']:,}", *hours, *worth)
    return table


def rules(result: Coverage, width: int | None) -> Table:
    """What simple rules bring, against the coverage found."""
    table = new_table("rule|>value|>against|>hours|>accounts with a person", width)
    best = result.rules[0].value
    for one in result.rules:
        less = NOTHING if one is result.rules[0] else change(best, one.value)
        add(table, one.rule, money(one.value), less, f"{one.hours:,.0f}", f"{one.accounts:,}")
    return table


def scenarios(result: Coverage, width: int | None) -> Table:
    """What people more or less are worth."""
    table = new_table("people|>value a year", width)
    for row in result.scenarios:
        add(table, row["people"], money(row["change"]))
    return table


def treatments(rows: list[dict[str, Any]], key: str, head: str, width: int | None) -> Table:
    """Accounts, hours and value of every treatment in every size band or campaign."""
    table = new_table(f"{head}|treatment|>accounts|>hours|>value", width)
    for row in rows:
        treatment = f"{words(row['role'])}, {words(row['service_level'])}"
        add(table, row[key], treatment, f"{row['accounts']:,}", f"{row['hours']:,.0f}", money(row["value"]))
    return table


def consistency(rows: list[dict[str, Any]], width: int | None) -> Table:
    """What most accounts of a quadrant get, and how many of them."""
    table = new_table("quadrant|>accounts|treatment|>share", width)
    for row in rows:
        part = NOTHING if row["share"] is None else share(row["share"], 1)
        add(table, row["quadrant"], f"{row['accounts']:,}", words(row["treatment"]), part)
    return table


def people(rows: list[dict[str, Any]], width: int | None) -> Table:
    """Accounts, hours, potential and value of every person."""
    table = new_table("person|role|>accounts|>used|>hours|>potential|>value", width)
    for row in rows:
        hours = [f"{row['hours_used']:,.0f}", f"{row['hours']:,.0f}"]
        amounts = [money(row["potential"]), money(row["value"])]
        add(table, row["person"], words(row["role"]), f"{row['accounts']:,}", *hours, *amounts)
    return table


def moves(rows: list[dict[str, Any]], width: int | None) -> Table:
    """How many accounts change owner for which reason."""
    table = new_table("reason|>accounts", width)
    for reason, count in sorted(Counter(row["reason"] for row in rows).items()):
        add(table, reason, f"{count:,}")
    add(table, "all", counted(len(rows), "account"))
    return table
