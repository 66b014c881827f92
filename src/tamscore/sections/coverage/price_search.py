"""The search for prices of hours at which the bound of a coverage is least.

Where accounts are many, prices near those sought are found from a sample first. At half of these most accounts are
content without hours, and at any higher price too: they are added up once, and the search goes on with the others. If
it comes near the prices it began at, they were too high, and it begins again without them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.sections.coverage.alike import alike
from tamscore.sections.coverage.hour_price import (
    Bound,
    Options,
    Plane,
    ask,
    block_rows,
    by_kind,
    chosen,
    dearest,
    prices_of,
)

if TYPE_CHECKING:
    from tamscore.backend import Backend

ROUNDS = 400
"""Most prices that are tried for one bound; a bound that is not settled by then is still a bound."""
SETTLED = 1e-6
"""The relative distance between the bound and its planes at which the search ends."""
SAMPLE, LEAST_STEP = 10_000, 4
"""So many accounts are asked for prices first, where there are at least so many times more of them."""
LOWER, LEAST = 20.0, 1e-7
"""Prices that were too high are divided by so much; below that part of the dearest ones they are 0."""
NEAR = 1.1
"""Prices up to so many times those that the search began at are taken for prices at its edge."""


@dataclass
class Search:
    """The planes known so far; they hold for whatever hours there are, so that each question adds to them.

    Accounts alike, `groups`, choose alike and are asked once.
    """

    backend: Backend
    options: Options
    roles: int
    planes: list[Plane] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Look at all accounts once; prices are asked for when the hours are known."""
        self.groups = alike(self.backend.get(self.options.value), self.backend.get(self.options.hours))
        self.options = by_kind(self.backend, self.options, self.groups)
        self.most = dearest(self.backend, self.options, self.roles)
        self.floor: Any = None

    def begin(self, floor: Any) -> None:
        """Ask from now on for prices of at least `floor` (r,), and of the accounts alone that may choose hours then."""
        self.floor = floor
        self.core = undecided_at(self.backend, self.options, floor) if floor.any() else self.options
        self.planes = [ask(self.backend, self.core, floor)]

    def bound(self, limits: Any, rounds: int = ROUNDS) -> Bound:
        """The least bound for hours `limits` (r,), infinite where a role has no limit."""
        if self.floor is None or self.floor[~np.isfinite(limits)].any():
            self.begin(self.low_prices(limits))
        while True:
            found = self.least(limits, rounds)
            near = (self.floor > 0) & (found.price <= NEAR * self.floor)
            if not near.any():
                return found
            lower = np.where(near, self.floor / LOWER, self.floor)
            self.begin(np.where(lower < LEAST * self.most, 0.0, lower))

    def low_prices(self, limits: Any) -> Any:
        """Prices (r,) that are most likely below those sought, from every so many of many accounts; 0 with few."""
        step = self.options.accounts // SAMPLE
        if step < LEAST_STEP:
            return np.zeros(self.roles)
        some = every(self.options, step)
        sample = Search(self.backend, some, self.roles).bound(limits / step)
        return np.where(np.isfinite(limits), np.minimum(sample.price, self.most) / 2, 0.0)

    def least(self, limits: Any, rounds: int) -> Bound:
        """The least bound at prices that are no less than those asked for."""
        scarce = np.flatnonzero(np.isfinite(limits) & (self.most > 0))
        best, bound = self.best(limits)
        for done in range(rounds):
            price, floor = self.lowest(limits, scarce)
            if bound - floor <= SETTLED * max(abs(bound), 1e-300):
                return Bound(best, bound, done)
            asked = price if done % 2 else (price + best) / 2
            self.planes.append(ask(self.backend, self.core, asked))
            best, bound = self.best(limits)
        return Bound(best, bound, rounds)

    def best(self, limits: Any) -> tuple[Any, float]:
        """The prices asked for so far whose bound is least, and that bound; only scarce hours may have a price."""
        free = ~np.isfinite(limits)
        cost = np.where(free, 0.0, limits)
        fair = [plane for plane in self.planes if not plane.price[free].any()]
        bounds = [plane.worth + float(plane.price @ cost) for plane in fair]
        place = int(np.argmin(bounds))
        return fair[place].price, bounds[place]

    def lowest(self, limits: Any, scarce: Any) -> tuple[Any, float]:
        """The prices (r,) at which the planes are lowest, and how low: a linear program in few variables."""
        from scipy.optimize import linprog

        price = np.zeros(self.roles)
        if not len(scarce):
            return price, max(plane.value for plane in self.planes)
        scale = self.most[scarce]
        unit = max(abs(self.planes[0].worth), 1e-300)
        slopes = np.array([plane.hours[scarce] * scale for plane in self.planes]) / unit
        heights = np.array([plane.value for plane in self.planes]) / unit
        rows = np.column_stack([-slopes, -np.ones(len(heights))])
        cost = np.append(limits[scarce] * scale / unit, 1.0)
        edges = [*zip(self.floor[scarce] / scale, np.ones(len(scarce)), strict=True), (None, None)]
        found = linprog(cost, rows, -heights, bounds=edges, method="highs")
        price[scarce] = found.x[:-1] * scale
        return price, float(found.fun) * unit


def every(options: Options, step: int) -> Options:
    """Every so many accounts of the options."""
    size = None if options.size is None else options.size[::step]
    return Options(options.value[:, ::step], options.hours[:, ::step], options.role, options.names, size)


def undecided_at(backend: Backend, options: Options, price: Any) -> Options:
    """The accounts that choose hours at prices (r,); all others as one account, which takes no hours."""
    each, rows = prices_of(backend, options, price), block_rows(backend, options)
    keep, constant, start = [], 0.0, 0
    for (value, hours), size in zip(options.blocks(rows), options.sizes(rows), strict=True):
        choice, worth = (backend.get(part) for part in chosen(backend.xp, value, hours, each))
        takes = backend.get(hours)[choice, np.arange(len(choice))] > 0
        count = size if isinstance(size, float) else backend.get(size)
        constant += float((worth * count)[~takes].sum())
        keep.append(start + np.flatnonzero(takes))
        start += len(choice)
    at = np.concatenate(keep)
    value = np.full((len(options.role), len(at) + 1), -np.inf)
    value[:, :-1], value[0, -1] = backend.get(options.value)[:, at], constant
    need = np.zeros(value.shape)
    need[:, :-1] = backend.get(options.hours)[:, at]
    size = np.ones(len(at) + 1)
    size[:-1] = 1.0 if options.size is None else backend.get(options.size)[at]
    return Options(backend.put(value), backend.put(need), options.role, options.names, backend.put(size))
