"""Numbers of accounts to act on: by tier, by play, and by segment of the portfolio within each cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tamscore.scoring.score.exact_totals import MEASURES, added_up
from tamscore.scoring.score.parts import KINDS
from tamscore.scoring.tables.plain import money
from tamscore.scoring.tables.summaries import clusters
from tamscore.stages import quadrant

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from tamscore.config.portfolio import Portfolio
    from tamscore.scoring.tables.run_tables import RunTables


class _Segment(NamedTuple):
    """A segment of the portfolio: its name, and what its accounts need."""

    name: str
    need: str


_GLOBAL = _Segment("global", "a plan of their own, across all their places")
_SEGMENTS = {
    "blue": _Segment("enterprise", "growth beyond what they buy today"),
    "yellow": _Segment("land", "a first or a wider use"),
    "orange": _Segment("account_management", "to keep what works"),
    "grey": _Segment("digital", "a way to buy without a visit"),
    "teal": _Segment("digital", "a way to buy without a visit"),
}
"""The segment that the accounts of a quadrant belong to; those of blue that are in tier A are global."""
_EFFORT = ("hours", "cost")
_COLOURS = {play.quadrant: code for code, play in enumerate(quadrant.PLAYS)}


def play_table(tables: RunTables) -> pa.Table:
    """One row per party type, kind and play that has accounts: what to do about how many of them."""
    keys = ("party_type", "kind", "play")
    sums = added_up((part.work for part in tables.scored), lambda row: tuple(row[key] for key in keys))
    order = [policy.name for policy in tables.policies]
    rows = [
        {**dict(zip(keys, key, strict=True)), **_measure(sums[key])}
        for key in sorted(sums, key=lambda key: (order.index(key[0]), *key[1:]))
    ]
    return _as_known(rows, tables)


def priority_table(tables: RunTables) -> pa.Table:
    """One row per party type, kind and tier that has accounts: how many are likely won, what is open and expected."""
    keys = ("party_type", "kind", "tier")
    sums = added_up((part.work for part in tables.scored), lambda row: tuple(row[key] for key in keys))
    order = [policy.name for policy in tables.policies]
    rows = []
    for key in sorted(sums, key=lambda key: (order.index(key[0]), *key[1:])):
        accounts, _, _, *amounts, wins = sums[key].tolist()
        record = dict(zip(("whitespace", "expected_value"), money(amounts), strict=True))
        head = {**dict(zip(keys, key, strict=True)), "accounts": int(accounts), "expected_wins": round(wins, 2)}
        rows.append({**head, **record})
    return _as_known(rows, tables)


def portfolio_table(tables: RunTables, given: Portfolio) -> pa.Table:
    """One row per cluster, segment of the portfolio and kind that has accounts: what they need, who works on them.

    Hours and cost of a year as far as the job gives them, else null.
    """
    sums = added_up((part.work for part in tables.scored), _portfolio_key)
    rows = []
    for policy, cluster, name in clusters(tables):
        for key in sorted(key for key in sums if key[0] == cluster):
            head = {"party_type": policy.name, "cluster": cluster, "name": name}
            head |= dict(zip(("portfolio_segment", "kind", "need", "role", "service_level"), key[1:], strict=True))
            record = _measure(sums[key])
            effort = _effort_of(given, head["portfolio_segment"], head["role"], record["accounts"])
            rows.append({**head, **record, **effort})
    return _floats(_as_known(rows, tables), _EFFORT)


def _as_known(rows: Sequence[dict[str, Any]], tables: RunTables) -> pa.Table:
    """Return rows of party types as a table, without an expected value where no account of the party type buys."""
    import pyarrow as pa

    buying = {policy.name for policy in tables.policies if policy.sales.support.any()}
    items = [row if row["party_type"] in buying else {**row, "expected_value": None} for row in rows]
    return _floats(pa.Table.from_pylist(items), ("expected_value",))


def _effort_of(given: Portfolio, segment: str, role: str, accounts: float) -> dict[str, float | None]:
    """Return hours and cost of a year for so many accounts of a segment, None for those that the job does not give."""
    hours, rate, value = given.hours.get(segment), given.cost_per_hour.get(role), given.cost_per_account.get(segment)
    worked = None if hours is None else round(accounts * hours, 2)
    paid = [] if value is None else [accounts * value]
    if worked and rate is None:
        return {"hours": worked, "cost": None}
    if rate is not None and worked is not None:
        paid.append(worked * rate)
    return {"hours": worked, "cost": round(sum(paid), 2) if paid else None}


def _floats(table: pa.Table, names: Sequence[str]) -> pa.Table:
    """Return the table with columns of numbers, also where no row has any."""
    import pyarrow as pa

    for name in names:
        table = table.set_column(table.column_names.index(name), name, table[name].cast(pa.float64()))
    return table


def _measure(sums: Any) -> dict[str, float]:
    """Return MEASURES of accounts that come to these sums."""
    return dict(zip(MEASURES, money(sums[: len(MEASURES)]), strict=True))


def _portfolio_key(row: dict[str, str]) -> tuple[str, ...]:
    """Return cluster, segment of the portfolio, kind, need, role and service level of accounts."""
    buys = row["kind"] == KINDS[1]
    play = quadrant.PLAYS[int(quadrant.play_codes(_COLOURS[row["quadrant"]], buys))]
    segment = _GLOBAL if play.quadrant == "blue" and row["tier"] == "A" else _SEGMENTS[play.quadrant]
    return row["cluster"], segment.name, row["kind"], segment.need, play.role, play.service_level
