"""The connection of a Dask client to its scheduler: whether it stands, and the error to raise once it does not."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tamscore.engine.flow import Suspected
from tamscore.errors import RetryableError, TamscoreError, first_line

if TYPE_CHECKING:
    from collections.abc import Iterator


class Connection:
    """The connection with which a run began; once it breaks, it stays lost.

    Dask's client connects again by itself, but what this run shared and kept is gone by then. After a while it gives
    up and closes, and from then on its calls fail in many ways.
    """

    def __init__(self, client: Any) -> None:
        scheduler = client.scheduler  # None once the client has closed
        self.client, self.address = client, str(scheduler.address if scheduler else "an unknown address")
        self._comm = client.scheduler_comm

    def is_lost(self) -> bool:
        """Return whether the connection broke at any time since the run began."""
        return self._comm is None or self.client.scheduler_comm is not self._comm or bool(self._comm.closed())

    def require(self, name: str = "") -> None:
        """Raise RetryableError if the connection is lost; `name` is what the run works on."""
        if self.is_lost():
            raise self.error(name)

    def error(self, name: str = "", cause: BaseException | None = None) -> RetryableError:
        """Return the error for a scheduler that was lost, with the cause that Dask gives."""
        begin = f"{name}: " if name else ""
        detail = f" ({first_line(cause) if str(cause).strip() else type(cause).__name__})" if cause else ""
        return RetryableError(
            f"{begin}the scheduler at {self.address} was lost{detail}; see that it runs, then run again"
        )

    @contextmanager
    def guard(self, name: str = "") -> Iterator[None]:
        """Run what is inside; if the connection is lost before or meanwhile, raise RetryableError, whatever failed."""
        self.require(name)
        try:
            yield
        except (TamscoreError, Suspected):
            raise
        except Exception as error:
            if self.is_lost():
                raise self.error(name, error) from error
            raise
