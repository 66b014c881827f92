"""The pinned versions of an output, which `prune` keeps: `_pins.json`, by run key who pinned each and when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.errors import InputContractError
from tamscore.store import commit, history
from tamscore.store.pointer import PINS

if TYPE_CHECKING:
    from tamscore.store.location import Location


def pin(output: Location) -> dict[str, Any]:
    """Return who pinned each pinned version and when; raise InputContractError if the file of pins is torn."""
    path = output / PINS
    json = commit.read_json(path)
    if json is None and path.exists():
        raise InputContractError(f"{path}: is torn; remove it, then pin again what is to be kept")
    return json or {}


def set_pin(output: Location, version: str, *, keep: bool) -> bool:
    """Pin a version, or with `keep` false release it; whether that changed anything. Only for who holds the output."""
    pins = pin(output)
    if (version in pins) == keep:
        return False
    others = {name: record for name, record in pins.items() if name != version}
    mine = {version: {"at": history.now(), "by": history.user()}} if keep else {}
    commit.place_json({**others, **mine}, output / PINS)
    return True
