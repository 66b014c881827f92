"""Values that all workers share: each gets them from the scheduler as soon as it is there, none from another worker.

So no death makes anybody wait for a copy that is gone: who comes later is given all of them before its first work.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from distributed import WorkerPlugin, get_worker

from tamscore.errors import RetryableError

if TYPE_CHECKING:
    from collections.abc import Callable

ARRIVES_S = 60.0
"""So long work waits for a value that is on its way to its worker."""
PAUSE_S = 0.02
"""So long between two looks for it."""


class Shared(WorkerPlugin):
    """A value that a worker holds until it is taken back."""

    def __init__(self, value: Any) -> None:
        self.value = value


@dataclass(frozen=True)
class Handle:
    """What stands for a shared value in the arguments of work."""

    name: str


def with_values(function: Callable[..., Any], *arguments: Any) -> Any:
    """`function(*arguments)`, each handle among them replaced by the value that this worker holds for it."""
    return function(*(value_of(one) if isinstance(one, Handle) else one for one in arguments))


def value_of(handle: Handle) -> Any:
    """The value; RetryableError where it does not arrive."""
    plugins: dict[str, Any] = get_worker().plugins
    until = time.monotonic() + ARRIVES_S
    while (held := plugins.get(handle.name)) is None:
        if time.monotonic() > until:
            raise RetryableError(
                f"a worker did not get within {ARRIVES_S:g} s what all workers share; "
                "look at the network between scheduler and workers, then run again"
            )
        time.sleep(PAUSE_S)
    return held.value
