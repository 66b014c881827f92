"""What is known of a backtest when it is done."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import isnan
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tamscore.scoring.joining.match import Match
    from tamscore.sections.backtest.challengers import Loss
    from tamscore.sections.backtest.deciles import Tenth
    from tamscore.sections.backtest.pairs import Pairs


@dataclass(frozen=True)
class BacktestResult:
    """What came of the scores of a run: neighbours by sales, accounts by kind, tenths, rank correlations, losses.

    `unknown` counts scored accounts whose sales afterwards are not known; they are left out.
    `joined` says how the table of sales afterwards met the scored accounts, None where the input has them.
    """

    run: str
    path: str
    realised: str
    accounts: dict[str, int]
    unknown: int
    pairs: tuple[Pairs, ...]
    rank_correlation: dict[str, float]
    tenths: tuple[Tenth, ...]
    losses: tuple[Loss, ...]
    joined: Match | None = None


def record(result: BacktestResult) -> dict[str, Any]:
    """Return a result as JSON holds it; numbers that are none are null."""
    row = asdict(result)
    row["rank_correlation"] = {kind: None if isnan(value) else value for kind, value in result.rank_correlation.items()}
    return row
