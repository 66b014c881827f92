"""The search for prices of hours at which the bound of a coverage is least.

Where accounts are many, prices near those sought are found from a sample first, or known from a question much like this
one. At half of these most accounts are content without hours, and at any higher price too: they are added up once, and
the search goes on with the others, its core. If it comes near the prices it began at, they were too high, and it begins
again without them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.sections.coverage.core import Core, core_at
from tamscore.sections.coverage.cutting_planes import lowest
from tamscore.sections.coverage.hour_price import Bound, Options, PricedChoices, ask, dearest

if TYPE_CHECKING:
    from tamscore.backend import Backend

_ROUNDS = 400
"""Most prices that are tried for one bound; a bound that is not settled by then is still a bound."""
_SETTLED = 1e-6
"""The relative distance between the bound and its planes at which the search ends."""
SAMPLE, _LEAST_STEP = 10_000, 4
"""So many accounts are asked for prices first, where there are at least so many times more of them."""
_LOWER, _LEAST = 5.0, 1e-7
"""Prices that were too high are divided by so much; below that part of the dearest ones they are 0."""
_FIRST_REACH = 1.5
"""Where prices are known others are sought first up to so many times as high or low."""
_NEAR = 1.1
"""Prices up to so many times those that the search began at are taken for prices at its edge."""


@dataclass
class Search:
    """The planes known so far; they hold for whatever hours there are, so that each question adds to them.

    `parts` (m,) are parts of the accounts whose choices are added up apart, absent: one part; `known` (r,) prices of a
    question much like this one.
    """

    backend: Backend
    options: Options
    roles: int
    parts: Any = None
    known: Any = None
    planes: list[PricedChoices] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Look at all accounts once; prices are asked for when the hours are known."""
        self.most = dearest(self.backend, self.options, self.roles)
        self.floor: Any = None
        self.core: Core

    def begin(self, floor: Any) -> None:
        """Ask from now on for prices of at least `floor` (r,), and of the accounts alone that may choose hours then."""
        self.floor = floor
        self.core = core_at(self.backend, self.options, floor, self.parts)
        self.planes = [self.ask(floor)]
        if self.known is not None:
            self.planes.append(self.ask(np.maximum(self.known, floor)))

    def ask(self, price: Any) -> PricedChoices:
        """Return what all accounts choose at prices (r,) that are no less than those the search began at."""
        return ask(self.backend, self.core.alike, price)

    def bound(self, limits: Any, rounds: int = _ROUNDS) -> Bound:
        """The least bound for hours `limits` (r,), infinite where a role has no limit."""
        if self.floor is None or self.floor[~np.isfinite(limits)].any():
            self.begin(self.low_prices(limits))
        while True:
            bound = self.least(limits, rounds)
            near = (self.floor > 0) & (bound.price <= _NEAR * self.floor)
            if not near.any():
                return bound
            lower = np.where(near, self.floor / _LOWER, self.floor)
            self.begin(np.where(lower < _LEAST * self.most, 0.0, lower))

    def low_prices(self, limits: Any) -> Any:
        """Prices (r,) that are most likely below those sought, from every so many of many accounts; 0 with few."""
        price, step = self.known, self.options.accounts // SAMPLE
        if price is None and step < _LEAST_STEP:
            return np.zeros(self.roles)
        if price is None:
            parts = None if self.parts is None else self.parts[::step]
            price = Search(self.backend, _every(self.options, step), self.roles, parts).bound(limits / step).price
        self.known = np.where(np.isfinite(limits), np.minimum(price, self.most), 0.0)
        return self.known / 2

    def least(self, limits: Any, rounds: int) -> Bound:
        """The least bound at prices that are no less than those asked for.

        Prices are sought near the best ones known first, where planes tell the most, and farther away where that ends.
        """
        scarce = np.flatnonzero(np.isfinite(limits) & (self.most > 0))
        best, bound = self.best(limits)
        reach = np.inf if self.known is None else _FIRST_REACH
        for done in range(rounds):
            edges = self.edges(best, reach)
            price, floor = lowest(self.planes, limits, scarce, *edges)
            enough = _SETTLED * max(abs(bound), 1e-300)
            if bound - floor <= enough and np.isfinite(reach):
                reach = np.inf
                price, floor = lowest(self.planes, limits, scarce, *self.edges(best, reach))
            if bound - floor <= enough:
                return Bound(best, bound, done)
            asked = price if done % 2 else (price + best) / 2
            self.planes.append(self.ask(asked))
            best, bound = self.best(limits)
        return Bound(best, bound, rounds)

    def edges(self, price: Any, reach: float) -> tuple[Any, Any]:
        """The least and the largest prices (r,) that are up to so many times as high or low as prices (r,)."""
        if np.isinf(reach):
            return self.floor, self.most
        return np.maximum(self.floor, price / reach), np.clip(price * reach, self.floor, self.most)

    def best(self, limits: Any) -> tuple[Any, float]:
        """The prices asked for so far whose bound is least, and that bound; only scarce hours may have a price."""
        free = ~np.isfinite(limits)
        cost = np.where(free, 0.0, limits)
        fair = [plane for plane in self.planes if not plane.price[free].any()]
        bounds = [plane.worth + float(plane.price @ cost) for plane in fair]
        place = int(np.argmin(bounds))
        return fair[place].price, bounds[place]


def _every(options: Options, step: int) -> Options:
    """Every so many accounts of the options."""
    return Options(options.value[:, ::step], options.hours[:, ::step], options.role, options.names)
