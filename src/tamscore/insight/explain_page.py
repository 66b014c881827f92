"""The explanation of an account as a page that can be read to a seller, and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from tamscore.insight.layout import add, new_table, section
from tamscore.insight.pages.quadrants import MEANINGS
from tamscore.sections import SECTIONS
from tamscore.view.blocks import table
from tamscore.view.terminal import to_terminal
from tamscore.view.words import NOTHING, clean, counted, exact, words

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from tamscore.insight.explain import Explanation, Move, Step

TELLING = 3
"""So many features say what sets the peers apart."""


def render(found: Explanation, width: int | None) -> Group:
    """The explanation for a terminal of that width; None for files and programs."""
    parts: list[RenderableType] = [Text(clean(title(found)), style="bold")]
    parts += [Text(clean(text)) for text in (worth(found), peers(found), place(found))]
    parts += section("the ladder of its peers", ladder(found, width), basis(found))
    if found.above:
        note = f"the nearest of {counted(found.customers_above, 'customer')} of {found.account['cluster']}"
        parts += section("peers above it", above(found, width), note)
    if found.moves:
        parts += section("what would move it a step", Group(*(Text(move_text(one)) for one in found.moves)))
    if known := [line for each in SECTIONS.values() for line in each.explain(found.account)]:
        parts.append(to_terminal(table("what else is known", "what|it says", known), width))
    return Group(*parts)


def title(found: Explanation) -> str:
    """Who the account is."""
    account = found.account
    named = f"{account['name']} ({account['account_id']})" if account.get("name") else str(account["account_id"])
    kind = "customer" if account["kind"] == "expansion" else "prospect"
    return f"{named}, {words(account['party_type'])}, {kind}"


def peers(found: Explanation) -> str:
    """Which accounts it is compared with, and how well it fits in."""
    account, cluster = found.account, found.cluster
    apart = ", ".join(f"{name} {value:+.1f}" for name, value in found.apart[:TELLING])
    rule = f" Rule: {cluster['rule']}." if cluster.get("rule") else ""
    margin = account["margin"]
    near = f"; the next cluster's is {margin:.2f} farther" if margin is not None else ""
    return (
        f"Its peers are the {found.peers:,} accounts of {account['cluster']}, {cluster['name']!r} ({apart} standard "
        f"deviations from all {words(account['party_type'])} accounts).{rule} It lies {account['distance']:.2f} from "
        f"their center{near}."
    )


def worth(found: Explanation) -> str:
    """What it could spend, what it spends, what is open."""
    account = found.account
    if account["potential"] is None:
        return "None of its peers buys yet, nor does anybody they could lean on: there is no potential to tell."
    sold = account["sales"] or 0.0
    spends = f"spends {exact(sold)}" if sold > 0 else "buys nothing yet" if sold == 0 else f"returned {exact(-sold)}"
    open_ = f"{exact(account['whitespace'])} is open" if account["whitespace"] > 0 else "nothing is open"
    return f"It could spend {exact(account['potential'])} with us: {standing(found)}. It {spends}, so {open_}."


def standing(found: Explanation) -> str:
    """What its potential is among the sales of its peers."""
    step = step_of(found)
    if step is None:
        return "its own sales: it is above the top of its peers' ladder"
    if step.place is None:
        return f"{label(step)} of its peers"
    support = found.cluster["support"]
    nth = f"customer {step.place:,} of {support:,}, counted upwards,"
    who = "the largest customer" if step.place == support else nth
    return f"{label(step)} of its peers, which is what {who} spends"


def step_of(found: Explanation) -> Step | None:
    """The step that the account stands at; None where its own sales are its potential."""
    step = None if found.step is None else found.ladder[found.step - 1]
    return step if step is not None and step.value == found.account["potential"] else None


def label(step: Step) -> str:
    """A step as people call it."""
    return "top step" if step.name == "top" else f"cut line {step.name.upper()}"


def place(found: Explanation) -> str:
    """Its quadrant, what follows from it, and its rank."""
    account, limits = found.account, found.limits
    by = "its cluster is" if found.by_cluster else "it is"
    bounds = " and ".join(
        f"{name} {'from ' + exact(limit) + ' on' if limit is not None else 'nowhere'}" for name, limit in limits.items()
    )
    kind = "customers" if account["kind"] == "expansion" else "prospects"
    return (
        f"High begins at {bounds}: {by} {words(account['quadrant'])} ({MEANINGS[account['quadrant']]}), so "
        f"{words(account['play'])} ({words(account['role'])}, {words(account['service_level'])}). "
        f"It ranks {account['rank']:,} of all accounts, "
        f"{account['rank_in_kind']:,} of the {kind}."
    )


def basis(found: Explanation) -> str:
    """How many customers the ladder rests on, and whose."""
    cluster = found.cluster
    rests = f"{counted(cluster['support'], 'customer')} behind it"
    return rests if cluster["basis"] == "cluster" else f"{rests}; {words(cluster['basis'])}, parent {cluster['parent']}"


def ladder(found: Explanation, width: int | None) -> Table:
    """The steps, the one it stands at marked."""
    intervals = any(step.low is not None for step in found.ladder)
    table = new_table("|step|>share of customers|>value|>customer" + "|>from|>to" * intervals, width)
    here = step_of(found)
    for step in found.ladder:
        bounds = [NOTHING if end is None else exact(end) for end in (step.low, step.high)] if intervals else []
        place = f"{step.place:,}" if step.place else NOTHING
        value = NOTHING if step.value is None else exact(step.value)
        add(table, ">" if step is here else "", label(step), f"{step.share:.1%}", value, place, *bounds)
    return table


def above(found: Explanation, width: int | None) -> Table:
    """The nearest peers above the account."""
    table = new_table("~account|~name|>sales", width)
    for one in found.above:
        add(table, one["account_id"], one.get("name") or NOTHING, exact(one["sales"]))
    return table


def move_text(move: Move) -> str:
    """One move in a sentence."""
    if move.direction == "up":
        more = f"{exact(move.change)} more" if move.change > 0 else "nothing more"
        reach = f"Sales of {exact(move.limit)} ({more})" if move.at else f"Sales above {exact(move.limit)} ({more})"
        return f"{reach} would raise its potential to {exact(move.potential)}."
    fall = f"Sales of {exact(move.limit)} or less" if move.at else f"Sales below {exact(move.limit)}"
    return f"{fall} ({exact(-move.change)} lost) would lower its potential to {exact(move.potential)}."


def to_json(found: Explanation) -> str:
    """The explanation as JSON."""
    return json.dumps(asdict(found), indent=1, ensure_ascii=False, allow_nan=False, default=str)
