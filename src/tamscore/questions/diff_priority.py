"""Why the priority of accounts changes between two runs: one cause after the other let in, in a fixed order.

Priority goes by the value of a call: whitespace times probability, and what may be lost of a customer's sales. Each
account's call is valued at its probability before with its whitespace after each cause that `causes` tells of, then at
its probability now, then with what may be lost now. An account that begins or ceases to buy takes its new probability
together with its own sales. All values are whole cents, so their differences sum to the change to the cent.

The place that an account would have among those of the first run is found for its call valued so; what is left of the
change of its place, others did: by a value of their own that rose or fell, as new accounts, as accounts gone.
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
    from collections.abc import Sequence

    import pyarrow as pa

    from tamscore.questions.stored import StoredRun

CALL_CAUSES = (*CAUSES, "probability", "basis", "at_risk")
"""What changes the value of a call; `basis` is a probability that is known from something else than before."""
PLACE_CAUSES = ("whitespace", "probability", "at_risk", "others")
"""What changes a place; `probability` includes its basis."""
EXPECTED_CAUSES = ("sales", "probability")
"""What changes expected value: own sales and those of customers like it together, or the probability."""
QUADRANTS = tuple(play.quadrant for play in PLAYS)
CODES = {"party_type": PARTY_TYPES, "p_basis": BASES, "tier": TIERS, "quadrant": QUADRANTS}
_READ = ("priority", "probability", "expected_value", "whitespace", *CODES)
_OPTIONAL = ("value_at_risk",)
_CHANCES = 10**PLACES


@dataclass(frozen=True)
class PriorityStanding:
    """Where accounts stand in the order of a run, all (n,): 36 bytes an account.

    Place int32; probability int32 in millionths; value of a call, expected value and what may be lost int64 in cents;
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
        """That of the accounts of a table, which holds the columns that `columns_of` names."""
        chance = np.rint(float_column(table["probability"]) * _CHANCES).astype(np.int32)
        there = "value_at_risk" in table.column_names
        at_risk = cents(float_column(table["value_at_risk"])) if there else np.zeros(table.num_rows, np.int64)
        call = _priced_whitespace(cents(float_column(table["whitespace"])), chance) + at_risk
        codes = (level_codes(table[name], levels).astype(np.int8) for name, levels in CODES.items())
        place = float_column(table["priority"]).astype(np.int32)
        return cls(place, chance, call, cents(float_column(table["expected_value"])), at_risk, *codes)

    @classmethod
    def join(cls, parts: Sequence[PriorityStanding]) -> PriorityStanding:
        """That of all accounts of the parts."""
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))

    def take(self, rows: Any) -> PriorityStanding:
        """That of some accounts, by their places in the columns."""
        return PriorityStanding(*(getattr(self, field.name)[rows] for field in fields(self)))


def columns_of(run: StoredRun) -> tuple[str, ...]:
    """The columns that tell where accounts stand; none where an earlier version made the run."""
    if not set(_READ) <= set(run.columns):
        return ()
    return (*_READ, *(name for name in _OPTIONAL if name in run.columns))


def _priced_whitespace(whitespace: Any, chance: Any) -> Any:
    """Whitespace (m,) in cents times the probability (m,) in millionths, int64 in cents."""
    return np.rint(whitespace * (chance / _CHANCES)).astype(np.int64)


@dataclass(frozen=True)
class CallOrder:
    """The values of all calls of a run by party type, each sorted upwards."""

    values: tuple[Any, ...]

    @classmethod
    def of(cls, standing: PriorityStanding) -> CallOrder:
        """That of the accounts of a run."""
        return cls(tuple(np.sort(standing.call[standing.party_type == code]) for code in range(len(PARTY_TYPES))))

    def place(self, account: PriorityStanding, call: Any) -> Any:
        """The place (m,) int64 of accounts of the run if their calls alone were worth that (m,); ties go before."""
        astype = account.place.astype(np.int64)
        for code, values in enumerate(self.values):
            at = np.flatnonzero((account.party_type == code) & (call != account.call))
            above = len(values) - positions(values, call[at], "right")[0]
            astype[at] = 1 + above - (call[at] < account.call[at])  # it does not stand above itself
        return astype


@dataclass(frozen=True)
class PriorityChange:
    """How the standing of accounts (m,) changed, and what each cause did.

    To the value of a `call` (CALL_CAUSES, m) in cents, to `places` (PLACE_CAUSES, m), to `expected` value
    (EXPECTED_CAUSES, m) in cents. Places of accounts whose party type is another now have no parts; all are None where
    no order was asked.
    """

    before: PriorityStanding
    after: PriorityStanding
    call: Any
    places: Any
    expected: Any

    @property
    def same_party(self) -> Any:
        """Whose party type is as it was (m,) bool."""
        return self.before.party_type == self.after.party_type


def change(
    before: PriorityStanding, after: PriorityStanding, order: CallOrder | None, whitespace: Any, turned: Any
) -> PriorityChange:
    """The change of accounts whose whitespace (1 + CAUSES, m) in cents each cause changed, from the first run on.

    `turned` (m,) says who began or ceased to buy.
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
    """What each cause did to the places of accounts (PLACE_CAUSES, m), given the values of their calls step by step."""
    ends = (steps[len(CAUSES)], steps[-2], steps[-1])
    places = [order.place(before, end) for end in ends]
    parts = np.diff(np.stack([before.place, *places, after.place]).astype(np.int64), axis=0)
    parts[:, before.party_type != after.party_type] = 0
    return parts


def _expected_parts(before: PriorityStanding, after: PriorityStanding) -> Any:
    """Return what sales and the probability did to expected value (EXPECTED_CAUSES, m) in cents.

    The probability works on the money of the first run; where none was expected there, all is the probability's work.
    """
    ratio = np.divide(after.chance, before.chance, out=np.zeros(len(after.chance)), where=before.chance > 0)
    held = np.where(before.chance > 0, np.rint(before.expected * ratio).astype(np.int64), after.expected)
    return np.stack([after.expected - held, held - before.expected])
