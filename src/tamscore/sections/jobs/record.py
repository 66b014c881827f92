"""Customer jobs as people read them: their record in the manifest, their tables, their notices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tamscore.arrow import as_dictionary, float_column
from tamscore.scoring.by_cluster import CENTS, cents
from tamscore.scoring.score.sections import Findings
from tamscore.sections.jobs import stored_model
from tamscore.stages.stability import grade

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tamscore.sections.jobs.clustering import GroupCandidate
    from tamscore.sections.jobs.columns import JobsState
    from tamscore.sections.jobs.party import PartyJobs

_KEYS = ("party_type", "customer_job", "customer_job_basis", "kind")
_MONEY = ("sales", "potential", "whitespace", "expected_value")
_Sums = dict[tuple[str | None, ...], list[float]]
"""Accounts, and amounts in cents, by KEYS: whole numbers, so the same in any order."""
_WEAK_RAND = 0.8
"""Below this adjusted Rand index customer jobs do not come out again well enough to build on."""


def count_by_key(scored: pa.Table) -> _Sums:
    """Return accounts and amounts of a part of the scores by KEYS."""
    table = pa.table(
        {
            **{name: as_dictionary(scored[name]) for name in _KEYS},
            **{name: cents(float_column(scored[name])) for name in _MONEY},
        }
    )
    sums = table.group_by(_KEYS, use_threads=False).aggregate([([], "count_all"), *((name, "sum") for name in _MONEY)])
    measures = ("count_all", *(f"{name}_sum" for name in _MONEY))
    return {tuple(row[key] for key in _KEYS): [row[name] for name in measures] for row in sums.to_pylist()}


def findings(state: JobsState, counts: Sequence[_Sums]) -> Findings:
    """Return the tables of customer jobs and of their product mixes, the record, and the model for later runs."""
    parties = [party for party in state.parties if party is not None]
    rows = [row for party in parties for row in _job_rows(party, state, counts)]
    mixes = [row for party in parties for row in _mix_rows(party, state.mixes)]
    record = {
        "model": state.source,
        "columns": len(state.mixes),
        "parties": [_party_record(party) for party in parties],
        "jobs": rows,
        "accounts_without": sum(int(items[0]) for part in counts for key, items in part.items() if key[1] is None),
    }
    tables = {
        "customer_jobs": pa.Table.from_pylist(rows, _JOBS),
        "customer_job_mixes": pa.Table.from_pylist(mixes, _MIXES),
    }
    model = stored_model.both(state.mixes, parties)
    return Findings(record, tables, frozenset(_MONEY), model, tuple(_notices(state, parties)))


_JOBS = pa.schema(
    [
        *((name, pa.string()) for name in ("party_type", "customer_job", "leading_products")),
        *((name, pa.int64()) for name in ("accounts", "customers_by_products", "customers", "prospects")),
        *((name, pa.float64()) for name in _MONEY),
        ("similarity", pa.float64()),
        *((name, pa.string()) for name in ("stability", "proposition", "theme")),
    ]
)
_MIXES = pa.schema(
    [
        *((name, pa.string()) for name in ("party_type", "customer_job", "product")),
        *((name, pa.float64()) for name in ("share", "market_share")),
        ("leads", pa.bool_()),
    ]
)


def _job_rows(jobs: PartyJobs, state: JobsState, counts: Sequence[_Sums]) -> Iterator[dict[str, Any]]:
    """Yield a row for each customer job of a party type: who has it, what leads in it, what is open there."""
    messages, first = state.messages, state.first[jobs.party_type]
    for place, (name, leading) in enumerate(zip(jobs.names, jobs.leading, strict=True)):
        mine = [(key, sums) for part in counts for key, sums in part.items() if key[:2] == (jobs.party_type, name)]
        money = [round(sum(sums[1 + column] for _, sums in mine) / CENTS, 2) for column in range(len(_MONEY))]
        similarity = jobs.found.similarity[place] if len(jobs) > 1 and place < len(jobs.found.similarity) else None
        proposition, theme = (texts[first + place] or None for texts in (messages.propositions, messages.themes))
        yield {
            "party_type": jobs.party_type,
            "customer_job": name,
            "leading_products": ", ".join(f"{product.product} {product.share:.0%}" for product in leading),
            "accounts": _accounts(mine),
            "customers_by_products": _accounts(mine, basis="products"),
            "customers": _accounts(mine, kind="expansion"),
            "prospects": _accounts(mine, kind="acquisition"),
            **dict(zip(_MONEY, money, strict=True)),
            "similarity": None if similarity is None else round(similarity, 6),
            "stability": None if similarity is None else grade(similarity),
            "proposition": proposition,
            "theme": theme,
        }


def _accounts(sums: Sequence[tuple[Any, list[float]]], basis: str | None = None, kind: str | None = None) -> int:
    """Return how many accounts some sums have, of a basis or a kind if that is named."""
    return sum(int(items[0]) for key, items in sums if basis in {None, key[2]} and kind in {None, key[3]})


def _mix_rows(jobs: PartyJobs, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield the mean share of every product in each customer job of a party type, beside that among all customers."""
    market = jobs.sums.market
    for place, (name, leading) in enumerate(zip(jobs.names, jobs.leading, strict=True)):
        leads = {product.product for product in leading}
        for column, product in enumerate(columns):
            share, all_ = (round(float(value), 6) for value in (jobs.sums.means[place, column], market[column]))
            record = {"party_type": jobs.party_type, "customer_job": name, "product": product}
            yield {**record, "share": share, "market_share": all_, "leads": product in leads}


def _party_record(jobs: PartyJobs) -> dict[str, Any]:
    """Return how the customer jobs of a party type were found, and how well features predict them."""
    learned = jobs.learned
    return {
        "party_type": jobs.party_type,
        "k": len(jobs),
        "customers": int(jobs.sums.customers.sum()),
        "rand": _round_off(jobs.found.rand),
        "strength": _round_off(jobs.found.strength),
        "candidates": [_candidate_record(candidate) for candidate in jobs.candidates],
        "look_alike": None
        if learned is None
        else {
            "customers": learned.customers,
            "right": _round_off(learned.right),
            "expected": _round_off(learned.expected),
            "loss": _round_off(learned.loss),
            "loss_of_shares": _round_off(learned.loss_of_shares),
        },
    }


def _candidate_record(candidate: GroupCandidate) -> dict[str, Any]:
    """Return how a number of customer jobs was judged."""
    return {
        "k": candidate.k,
        "strength": _round_off(candidate.strength),
        "rand": _round_off(candidate.rand),
        "smallest": _round_off(candidate.smallest),
    }


def _round_off(value: float | None) -> float | None:
    """Return a number to six places; None if there is none."""
    return None if value is None else round(float(value), 6)


def _notices(state: JobsState, parties: Sequence[PartyJobs]) -> Iterator[str]:
    """Yield notices: jobs that are not stable or that features do not predict, and unused keys."""
    for party in parties:
        about = f"{party.party_type}: customer jobs"
        if len(party) == 1:
            yield f"{about}: all customers count as one; no larger number comes out again in halves of them"
        elif party.found.rand is not None and party.found.rand < _WEAK_RAND:
            yield (
                f"{about}: halves of the customers agree by an adjusted Rand index of {party.found.rand:.2f} only; "
                "lower "
                "jobs.k, or name families of products"
            )
        if len(party) > 1 and party.learned is None:
            yield f"{about}: features tell nothing of them, so accounts without products have none"
    if state.messages.unused:
        yield f"messages of no customer job and no leading product: {', '.join(map(repr, state.messages.unused))}"
