"""The explanation of an account as a page that can be read to a seller, and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tamscore.questions.pages.calling import priority_sentence
from tamscore.questions.pages.quadrants import MEANINGS
from tamscore.sections import SECTIONS
from tamscore.stages.whitespace import two_digits
from tamscore.view.blocks import Chapter, Text, table, without_empty
from tamscore.view.words import clean, count_text, exact, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tamscore.questions.explain import Explanation, Move, Step
    from tamscore.questions.own_level import OwnLevel
    from tamscore.view.blocks import Block, Table

_TELLING = 3
"""So many features say what sets the peers apart."""
_MOVES = "step|if sales are|amount:exact|change:exact/2|new potential:exact"
_LIMITS = {("up", True): "at least", ("up", False): "above", ("down", True): "at most", ("down", False): "below"}
"""How sales must stand to the limit of a move, by its direction and whether the limit itself will do."""


def chapter(explanation: Explanation) -> Chapter:
    """Return the explanation as a chapter under the name of its account."""
    known = [line for section in SECTIONS.values() for line in section.explain(explanation.account)]
    own = Text(_level(explanation.level)) if explanation.level else None
    blocks: tuple[Block, ...] = (
        *_priority_paragraphs(explanation),
        Text(_peers(explanation)),
        *([own] if own else ()),
        Text(_place(explanation)),
        _ladder(explanation),
        _above(explanation),
        _moves(explanation),
        table("What else is known", "what|it says", known),
        _look_alike(explanation),
    )
    return Chapter("explain", _title(explanation), _worth(explanation), blocks)


def _priority_paragraphs(explanation: Explanation) -> list[Text]:
    """Return why it has its place, as a paragraph; none for a run that gives no places."""
    account = explanation.account
    why = priority_sentence(account)
    place = f"Number {account['priority']:,} of the {words(account['party_type'])} accounts" if why else ""
    return [Text(f"{place}, tier {account['tier']}: {why}")] if why else []


def _title(explanation: Explanation) -> str:
    """Return the name or id of the account, its party type and its kind."""
    account = explanation.account
    named = f"{account['name']} ({account['account_id']})" if account.get("name") else str(account["account_id"])
    kind = "customer" if account["kind"] == "expansion" else "prospect"
    return f"{named}, {words(account['party_type'])}, {kind}"


def _peers(explanation: Explanation) -> str:
    """Return which accounts it is compared with, and how well it fits in."""
    account, cluster = explanation.account, explanation.cluster
    how = apart(explanation.apart[:_TELLING])
    rule = f" Rule: {cluster['rule']}." if cluster.get("rule") else ""
    margin = account["margin"]
    near = f"; the next cluster's is {margin:.2f} farther" if margin is not None else ""
    return (
        f"Its peers are the {explanation.peers:,} accounts of {account['cluster']}, {cluster['name']!r} ({how} "
        "standard "
        f"deviations from all {words(account['party_type'])} accounts).{rule} It lies {account['distance']:.2f} from "
        f"their center{near}."
    )


def _level(own: OwnLevel) -> str:
    """Return what accounts with its features typically buy, and how that becomes its ladder."""
    times = own.typical / own.of_cluster if own.of_cluster > 0 else 0.0
    first = own.multiples[0]
    reach = f" The first step is {first:.2f} times that" if first is not None else ""
    cap = f"; no step lies above {exact(own.cap)}, the most that a customer of its peers spends" if own.cap else ""
    return (
        f"Peers of its size typically spend {exact(own.typical)}, {two_digits(times)}x the median account of its "
        f"cluster.{reach}{cap if reach else ''}."
    )


def _worth(explanation: Explanation) -> str:
    """Return what it could spend, what it spends, what is open."""
    account = explanation.account
    if account["potential"] is None:
        return "None of its peers buys yet, nor does anybody they could lean on: there is no potential to tell."
    sold = account["sales"] or 0.0
    spends = f"spends {exact(sold)}" if sold > 0 else "buys nothing yet" if sold == 0 else f"returned {exact(-sold)}"
    open_ = f"{exact(account['whitespace'])} is open" if account["whitespace"] > 0 else "nothing is open"
    return f"It could spend {exact(account['potential'])} with us: {_standing(explanation)}. It {spends}, so {open_}."


def _standing(explanation: Explanation) -> str:
    """Return what its potential is among the sales of its peers."""
    step = step_of(explanation)
    if step is None:
        return "its own sales: it is above the top of its peers' ladder"
    if step.place is None:
        return f"{label(step)} of {'peers of its size' if explanation.level else 'its peers'}"
    support = explanation.cluster["support"]
    nth = f"customer {step.place:,} of {support:,}, counted upwards,"
    who = "the largest customer" if step.place == support else nth
    return f"{label(step)} of its peers, which is what {who} spends"


def step_of(explanation: Explanation) -> Step | None:
    """The step that the account stands at; None where its own sales are its potential."""
    step = None if explanation.step is None else explanation.ladder[explanation.step - 1]
    return step if step is not None and step.value == explanation.account["potential"] else None


def label(step: Step) -> str:
    """A step as people call it."""
    return "top step" if step.name == "top" else f"cut line {step.name.upper()}"


def _place(explanation: Explanation) -> str:
    """Its quadrant, what follows from it, and its rank."""
    account, limits = explanation.account, explanation.limits
    by = "its cluster is" if explanation.by_cluster else "it is"
    bounds = " and ".join(
        f"{name} {'from ' + exact(limit) + ' on' if limit is not None else 'nowhere'}" for name, limit in limits.items()
    )
    kind = "customers" if account["kind"] == "expansion" else "prospects"
    return (
        f"High begins at {bounds}: {by} {words(account['quadrant'])} ({MEANINGS[account['quadrant']]}), so "
        f"{words(account['play'])} ({covered_by(account)}). "
        f"It ranks {account['rank']:,} of all accounts, "
        f"{account['rank_in_kind']:,} of the {kind}."
    )


def covered_by(account: Mapping[str, Any]) -> str:
    """Return who covers an account and how, or what its quadrant suggests where no coverage says it."""
    if account.get("role") is None:
        suggested = (words(account[name]) for name in ("suggested_role", "suggested_service_level"))
        return f"suggested: {', '.join(dict.fromkeys(suggested))}"
    who = [clean(account["person"])] if account.get("person") else []
    return ", ".join([*who, words(account["role"]), words(account["service_level"])])


def _basis(explanation: Explanation) -> str:
    """Return how many customers the ladder rests on, and whose."""
    cluster = explanation.cluster
    rests = f"{count_text(cluster['support'], 'customer')} behind it"
    return (
        rests
        if cluster["basis"] in {"cluster", "account"}
        else f"{rests}; {words(cluster['basis'])}, parent {cluster['parent']}"
    )


def _ladder(explanation: Explanation) -> Table:
    """Return the steps, the one it stands at marked, with their intervals where the run has stored them."""
    here = step_of(explanation)
    rows = [
        (">" if step is here else "", label(step), step.share, step.value, step.place, step.low, step.high)
        for step in explanation.ladder
    ]
    columns = "|step:id|share of customers:permille/2|value:exact|customer:count/2|from:exact/3|to:exact/3"
    return without_empty(table("The ladder of its peers", columns, rows, _basis(explanation)))


def _above(explanation: Explanation) -> Table:
    """Return the nearest peers above the account."""
    note = f"the nearest of {count_text(explanation.customers_above, 'customer')} of {explanation.account['cluster']}"
    rows = [(peer["account_id"], peer.get("name"), peer["sales"]) for peer in explanation.above]
    return without_empty(table("Peers above it", "account:id|name/2|sales:exact", rows, note))


def _look_alike(explanation: Explanation) -> Table:
    """Return the columns that make it look like a customer, or not."""
    rows = [(reason.column, _said_value(reason.value), f"{reason.added:+.2f}") for reason in explanation.look_alike]
    note = "change of the log odds beside an account with average features; above 0 speaks for a customer"
    return table("What it looks like a customer by", "feature|value|>adds", rows, note)


def _said_value(value: str | float | None) -> str:
    """Return the value of a feature in words."""
    if value is None:
        return "missing"
    return value if isinstance(value, str) else f"{value:,.6g}"


def _moves(explanation: Explanation) -> Table:
    """Return what would move a customer a step; where a prospect would have a higher potential."""
    if explanation.account["kind"] == "expansion":
        return table("What would move it a step", _MOVES, map(_move_row, explanation.moves))
    note = "its own potential is what its peers buy; it changes where its features put it among other peers"
    rows = [
        (elsewhere.cluster, elsewhere.name, elsewhere.potential, apart(elsewhere.apart))
        for elsewhere in explanation.elsewhere
    ]
    return table("Where a prospect has more potential", "peers:id|name/2|potential:exact|they differ by", rows, note)


def apart(features: Iterable[tuple[str, float]]) -> str:
    """Return by how many standard deviations features differ."""
    return ", ".join(f"{name} {round(by, 1) + 0.0:+.1f}" for name, by in features)


def _move_row(move: Move) -> tuple[str, str, float, float, float]:
    """Return a move as a row of `_MOVES`."""
    return move.direction, _LIMITS[move.direction, move.at], move.limit, move.change, move.potential


def to_json(explanation: Explanation) -> str:
    """The explanation as JSON."""
    return json.dumps(asdict(explanation), indent=1, ensure_ascii=False, allow_nan=False, default=str)
