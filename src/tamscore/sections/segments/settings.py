"""The keys of [segments]."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tamscore.config.section import SectionSettings
from tamscore.config.values import Column  # noqa: TC001 - read at run time


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

    def numbers(self) -> tuple[str, ...]:
        """Return the columns of the input that tell of an account."""
        named = (self.acquisition_cost, self.network_effect, self.cost_to_serve, self.advocate)
        return tuple(name for name in named if name)
