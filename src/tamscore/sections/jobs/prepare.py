"""Preparation of [jobs] before rows are scored: customer jobs are fitted, or taken from an earlier run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tamscore.errors import InputContractError
from tamscore.scoring.product_sales import product_sales
from tamscore.sections.jobs import grouping
from tamscore.sections.jobs.columns import JobsState
from tamscore.sections.jobs.learning import look_alikes
from tamscore.sections.jobs.messages import messages_of
from tamscore.sections.jobs.mixes import mix_columns, stored_columns
from tamscore.sections.jobs.party import MixGroups, describe
from tamscore.sections.jobs.stored_model import NAME, stored_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.scoring.market import Market
    from tamscore.scoring.product_sales import ProductSales
    from tamscore.sections.jobs.grouping import KnownJobs
    from tamscore.sections.jobs.mixes import MixColumns
    from tamscore.sections.jobs.party import PartyJobs
    from tamscore.sections.jobs.settings import CustomerJobs
    from tamscore.sections.jobs.stored_model import StoredJobs, StoredModel

_FINDING = ("k", "k_range", "least_strength")
"""The keys that decide which customer jobs a fit gives."""


def prepare(market: Market, settings: CustomerJobs) -> JobsState:
    """Return the state: each party type's customer jobs, customers with a known mix, look-alikes for the others.

    Raise InputContractError if no customer owns a product, or if the settings of customer jobs differ from those of the
    run that this run builds on.
    """
    run, sales = market.run, product_sales(market)
    stored = stored_model(market)
    _require_same(market, settings)
    with run.progress.stage("customer jobs", sales.table.plan.rows):
        columns = stored_columns(sales, stored.columns) if stored else mix_columns(sales)
        groups = _groups_of(sales, columns, settings, stored)
        known, sums = grouping.assign_customers(sales, columns, groups)
        parties = [
            None if group is None else describe(policy.name, group, total, columns.names)
            for policy, group, total in zip(market.policies, groups, sums, strict=True)
        ]
        parties = _with_look_alikes(market, parties, known, stored)
    source = {
        "source": market.model_source.record["source"] if stored else "fitted",
        "run": stored.run if stored else None,
    }
    parts = tuple(parties)
    return JobsState(
        run.columns, columns.names, parts, _models_of(market), known, messages_of(parts, settings.messages), source
    )


def _require_same(market: Market, settings: CustomerJobs) -> None:
    """Raise InputContractError if the settings that decide customer jobs differ from those of the earlier run."""
    earlier = market.model_source.earlier
    before = (earlier.job.get(NAME) if earlier else None) or {}
    asked = settings.model_dump(mode="json")
    for key in _FINDING:
        if earlier and before.get(key, asked[key]) != asked[key]:
            raise InputContractError(
                f"{NAME}.{key}: expected {before[key]!r}, by which run {earlier.directory.run_key} found its customer "
                f"jobs, got {asked[key]!r}; set it so, or fit a new model with tamscore run"
            )


def _models_of(market: Market) -> tuple[Any, ...]:
    """Return the model of every party type."""
    return tuple(fit.model for fit in market.fitted)


def _is_frozen(market: Market) -> bool:
    """Return whether the model of an earlier run is used as it stands."""
    return bool(market.model_source.record["source"] == "frozen")


def _groups_of(
    sales: ProductSales, columns: MixColumns, settings: CustomerJobs, stored: StoredModel | None
) -> list[MixGroups | None]:
    """Return the groups of each party type: stored ones of a frozen model, refreshed ones, or new ones."""
    market = sales.market
    if stored is not None and _is_frozen(market):
        return [_stored_groups(stored.parties.get(policy.name)) for policy in market.policies]
    drawn = grouping.drawn_customers(sales, columns, market.run.job.clusters.seed)
    groups: list[MixGroups | None] = []
    for policy, customers in zip(market.policies, drawn, strict=True):
        before = stored.parties.get(policy.name) if stored else None
        made = grouping.warm_groups(sales, customers, before) if before else None
        groups.append(made or grouping.new_groups(sales, customers, settings))
    return groups


def _stored_groups(stored: StoredJobs | None) -> MixGroups | None:
    """Return the groups of an earlier run as they were stored."""
    return None if stored is None else MixGroups(stored.centers, stored.names, stored.candidates, stored.found)


def _with_look_alikes(
    market: Market, parties: Sequence[PartyJobs | None], known: KnownJobs, stored: StoredModel | None
) -> list[PartyJobs | None]:
    """Return the jobs of each party type with their look-alikes."""
    if stored is not None and _is_frozen(market):
        policies = (stored.parties.get(policy.name) for policy in market.policies)
        learned = [None if jobs is None else jobs.learned for jobs in policies]
    else:
        learned = look_alikes(market, known, [0 if party is None else len(party) for party in parties])
    pairs = zip(parties, learned, strict=True)
    return [None if jobs is None else replace(jobs, learned=text) for jobs, text in pairs]
