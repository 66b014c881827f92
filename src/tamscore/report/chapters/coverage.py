"""Coverage: who covers which accounts, the hours that takes, and what one more person would bring."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.report.figures.coverage import coverage_map, hours
from tamscore.view.blocks import Block, Chapter, Text, table
from tamscore.view.words import change, counted, money, words

if TYPE_CHECKING:
    from tamscore.report.evidence import Evidence, Row
    from tamscore.view.blocks import Table

MISSING = "Coverage, and hours needed against hours there: not computed; tamscore coverage RUN does."
DIGITAL = "digital"
SIZES = ("small", "large", "enterprise")
"""The order of the usual size bands; others stand behind them by name."""


def chapter(found: Evidence) -> Chapter | None:
    """The chapter; None where no coverage of the run was computed."""
    if found.coverage is None:
        return None
    told = found.coverage
    limited = [row for row in told["roles"] if row["hours_available"] is not None]
    blocks: list[Block] = [hours(limited)] if limited else []
    bands = sorted({row["band"] for row in told["bands"]}, key=lambda name: (band_place(name), name))
    roles = [row["role"] for row in told["roles"]]
    counts: dict[tuple[str, str], int] = {}
    for row in told["bands"]:
        key = (row["band"], row["role"])
        counts[key] = counts.get(key, 0) + row["accounts"]
    blocks += [coverage_map(bands, roles, counts), role_table(told["roles"]), rule_table(told["rules"])]
    blocks.append(Text(f"{proof(told)} Expected by touch plans, which are assumptions until they are measured."))
    return Chapter("coverage", "Coverage", message(told), tuple(blocks))


def band_place(name: str) -> int:
    """The place of a size band among the usual ones, behind them where it is another."""
    return SIZES.index(name) if name in SIZES else len(SIZES)


def message(told: Row) -> str:
    """What it comes to, in one sentence."""
    people = sum(row["accounts"] for row in told["roles"] if row["role"] != DIGITAL)
    uncovered = told["accounts"] - sum(row["accounts"] for row in told["roles"])
    left = f"{counted(uncovered, 'account')} nobody" if uncovered else "nobody is left out"
    best = max(told["roles"], key=lambda row: row["one_more"] or 0.0)
    more = f"one more {words(best['role'])} would bring {money(best['one_more'])} a year" if best["one_more"] else ""
    return f"{counted(people, 'account')} get a person, all others digital touch; {left}{'; ' + more if more else ''}."


def role_table(rows: list[dict[str, Any]]) -> Table:
    """Hours, value, and the worth of one person more or less, by role."""
    told = []
    for row in rows:
        there = "no limit" if row["hours_available"] is None else f"{row['hours_available']:,.0f}"
        worth = [money(row[name]) for name in ("value", "price_of_an_hour", "one_more", "one_less")]
        counts = (f"{row['people']:,}", f"{row['accounts']:,}", f"{row['hours_needed']:,.0f}", there)
        told.append((words(row["role"]), *counts, f"{row['hours_used']:,.0f}", *worth))
    heads = "role|>people|>accounts|>hours needed|>there|>used|>value a year|>an hour|>one more|>one less"
    return table("Hours and value by role", heads, told)


def rule_table(rows: list[dict[str, Any]]) -> Table:
    """The coverage against simple rules within the same hours."""
    best = rows[0]["value"]
    told = [
        (one["rule"], money(one["value"]), "" if one is rows[0] else change(best, one["value"]), f"{one['accounts']:,}")
        for one in rows
    ]
    return table("Against simple rules within the same hours", "rule|>value a year|>against|>with a person", told)


def proof(told: Row) -> str:
    """How good the coverage is proven to be."""
    sure = told["certificate"]
    return (
        f"Worth {money(sure['value'])} a year; no other within these hours is worth more than {money(sure['bound'])}, "
        f"so at most {sure['gap']:.2%} is left."
    )
