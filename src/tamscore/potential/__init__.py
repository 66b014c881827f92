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
    """The potential table of k clusters: what customers spend at each step of the ladder of each cluster.

    Money is in the currency of the sales.

    Attributes
    ----------
    labels : array (k,)
        The clusters in order, of the type of the labels that they were made from.
    table : PotentialTable
        The arrays that the other attributes are taken from.

    Examples
    --------
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
        """What customers spend at each step: float64 (k, steps), NaN if no one buys."""
        return self.table.values

    @property
    def support(self) -> Any:
        """The number of customers of each cluster: int64 (k,)."""
        return self.table.support

    @property
    def basis(self) -> tuple[str, ...]:
        """Where the values of each cluster come from: `cluster`, `pooled`, the parent, or `none`."""
        return self.table.basis

    @property
    def low(self) -> Any:
        """The lower ends of the intervals of the values: float64 (k, steps), NaN if there is none."""
        return self.table.bounds.low

    @property
    def high(self) -> Any:
        """The upper ends of the intervals of the values: float64 (k, steps), NaN if there is none."""
        return self.table.bounds.high

    def to_arrow(self) -> pa.Table:
        """Make a table.

        Returns
        -------
        pyarrow.Table
            A row for each cluster, with columns named as in the potential table of a run. `to_pandas()` makes a frame.
        """
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
    """Compute the ladder of each cluster: exact percentiles of what its customers spend, and the top step.

    The numbers are those of a run with the same clusters and the same `[potential]` settings.

    Parameters
    ----------
    sales : array-like (n,)
        Net sales of each account, in any currency. Missing and negative ones count as 0. Customers have more than 0. An
        array, a list, a Series, an Arrow column, or a CuPy array.
    labels : array-like (n,)
        The cluster of each account, as numbers or texts.
    segments : array-like (n,), optional
        The market segment of each account. Clusters without enough customers lean on it, in place of on all accounts.
    lines : sequence of float, optional
        The cut lines, as shares of the customers between 0 and 1, in rising order.
    top_step : "max", "p99", "p99.5" or "next_step", optional
        The top step: the largest sales of the cluster, their 99th or 99.5th percentile, or the percentile midway
        between the last line and 1.
    min_customers : int, optional
        Clusters of fewer customers are pooled with the others.
    interval_level : float, optional
        The level of the intervals, between 0 and 1.

    Returns
    -------
    Ladders
        The ladders of the clusters, in order of `labels`.

    Raises
    ------
    ValueError
        If columns differ in length, sales are infinite, labels are missing, or a keyword is out of range.

    Examples
    --------
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
    """Compute potential and whitespace of each account.

    The potential is the first step of the ladder of its cluster that the sales of an account do not exceed. Whitespace
    is the potential less the sales.

    Parameters
    ----------
    sales : array-like (n,)
        Net sales of each account, in the currency of the ladders. Missing and negative ones count as 0.
    labels : array-like (n,)
        The cluster of each account.
    ladders : Ladders
        What `potential_table` returns.
    boundary : "at_or_below" or "strictly_below", optional
        Whether sales that equal a step have this step as their potential, or the next one.

    Returns
    -------
    Money
        One value for each account. They lie on the GPU if the sales do. `vars(...)` of it makes a frame.

    Raises
    ------
    ValueError
        If a label has no ladder, columns differ in length, sales are infinite, or a keyword is invalid.

    Examples
    --------
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
