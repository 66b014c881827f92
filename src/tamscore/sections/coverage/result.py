"""What is known of a coverage when it is done."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tamscore.scoring.joining.match import Match
    from tamscore.sections.coverage.rules import RuleResult


@dataclass(frozen=True)
class Certificate:
    """How good a coverage is: what it is expected to bring, and what none can exceed.

    Before: `value_of_roles` when roles were chosen, `value_of_naming` when people were named and hours were left over.
    `without_minimum`: what none can exceed that owes no account a service level; None where no account is owed one.
    """

    value: float
    value_of_roles: float
    value_of_naming: float
    bound: float
    rounds: int
    without_minimum: float | None = None

    @property
    def gap(self) -> float:
        """The part of the bound that is not reached."""
        return self.part(self.bound - self.value)

    @property
    def naming(self) -> float:
        """The part of the bound that was lost when people were named."""
        return self.part(self.value_of_roles - self.value)

    @property
    def gap_before(self) -> float:
        """The part of the bound that was not reached before hours left over were given out again."""
        return self.part(self.bound - self.value_of_naming)

    def part(self, lost: float) -> float:
        """An amount as a part of the bound."""
        return max(lost, 0.0) / abs(self.bound) if self.bound else 0.0


@dataclass(frozen=True)
class CoverageResult:
    """The coverage of a run: its certificate and the rows of its summaries; `path` holds the tables.

    `unknown` are accounts that have a touch plan of their own and are not in the run; `joins` says how tables met the
    accounts and people, `lacking` which accounts get less than they are owed, `doubts` names persons, regions, skills
    and bands that met nothing. `measured` are the plans whose shares a holdout has changed, see `measured.factor_of`.
    `owners` counts who keeps an owner, see `summaries.owner_record`.
    `families` counts what was covered whole, see `families.Whole`: other counts of accounts are of such units then.
    """

    run: str
    path: str
    accounts: int
    certificate: Certificate
    roles: list[dict[str, Any]]
    people: list[dict[str, Any]]
    bands: list[dict[str, Any]]
    campaigns: list[dict[str, Any]]
    consistency: list[dict[str, Any]]
    moves: list[dict[str, Any]]
    rules: list[RuleResult]
    scenarios: list[dict[str, Any]]
    minimum: list[dict[str, Any]] = field(default_factory=list)
    lacking: tuple[str, ...] = ()
    quadrants: list[dict[str, Any]] = field(default_factory=list)
    unknown: tuple[str, ...] = ()
    joins: tuple[Match, ...] = ()
    doubts: tuple[str, ...] = ()
    measured: tuple[dict[str, Any], ...] = ()
    products: list[dict[str, Any]] = field(default_factory=list)
    families: dict[str, int] | None = None
    owners: dict[str, Any] | None = None


def record(result: CoverageResult) -> dict[str, Any]:
    """Return a result as JSON holds it."""
    sure = result.certificate
    every = {**asdict(result), "certificate": {**asdict(sure), "gap": sure.gap, "gap_before": sure.gap_before}}
    absent = {name for name in ("products", "owners") if not every[name]}
    return {name: part for name, part in every.items() if name not in absent}
