"""The rules that tie keys of `[priority]` together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.config.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.config.priority import Priority


def tiers_leave_room(priority: Priority) -> Iterator[Problem]:
    """Yield the tiers that must hold more accounts than they may."""
    tiers = priority.tiers
    for name, least, most in zip("ABC", tiers.least, tiers.most, strict=True):
        if least > most:
            place = ("priority", "tiers", "least")
            yield Problem(place, f"at most {most:g} for tier {name}, as priority.tiers.most says", least)
