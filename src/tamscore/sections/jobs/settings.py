"""The keys of [jobs]: customer jobs, and a message for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from tamscore.config.problems import NOTHING, Problem
from tamscore.config.section import SectionSettings
from tamscore.config.settings import Settings
from tamscore.config.values import ClusterRange, OpenShare, PartyClusterCount, Text  # noqa: TC001 - read at run time

if TYPE_CHECKING:
    from collections.abc import Iterator


class JobMessage(Settings):
    """Message for accounts with a customer job."""

    proposition: Text | None = None
    """Value proposition: the benefit of the products for an account with this customer job; absent: none."""
    theme: Text | None = None
    """Theme of campaigns for accounts with this customer job; absent: none."""


class CustomerJobs(SectionSettings):
    """Customer jobs: groups of customers with similar product mixes, which stand for what they use the products for."""

    k: PartyClusterCount = "auto"
    """Number of customer jobs in each party type; "auto": the largest number that is stable in halves of the
    customers."""
    k_range: ClusterRange = (2, 10)
    """The numbers that "auto" chooses from; it takes 1 if none of them is stable."""
    least_strength: OpenShare = 0.8
    """Least prediction strength of a number of customer jobs that "auto" may choose."""
    messages: dict[Text, JobMessage] = Field(default_factory=dict)
    """Proposition and theme by name of the customer job, or else by a leading product of it."""


def products_are_named(products: Any, next_offer: Any, jobs: CustomerJobs | None) -> Iterator[Problem]:
    """Yield a problem if no section names the table of sales by product."""
    if jobs is not None and products is None and (next_offer is None or next_offer.path is None):
        yield Problem(("products", "path"), "a table of sales by product for [jobs]", NOTHING, "or next_offer.path")
