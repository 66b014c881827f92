"""The scored accounts of a run by family, and what families make of the values of their accounts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import as_dictionary, float_column, strings
from tamscore.schema import FAMILY, PARTY_TYPES
from tamscore.stages.draw import id_hash
from tamscore.stages.folding import fold_ids
from tamscore.store import contents, tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from tamscore.schema import Partition
    from tamscore.sections.families.settings import How
    from tamscore.stages.folding import IdForm
    from tamscore.store.location import Location

_DIGITS = 6
"""Sums of several numbers are rounded to so many places, so that 0.1 and 0.2 come to 0.3."""
_READ = ("account_id", FAMILY, "party_type", "sales", "potential", "whitespace")


@dataclass(frozen=True)
class ScoredAccounts:
    """The accounts of a part of the scores (s,): where each stands in its partition of the input, and its numbers.

    `at` (s,) int32 are rows, `hashes` (s,) uint64 those of ids, `family` (s,) int32 places among `names` (f,), whose
    hashes are `name_hashes` (f,); `is_top` (s,) bool says who gave the family its id.
    """

    at: Any
    hashes: Any
    family: Any
    names: pa.Array
    name_hashes: Any
    is_top: Any
    party: Any
    sales: Any
    potential: Any
    whitespace: Any


def read_accounts(partition: Partition, path: Location, account_id: str, form: IdForm) -> ScoredAccounts:
    """Return the accounts that a run has scored of a partition, given the part of its scores."""
    import pyarrow as pa

    with contents.parquet_file(path, dictionary=[FAMILY, "party_type"]) as file:
        scores = contents.decode(file, [*_READ])
    ids = tables.account_ids(tables.read(partition, [account_id])[account_id], form)
    hashes = id_hash(tables.account_ids(scores["account_id"], form))
    family, party = as_dictionary(scores[FAMILY]), as_dictionary(scores["party_type"])
    names = strings(pa.chunked_array([family.dictionary]))
    code, tops = family.indices.to_numpy(), id_hash(fold_ids(names, form))
    parties = np.array([PARTY_TYPES.index(name) for name in party.dictionary.to_pylist()], np.int8)
    return ScoredAccounts(
        rows_of_ids(hashes, id_hash(ids)),
        hashes,
        code,
        names,
        id_hash(names),
        tops[code] == hashes,
        parties[party.indices.to_numpy()],
        *(float_column(scores[name]) for name in ("sales", "potential", "whitespace")),
    )


def rows_of_ids(scored: Any, hashes: Any) -> Any:
    """Return the row (s,) int32 of each scored id by its hash (s,) among those of all rows (m,); of copies the first.

    Rows of one id that are scored are equal in all that is read, but for sales that were added up.
    """
    if len(scored) == len(hashes):
        return np.arange(len(hashes), dtype=np.int32)
    known, first = np.unique(hashes, return_index=True)
    return first[np.searchsorted(known, scored)].astype(np.int32)


@dataclass(frozen=True)
class Grouping:
    """The families of scored accounts (s,), in order of the hashes of their ids.

    `order` (s,) are the accounts family by family: first who stands for it, then all others. `start` (f,) is where each
    begins there. `at` has the rows of accounts, partition by partition.
    """

    order: Any
    start: Any
    ids: pa.Array
    at: tuple[Any, ...]

    @classmethod
    def of(cls, parts: Sequence[ScoredAccounts]) -> Grouping:
        """Return the families of all parts.

        The top account stands for a family; if it is not scored, the account with the largest sales, and of equals that
        with the lowest hash.
        """
        hashes = join([part.hashes for part in parts])
        family = join([part.name_hashes[part.family] for part in parts])
        sales, is_top = join([part.sales for part in parts]), join([part.is_top for part in parts])
        place = np.where(is_top, -np.inf, np.where(np.isnan(sales), np.inf, -sales))
        order = np.lexsort((hashes, place, family)).astype(np.int32)
        ordered = family[order]
        start = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)])
        return cls(order, start, _ids_of(parts, ordered[start]), tuple(part.at for part in parts))

    def __len__(self) -> int:
        """The number of families f."""
        return len(self.start)

    @cached_property
    def members(self) -> Any:
        """Return how many accounts (f,) int64 each has."""
        return np.diff(np.append(self.start, len(self.order)))

    @property
    def stands(self) -> Any:
        """The account (f,) that stands for each."""
        return self.order[self.start]

    def first_by(self, place: Any) -> Any:
        """Return the account (f,) of each family with the lowest place (s,); of equals the first of its family."""
        ordered = place[self.order]
        lowest = np.repeat(np.minimum.reduceat(ordered, self.start), self.members)
        position = np.where(ordered == lowest, np.arange(len(ordered)), len(ordered))
        return self.order[np.minimum.reduceat(position, self.start)]

    def reduce(self, values: Any, how: How) -> Any:
        """Return a number (f,) float64 of families from those of their accounts (s,); NaN is missing.

        A family has a number if one of its accounts has one; under `parent`, if the account that stands for it has.
        """
        if how == "parent" or not len(self):
            return values[self.stands]
        ordered = values[self.order]
        if how == "max":
            return np.fmax.reduceat(ordered, self.start)
        missing = np.isnan(ordered)
        sums = np.add.reduceat(np.where(missing, 0.0, ordered), self.start)
        sums = np.where(self.members > 1, np.round(sums, _DIGITS), sums)
        return np.where(np.logical_and.reduceat(missing, self.start), np.nan, sums)

    def counted(self, mask: Any) -> Any:
        """Return how many accounts (f,) int64 of each family a mask (s,) is true of."""
        return np.add.reduceat(mask[self.order].astype(np.int64), self.start)

    def are_mixed(self, codes: Any) -> Any:
        """Return which families (f,) bool have accounts with different codes (s,)."""
        ordered = codes[self.order]
        low, high = np.minimum.reduceat(ordered, self.start), np.maximum.reduceat(ordered, self.start)
        return low != high


def join(arrays: Sequence[Any]) -> Any:
    """Return arrays, of which there is at least one, as one."""
    return np.concatenate(arrays)


def _ids_of(parts: Sequence[ScoredAccounts], hashes: Any) -> pa.Array:
    """Return the ids (f,) of families with these hashes (f,), ascending."""
    import pyarrow as pa

    names = pa.chunked_array([part.names for part in parts])
    known, first = np.unique(join([part.name_hashes for part in parts]), return_index=True)
    return strings(names.take(pa.array(first[np.searchsorted(known, hashes)])))
