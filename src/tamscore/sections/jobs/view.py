"""Customer jobs as people read them: what customers hire the products for, how sure that is, what is open there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.view.blocks import Chapter, Points, Table, without_empty
from tamscore.view.blocks import Point as Sentence
from tamscore.view.blocks import table as made
from tamscore.view.words import count_text, words

if TYPE_CHECKING:
    from tamscore.view.blocks import Block

_Record = dict[str, Any]
_SHOWN = (
    *("customer_job", "party_type", "leading_products", "customers", "prospects", "potential", "whitespace"),
    *("stability", "proposition", "theme"),
)
_COLUMNS = (
    "customer job|party type:code/3|leading products/2|customers:count|prospects:count|potential:money/3|"
    "whitespace:money|stability/2|proposition/3|theme/3"
)
_CHOICE = "customer jobs:count|party type:code|prediction strength:percent|adjusted Rand:percent|smallest:percent"
_NOTE = "product (mean share of what such customers buy); prospects have the likeliest job by their features"
_CHOICE_NOTE = "from halves of the customers; the most customer jobs with enough strength are taken"


def chapter(record: _Record) -> Chapter:
    """Return the chapter on what a run has recorded."""
    message = f"Customers hire the products for {count_text(len(record['jobs']), 'job')}."
    blocks: tuple[Block, ...] = (_jobs(record), *_choice(record), _certainty(record))
    return Chapter("customer-jobs", "Customer jobs", message, blocks)


def _jobs(record: _Record) -> Table:
    """Return every customer job: what leads in it, who has it, what is open there."""
    rows = [[row[name] for name in _SHOWN] for row in record["jobs"]]
    return without_empty(made("Customer jobs", _COLUMNS, rows, _NOTE))


def _choice(record: _Record) -> list[Table]:
    """Return the numbers of customer jobs that were tried; nothing where the job file says how many."""
    names = ("strength", "rand", "smallest")
    rows = [
        (item["k"], party["party_type"], *(item[name] for name in names))
        for party in record["parties"]
        for item in party["candidates"]
    ]
    return [made("Numbers of customer jobs", _CHOICE, rows, _CHOICE_NOTE, folded=True)] if rows else []


def _certainty(record: _Record) -> Points:
    """Return the stability of customer jobs, and how well features predict them, by party type."""
    return Points(tuple(Sentence(f"{words(item['party_type'])}:", _sentence(item)) for item in record["parties"]))


def _sentence(party: _Record) -> str:
    """Return the stability of the customer jobs of a party type, and how well features predict them."""
    parts = [f"{count_text(party['customers'], 'customer')} with products"]
    if party["rand"] is not None:
        parts.append(f"halves of them agree by an adjusted Rand index of {party['rand']:.2f}")
    if (text := party["look_alike"]) is not None:
        parts.append(
            f"features name the job of {text['right']:.0%} of customers left out, {text['expected']:.0%} expected"
        )
    elif party["k"] > 1:
        parts.append("features tell nothing of their jobs")
    return "; ".join(parts) + "."
