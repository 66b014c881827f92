"""What job customers hire the products to do, by their product mixes; and which one others would have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.score_columns import CUSTOMER_JOB, ScoreColumn
from tamscore.scoring.section import Section
from tamscore.sections.jobs.settings import CustomerJobs, products_are_named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.context import Run
    from tamscore.scoring.market import Market
    from tamscore.scoring.model_source import ModelSource
    from tamscore.scoring.score.sections import State
    from tamscore.view.blocks import Chapter

__all__ = ["JobsSection"]

_NO_JOB = "it has no products, and features do not tell customer jobs"


class JobsSection(Section[CustomerJobs]):
    """What job customers hire the products to do, by their product mixes; and which one others would have."""

    name = "jobs"
    absent = "Customer jobs: not sought; a section [jobs] does, given sales by product."
    settings = CustomerJobs
    columns = (
        ScoreColumn(
            CUSTOMER_JOB, "text", "what such customers hire the products for, named by leading products", _NO_JOB
        ),
        ScoreColumn(
            "customer_job_probability", "share", "1 by products; else how likely that job is, if it buys", _NO_JOB
        ),
        ScoreColumn("customer_job_basis", "text", "how the job is known: products, or look_alike by features", _NO_JOB),
        ScoreColumn("customer_job_proposition", "text", "value proposition of jobs.messages", "there is none"),
        ScoreColumn("customer_job_theme", "text", "campaign theme of jobs.messages", "there is none"),
    )
    rules = ((products_are_named, ("products", "next_offer", "jobs")),)

    def require_early(
        self, run: Run, model_source: ModelSource, parts: Sequence[PartRows], settings: CustomerJobs
    ) -> None:
        """Raise InputContractError if the table has no products, too many, or no amount above 0 of a customer."""
        from tamscore.scoring.joining.product_table import require_products

        del model_source, settings
        require_products(run, parts)

    def prepare(self, market: Market, settings: CustomerJobs) -> State | str:
        """Return the customer jobs; raise InputContractError if no customer owns a product."""
        from tamscore.sections.jobs.prepare import prepare

        return prepare(market, settings)

    def view(self, record: dict[str, Any]) -> Chapter:
        """Return the chapter on what a run has recorded."""
        from tamscore.sections.jobs.view import chapter

        return chapter(record)
