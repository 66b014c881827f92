"""A finished run that another run builds on: its model, and the cluster that each of its accounts has."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.stages import draw
from tamscore.store import contents, tables
from tamscore.store.location import location
from tamscore.store.model import StoredModel, read_model
from tamscore.store.placed import files_of
from tamscore.store.run_directory import MANIFEST, RunDirectory
from tamscore.store.versions import run_named

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from tamscore.store.location import Location

NOWHERE = np.iinfo(np.uint16).max


@dataclass(frozen=True)
class EarlierRun:
    """A complete run, its model, and the SHA-256 of its manifest, which stands for every byte of it."""

    directory: RunDirectory
    model: StoredModel
    digest: str

    @cached_property
    def labels(self) -> Labels:
        """The cluster of every account that it has scored."""
        return read_labels(self.directory)

    @property
    def record(self) -> dict[str, str]:
        """The run as the manifests of later runs name it."""
        return {"run": self.directory.run_key, "manifest_sha256": self.digest}


@dataclass(frozen=True)
class Labels:
    """The clusters that accounts have in a run: `hashes` (n,) uint64, sorted; `codes` (n,) uint16 into `ids`.

    The hashes are those of the account ids, or draw numbers made from them.
    """

    hashes: Any
    codes: Any
    ids: tuple[str, ...]

    def of(self, hashes: Any) -> Any:
        """The codes (m,) of the accounts with these hashes, NOWHERE where there was no such account."""
        bits, starts = self.drawers
        drawer = (hashes >> np.uint64(64 - bits)).astype(np.int64)
        at, end = starts[drawer], starts[drawer + 1]
        codes = np.full(len(hashes), NOWHERE, np.uint16)
        asked = np.flatnonzero(at < end)
        while len(asked):  # about as often as there are hashes in the fullest drawer; few are asked for more than two
            there, sought = self.hashes[at[asked]], hashes[asked]
            found = asked[there == sought]
            codes[found] = self.codes[at[found]]
            asked = asked[there < sought]
            at[asked] += 1
            asked = asked[at[asked] < end[asked]]
        return codes

    @cached_property
    def drawers(self) -> tuple[int, Any]:
        """So many first bits tell hashes apart into drawers with one or two each; where each begins (2^bits + 1,)."""
        bits = max(len(self.hashes).bit_length() - 1, 1)
        counts = np.bincount((self.hashes >> np.uint64(64 - bits)).astype(np.int64), minlength=2**bits)
        return bits, np.concatenate(([0], np.cumsum(counts))).astype(np.min_scalar_type(len(self.hashes)))

    def drawn(self, seed: int) -> Labels:
        """The same by draw number in place of the hash."""
        numbers = draw.draw_number(self.hashes, seed)
        order = np.argsort(numbers)
        return Labels(numbers[order], self.codes[order], self.ids)

    def among(self, ids: Sequence[str], hashes: Any) -> Any:
        """The place (m,) int64 of the cluster of each account among the ids given, -1 where it has none of these."""
        place = np.array([ids.index(name) if name in ids else -1 for name in self.ids] + [-1])
        return place[np.minimum(self.of(hashes), len(self.ids))]


def read_earlier(named: str, output: Location) -> EarlierRun:
    """The run of that name, as `versions.run_named` takes it; a run key alone is sought in `output`.

    Raises UsageError where there is no such complete run, InputContractError where its model cannot be used.
    """
    directory, manifest = run_named(location(named), output)
    digest = hashlib.sha256((directory.path / MANIFEST).read_bytes()).hexdigest()
    return EarlierRun(directory, read_model(directory.model, files_of(manifest)), digest)


def read_labels(directory: RunDirectory) -> Labels:
    """The cluster of every account that a run has scored."""
    parts = [read_part(path) for path in directory.parts()]
    ids = tuple(sorted({name for _, _, names in parts for name in names}))
    place = {name: code for code, name in enumerate(ids)}
    codes = [np.array([place[name] for name in names], np.uint16)[codes] for _, codes, names in parts]
    hashes = np.concatenate([hashes for hashes, _, _ in parts] or [np.empty(0, np.uint64)])
    order = np.argsort(hashes)
    return Labels(hashes[order], np.concatenate(codes or [np.empty(0, np.uint16)])[order], ids)


def read_part(path: Location) -> tuple[Any, Any, list[str]]:
    """Hashes (m,) of the ids of a part of the scores, their clusters as codes (m,), and the names of these."""
    with contents.parquet_file(path, dictionary=["cluster"]) as file:
        table = contents.decoded(file, ["account_id", "cluster"])
    clusters: pa.DictionaryArray = table["cluster"].unify_dictionaries().combine_chunks()
    return (
        draw.id_hash(tables.strings(table["account_id"])),
        clusters.indices.to_numpy(zero_copy_only=False),
        clusters.dictionary.to_pylist(),
    )
