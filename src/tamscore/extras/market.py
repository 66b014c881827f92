"""The market as the optional parts of the scores find it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.fitting.fitted import Fitted
    from tamscore.origin import Origin
    from tamscore.passes.assign import AssignedRows
    from tamscore.passes.census import PartRows
    from tamscore.passes.policy import PartyMarket
    from tamscore.passes.score import PartyPolicy
    from tamscore.settings import Run


@dataclass(frozen=True)
class Market:
    """The market once every account has its cluster and every cluster its ladder.

    `rows` and `assigned` come one for each partition, `fitted`, `parties` and `policies` one for each party type.
    """

    this: Run
    origin: Origin
    rows: list[PartRows]
    fitted: Sequence[Fitted]
    assigned: list[AssignedRows]
    parties: Sequence[PartyMarket]
    policies: tuple[PartyPolicy, ...]
