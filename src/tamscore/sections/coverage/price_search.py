"""The search for prices of hours that give the least upper bound of a coverage.

With many accounts, prices near the best ones are first found from a sample, or are known from a similar problem. At
half of these prices most accounts choose no hours, and so at any higher price: they are added up once, and the search
goes on with the others, its core. If the search comes near the prices that it began at, those were too high, and it
begins again with lower ones.
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
"""Most prices tried for one bound; an unsettled bound is still a valid bound."""
_SETTLED = 1e-6
"""The relative distance between the bound and its planes at which the search ends."""
SAMPLE, _LEAST_STEP = 10_000, 4
"""Accounts in the first sample, and the least ratio of all accounts to it for which a sample is used."""
_LOWER, _LEAST = 5.0, 1e-7
"""Divisor of prices that were too high, and the share of the highest prices below which they become 0."""
_FIRST_REACH = 1.5
"""Factor, up or down, of the range in which prices are sought first if similar ones are known."""
_NEAR = 1.1
"""Factor of the starting prices up to which prices count as at the edge of the search."""


@dataclass
class Search:
    """The planes known so far; they hold for any hours, so that each problem adds to them.

    `parts` (m,) are parts of the accounts whose choices are added up separately, by default one part. `known` (r,) are
    prices of a similar problem.
    """

    backend: Backend
    options: Options
    roles: int
    parts: Any = None
    known: Any = None
    planes: list[PricedChoices] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Examine all accounts once; prices are computed when the hours are known."""
        self.most = dearest(self.backend, self.options, self.roles)
        self.floor: Any = None
        self.core: Core

    def begin(self, floor: Any) -> None:
        """Restrict the search to prices of at least `floor` (r,), and to accounts that may choose hours then."""
        self.floor = floor
        self.core = core_at(self.backend, self.options, floor, self.parts)
        self.planes = [self.ask(floor)]
        if self.known is not None:
            self.planes.append(self.ask(np.maximum(self.known, floor)))

    def ask(self, price: Any) -> PricedChoices:
        """Return the choices of all accounts at prices (r,), which must not be below those that the search began at."""
        return ask(self.backend, self.core.alike, price)

    def bound(self, limits: Any, rounds: int = _ROUNDS) -> Bound:
        """Return the least bound for hours `limits` (r,), infinite for a role without a limit."""
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
        """Return prices (r,) most likely below the best ones, from a sample of many accounts; 0 with few accounts."""
        price, step = self.known, self.options.accounts // SAMPLE
        if price is None and step < _LEAST_STEP:
            return np.zeros(self.roles)
        if price is None:
            parts = None if self.parts is None else self.parts[::step]
            price = Search(self.backend, _every(self.options, step), self.roles, parts).bound(limits / step).price
        self.known = np.where(np.isfinite(limits), np.minimum(price, self.most), 0.0)
        return self.known / 2

    def least(self, limits: Any, rounds: int) -> Bound:
        """Return the least bound at prices not below those that the search began at.

        Prices are sought near the best known ones first, where planes say the most, and then farther away.
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
        """Return the least and the largest prices (r,) within a factor `reach` of prices (r,)."""
        if np.isinf(reach):
            return self.floor, self.most
        return np.maximum(self.floor, price / reach), np.clip(price * reach, self.floor, self.most)

    def best(self, limits: Any) -> tuple[Any, float]:
        """Return the tried prices with the least bound, and that bound; only scarce hours may have a price."""
        free = ~np.isfinite(limits)
        cost = np.where(free, 0.0, limits)
        fair = [plane for plane in self.planes if not plane.price[free].any()]
        bounds = [plane.worth + float(plane.price @ cost) for plane in fair]
        place = int(np.argmin(bounds))
        return fair[place].price, bounds[place]


def _every(options: Options, step: int) -> Options:
    """Return every `step`-th account of the options."""
    return Options(options.value[:, ::step], options.hours[:, ::step], options.role, options.names)
