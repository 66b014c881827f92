"""The customer jobs of a party type: found in product mixes, kept from an earlier run, described."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.sections.jobs.naming import LeadingProduct, job_names, leading_products

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.backend import Backend
    from tamscore.sections.jobs.clustering import GroupCandidate
    from tamscore.sections.jobs.look_alike import JobLookAlikes

_EXACT = 2.0**24
"""Shares are added up in so many parts of 1: sums of whole numbers are the same in any order."""


@dataclass(frozen=True)
class MixGroups:
    """The centers (k, C) of the product mixes of a party type, names kept (k,), and how their number was chosen.

    `candidates` hold the numbers that were tried, `found` how the groups of these centers come out again.
    """

    centers: Any
    names: tuple[str | None, ...]
    candidates: tuple[GroupCandidate, ...]
    found: GroupCandidate


@dataclass(frozen=True)
class MixSums:
    """Customers (k,) of each group and the sums (k, C) of their shares, in parts of 1 / EXACT."""

    customers: Any
    shares: Any

    @classmethod
    def of(cls, share: Any, label: Any, k: int) -> MixSums:
        """Return the sums of customers with shares (m, C) in groups (m,)."""
        whole = np.rint(share * _EXACT)
        sums = np.stack([np.bincount(label, weights=column, minlength=k) for column in whole.T], axis=1)
        return cls(np.bincount(label, minlength=k), sums)

    def __add__(self, other: MixSums) -> MixSums:
        return MixSums(self.customers + other.customers, self.shares + other.shares)

    @property
    def means(self) -> Any:
        """The mean shares (k, C) in each group; 0 in one without customers."""
        return self.shares / _EXACT / np.maximum(self.customers, 1)[:, None]

    @property
    def market(self) -> Any:
        """The mean shares (C,) among all customers."""
        return self.shares.sum(axis=0) / _EXACT / max(int(self.customers.sum()), 1)


@dataclass(frozen=True)
class PartyJobs:
    """The customer jobs (k,) of a party type: names, centers (k, C), what leads, customers, how they were found."""

    party_type: str
    names: tuple[str, ...]
    centers: Any
    leading: tuple[tuple[LeadingProduct, ...], ...]
    sums: MixSums
    candidates: tuple[GroupCandidate, ...]
    found: GroupCandidate
    learned: JobLookAlikes | None = None

    def __len__(self) -> int:
        """The number of customer jobs k."""
        return len(self.names)


def labels(backend: Backend, block: Any, centers: Any) -> Any:
    """Return the group (m,) of each customer of a host block (C, m), on the host."""
    return backend.get(backend.nearest(backend.put(block), backend.put(centers)).label)


def describe(party_type: str, groups: MixGroups, sums: MixSums, columns: Sequence[str]) -> PartyJobs:
    """Return the customer jobs that groups are, once all customers have been added up."""
    leading = leading_products(sums.means, sums.market, columns)
    names = job_names(leading, groups.names)
    return PartyJobs(party_type, names, groups.centers, tuple(leading), sums, groups.candidates, groups.found)
