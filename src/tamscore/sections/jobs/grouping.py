"""The groups of product mixes of every party type: new ones, or those of an earlier run, and whom they have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.engine.flow import LocalFlow
from tamscore.sections.jobs import clustering
from tamscore.sections.jobs.mixes import block_of, shares_of
from tamscore.sections.jobs.party import MixGroups, MixSums, labels
from tamscore.stages import lifecycle, stability
from tamscore.stages.draw import draw_number, threshold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.scoring.product_sales import ProductSales
    from tamscore.sections.jobs.mixes import MixColumns
    from tamscore.sections.jobs.settings import CustomerJobs
    from tamscore.sections.jobs.stored_model import StoredJobs

_FIT_ROWS = 65_536
"""So many customers of a party type are clustered; all are assigned."""
_AT_ONCE = 65_536
"""So many customers are assigned at a time."""


@dataclass(frozen=True)
class KnownJobs:
    """Customers (n,) whose product mix is known, by order of key: both hashes of their ids, and their customer job.

    Jobs are numbered through the party types.
    """

    key: Any
    check: Any
    job: Any


@dataclass(frozen=True)
class _DrawnCustomers:
    """The drawn customers of a party type in order of draw: their mixes as a block (C, n), and how many there are."""

    block: Any
    count: int


def _party_of(sales: ProductSales) -> Any:
    """Return the place of the party type (K,) of each cluster."""
    policies = sales.market.policies
    return np.repeat(np.arange(len(policies)), [len(policy.cluster_ids) for policy in policies])


def drawn_customers(sales: ProductSales, columns: MixColumns, seed: int) -> list[_DrawnCustomers]:
    """Return the drawn customers of each party type: those with the lowest draw numbers, whatever the partitioning."""
    everyone = np.flatnonzero(sales.label >= 0)
    party, numbers = _party_of(sales)[sales.label[everyone]], draw_number(sales.owned.key[everyone], seed)
    customers = []
    for place in range(len(sales.market.policies)):
        mine = np.flatnonzero(party == place)
        drawn = mine[numbers[mine] <= np.uint64(threshold([numbers[mine]], _FIT_ROWS))]
        share = shares_of(sales.owned, columns, everyone[drawn])[np.argsort(numbers[drawn], kind="stable")]
        customers.append(_DrawnCustomers(block_of(share, columns.grid), len(mine)))
    return customers


def new_groups(sales: ProductSales, customers: _DrawnCustomers, settings: CustomerJobs) -> MixGroups | None:
    """Return the groups of a party type, None if no customer owns a product."""
    run = sales.market.run
    if not customers.count:
        return None
    seed, backend, block = run.job.clusters.seed, run.backend, customers.block
    with LocalFlow(run.job.engine.workers) as local:
        tried = clustering.candidates_of(block, _numbers_tried(settings, customers), seed, local.map)
    least = run.job.potential.min_customers / customers.count
    k = settings.k if settings.k != "auto" else clustering.chosen(tried, settings.least_strength, least)
    seeds = np.ascontiguousarray(block[:, : clustering.CHOICE_ROWS])
    centers = clustering.fit_groups(backend, seeds, block, int(k), seed, clustering.FINAL_STARTS)
    candidate = clustering.measure_stability(centers, seeds, len(centers), seed)
    return MixGroups(centers, (None,) * len(centers), tuple(tried), candidate)


def _numbers_tried(settings: CustomerJobs, customers: _DrawnCustomers) -> list[int]:
    """Return the numbers of groups to choose from; none where the job says how many, or customers are too few."""
    low, high = settings.k_range
    return (
        [] if settings.k != "auto" else [k for k in range(max(low, 2), high + 1) if 2 * k <= customers.block.shape[1]]
    )


def warm_groups(sales: ProductSales, customers: _DrawnCustomers, stored: StoredJobs) -> MixGroups | None:
    """Return the groups that those of an earlier run become: a group that keeps its customers keeps its name."""
    if not customers.count:
        return None
    run, block = sales.market.run, customers.block
    fit = clustering.settle(run.backend, block, stored.centers)
    before, now = (stability.labels(run.backend, block, item) for item in (stored.centers, fit.centers))
    k = len(fit.centers)
    shared = np.bincount(before * k + now, minlength=k * k).reshape(k, k)
    overlap = lifecycle.Overlap(shared, np.zeros(k, np.int64), shared.sum(axis=1) / max(block.shape[1], 1))
    names = tuple(name if overlap.jaccard[j, j] >= lifecycle.SAME else None for j, name in enumerate(stored.names))
    candidate = clustering.measure_stability(fit.centers, block[:, : clustering.CHOICE_ROWS], k, run.job.clusters.seed)
    return MixGroups(fit.centers, names, stored.candidates, candidate)


def assign_customers(
    sales: ProductSales, columns: MixColumns, groups: Sequence[MixGroups | None]
) -> tuple[KnownJobs, list[MixSums]]:
    """Return the customer job of every customer that owns a product, and the sums of each party type."""
    owned, customer = sales.owned, sales.label >= 0
    party = np.where(customer, _party_of(sales)[sales.label], -1)
    job, sums, first = np.full(len(party), -1, np.int16), [], 0
    for place, group in enumerate(groups):
        total = _empty(group, len(columns.names))
        if group is not None:
            mine = np.flatnonzero(party == place)
            for rows in (mine[start : start + _AT_ONCE] for start in range(0, len(mine), _AT_ONCE)):
                share = shares_of(owned, columns, rows)
                label = labels(sales.market.run.backend, block_of(share, columns.grid), group.centers)
                total += MixSums.of(share, label, len(group.centers))
                job[rows] = first + label
            first += len(group.centers)
        sums.append(total)
    known = np.flatnonzero(job >= 0)
    return KnownJobs(owned.key[known], owned.check[known], job[known]), sums


def _empty(groups: MixGroups | None, columns: int) -> MixSums:
    """Return the sums of no customers."""
    k = 0 if groups is None else len(groups.centers)
    return MixSums(np.zeros(k, np.int64), np.zeros((k, columns)))
