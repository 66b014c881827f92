"""The result of a backtest."""

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
    """Result of a backtest: pairs of neighbours by sales, accounts by kind, deciles, rank correlations, losses.

    `unknown` counts scored accounts whose later sales are not known; they are left out. `joined` says how the table of
    later sales matched the scored accounts, None if the later sales are a column of the input.
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
    """Return a result as it is stored in JSON; NaN becomes null."""
    row = asdict(result)
    row["rank_correlation"] = {kind: None if isnan(value) else value for kind, value in result.rank_correlation.items()}
    return row
