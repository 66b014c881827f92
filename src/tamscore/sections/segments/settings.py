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
    """Tests of segments, and the action that follows from them."""

    acquisition_cost: Column | None = None
    """Column with the cost of winning the account."""
    network_effect: Column | None = None
    """Column with the value that the account brings through other accounts, in the currency of sales."""
    weights: Annotated[tuple[float, float, float], Field(strict=False)] = (1.0, 1.0, 1.0)
    """Weights of lifetime value, acquisition cost and network effect in a segment's priority; 0 leaves one out."""
    cost_to_serve: Column | None = None
    """Column with the yearly cost of serving the account; an account whose cost exceeds its margin is flagged."""
    advocate: Column | None = None
    """Column that is above 0 for advocates: accounts that recommend you, for example as references."""

    own: Annotated[tuple[Column, ...], Field(strict=False, max_length=3)] = ()
    """Columns whose values are your own segments, such as industry and region, tested like clusters; 5,000 at most.
    customer_job is the column of [jobs]."""

    def texts(self) -> tuple[str, ...]:
        """Return the text columns of the input that define the user's own segments."""
        return tuple(name for name in self.own if name != CUSTOMER_JOB)

    def numbers(self) -> tuple[str, ...]:
        """Return the numeric columns of the input that the section reads."""
        named = (self.acquisition_cost, self.network_effect, self.cost_to_serve, self.advocate)
        return tuple(name for name in named if name)


def own_columns_are_groups(columns: Columns, features: Features, segments: Segments | None) -> Iterator[Problem]:
    """Yield a problem for each column of own segments that stands twice, or holds ids, names or numbers."""
    own = segments.own if segments is not None else ()
    taken = {columns.account_id, columns.sales, columns.revenue, columns.name, columns.renewal_date, *features.numeric}
    for position, column in enumerate(own):
        if column in taken or column in own[:position]:
            yield Problem(("segments", "own", position), "a column of texts, each once", column)


def customer_jobs_are_sought(segments: Segments | None, jobs: object) -> Iterator[Problem]:
    """Yield a problem if segments use customer jobs but the job has no section [jobs]."""
    if segments is not None and CUSTOMER_JOB in segments.own and jobs is None:
        yield Problem(("jobs",), f"a section [jobs] for {CUSTOMER_JOB!r} in segments.own", NOTHING)
