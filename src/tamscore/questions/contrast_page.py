"""Two accounts side by side as a page that can be read to a seller, and as JSON."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tamscore.questions.contrast import account_title, message
from tamscore.questions.explain_page import label, step_of
from tamscore.scoring.section import UNITS
from tamscore.sections import SECTIONS
from tamscore.view.blocks import Chapter, Text, table, without_empty
from tamscore.view.words import exact, value_text, words

if TYPE_CHECKING:
    from tamscore.questions.contrast import Contrast
    from tamscore.questions.explain import Explanation
    from tamscore.view.blocks import Block, Table
    from tamscore.view.words import Unit

_TELLING = 5
"""So many features say what sets the peers of two accounts apart."""
_CODES = (
    *(
        "party_type",
        "kind",
        "quadrant",
        "play",
        "role",
        "service_level",
        "suggested_role",
        "suggested_service_level",
        "basis",
        "p_basis",
    ),
    *("account_state", "segment_action"),
)
_CORE: dict[str, Unit] = {
    **dict.fromkeys(("sales", "potential", "whitespace", "potential_low", "potential_high", "expected_value"), "exact"),
    **dict.fromkeys(_CODES, "code"),
    **dict.fromkeys(("support", "rank", "rank_in_kind", "priority", "priority_in_kind"), "count"),
    **dict.fromkeys(("penetration", "probability"), "permille"),
    "low_support": "truth",
}
"""How the columns of the core, and those that hold codes, are written."""


def chapter(contrast: Contrast) -> Chapter:
    """Return the comparison as a chapter under both names."""
    heads = [str(explanation.account["account_id"]) for explanation in (contrast.first, contrast.second)]
    blocks: list[Block] = [Text(_why(contrast)), _ladders(contrast, heads)]
    if contrast.features:
        rows = contrast.features[:_TELLING]
        note = "standard deviations from all accounts of the party type"
        blocks.append(table("What sets their peers apart", f"feature|{_columns(heads, 'signed')}", rows, note))
    units = {column.name: UNITS[column.kind] for section in SECTIONS.values() for column in section.columns} | _CORE
    differing = [
        (words(name), *(value_text(value, _unit_of(name, value, units)) for value in two))
        for name, *two in contrast.differences
    ]
    blocks.append(table("What differs", f"what|{_columns(heads, 'text')}", differing))
    title = f"{account_title(contrast.first.account)} against {account_title(contrast.second.account)}"
    return Chapter("explain", title, message(contrast), tuple(blocks))


def _columns(heads: list[str], unit: Unit) -> str:
    """Return the two columns of the accounts, headed by their ids without what parts columns."""
    return "|".join(f"{re.sub(r'[|:/]', ' ', head)}:{unit}" for head in heads)


def _unit_of(name: str, value: Any, units: dict[str, Unit]) -> Unit:
    """Return how a value is written: by its column, else by what it is, as in kept columns."""
    return units.get(name) or ("truth" if isinstance(value, bool) else "exact" if isinstance(value, float) else "text")


def _why(contrast: Contrast) -> str:
    """Return what the difference comes from: peers, or own sales."""
    first, second = contrast.first, contrast.second
    if contrast.have_same_peers:
        cluster = first.account["cluster"]
        stands = " and ".join(
            f"{account_title(explanation.account)} {_place(explanation)}" for explanation in (first, second)
        )
        return f"Both are among the {first.peers:,} accounts of {cluster}, {first.cluster['name']!r}: {stands}."
    peers = "; those of ".join(
        f"{account_title(explanation.account)} are {_ladder_of(explanation)}" for explanation in (first, second)
    )
    return f"They have different peers. Those of {peers}."


def _place(explanation: Explanation) -> str:
    """Return where an account stands on the ladder of its peers, and by which sales."""
    sold, step = explanation.account["sales"] or 0.0, step_of(explanation)
    at = label(step) if step else "above the ladder" if explanation.account["potential"] else "without a ladder"
    return f"buys {exact(sold)} and stands at {at}" if sold > 0 else f"buys nothing yet and stands at {at}"


def _ladder_of(explanation: Explanation) -> str:
    """Return who the peers of an account are, and what they spend at the first cut line."""
    first, who = explanation.ladder[0], f"{explanation.account['cluster']}, {explanation.cluster['name']!r}"
    spend = f", of whose customers {first.share:.0%} spend up to {exact(first.value or 0.0)}"
    return who if first.value is None else who + spend


def _ladders(contrast: Contrast, heads: list[str]) -> Table:
    """Return the steps of both ladders side by side."""
    pairs = zip(contrast.first.ladder, contrast.second.ladder, strict=True)
    rows = [(label(a), a.share, a.value, b.value) for a, b in pairs]
    columns_ = f"step|share of customers:permille/2|{_columns(heads, 'exact')}"
    return without_empty(table("The ladders of their peers", columns_, rows))


def to_json(contrast: Contrast) -> str:
    """Return the comparison as JSON."""
    pairs = zip(contrast.first.ladder, contrast.second.ladder, strict=True)
    record = {
        "run": contrast.first.run,
        "message": message(contrast),
        "ratio": contrast.ratio,
        "why": _why(contrast),
        "account": contrast.first.account,
        "against": contrast.second.account,
        "differences": [{"column": name, "account": a, "against": b} for name, a, b in contrast.differences],
        "peers": [{"feature": name, "account": a, "against": b} for name, a, b in contrast.features],
        "ladders": [{"step": a.name, "share": a.share, "account": a.value, "against": b.value} for a, b in pairs],
    }
    return json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False, default=str)
