"""Potential and whitespace of arrays and columns of frames: the arithmetic of a run, without a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from tamscore import backend as backends
from tamscore.backend.host import HostBackend
from tamscore.potential.columns import codes_of, known_codes, on_host, sales_of, segments_of
from tamscore.stages import potential
from tamscore.stages.potential import PotentialTable, TopStep, step_names
from tamscore.stages.whitespace import Boundary, Money, value_accounts

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

__all__ = ["Ladders", "Money", "potential_table", "whitespace"]

_ALL = "all"
"""The parent of clusters that lean on no segment."""


@dataclass(frozen=True)
class Ladders:
    """The potential table of k clusters.

    `labels` (k,) are the clusters in order, `steps` the names of the steps, `values` (k, steps) float64 what customers
    spend at each, NaN where nobody buys; `low` and `high` (k, steps) the interval of each. `support` (k,) counts the
    customers, `basis` says where values come from: `cluster`, `pooled`, the parent, or `none`. Money is in the currency
    of the sales.

    >>> from tamscore import potential_table
    >>> potential_table([10.0, 20.0, 30.0], ["a", "a", "b"], min_customers=1).to_arrow().column_names[:6]
    ['cluster', 'support', 'basis', 'parent', 'low_support', 'p85']
    """

    labels: Any
    table: PotentialTable

    @property
    def steps(self) -> list[str]:
        """The names of the steps: `p85`, `p90`, `p95`, `top`."""
        return step_names(self.table.lines)

    @property
    def values(self) -> Any:
        """Return what customers spend at each step (k, steps), float64."""
        return self.table.values

    @property
    def support(self) -> Any:
        """The number of customers (k,) int64."""
        return self.table.support

    @property
    def basis(self) -> tuple[str, ...]:
        """Return where the values of each cluster come from."""
        return self.table.basis

    @property
    def low(self) -> Any:
        """The lower ends of the intervals (k, steps), NaN where there is none."""
        return self.table.bounds.low

    @property
    def high(self) -> Any:
        """The upper ends of the intervals (k, steps), NaN where there is none."""
        return self.table.bounds.high

    def to_arrow(self) -> pa.Table:
        """Return one row a cluster, columns named as in the potential table of a run; `.to_pandas()` makes a frame."""
        import pyarrow as pa

        table = self.table
        head = {"cluster": self.labels, "support": table.support, "basis": table.basis, "parent": table.parent}
        head["low_support"] = ~table.bounds.supported[:, 0]
        ends = {"": table.values, "low_": self.low, "high_": self.high}
        amounts = {
            prefix + step: pa.array(values[:, j], from_pandas=True)
            for prefix, values in ends.items()
            for j, step in enumerate(self.steps)
        }
        return pa.table({**head, **amounts})


def potential_table(
    sales: Any,
    labels: Any,
    *,
    segments: Any = None,
    lines: Sequence[float] = (0.85, 0.90, 0.95),
    top_step: TopStep = "max",
    min_customers: int = 25,
    interval_level: float = 0.95,
) -> Ladders:
    """Return the ladder of each cluster: exact percentiles of what its customers spend, and the top step.

    `sales` (n,) are net sales of accounts, missing and negative ones count as 0; customers have more than 0. `labels`
    (n,) are their clusters. Both may be arrays, lists, Series, Arrow columns, or CuPy arrays. Clusters of fewer than
    `min_customers` customers are pooled with the others; `segments` (n,) are the market segments that they, and empty
    clusters, lean on. The other keywords mean what they mean in `[potential]` of a job file, and give the same numbers.

    Raise ValueError if columns differ in length, sales are infinite, labels are missing, or a keyword is out of range.

    >>> from tamscore import potential_table
    >>> table = potential_table(range(1, 101), ["a"] * 100)
    >>> table.steps, table.values.tolist()
    (['p85', 'p90', 'p95', 'top'], [[85.0, 90.0, 95.0, 100.0]])
    """
    _require_rules(lines, top_step, min_customers, interval_level)
    money = sales_of(on_host(sales))
    code, names = codes_of(on_host(labels), "labels", len(money))
    backend, buys = HostBackend(), money > 0
    by_cluster = potential.sort_sales(backend, money[buys], code[buys], len(names))
    everyone = np.sort(by_cluster.sales)
    parents: list[tuple[str, Any]] = [(_ALL, everyone)] * len(names)
    if segments is not None:
        segment, levels = segments_of(on_host(segments), len(money))
        by_segment = potential.sort_sales(backend, money[buys], segment[buys], len(levels))
        pairs = code * len(levels) + segment
        accounts = np.bincount(pairs, minlength=len(names) * len(levels)).reshape(len(names), len(levels))
        parents = potential.parents_of(accounts, by_segment, levels, everyone, _ALL, min_customers)
    rules = (tuple(lines), top_step, min_customers, interval_level)
    return Ladders(names, potential.potential_table(by_cluster, parents, *rules))


def whitespace(sales: Any, labels: Any, ladders: Ladders, *, boundary: Boundary = "at_or_below") -> Money:
    """Return what is open with each account: `potential`, `whitespace`, `penetration` (n,) float64, `step` from 1.

    The potential is the first step of the ladder of its cluster that its sales do not exceed (`at_or_below`) or lie
    below (`strictly_below`); whitespace is what lacks to it. All are NaN where nobody buys. `sales` and `labels` (n,)
    are as for `potential_table`; for sales on a GPU the answer lies there too. `vars(...)` of it makes a frame.

    Raise ValueError if a label has no ladder, or as `potential_table`.

    >>> from tamscore import potential_table, whitespace
    >>> table = potential_table(range(1, 101), ["a"] * 100)
    >>> whitespace([0.0, 85.0, 86.0], ["a", "a", "a"], table).whitespace
    array([85.,  0.,  4.])
    """
    if boundary not in get_args(Boundary):
        raise ValueError(f"boundary: expected one of {', '.join(get_args(Boundary))}, got {boundary!r}")
    backend = backends.holder(sales) or HostBackend()
    money = sales_of(on_host(sales))
    code = known_codes(on_host(labels), ladders.labels, len(money))
    put = backend.put
    return value_accounts(backend.xp, put(money), put(code), put(ladders.values), boundary)


def _require_rules(lines: Sequence[float], top_step: str, min_customers: int, level: float) -> None:
    """Raise ValueError that names the first keyword that is out of range."""
    if not lines or list(lines) != sorted(set(lines)) or not 0 < lines[0] <= lines[-1] < 1:
        raise ValueError(f"lines: expected rising shares between 0 and 1, got {tuple(lines)}")
    if top_step not in get_args(TopStep):
        raise ValueError(f"top_step: expected one of {', '.join(get_args(TopStep))}, got {top_step!r}")
    if min_customers < 1:
        raise ValueError(f"min_customers: expected a whole number from 1 on, got {min_customers!r}")
    if not 0 < level < 1:
        raise ValueError(f"interval_level: expected a share between 0 and 1, got {level!r}")
