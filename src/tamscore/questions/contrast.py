"""Comparison of two accounts of a run: the ratio of their potentials, and what differs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tamscore.errors import UsageError
from tamscore.questions import tables
from tamscore.questions.explain import explain
from tamscore.stages.whitespace import two_digits

if TYPE_CHECKING:
    from tamscore.questions.explain import Explanation
    from tamscore.questions.stored import StoredRun

_ALIKE = 1.15
"""Potentials whose ratio is smaller are about the same."""
_OF_THE_ROW = ("account_id", "name", "relative_potential", "relative_message", "distance", "margin", "flags")
"""Columns of the scores that a comparison of two accounts leaves out."""


@dataclass(frozen=True)
class Contrast:
    """Two accounts, the ratio of their potentials (None where one has none), and what differs.

    `differences` are columns of the scores with both values. `features` are the distances of the peers of each from
    their party type in standard deviations, the largest difference first; empty if both have the same peers.
    """

    first: Explanation
    second: Explanation
    ratio: float | None
    differences: tuple[tuple[str, Any, Any], ...]
    features: tuple[tuple[str, float, float], ...]

    @property
    def have_same_peers(self) -> bool:
        """Return whether both are in one cluster."""
        return bool(self.first.account["cluster"] == self.second.account["cluster"])


def contrast(run: StoredRun, account_id: str, other: str) -> Contrast:
    """Compare an account with another one of the run; raise as `explain`, and UsageError if they are the same."""
    first, second = (explain(run, text) for text in (account_id, other))
    a, b = first.account, second.account
    if a["account_id"] == b["account_id"]:
        raise UsageError(f"--against: expected another account than {account_id!r}, got the same")
    differences = tuple((name, a[name], b[name]) for name in a if name not in _OF_THE_ROW and a[name] != b[name])
    return Contrast(first, second, _ratio(a["potential"], b["potential"]), differences, _features(run, first, second))


def _ratio(first: float | None, second: float | None) -> float | None:
    """Return how many times the second potential the first one is; None if either is missing or 0."""
    return first / second if first and second else None


def _features(run: StoredRun, first: Explanation, second: Explanation) -> tuple[tuple[str, float, float], ...]:
    """Return the features in which the peers of the two differ, with both values; empty if they share a cluster."""
    mine, theirs = (
        dict(tables.differences(run.directory, explanation.account["cluster"])) for explanation in (first, second)
    )
    if first.account["cluster"] == second.account["cluster"]:
        return ()
    rows = [(name, mine[name], theirs[name]) for name in mine if name in theirs]
    return tuple(sorted(rows, key=lambda row: (-abs(row[1] - row[2]), row[0])))


def account_title(account: dict[str, Any]) -> str:
    """Return an account's name and id, its id alone if it has no name."""
    return f"{account['name']} ({account['account_id']})" if account.get("name") else str(account["account_id"])


def message(result: Contrast) -> str:
    """Return how the potentials compare, in one sentence with both accounts named."""
    first, second = account_title(result.first.account), account_title(result.second.account)
    if result.ratio is None:
        without = first if not result.first.account["potential"] else second
        return f"{first} and {second} cannot be compared: {without} has no potential."
    if 1 / _ALIKE < result.ratio < _ALIKE:
        return f"{first} has about the same potential as {second}."
    return f"{first} has {two_digits(result.ratio)}x the potential of {second}."
