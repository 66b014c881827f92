"""A holdout and its verdict for readers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.sections.lift.power import ENOUGH
from tamscore.sections.lift.verdict import FEWER, MORE, TOO_FEW, UNSEEN
from tamscore.view.blocks import Block, Chapter, Table, Terms, Text, table
from tamscore.view.words import count_text, money, words

if TYPE_CHECKING:
    from collections.abc import Sequence

_Record = dict[str, Any]
_SOURCES = {
    "labels": "mean probability of the stratum, learned from labels",
    "option": "as --rate says, for every account",
    "default": "an assumption for every account; name another with --rate",
}
_VERDICTS = {
    MORE: "treated accounts buy more",
    FEWER: "treated accounts buy less",
    UNSEEN: "no effect can be seen",
    TOO_FEW: "too few",
}
_NEXT = "the next coverage with default plans goes by these effects, after the last day and 28 days at the least"
_NOTE = "effect: share of buyers among treated accounts less that among controls, with its 95 % interval"


def _holdout_chapter(record: _Record) -> Chapter:
    """Return the chapter on a holdout: the accounts drawn, and the smallest effect that it can show."""
    lines = [
        ("holdout", record["name"]),
        ("of", f"{record['of']}, {record['share']:.1%} of them controls"),
        ("rate", _SOURCES[record["rate_from"]]),
        ("drawn", f"{record['drawn_at']}, from run {record['run']}"),
    ]
    lines += [("controls", "marked in lists and coverage")] if record.get("mark") else []
    lines += [("until", record["until"])] if record["until"] else []
    lines += [("ended", record["ended"])] if record["ended"] else []
    return Chapter(
        "holdout", "Holdout", _effect_sentences(record["announced"]), (Terms(tuple(lines)), _strata(record["strata"]))
    )


def _strata(rows: list[_Record]) -> Table:
    """Return the table of the strata of a holdout."""
    columns = "stratum|accounts:count|controls:count|buys without treatment:permille|buyers among controls:tenths/2"
    names = ("stratum", "accounts", "controls", "rate", "buyers_expected")
    return table("Strata", columns, [[row[name] for name in names] for row in rows])


def _effect_sentences(announced: _Record) -> str:
    """Return in a few sentences which effect the holdout can show."""
    lift = f"a lift of {announced['lift']:.0%}"
    head = f"{count_text(announced['controls'], 'control')} of {count_text(announced['accounts'], 'account')}"
    if announced["can_be_seen"]:
        text = f"{head}: {lift} is seen with power {announced['power']:.2f}."
    elif announced["controls_needed"] is not None:
        text = f"{head}: {lift} cannot be seen, its power is {announced['power']:.2f}; it takes "
        text += f"{count_text(announced['controls_needed'], 'control')} for {ENOUGH}."
    else:
        text = f"{head}: {lift} cannot be seen, its power is {announced['power']:.2f}; "
        text += f"{count_text(announced['most_controls'], 'control')}, half of all, are too few as well."
    smallest = announced["smallest_lift"]
    least = "No lift up to 300% has that power" if smallest is None else f"The smallest with power {ENOUGH} is"
    return f"{text} {least}{'.' if smallest is None else f' {smallest:.0%}.'}"


def answer_holdout(record: _Record) -> Chapter:
    """Return the answer of the command that draws or shows a holdout."""
    chapter = _holdout_chapter(record)
    return Chapter(chapter.anchor, "", "", (*chapter.blocks, Text(chapter.message)))


def _lift_chapter(record: _Record) -> Chapter:
    """Return the chapter on the outcomes of a holdout."""
    blocks: list[Block] = [_buyers_table("Buyers by stratum", "stratum", [record["buyers"], *record["strata"]])]
    blocks += [_buyers_table(f"Buyers by {words(name)}", name, rows) for name, rows in record["groups"].items()]
    if record["money"] is not None:
        blocks.append(_money_table(record["money"]))
    if record["touches"]:
        blocks.append(_touches_table(record["touches"], record["of"]))
    return Chapter("lift", "Did it work?", _message(record), tuple(blocks))


def report_chapter(records: Sequence[_Record]) -> Chapter:
    """Return the chapter of a report on the outcomes of some holdouts, one after the other."""
    items, blocks = [], list[Block]()
    for record in records:
        chapter = _lift_chapter(record)
        head = f"Of {record['of']}, holdout {record['name']}: " if len(records) > 1 else ""
        items.append(f"{head}{chapter.message}")
        lines = [("holdout", f"{record['name']}, {record['of']}"), ("drawn", str(record["drawn_at"])[:10])]
        lines.append(("looked at", f"{record['looked_at']}, outcomes of {count_text(record['days'], 'day')}"))
        lines += [("beware", text) for text in record["warnings"]]
        blocks += [Terms(tuple(lines)), *chapter.blocks]
    return Chapter("lift", "Did it work?", " ".join(items), tuple(blocks))


def _buyers_table(caption: str, head: str, rows: list[_Record]) -> Table:
    """Return the table of buyers among treated accounts and controls, one row a group."""
    columns = (
        f"{words(head)}|treated:count|buyers:permille|controls:count|buyers of controls:permille|effect:permille|"
        "from:permille/2|to:permille/2|verdict"
    )
    names = ("name", "treated", "rate_treated", "controls", "rate_controls", "effect", "low", "high")
    return table(caption, columns, [(*(row[name] for name in names), _VERDICTS[row["verdict"]]) for row in rows], _NOTE)


def _money_table(row: _Record) -> Table:
    """Return the table of mean amounts of treated accounts and controls."""
    names = ("mean_treated", "mean_controls", "effect", "low", "high")
    columns = "treated:money|controls:money|effect:signed_money|from:signed_money/2|to:signed_money/2|verdict"
    verdict = row["why_not"] or _VERDICTS[row["verdict"]]
    return table("Mean amount of an account", columns, [(*(row[name] for name in names), verdict)])


def _touches_table(rows: list[_Record], of: str) -> Table:
    """Return the table of the effect of each touch plan, per account."""
    unit = "money" if of == "customers" else "permille"
    columns = f"touch plan:id|treated:count|controls:count|effect:{unit}|from:{unit}/2|to:{unit}/2"
    names = ("treated", "controls", "effect", "low", "high")
    items = [(f"{row['role']}/{row['service_level']}", *(row[name] for name in names)) for row in rows]
    return table("Effect by touch plan of the day of the draw", columns, items, _NEXT)


def _message(record: _Record) -> str:
    """Return the main result in a few sentences, buyers first."""
    row = record["buyers"]
    lift = "" if row["lift"] is None else f", a lift of {row['lift']:+.0%}"
    span = f"{100 * row['low']:+.1f} to {100 * row['high']:+.1f} points"
    text = f"Buyers: {_VERDICTS[row['verdict']]}: {100 * row['effect']:+.1f} points ({span}){lift}."
    amount = record["money"]
    if amount is not None and amount["effect"] is not None:
        text += f" Money: {_VERDICTS[amount['verdict']]}: {money(amount['effect'])} an account "
        text += f"({money(amount['low'])} to {money(amount['high'])})."
    return text


def answer_lift(record: _Record) -> Chapter:
    """Return the command's answer: how outcomes matched accounts, warnings, and the chapter."""
    chapter = _lift_chapter(record)
    lines = [("holdout", record["name"]), ("outcomes", record["outcomes"])]
    lines += [("beware", text) for text in record["warnings"]]
    lines.append(("result", chapter.message))
    return Chapter(chapter.anchor, "", "", (Terms(tuple(lines)), *chapter.blocks))
