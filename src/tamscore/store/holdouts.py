"""Holdouts of an output, in `OUTPUT/holdouts/`: accounts that nobody works on, to measure the effect of work.

A holdout belongs to the output, not to a version: reruns and refreshes leave it as drawn. It counts until a person ends
it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import truths
from tamscore.stages.draw import id_hash
from tamscore.stages.folding import fold_ids
from tamscore.stages.hash_index import HashIndex
from tamscore.store import commit, contents, records, tables
from tamscore.store.placed import files_of
from tamscore.store.pointer import RUN_KEY
from tamscore.store.run_directory import HOLDOUTS, RECORDS, run_key
from tamscore.substitution import fold_word

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pyarrow as pa

    from tamscore.stages.folding import IdForm
    from tamscore.store.location import Location

_TABLE = "accounts.parquet"
LIFT = "lift.json"
"""The last result of `tamscore lift` for a holdout."""
ENDED = "ended"
"""The key of the record with the time when the holdout ended; null while it counts."""
MARK = "mark"
"""The key of the record that says whether controls are marked; otherwise they are left out."""
MARK_COLUMN = "holdout_control"
"""The column of lists and coverages that marks controls."""
_DRAW = "draw"
"""The key of the hash of the accounts as drawn, which stays when accounts are erased."""
_REPEATING = ("stratum", "tier", "kind", "play", "campaign_channel", "person", "role", "service_level")


@dataclass(frozen=True)
class Holdout:
    """A holdout of an output: its folder and its record."""

    folder: Location
    record: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The name of the holdout."""
        return str(self.record["name"])

    @property
    def counts(self) -> bool:
        """Whether the holdout counts: no person has ended it."""
        return self.record[ENDED] is None

    @property
    def marks(self) -> bool:
        """Whether its controls stay in lists and coverage, with a mark."""
        return bool(self.record.get(MARK))

    def accounts(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Return columns of its accounts, or all; raise InputContractError if the table is not as it was written."""
        return contents.placed_table(self.folder / _TABLE, files_of(dict(self.record))[_TABLE], columns)


def _folder_of(output: Location, name: str) -> Location:
    """Return the folder of the holdout of a name."""
    return output / HOLDOUTS / run_key("holdout", fold_word(name))


def holdout_named(output: Location, name: str) -> Holdout | None:
    """Return the holdout of a name, None if there is none; raise InputContractError if its record was changed."""
    folder = _folder_of(output, name)
    path = folder / RECORDS[HOLDOUTS]
    return Holdout(folder, records.read(path)) if path.is_file() else None


def holdouts(output: Location) -> list[Holdout]:
    """Return all holdouts of an output by name; raise InputContractError if a record was changed."""
    folder = output / HOLDOUTS
    inside: list[Location] = sorted(folder.iterdir(), key=str) if folder.is_dir() else []
    there = [item for item in inside if RUN_KEY.fullmatch(item.name) and (item / RECORDS[HOLDOUTS]).is_file()]
    return sorted(
        (Holdout(item, records.read(item / RECORDS[HOLDOUTS])) for item in there), key=lambda holdout: holdout.name
    )


def write_lift(holdout: Holdout, record: Mapping[str, Any]) -> None:
    """Write the result of a holdout in place of an earlier one; the caller must hold the output."""
    records.place(record, {}, holdout.folder / LIFT)


def lifts(output: Location) -> list[dict[str, Any]]:
    """Return the last result of each holdout that has one, by name; raise InputContractError on a changed record."""
    paths = [holdout.folder / LIFT for holdout in holdouts(output)]
    return [records.read(path, goes=path) for path in paths if path.is_file()]


def in_force(output: Location) -> list[Holdout]:
    """Return the holdouts of an output that count; raise as `holdouts` does."""
    return [holdout for holdout in holdouts(output) if holdout.counts]


def draws_in_force(output: Location) -> list[str]:
    """Return the hashes of the draws that count, in order: if they change, other accounts are left out or marked."""
    return sorted(str(holdout.record[_DRAW]) for holdout in in_force(output))


def write(output: Location, record: Mapping[str, Any], accounts: pa.Table) -> Holdout:
    """Write a holdout and return it; the caller must hold the output."""
    folder = _folder_of(output, record["name"])
    repeating = [name for name in _REPEATING if name in accounts.column_names]
    placed = commit.place_parquet(accounts, folder / _TABLE, repeating)
    records.place({**record, ENDED: None, _DRAW: placed.xxh3}, {_TABLE: placed}, folder / RECORDS[HOLDOUTS])
    return Holdout(folder, records.read(folder / RECORDS[HOLDOUTS]))


def end(holdout: Holdout, at: str) -> Holdout:
    """End a holdout, and return it; the caller must hold the output."""
    path = holdout.folder / RECORDS[HOLDOUTS]
    records.replace({**holdout.record, ENDED: at}, {}, path)
    return Holdout(holdout.folder, records.read(path))


@dataclass(frozen=True)
class Controls:
    """The controls of the holdouts of an output that count: their normalised ids."""

    ids: pa.Array
    form: IdForm = "text"

    @classmethod
    def of(cls, output: Location, form: IdForm = "text") -> Controls:
        """Return the controls of an output that are left out; raise InputContractError if a holdout was changed."""
        return cls.of_holdouts((holdout for holdout in in_force(output) if not holdout.marks), form)

    @classmethod
    def mark(cls, output: Location, form: IdForm = "text") -> Controls:
        """Return the controls of an output that stay and are marked; raise as `of` does."""
        return cls.of_holdouts((holdout for holdout in in_force(output) if holdout.marks), form)

    @classmethod
    def of_holdouts(cls, several: Iterable[Holdout], form: IdForm, *, treated: bool = False) -> Controls:
        """Return the controls of some holdouts, with `treated` all their accounts; raise as `of` does."""
        import pyarrow as pa

        ids = []
        for holdout in several:
            table = holdout.accounts(("account_id", "control"))
            ids += [fold_ids(table["account_id"].cast(pa.large_string()).combine_chunks(), form)]
            ids[-1] = ids[-1] if treated else ids[-1].filter(table["control"].combine_chunks())
        return cls(pa.concat_arrays([pa.array([], pa.large_string()), *ids]), form)

    def __len__(self) -> int:
        """The number of controls."""
        return len(self.ids)

    def among(self, ids: pa.ChunkedArray) -> Any:
        """Return which accounts (m,) bool are controls, given their ids."""
        import pyarrow as pa
        import pyarrow.compute as pc

        values = np.zeros(len(ids), bool)
        if not len(self):
            return values
        folded, (index, known) = tables.account_ids(ids, self.form), self.by_hash
        place = index.places(id_hash(folded))
        rows = np.flatnonzero(place >= 0)
        asked = folded.take(pa.array(rows))
        same = truths(pc.equal(asked, known.take(pa.array(place[rows]))))
        if not same.all():  # two ids share a hash
            same = truths(pc.is_in(asked, self.ids))
        values[rows] = same
        return values

    @cached_property
    def by_hash(self) -> tuple[HashIndex, pa.Array]:
        """The index of the controls' hashes, and their ids in its order: made once for all parts of a run."""
        import pyarrow as pa

        hashes = id_hash(self.ids)
        order = np.argsort(hashes, kind="stable")
        return HashIndex.of(hashes[order]), self.ids.take(pa.array(order))
