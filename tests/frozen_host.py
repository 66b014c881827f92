"""The host backend with read-only arrays: whoever writes into what it was handed fails here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.backend.host import HostBackend

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.schema import Partition


class FrozenHost(HostBackend):
    """`HostBackend` whose `read` and `put` hand out read-only arrays."""

    def read(self, partition: Partition, columns: list[str], rows: Any | None = None) -> Iterator[list[Any]]:
        for arrays in super().read(partition, columns, rows):
            yield [frozen(column) for column in arrays]

    def put(self, host: Any) -> Any:
        return frozen(np.asarray(host))


def frozen(array: Any) -> Any:
    """A read-only view of an array."""
    view = array.view()
    view.flags.writeable = False
    return view
