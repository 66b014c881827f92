"""What Hypothesis draws: sales as they really look, rows of whole numbers up to the limit, and ways to cut a whole."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tamscore.stages.grid import fit_grid

MONEY = st.floats(min_value=0.01, max_value=1e12, allow_nan=False, width=64)
FEW_VALUES = st.sampled_from([1.0, 2.0, 2.5, 100.0, 1e6])
SHARES = st.floats(min_value=0.001, max_value=0.999)


def customer_sales(min_size: int = 1, max_size: int = 120) -> st.SearchStrategy[list[float]]:
    """Sales of customers: all different, full of ties, or all equal."""
    some = st.lists(MONEY, min_size=min_size, max_size=max_size)
    ties = st.lists(FEW_VALUES, min_size=min_size, max_size=max_size)
    equal = st.tuples(MONEY, st.integers(min_size, max_size)).map(lambda pair: [pair[0]] * pair[1])
    return some | ties | equal


def account_sales(max_size: int = 80) -> st.SearchStrategy[list[float]]:
    """Sales of accounts: mostly zeros, some customers, returns that outweigh, missing."""
    odd = st.sampled_from([0.0, 0.0, 0.0, float("nan"), -5.0, -0.01])
    return st.lists(odd | MONEY | FEW_VALUES, min_size=1, max_size=max_size)


@st.composite
def cut_lines(draw: Any) -> tuple[float, ...]:
    """Strictly increasing shares, the presets among them."""
    presets = st.sampled_from([(0.85, 0.90, 0.95), (0.80, 0.85, 0.90, 0.95), (0.5,)])
    drawn = st.lists(SHARES, min_size=1, max_size=5, unique=True).map(lambda shares: tuple(sorted(shares)))
    return tuple(draw(presets | drawn))


@st.composite
def whole_blocks(draw: Any, max_d: int = 6, max_rows: int = 40) -> tuple[Any, Any, Any]:
    """A grid, a block (d, m) of whole numbers within its limit, and centers (k, d): many at the limit, many alike."""
    d, m = draw(st.integers(1, max_d)), draw(st.integers(1, max_rows))
    k = draw(st.integers(1, 7))
    reach = draw(st.lists(st.floats(1e-6, 1e6), min_size=d, max_size=d))
    grid = fit_grid(np.array(reach))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    return grid, extreme(random, grid, m).astype(np.float32), extreme(random, grid, k).T.copy()


def extreme(random: np.random.Generator, grid: Any, m: int) -> Any:
    """Columns (d, m) of whole numbers in float64: a third anywhere, a third at the limits, a third near zero."""
    limit = grid.limit[:, None]
    anywhere = np.rint(random.uniform(-1, 1, (len(grid.limit), m)) * limit)
    ends = np.where(random.random(anywhere.shape) < 0.5, -limit, limit)
    small = random.integers(-2, 3, anywhere.shape)
    kind = random.integers(0, 3, anywhere.shape)
    return np.clip(np.choose(kind, [anywhere, ends, small]), -limit, limit)


@st.composite
def cuts(draw: Any, rows: int) -> list[Any]:
    """The positions 0 … rows - 1 in any order, cut into parts, some of them empty."""
    order = np.array(draw(st.permutations(range(rows))), dtype=np.int64)
    edges = sorted(draw(st.lists(st.integers(0, rows), max_size=6)))
    return list(np.split(order, edges))
