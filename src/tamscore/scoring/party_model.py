"""The fitted model of a party type, as rows meet it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tamscore.scoring.features import Encoding
    from tamscore.stages.level import LevelModel
    from tamscore.stages.look_alike import LookAlike
    from tamscore.stages.space import Space


@dataclass(frozen=True)
class PartyModel:
    """The fitted model of one party type: how rows become blocks, the centers (k, d) in whole numbers, their ids.

    `level` is present if potential depends on the account's own level. `look_alike` separates customers from prospects;
    None if the job does not ask for it, or if there are too few of either. `typical` predicts what similar accounts
    buy, the base of expected value at either level; None if there are too few customers.
    """

    name: str
    encoding: Encoding
    space: Space
    centers: Any
    ids: tuple[str, ...]
    level: LevelModel | None = None
    look_alike: LookAlike | None = None
    typical: LevelModel | None = None

    @property
    def k(self) -> int:
        """The number of clusters."""
        return len(self.centers)
