"""Causes of the change of priority between two runs, applied one after the other in a fixed order.

Priority is the order of the values of calls: whitespace times probability, plus a customer's sales at risk. Each
account's call is valued at its earlier probability with its whitespace after each cause of `causes`. Then it is valued
at its new probability, and then with its new sales at risk. An account that begins or stops buying takes its new
probability together with its own sales. All values are whole cents, so their differences sum exactly to the change.

For each of these values, the place of the account among those of the first run is found. The rest of its change of
place is due to other accounts: the values of their calls rose or fell, they are new, or they are gone.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import float_column, level_codes
from tamscore.questions.causes import CAUSES
from tamscore.questions.worlds import cents
from tamscore.schema import PARTY_TYPES
from tamscore.scoring.score.priority import BASES, PLACES
from tamscore.stages.keys import positions
from tamscore.stages.priority import TIERS
from tamscore.stages.quadrant import PLAYS

if TYPE_CHECKING:
    import pyarrow as pa

    from tamscore.questions.stored import StoredRun

CALL_CAUSES = (*CAUSES, "probability", "basis", "at_risk")
"""Causes that change the value of a call; `basis` means that the probability comes from another source."""
PLACE_CAUSES = ("whitespace", "probability", "at_risk", "others")
"""Causes that change a place; `probability` includes its basis."""
EXPECTED_CAUSES = ("sales", "probability")
"""Causes that change expected value: own sales and those of similar customers together, or the probability."""
QUADRANTS = tuple(play.quadrant for play in PLAYS)
CODES = {"party_type": PARTY_TYPES, "p_basis": BASES, "tier": TIERS, "quadrant": QUADRANTS}
_READ = ("priority", "probability", "expected_value", "whitespace", *CODES)
_OPTIONAL = ("value_at_risk",)
_CHANCES = 10**PLACES


@dataclass(frozen=True)
class PriorityStanding:
    """The standing of accounts in the order of a run, all (n,): 36 bytes an account.

    Place int32; probability int32 in millionths; value of a call, expected value and sales at risk int64 in cents;
    codes int8 of party type, basis of the probability, tier and quadrant.
    """

    place: Any
    chance: Any
    call: Any
    expected: Any
    at_risk: Any
    party_type: Any
    p_basis: Any
    tier: Any
    quadrant: Any

    @classmethod
    def of(cls, table: pa.Table) -> PriorityStanding:
        """Return the standing of the accounts of a table that holds the columns of `columns_of`."""
        chance = np.rint(float_column(table["probability"]) * _CHANCES).astype(np.int32)
        there = "value_at_risk" in table.column_names
        at_risk = cents(float_column(table["value_at_risk"])) if there else np.zeros(table.num_rows, np.int64)
        call = _priced_whitespace(cents(float_column(table["whitespace"])), chance) + at_risk
        codes = (level_codes(table[name], levels).astype(np.int8) for name, levels in CODES.items())
        place = float_column(table["priority"]).astype(np.int32)
        return cls(place, chance, call, cents(float_column(table["expected_value"])), at_risk, *codes)

    def take(self, rows: Any) -> PriorityStanding:
        """Return the standing of some accounts, given their positions or a slice."""
        return PriorityStanding(*(getattr(self, field.name)[rows] for field in fields(self)))


def columns_of(run: StoredRun) -> tuple[str, ...]:
    """Return the columns with the standing of accounts; empty if an earlier version made the run."""
    if not set(_READ) <= set(run.columns):
        return ()
    return (*_READ, *(name for name in _OPTIONAL if name in run.columns))


def _priced_whitespace(whitespace: Any, chance: Any) -> Any:
    """Return whitespace (m,) in cents times the probability (m,) in millionths, int64 in cents."""
    return np.rint(whitespace * (chance / _CHANCES)).astype(np.int64)


@dataclass(frozen=True)
class CallOrder:
    """The values of all calls of a run by party type, in ascending order."""

    values: tuple[Any, ...]

    @classmethod
    def of(cls, standing: PriorityStanding) -> CallOrder:
        """Return the order of the calls of a run, given the standing of its accounts."""
        return cls(tuple(np.sort(standing.call[standing.party_type == code]) for code in range(len(PARTY_TYPES))))

    def place(self, account: PriorityStanding, call: Any) -> Any:
        """Return the place (m,) int64 of each account if only its own call had the value (m,); it wins ties."""
        astype = account.place.astype(np.int64)
        for code, values in enumerate(self.values):
            at = np.flatnonzero((account.party_type == code) & (call != account.call))
            above = len(values) - positions(values, call[at], "right")[0]
            astype[at] = 1 + above - (call[at] < account.call[at])  # an account is not above itself
        return astype


@dataclass(frozen=True)
class PriorityChange:
    """The change of the standing of accounts (m,), and the effect of each cause.

    Effects are those on the value of a `call` (CALL_CAUSES, m) in cents, on `places` (PLACE_CAUSES, m), and on
    `expected` value (EXPECTED_CAUSES, m) in cents. Places of accounts with another party type now have no parts.
    `places` is None if no order was given.
    """

    before: PriorityStanding
    after: PriorityStanding
    call: Any
    places: Any
    expected: Any

    @property
    def same_party(self) -> Any:
        """Return which accounts (m,) bool have the same party type as before."""
        return self.before.party_type == self.after.party_type


def change(
    before: PriorityStanding, after: PriorityStanding, order: CallOrder | None, whitespace: Any, turned: Any
) -> PriorityChange:
    """Return the change of accounts, given their whitespace (1 + CAUSES, m) in cents: first run, then after each cause.

    `turned` (m,) bool marks accounts that began or stopped buying.
    """
    own = np.where(turned, after.chance, before.chance)
    calls = [
        _priced_whitespace(whitespace[0], before.chance),
        *(_priced_whitespace(part, own) for part in whitespace[1:]),
    ]
    known_from = np.where(before.p_basis == after.p_basis, after.chance, own)
    calls += [_priced_whitespace(whitespace[-1], known_from), _priced_whitespace(whitespace[-1], after.chance)]
    steps = np.vstack([np.stack(calls) + before.at_risk, after.call[None]])
    places = None if order is None else _place_parts(before, after, order, steps)
    return PriorityChange(before, after, np.diff(steps, axis=0), places, _expected_parts(before, after))


def _place_parts(before: PriorityStanding, after: PriorityStanding, order: CallOrder, steps: Any) -> Any:
    """Return the effect of each cause on places (PLACE_CAUSES, m), given the values of calls step by step."""
    ends = (steps[len(CAUSES)], steps[-2], steps[-1])
    places = [order.place(before, end) for end in ends]
    parts = np.diff(np.stack([before.place, *places, after.place]).astype(np.int64), axis=0)
    parts[:, before.party_type != after.party_type] = 0
    return parts


def _expected_parts(before: PriorityStanding, after: PriorityStanding) -> Any:
    """Return the effects of sales and of the probability on expected value (EXPECTED_CAUSES, m) in cents.

    The probability applies to the money of the first run. If that was 0, the probability has the whole effect.
    """
    ratio = np.divide(after.chance, before.chance, out=np.zeros(len(after.chance)), where=before.chance > 0)
    held = np.where(before.chance > 0, np.rint(before.expected * ratio).astype(np.int64), after.expected)
    return np.stack([after.expected - held, held - before.expected])
