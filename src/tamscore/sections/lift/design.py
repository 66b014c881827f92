"""The design of a holdout: its strata, its controls, and which effect it can make visible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.sections.lift.power import ENOUGH, power, smallest, smallest_lift
from tamscore.sections.lift.strata import FEWEST_CONTROLS, merge, stratum_of
from tamscore.stages.draw import draw_number, id_hash

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

RATE, LIFT, SHARE = 0.04, 0.3, 0.1
"""The share of buyers without treatment, the lift and the share of controls where nobody names others."""
_MOST = 0.5
"""No larger share of controls is looked at: from here on more controls make an effect harder to see."""
_STEPS = 10
"""So often the range of shares is halved when the controls are counted that a lift takes."""
ALL = "all"
"""The name of the stratum of a run without tiers."""


@dataclass(frozen=True)
class HoldoutDesign:
    """Strata by name with the tiers of each; accounts, controls and the share of buyers without treatment (s,)."""

    names: tuple[str, ...]
    tiers: tuple[tuple[str, ...], ...]
    accounts: Any
    controls: Any
    rate: Any

    @property
    def treated(self) -> Any:
        """The treated accounts (s,)."""
        return self.accounts - self.controls

    def power(self, lift: float) -> float:
        """Return the chance that an effect of that lift is seen."""
        return power(self.treated, self.controls, self.rate, lift)

    @property
    def smallest_lift(self) -> float | None:
        """The smallest lift that is seen with a power of 0.8, None if even four times the buyers would not be."""
        return smallest_lift(self.treated, self.controls, self.rate)

    def controls_for(self, lift: float) -> int | None:
        """Return how many of these accounts must be controls for a lift to be seen; None if half are too few."""
        share = float(self.controls.sum() / self.accounts.sum())
        if share >= _MOST:
            return None
        value = smallest(lambda wider: self.with_share(wider).power(lift) >= ENOUGH, share, _MOST, _STEPS)
        return None if value is None else int(self.with_share(value).controls.sum())

    def with_share(self, share: float) -> HoldoutDesign:
        """Return the design with another share of controls in every stratum."""
        return HoldoutDesign(self.names, self.tiers, self.accounts, _of_share(self.accounts, share), self.rate)

    def rows(self) -> list[dict[str, Any]]:
        """Return the strata as JSON holds them."""
        columns = (self.names, self.tiers, self.accounts, self.controls, self.rate)
        return [
            {
                "stratum": name,
                "tiers": list(tiers),
                "accounts": int(accounts),
                "treated": int(accounts - controls),
                "controls": int(controls),
                "rate": float(rate),
                "buyers_expected": float(controls * rate),
            }
            for name, tiers, accounts, controls, rate in zip(*columns, strict=True)
        ]


def design_of(names: Sequence[str], tier: Any, chance: Any, share: float) -> tuple[HoldoutDesign, Any]:
    """Return the design of a holdout, and the stratum (m,) of each account.

    `tier` (m,) are places among the names, `chance` (m,) the probability of each account to buy without treatment.
    """
    accounts = np.bincount(tier, minlength=len(names))
    expected = np.bincount(tier, chance, len(names))
    groups = merge(names, accounts * share, expected * share)
    stratum = stratum_of(names, groups)[tier]
    size = np.bincount(stratum, minlength=len(groups))
    rate = np.bincount(stratum, chance, len(groups)) / size
    return HoldoutDesign(tuple(map(_stratum_name, groups)), tuple(groups), size, _of_share(size, share), rate), stratum


def _stratum_name(tiers: Sequence[str]) -> str:
    """Return the name of a stratum."""
    return "+".join(tiers)


def _of_share(accounts: Any, share: float) -> Any:
    """Return so many controls (s,) of the accounts of each stratum."""
    return np.rint(accounts * share).astype(np.int64)


def chosen(ids: pa.Array, stratum: Any, controls: Any, seed: int) -> Any:
    """Return which accounts (m,) bool are controls: in each stratum those with the lowest number under the seed.

    The number goes by the id (m,), as ids are compared, and by the seed alone. Accounts with one id, as that of their
    family, are controls together or not at all: one that has more accounts than are still wanted is passed over.
    """
    number, values = draw_number(id_hash(ids), seed), np.zeros(len(stratum), bool)
    for place, wanted in enumerate(controls.tolist()):
        if not wanted:
            continue
        rows = np.flatnonzero(stratum == place)
        lowest = rows[number[rows] <= np.partition(number[rows], wanted - 1)[wanted - 1]]
        if len(lowest) == wanted:  # else the last of them is a family larger than what is left
            rows = lowest
        _, lot, size = np.unique(number[rows], return_inverse=True, return_counts=True)
        values[rows[_choose_lots(size, wanted)[lot]]] = True
    return values


def _choose_lots(size: Any, wanted: int) -> Any:
    """Return which groups (g,) bool of given sizes (g,) to take, in their order, until `wanted` accounts are taken."""
    values, left = np.zeros(len(size), bool), wanted
    whole = int(np.searchsorted(np.cumsum(size), wanted, side="right"))  # so many fit without a gap
    values[:whole] = True
    left -= int(size[:whole].sum())
    for place in range(whole, len(size)):
        if not left:
            break
        if size[place] <= left:
            values[place] = True
            left -= int(size[place])
    return values


def announcement(design: HoldoutDesign, lift: float) -> dict[str, Any]:
    """Return which effect can be seen, as JSON holds it."""
    value = design.power(lift)
    return {
        "controls": int(design.controls.sum()),
        "accounts": int(design.accounts.sum()),
        "lift": lift,
        "power": value,
        "can_be_seen": value >= ENOUGH,
        "controls_needed": None if value >= ENOUGH else design.controls_for(lift),
        "most_controls": int(_of_share(design.accounts, _MOST).sum()),
        "smallest_lift": design.smallest_lift,
    }


def is_too_small(design: HoldoutDesign) -> bool:
    """Return whether a stratum, which is the only one then, has too few controls for any statement."""
    return bool((design.controls < FEWEST_CONTROLS).any() or (design.treated < FEWEST_CONTROLS).any())
