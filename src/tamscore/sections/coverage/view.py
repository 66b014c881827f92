"""A coverage as people read it: hours and their price, simple rules beside it, who gets what, and who changes owner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.sections.coverage.figure import band_map, hours, quadrant_map
from tamscore.sections.coverage.measured import measured_notices
from tamscore.sections.coverage.plans import DIGITAL
from tamscore.sections.coverage.result import record as record_of
from tamscore.sections.coverage.shortfall import rule_name
from tamscore.view.blocks import Block, Chapter, Table, Terms, Text, table
from tamscore.view.words import count_text, money, money_text, words

if TYPE_CHECKING:
    from tamscore.sections.coverage.result import CoverageResult

_Record = dict[str, Any]
_ASSUMED = "touch plans, which are assumptions until they are measured"
_NAMED = 3
"""So many unknown accounts are named."""


def answer(result: CoverageResult) -> Chapter:
    """Return what the command says: where the tables lie, what to know of the tables it read, and the chapter."""
    record = chapter(record_of(result))
    lines = [("coverage", result.path), ("accounts", f"{result.accounts:,} covered: {record.message}")]
    if result.unknown:
        some = f"{', '.join(map(repr, result.unknown[:_NAMED]))}{' and others' if len(result.unknown) > _NAMED else ''}"
        lines.append(("unknown", f"{count_text(len(result.unknown), 'account')} with a touch plan of its own: {some}"))
    lines += [("joined", match.notice) for match in result.joins]
    lines += [("short", text) for text in result.lacking]
    lines += [("doubt", text) for text in result.doubts]
    return Chapter(record.anchor, "", "", (Terms(tuple(lines)), *record.blocks))


def chapter(record: _Record) -> Chapter:
    """Return the chapter on a coverage; changes of owner are in a record that was not stored."""
    blocks: tuple[Block, ...] = (
        *_families(record),
        _proof(record),
        _measure(record.get("measured", ())),
        _roles(record["roles"]),
        _minimum(record.get("minimum", [])),
        _rules(record["rules"]),
        _scenarios(record["scenarios"]),
        *_by_quadrant(record),
        band_map(record["roles"], record["bands"], _treatments("size band", "band", record["bands"])),
        _treatments("campaign", "campaign_id", record["campaigns"]),
        _by_product(record.get("products", [])),
        _quadrants(record["consistency"]),
        _people(record["people"]),
        _moves(record.get("moves", ())),
    )
    shown = (block for block in blocks if not isinstance(block, Table) or block.rows)
    return Chapter("coverage", "Coverage", _message(record), tuple(shown))


def _families(record: _Record) -> list[Text]:
    """Return that families are covered whole; nothing where accounts are covered one by one."""
    if not (text := record.get("families")):
        return []
    several = f"{text['families']:,} {'family' if text['families'] == 1 else 'families'} of several accounts"
    whole = f"{count_text(text['accounts'], 'account')} make {count_text(text['units'], 'unit')}, {several} among them"
    return [Text(f"Families are covered whole: {whole}. Below, a unit counts as one account.")]


def _by_quadrant(record: _Record) -> list[Block]:
    """Return the map from quadrants to roles; nothing for a record of an earlier version, which has no such counts."""
    rows = record.get("quadrants")
    return [quadrant_map(record["roles"], rows, _treatments("quadrant", "quadrant", rows))] if rows else []


def _message(record: _Record) -> str:
    """Return what it comes to, in one sentence."""
    covered = sum(row["accounts"] for row in record["roles"] if row["role"] != DIGITAL)
    uncovered = record["accounts"] - sum(row["accounts"] for row in record["roles"])
    left = f"{count_text(uncovered, 'account')} nobody" if uncovered else "nobody is left out"
    currency = record.get("currency")
    best = max(record["roles"], key=lambda row: row["one_more"] or 0.0)
    more = (
        f"; one more {words(best['role'])} would bring {money_text(best['one_more'], currency)} a year"
        if best["one_more"]
        else ""
    )
    return f"{count_text(covered, 'account')} get a person, all others digital touch; {left}{more}."


def _proof(record: _Record) -> Terms:
    """Return how good the coverage is proven to be."""
    sure = record["certificate"]
    known = [*measured_notices(record.get("measured", ()))]
    bound = abs(sure["bound"]) or 1.0
    gap = f"{sure['gap']:.3%}, of it {max(sure['value_of_roles'] - sure['value'], 0.0) / bound:.3%} from naming people"
    if sure["value"] > sure["value_of_naming"]:
        gap += f"; {sure['gap_before']:.3%} before hours left over were given out again"
    lines = (("least service", _price_of_minimum(sure)),) if sure.get("without_minimum") else ()
    return Terms(
        (
            ("value", f"{money(sure['value'])} a year; none within these hours exceeds {money(sure['bound'])}"),
            ("gap", gap),
            *lines,
            *_owners(record.get("owners")),
            ("basis", "; ".join((*known, "other touch plans are assumptions")) if known else _ASSUMED),
        )
    )


def _owners(record: _Record | None) -> list[tuple[str, str]]:
    """Return how many accounts keep their owner, and what that costs at the most; nothing where none has an owner."""
    if not record:
        return []
    of = f" in the last coverage {record['coverage']}" if record["coverage"] else ""
    text = f"{record['kept']:,} of {count_text(record['accounts'], 'account')} with an owner{of} keep it"
    lost = f"{record['moved']:,} get another person, {record['released']:,} nobody"
    gone = f"; {record['gone']:,} more are not scored now" if record["gone"] else ""
    cost = f"other owners would bring {money(record['cost'])} a year more at the most"
    return [("owners", f"{text}; {lost}{gone}; {cost}")]


def _measure(rows: Any) -> Table:
    """Return the plans whose shares a holdout has changed, and by how much."""
    columns = "plan:id|of|days:count/2|controls:count/2|assumed|measured|weight:share/2|shares times:hundredths"
    items = [
        (
            f"{row['role']}/{row['service_level']}",
            *(row[name] for name in ("of", "days", "controls")),
            *(_amount_of(row, name) for name in ("assumed", "measured")),
            *(row[name] for name in ("weight", "factor")),
        )
        for row in rows
    ]
    note = "assumed, measured: what an account brings a year, of prospects the share that becomes customers"
    return table("Touch plans that holdouts have measured", columns, items, note)


def _amount_of(row: _Record, name: str) -> str:
    """Return what a plan is assumed or measured to bring, in words."""
    return money(row[name]) if row["of"] == "customers" else f"{row[name]:.2%}"


def _rows_of(rows: Any, names: str) -> list[list[Any]]:
    """Return some values of every row, by name."""
    return [[row[name] for name in names.split()] for row in rows]


def _price_of_minimum(sure: _Record) -> str:
    """Return what it costs that accounts are owed a service level."""
    most = sure["without_minimum"]
    share = max(most - sure["value"], 0.0) / abs(most)
    return f"costs {money(max(most - sure['value'], 0.0))} a year at the most ({share:.2%}); without it {money(most)}"


def _roles(rows: list[_Record]) -> Block:
    """Return hours and value by role, and what one person more or less is worth; with a picture if any has a limit."""
    names = "role people accounts hours_needed hours_available hours_used value price_of_an_hour one_more one_less"
    columns = (
        "role:code|people:count/2|accounts:count/2|hours needed:count|there:count|used:count|value a year:money|"
        "an hour:money/2|one more:money|one less:money/2"
    )
    note = "needed: by all quadrants; one more, one less: what a person changes"
    text = table("Hours and value by role", columns, _rows_of(rows, names), note)
    return hours(rows, text) if any(row["hours_available"] is not None for row in rows) else text


def _minimum(rows: list[_Record]) -> Table:
    """Return how many accounts are owed a service level, how many get it, and what the others lack."""
    columns = (
        "owed to|at least:code|accounts:count|reached:count|short:count|hours lacking:count|of role:code/2|"
        "an hour:money/2"
    )
    names = "rule service_level owed reached short hours_short role price_of_an_hour"
    items = [{**row, "rule": rule_name(row["rule"])} for row in rows]
    without = sum(row.get("without_plan", 0) for row in rows)  # an earlier version did not count these
    note = f"; no plan offers it to {without:,} of them" if without else ""
    return table(
        "Least service", columns, _rows_of(items, names), f"shortfall.csv lists the accounts that are short{note}"
    )


def _scenarios(rows: list[_Record]) -> Table:
    """Return what people more or fewer are worth, a row a scenario."""
    columns = "people|hours:count/2|value a year:money|in the first year:money/2|owed and reached:count/3"
    unknown = dict.fromkeys(("hours", "first_year", "reached"))
    items = [{"scenario": row.get("people"), **unknown, **row} for row in rows]  # an earlier version knew less
    return table("More or fewer people", columns, _rows_of(items, "scenario hours change first_year reached"))


def _rules(rows: list[_Record]) -> Table:
    """Return what simple rules bring, against the coverage."""
    best = rows[0]["value"]
    against = [None, *(row["value"] / best - 1 if best else None for row in rows[1:])]
    items = [
        (row["rule"], row["value"], less, row["hours"], row["accounts"])
        for row, less in zip(rows, against, strict=True)
    ]
    columns = "rule|value a year:money|against:change|hours:count/2|with a person:count/2"
    return table("Against simple rules", columns, items, "the same hours and plans for all")


def _treatments(what: str, key: str, rows: list[_Record]) -> Table:
    """Return accounts, hours and value of every treatment in every size band or campaign."""
    columns = f"{what}:id|role:code|service level:code/2|accounts:count|hours:count/2|value:money"
    items = _rows_of(rows, f"{key} role service_level accounts hours value")
    return table(f"Coverage by {what}", columns, items, folded=True)


def _by_product(rows: list[_Record]) -> Table:
    """Return accounts, hours and value by the product that has the most whitespace with them."""
    named = [{**row, "product": row["product"] or "none"} for row in rows]
    return _treatments("most open product", "product", named)


def _quadrants(rows: list[_Record]) -> Table:
    """Return what most accounts of a quadrant get, and how many of them."""
    columns = "quadrant|accounts:count|treatment:code|share:share"
    items = _rows_of(rows, "quadrant accounts treatment share")
    return table("Treatment by quadrant", columns, items, "what most accounts get", folded=True)


def _people(rows: list[_Record]) -> Table:
    """Return accounts, hours, potential and value of every person, against the share of its hours in the role."""
    columns = (
        "person:id|role:code/2|accounts:count|used:count|hours:count/2|potential:money/3|value:money|"
        "accounts to share:share/3|value to share:share/2"
    )
    unknown = dict.fromkeys(("accounts_ratio", "value_ratio"))
    names = "person role accounts hours_used hours potential value accounts_ratio value_ratio"
    items = _rows_of([{**unknown, **row} for row in rows], names)
    outside = sum(row.get("within") is False for row in rows)
    note = f"{count_text(outside, 'person')} outside of coverage.balance" if outside else ""
    return table("People", columns, items, note, folded=True)


def _moves(rows: Any) -> Table:
    """Return how many accounts change owner for which reason, and what that brings against staying."""
    gains: dict[str, list[float]] = {}
    for row in rows:
        gains.setdefault(row["reason"], []).append(row["gain"] or 0.0)
    items = [(reason, len(gain), sum(gain)) for reason, gain in sorted(gains.items())]
    every = [("all", len(rows), sum(gain for _, _, gain in items))] if items else []
    columns = "reason|accounts:count|value a year:money"
    return table("Changes of owner", columns, [*items, *every], "moves.csv lists them")
