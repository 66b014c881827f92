"""Numbers and names as people read them."""

from __future__ import annotations

import math
from typing import Any

UNITS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"), (1.0, ""))
NOTHING = "-"


def money(value: float | None) -> str:
    """An amount with two significant digits, short: 12k, 3.4M, 950; `-` where there is none."""
    if value is None or not math.isfinite(value):
        return NOTHING
    rounded = float(f"{value:.2g}")
    if rounded == 0:
        return "0"
    limit, unit = next((pair for pair in UNITS if abs(rounded) >= pair[0]), (1.0, ""))
    scaled = rounded / limit
    return f"{scaled:.{max(1 - math.floor(math.log10(abs(scaled))), 0)}f}{unit}"


def exact(value: float) -> str:
    """An amount to the cent, whole amounts without cents: 1,234.50, 1,234."""
    return f"{value:,.2f}".removesuffix(".00")


def share(part: float, whole: float) -> str:
    """A share in percent: whole numbers from 10 % on, one place below; `-` of nothing."""
    if not whole:
        return NOTHING
    percent = 100 * part / whole
    return f"{percent:.0f}%" if percent >= 9.95 or percent == 0 else f"{percent:.1f}%"


def change(before: float, after: float) -> str:
    """How an amount changes, in percent: `+12%`, `-0.4%`, `0%`; `-` where it was nothing."""
    if not before:
        return NOTHING
    percent = 100 * (after - before) / abs(before)
    return "0%" if abs(percent) < 1e-9 else f"{percent:+.0f}%" if abs(percent) >= 9.95 else f"{percent:+.1f}%"


def counted(count: float, noun: str) -> str:
    """A count with its noun, which takes an s where it is not one."""
    return f"{count:,.0f} {noun}{'' if count == 1 else 's'}"


def words(name: str) -> str:
    """A code as words: `land_and_adopt` is `land and adopt`."""
    return name.replace("_", " ")


def clean(text: object) -> str:
    """The text without characters that would move the cursor or break a line: names come from data."""
    return "".join(char if char.isprintable() else "�" for char in str(text))


def learned_in(propensity: dict[str, Any]) -> str:
    """In which run a frozen propensity was learned, with its preposition: its figures are of that run; else nothing."""
    run = propensity.get("model", {}).get("run")
    return f" in run {run}" if run else ""


def since(origin: dict[str, Any]) -> str:
    """Where the model of a run comes from, in words."""
    if origin.get("source", "fitted") == "fitted":
        return "fitted anew"
    known, moved = origin["accounts_known"], origin["accounts_relabelled"]
    how = {"frozen": "frozen, from run", "refreshed": "refreshed from run"}[origin["source"]]
    own = "; cut lines of its own" if origin.get("ladders") == "own" else ""
    kept = share(known - moved, known)
    return f"{how} {origin['run']}{own}; {kept} of the {known:,} accounts known to it keep their cluster"


def input_since(told: dict[str, Any]) -> str:
    """How the input of a run differs from that of the run before, in one line; figures as the manifest has them."""
    accounts, customers = told["accounts_before"], told["customers_before"]
    text = (
        f"compared with run {told['run']}: {share(told['gone'], accounts)} of {counted(accounts, 'account')} gone, "
        f"{share(told['new'], accounts)} new; customers {change(customers, told['customers_now'])}, "
        f"sales {money(told['sales_before'])} → {money(told['sales_now'])}"
    )
    return f"{text}; accepted" if told["accepted"] else text
