"""A finished run that another run builds on: its model, and the cluster of each of its accounts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import as_dictionary
from tamscore.model.files import read_model, read_section
from tamscore.stages import draw
from tamscore.stages.hash_index import HashIndex
from tamscore.stages.input_change import AccountSales
from tamscore.store import contents, tables
from tamscore.store.location import location
from tamscore.store.placed import files_of
from tamscore.store.run_directory import MANIFEST, RunDirectory
from tamscore.store.versions import run_named

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa

    from tamscore.model.files import Pair
    from tamscore.model.record import ModelRecord
    from tamscore.stages.folding import IdForm
    from tamscore.store.location import Location

NOWHERE = np.iinfo(np.uint16).max


@dataclass(frozen=True)
class EarlierRun:
    """A complete run, its model, and the SHA-256 of the manifest that it wrote, which stands for all its bytes.

    Accounts may have been erased since: the model stays, so that runs that build on it keep their keys. `source` is the
    source of its own model, as its manifest records it. Ids are compared in the given form, that of the new run. `job`
    is its job, as in its manifest.
    """

    directory: RunDirectory
    model: ModelRecord
    digest: str
    source: dict[str, str]
    form: IdForm = "text"
    job: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def scored(self) -> tuple[EarlierLabels, AccountSales]:
        """The clusters of the accounts that it has scored, and their sales."""
        return read_scored(self.directory, self.form)

    def section(self, name: str) -> Pair | None:
        """Return the model of an optional section, and its arrays; None without one. Raise as `read_section` does."""
        return read_section(self.directory.model, name, files_of(self.directory.manifest() or {}))

    @property
    def labels(self) -> EarlierLabels:
        """The cluster of every account that it has scored."""
        return self.scored[0]

    @property
    def record(self) -> dict[str, str]:
        """The record of the run in the manifests of later runs."""
        return {"run": self.directory.run_key, "manifest_sha256": self.digest}


@dataclass(frozen=True)
class EarlierLabels:
    """The clusters of accounts in a run: `hashes` (n,) uint64, sorted; `codes` (n,) uint16 into `ids`.

    The hashes are those of the account ids, or draw numbers made from them.
    """

    hashes: Any
    codes: Any
    ids: tuple[str, ...]

    def of(self, hashes: Any) -> Any:
        """Return the codes (m,) of the accounts with these hashes, NOWHERE for unknown accounts."""
        return np.append(self.codes, np.uint16(NOWHERE))[self.index.places(hashes)]

    @cached_property
    def index(self) -> HashIndex:
        """The index to look hashes up in."""
        return HashIndex.of(self.hashes)

    def drawn(self, seed: int) -> EarlierLabels:
        """Return the same clusters with draw numbers in place of hashes."""
        numbers = draw.draw_number(self.hashes, seed)
        order = np.argsort(numbers)
        return EarlierLabels(numbers[order], self.codes[order], self.ids)

    def among(self, ids: Sequence[str], hashes: Any) -> Any:
        """Return the place (m,) int64 of each account's cluster among the given ids, -1 if it is not there."""
        place = np.array([ids.index(name) if name in ids else -1 for name in self.ids] + [-1])
        return place[np.minimum(self.of(hashes), len(self.ids))]


def read_earlier(named: str, output: Location, form: IdForm = "text") -> EarlierRun:
    """Return the run of that name, see `versions.run_named`; a run key alone is looked up in `output`.

    Its ids are compared in the given form. Raise UsageError if there is no such complete run, InputContractError if its
    model cannot be used.
    """
    directory, manifest = run_named(location(named), output)
    here = hashlib.sha256((directory.path / MANIFEST).read_bytes()).hexdigest()
    digest = manifest.get("forgotten", {}).get("manifest_sha256", here)
    model, parts = manifest.get("model", {}), ("source", "run", "manifest_sha256", "ladders")
    source = {key: model[key] for key in parts if key in model}
    return EarlierRun(
        directory, read_model(directory.model, files_of(manifest)), digest, source, form, manifest.get("job", {})
    )


