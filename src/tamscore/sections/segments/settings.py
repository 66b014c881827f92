"""The keys of [segments]."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from tamscore.config.problems import NOTHING, Problem
from tamscore.config.section import SectionSettings
from tamscore.config.values import Column  # noqa: TC001 - read at run time
from tamscore.score_columns import CUSTOMER_JOB

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.config.job import Columns
    from tamscore.config.method import Features


class Segments(SectionSettings):
    """Whether each segment is worth being one, and what should be done about it."""

    acquisition_cost: Column | None = None
    """Column with what it costs to win the account."""
    network_effect: Column | None = None
    """Column with what the account brings through others, in the currency of sales."""
    weights: Annotated[tuple[float, float, float], Field(strict=False)] = (1.0, 1.0, 1.0)
    """Weights of lifetime value, acquisition cost and network effect in a segment's priority; 0 leaves one out."""
    cost_to_serve: Column | None = None
    """Column with what the account costs to serve in twelve months; above its margin it is flagged."""
    advocate: Column | None = None
    """Column that is above 0 for accounts that speak for us, such as references."""

    own: Annotated[tuple[Column, ...], Field(strict=False, max_length=3)] = ()
    """Columns that make segments of your own, such as industry and region, tested like clusters; 5,000 at most.
    customer_job is that of [jobs]."""

    def texts(self) -> tuple[str, ...]:
        """Return the columns of the input that make segments of the user's own."""
        return tuple(name for name in self.own if name != CUSTOMER_JOB)

    def numbers(self) -> tuple[str, ...]:
        """Return the columns of the input that tell of an account."""
        named = (self.acquisition_cost, self.network_effect, self.cost_to_serve, self.advocate)
        return tuple(name for name in named if name)


def own_columns_are_groups(columns: Columns, features: Features, segments: Segments | None) -> Iterator[Problem]:
    """Yield the columns of own segments that stand twice, or hold ids, names or numbers."""
    own = segments.own if segments is not None else ()
    taken = {columns.account_id, columns.sales, columns.revenue, columns.name, columns.renewal_date, *features.numeric}
    for position, column in enumerate(own):
        if column in taken or column in own[:position]:
            yield Problem(("segments", "own", position), "a column of texts, each once", column)


def customer_jobs_are_sought(segments: Segments | None, jobs: object) -> Iterator[Problem]:
    """Yield a problem if segments go by customer jobs that nobody seeks."""
    if segments is not None and CUSTOMER_JOB in segments.own and jobs is None:
        yield Problem(("jobs",), f"a section [jobs] for {CUSTOMER_JOB!r} in segments.own", NOTHING)
