"""Accounts whose ids differ in capitals only: many loaders take them for one account."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamscore.arrow import strings
from tamscore.stages.draw import id_hash

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass
class SmallIds:
    """The ids of accounts in small letters, as a hash (m,) uint64 for each table that was read."""

    hashes: list[Any] = field(default_factory=list)

    def add(self, ids: pa.ChunkedArray) -> None:
        """Take the ids of a table."""
        self.hashes.append(id_hash(pc.utf8_lower(strings(ids))))

    def repeats(self) -> Any:
        """The hashes (r,) uint64 that come more than once, in order."""
        hashes = np.sort(np.concatenate([np.zeros(0, np.uint64), *self.hashes]))
        return np.unique(hashes[1:][hashes[1:] == hashes[:-1]])

    def twins(self, tables: Iterable[pa.Table], key: str) -> list[list[str]]:
        """The ids that are alike but for capitals, group by group; only where there are some are `tables` read."""
        repeated = self.repeats()
        if not len(repeated):
            return []
        groups: dict[str, list[str]] = {}
        for table in tables:
            ids = strings(table[key])
            chosen = np.isin(id_hash(pc.utf8_lower(ids)), repeated)
            for text in ids.filter(pa.array(chosen)).to_pylist():
                groups.setdefault(text.lower(), []).append(text)
        return [group for group in groups.values() if len(group) > 1]


def twins_notice(groups: list[list[str]]) -> str:
    """Return what a person should know of such ids."""
    first, second = groups[0][:2]
    number = sum(map(len, groups))
    return (
        f"{number:,} account ids differ from others in capitals only, such as {first!r} and {second!r}: a loader that "
        "does not tell capitals apart writes both into one record; make its id field case-sensitive, or change the ids"
    )