def read_scored(directory: RunDirectory, form: IdForm) -> tuple[EarlierLabels, AccountSales]:
    """Return the cluster of every account that a run has scored, and its sales, by ids in a form."""
    parts = [_read_part(path, form) for path in directory.parts()]
    ids = tuple(sorted({name for part in parts for name in part.names}))
    place = {name: code for code, name in enumerate(ids)}
    codes = [np.array([place[name] for name in part.names], np.uint16)[part.codes] for part in parts]
    hashes = np.concatenate([part.hashes for part in parts] or [np.empty(0, np.uint64)])
    order = np.argsort(hashes)
    labels = EarlierLabels(hashes[order], np.concatenate(codes or [np.empty(0, np.uint16)])[order], ids)
    return labels, account_sales([part.hashes for part in parts], [part.sales for part in parts], labels.hashes)


def read_sales(directory: RunDirectory, form: IdForm) -> AccountSales:
    """Return the accounts that a run has scored and their sales, by ids in a form; only these columns are read."""
    parts = [hashes_and_sales(_read_columns(path, ["account_id", "sales"]), form) for path in directory.parts()]
    return account_sales([hashes for hashes, _ in parts], [sales for _, sales in parts])


def account_sales(hashes: Sequence[Any], sales: Sequence[Any], accounts: Any | None = None) -> AccountSales:
    """Return accounts and sales of all parts together; `accounts` (n,) are all hashes if they are sorted already."""
    buys = [amounts > 0 for amounts in sales]
    customers = [item[rows] for item, rows in zip(hashes, buys, strict=True)]
    bought = [sale[rows] for sale, rows in zip(sales, buys, strict=True)]
    return in_order(hashes, customers, bought, accounts)


def in_order(
    hashes: Sequence[Any], customers: Sequence[Any], sales: Sequence[Any], accounts: Any | None = None
) -> AccountSales:
    """Return accounts and sales of all parts together, given the customers of each part and their sales."""
    buyers, amounts = np.concatenate([np.empty(0, np.uint64), *customers]), np.concatenate([np.empty(0), *sales])
    order = np.argsort(buyers)
    everybody = np.sort(np.concatenate([np.empty(0, np.uint64), *hashes])) if accounts is None else accounts
    return AccountSales(everybody, buyers[order], amounts[order])


@dataclass(frozen=True)
class _PartLabels:
    """The accounts of a part of the scores: hashes (m,) of ids, clusters as codes (m,) into `names`, sales (m,)."""

    hashes: Any
    codes: Any
    names: list[str]
    sales: Any


def read_ids(directory: RunDirectory, form: IdForm) -> Iterator[pa.Array]:
    """Yield the ids of the accounts that a run has scored, part by part, in a form."""
    for path in directory.parts():
        yield tables.account_ids(contents.whole(path, ["account_id"])["account_id"], form)


def _read_part(path: Location, form: IdForm) -> _PartLabels:
    """Return the accounts of a part of the scores with their clusters and sales."""
    table = _read_columns(path, ["account_id", "cluster", "sales"])
    clusters = as_dictionary(table["cluster"])
    codes, names = clusters.indices.to_numpy(zero_copy_only=False), clusters.dictionary.to_pylist()
    hashes, sales = hashes_and_sales(table, form)
    return _PartLabels(hashes, codes, names, sales)


def _read_columns(path: Location, columns: list[str]) -> pa.Table:
    """Return columns of a part of the scores, clusters as a dictionary."""
    with contents.parquet_file(path, dictionary=["cluster"]) as file:
        return contents.decode(file, columns)


def hashes_and_sales(table: pa.Table, form: IdForm) -> tuple[Any, Any]:
    """Return the hashes (m,) uint64 of the ids, and sales (m,) float64, NaN if missing."""
    return draw.id_hash(tables.account_ids(table["account_id"], form)), table["sales"].to_numpy()
