"""Segment tests and actions join the scores: which segments are worth being one, and what to do about each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tamscore.arrow import float_column, level_codes, text_dictionary
from tamscore.scoring.score.parts import KINDS
from tamscore.scoring.score.sections import Findings
from tamscore.sections.segments import segment_tests
from tamscore.sections.segments.actions import ACTIONS, AccountStanding, SegmentAnswers, account_actions
from tamscore.sections.segments.own import MONEY, OwnSegments, Sums, own_column, sums_of
from tamscore.sections.segments.segment_tests import TERMS, AccountFacts, FlagLimits
from tamscore.stages.quadrant import PLAYS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.backend import Backend
    from tamscore.scoring.score.sections import ScoredRows

TESTS = ("identifiable", "profitable", "growing", "meaningful", "action")
_STATES = ["prospect", "customer", "left"]
_COLOURS = [play.quadrant for play in PLAYS]
_HIGH = {name: np.array([getattr(play, name) == "high" for play in PLAYS]) for name in ("potential", "sales")}
"""Which quadrants, in the order of COLOURS, have high potential and high sales."""


@dataclass(frozen=True)
class SegmentsState:
    """The state: what the tests of each cluster (K) allow, and from where on accounts of each cluster are flagged.

    `named` are the input columns of size, cost to serve and advocacy, None for none; `own` makes the user's segments.
    """

    clusters: tuple[str, ...]
    answers: SegmentAnswers
    limits: tuple[FlagLimits, ...]
    party: Any
    named: dict[str, str | None]
    table: pa.Table
    record: dict[str, Any]
    parties: tuple[str, ...] = ()
    own: OwnSegments | None = None

    def score(self, rows: ScoredRows, backend: Backend) -> dict[str, pa.Array]:
        """Action and flags of the scored rows."""
        label = level_codes(rows.scores["cluster"], list(self.clusters))
        facts = self.facts(rows)
        flags = np.zeros(len(label), np.int64)
        for code, limits in enumerate(self.limits):
            here = np.flatnonzero(self.party[label] == code)
            part = AccountFacts(**{name: backend.put(values[here]) for name, values in facts.items()})
            flags[here] = backend.get(segment_tests.account_flags(backend.xp, part, limits))
        own = {} if self.own is None else {"own_segment": own_column(self.own.read(rows), self.own.columns)}
        return {
            **own,
            "segment_action": text_dictionary(self.actions(rows.scores, label, facts["margin"], backend), ACTIONS),
            "account_flags": text_dictionary(flags, segment_tests.flag_texts()),
        }

    def actions(self, scores: pa.Table, label: Any, margin: Any, backend: Backend) -> Any:
        """The positions (s,) in ACTIONS of the scored rows, whose `margin` (s,) is NaN where it is not known."""
        play = level_codes(scores["quadrant"], _COLOURS)
        buys = (
            level_codes(scores["account_state"], _STATES) == _STATES.index("customer")
            if "account_state" in scores.column_names
            else level_codes(scores["kind"], KINDS) == KINDS.index("expansion")
        )
        own = AccountStanding(*map(backend.put, (buys, _HIGH["potential"][play], _HIGH["sales"][play], margin < 0.0)))
        answers = SegmentAnswers(
            *(backend.put(getattr(self.answers, name)) for name in ("invest", "profitable", "shrinks"))
        )
        return backend.get(account_actions(backend.xp, answers, backend.put(label), own))

    def facts(self, rows: ScoredRows) -> dict[str, Any]:
        """Return what flags look at, by name; NaN (s,) where the run does not know it."""
        scores, nothing = rows.scores, np.full(rows.scores.num_rows, np.nan)
        asked = list(dict.fromkeys(filter(None, self.named.values())))
        table = rows.read(asked) if asked else {}
        sales = "trailing_sales" if "trailing_sales" in scores.column_names else "sales"
        record = {"sales": float_column(scores[sales]), "potential": float_column(scores["potential"])}
        before, margin = ("sales_before", "yearly_margin")
        record["before"] = float_column(scores[before]) if before in scores.column_names else nothing
        record["margin"] = float_column(scores[margin]) if margin in scores.column_names else nothing
        return record | {
            name: float_column(table[column]) if column else nothing for name, column in self.named.items()
        }

    def count(self, scored: pa.Table) -> tuple[Any, Any, Sums]:
        """How many accounts (flags,) carry each flag, how many (K, actions) get each action, sums of own segments."""
        texts = segment_tests.flag_texts()
        counted = np.bincount(level_codes(scored["account_flags"], texts), minlength=len(texts))
        values = np.arange(len(texts))
        flags = np.array([counted[(values >> bit) % 2 == 1].sum() for bit in range(len(segment_tests.FLAGS))])
        place = level_codes(scored["cluster"], list(self.clusters)) * len(ACTIONS)
        place += level_codes(scored["segment_action"], ACTIONS)
        actions = np.bincount(place, minlength=len(self.clusters) * len(ACTIONS)).reshape(-1, len(ACTIONS))
        return flags, actions, {} if self.own is None else sums_of(scored)

    def findings(self, counts: Sequence[tuple[Any, Any, Sums]]) -> Findings:
        """The tests of all segments, and how many accounts get each action and carry each flag."""
        flags = dict(zip(segment_tests.FLAGS, sum(item for item, _, _ in counts).tolist(), strict=True))
        actions: Any = sum(item for _, item, _ in counts)
        table = self.table
        for name, column in zip(ACTIONS, actions.T, strict=True):
            table = table.append_column(f"{name}_accounts", pa.array(column))
        columns = frozenset({"margin", "sales_now", "sales_before", "priority", *TERMS})
        shown = ("cluster", *TESTS, "lifetime_value", "priority")
        tables: dict[str, pa.Table] = {"segment_tests": table}
        own: dict[str, Any] = {}
        notices: tuple[str, ...] = ()
        if self.own is not None:
            made = tables["own_segments"] = self.own.table([record for _, _, record in counts], self.parties)
            own, notices = {"own": self.own.record(made)}, self.own.notices(made, self.clusters)
        return Findings(
            {
                **self.record,
                **own,
                "flags": flags,
                "actions": dict(zip(ACTIONS, actions.sum(axis=0).tolist(), strict=True)),
                "segments": self.table.select(shown).to_pylist(),
            },
            tables,
            columns | {*MONEY},
            notices=notices,
        )
