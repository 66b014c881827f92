"""Clusters of the accounts of a later run under the model of an earlier run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tamscore import backend as backends
from tamscore.arrow import as_dictionary
from tamscore.errors import TamscoreError
from tamscore.model import files as model
from tamscore.questions.join import AccountIndex, SoughtAccounts
from tamscore.scoring import potential as policy
from tamscore.scoring.assign import level_request
from tamscore.scoring.assign_blocks import NO_CLUSTER, RowRequest, assign_blocks, label_rows
from tamscore.scoring.census.partition import take_census
from tamscore.scoring.context import columns_of, ladder_rules
from tamscore.scoring.features import stream_features
from tamscore.stages import potential
from tamscore.store import partitions, tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.questions.stored import StoredRun
    from tamscore.schema import InputColumns, Partition
    from tamscore.scoring.potential import PartyMarket
    from tamscore.stages.folding import IdForm

_FITTED = ("features", "columns", "vocabularies", "market_segments", "level_weight", "unit")
"""What `model.json` says of a party type that comes from the fit, not from the accounts that were scored."""
_FITTED_ARRAYS = ("centers", "limit", "fill", "knots", "scores")
_LEVEL_ARRAYS = ("level_factor", "level_low", "level_high", "level_weights", "level_intercept")
"""What comes from the fit, too, where the level of accounts is in use."""


def same_model(first: StoredRun, second: StoredRun) -> bool:
    """Return whether two runs give every account the same cluster and level: spaces, centers and ids are the same."""
    (record_first, arrays_first), (record_second, arrays_second) = map(_fit_record, (first, second))
    if record_first != record_second or arrays_first.keys() != arrays_second.keys():
        return False
    return all(np.array_equal(array, arrays_second[name]) for name, array in arrays_first.items())


def _fit_record(run: StoredRun) -> tuple[list[Any], dict[str, Any]]:
    """Return what came from the fit of a run's model: what it says, and its arrays by name."""
    record, arrays = model.read_raw(run.directory.model)
    items = [
        (party["party_type"], [item["id"] for item in party["clusters"]], {key: party[key] for key in _FITTED})
        for party in record["parties"]
    ]
    names = (*_FITTED_ARRAYS, *(_LEVEL_ARRAYS if run.job.potential.level == "account" else ()))
    return items, {name: array for name, array in arrays.items() if name.split(".")[1] in names}


@dataclass(frozen=True)
class _PartClusters:
    """The accounts of a partition under a model, in its order.

    `rows` (m,) are their positions, `hashes` (m,) those of their ids, `codes` (m,) uint16 their clusters, numbered
    through the party types of the model. `typical` (m,) float32 are typical sales, None at level cluster.
    """

    partition: Partition
    rows: Any
    hashes: Any
    codes: Any
    typical: Any

    @property
    def columns(self) -> tuple[Any, Any]:
        """Clusters (m,) int64 and typical sales (m,) float64, NaN at level cluster."""
        unknown = self.typical is None
        typical = np.full(len(self.codes), np.nan) if unknown else self.typical.astype(np.float64)
        return self.codes.astype(np.int64), typical


@dataclass(frozen=True)
class AccountLabels:
    """The clusters and typical sales of a run's accounts under another run's model, partition by partition.

    Parts of scores hold the rows of a partition in its order, so that accounts are known by their place. Where they are
    not the same ones, as after a `forget`, they are found by their ids, of the column `key` and in a `form`.
    """

    parts: tuple[_PartClusters, ...]
    key: str
    form: IdForm

    def of_part(self, place: int, accounts: SoughtAccounts) -> tuple[Any, Any]:
        """Return clusters (m,), -1 where they are not known, and typical sales (m,), NaN where there are none.

        The accounts are those of a part of the scores, in their order.
        """
        if place < len(self.parts) and np.array_equal(self.parts[place].hashes, accounts.hashes):
            return self.parts[place].columns
        index, codes, typical = self._by_id
        rows = index.places_of(accounts)
        return np.where(rows >= 0, codes[rows], -1), np.where(rows >= 0, typical[rows], np.nan)

    @cached_property
    def _by_id(self) -> tuple[AccountIndex, Any, Any]:
        """Return all accounts by id, with clusters (n,) and typical sales (n,)."""
        ids = (tables.read(part.partition, [self.key])[self.key].take(part.rows) for part in self.parts)
        codes, typical = (np.concatenate(column) for column in zip(*(part.columns for part in self.parts), strict=True))
        return AccountIndex.of(ids, self.form), codes, typical


def labels_under(first: StoredRun, second: StoredRun) -> AccountLabels | None:
    """The clusters of the second run's accounts under the first run's model, from its input; None where that is gone.

    None too where the input is not as it was, or lacks what the model needs.
    """
    columns = columns_of(first.job)
    try:
        plan = partitions.market(second.input, columns)
        if plan.digest != second.manifest["inputs"]["digest"]:
            return None
        parts = tuple(_assign_accounts(first, partition, columns) for partition in plan.partitions)
    except TamscoreError:
        return None
    return AccountLabels(parts, columns.account_id, second.id_form)


def _assign_accounts(run: StoredRun, partition: Partition, columns: InputColumns) -> _PartClusters:
    """The accounts of a partition under a run's model; rows without an id are left out."""
    host = backends.load("cpu")
    item = take_census(partition, columns, reject_missing_sales=False)
    codes, typical = np.full(len(item.reason), NO_CLUSTER, np.uint16), np.full(len(item.reason), np.nan, np.float32)
    for features in stream_features(partition, columns, host):
        first = 0
        for party_model in run.models:
            at = features.rows_of(item, party_model.encoding.party)
            raw, here = features.raw(at, party_model.encoding, host), at + features.first
            if (level := level_request(party_model, features.sales[at], item.hashes[here])) is None:
                codes[here] = first + label_rows(host, party_model, raw)
            else:
                assignment, _ = assign_blocks(host, party_model, raw, RowRequest(level=level))
                codes[here], typical[here] = first + assignment.label, assignment.typical
            first += party_model.k
    rows = np.flatnonzero(codes != NO_CLUSTER).astype(np.int32)
    has_level = any(party_model.typical for party_model in run.models)
    return _PartClusters(partition, rows, item.hashes[rows], codes[rows], typical[rows] if has_level else None)


def markets_under(first: StoredRun, second: StoredRun, labels: AccountLabels) -> list[PartyMarket]:
    """The first run's clusters with the second run's accounts and sales in them, under the first run's rules."""
    rules, host = ladder_rules(first.job), backends.load("cpu")
    columns = zip(*_facts(first, second, labels), strict=True)
    codes, sales, segments, levels = (np.concatenate(column) for column in columns)
    markets, start = [], 0
    for party_model in first.models:
        here = (codes >= start) & (codes < start + party_model.k)
        places = len(policy.parent_names(party_model))
        label, segment, money = codes[here] - start, segments[here], sales[here]
        counts = np.bincount(label * places + segment, minlength=party_model.k * places).reshape(party_model.k, places)
        buys, prospects, typical = money > 0, None, None
        if party_model.level:
            own = levels[here].astype(np.float32)
            typical, prospects = own[buys], policy.sort_prospects(host, label[~buys], own[~buys], party_model.k)
        by_cluster = potential.sort_sales(host, money[buys], label[buys], party_model.k, typical)
        by_segment = potential.sort_sales(host, money[buys], segment[buys], places, typical)
        markets.append(policy.settle(party_model, by_cluster, by_segment, counts, rules, None, prospects))
        start += party_model.k
    return markets


def _facts(first: StoredRun, second: StoredRun, labels: AccountLabels) -> Iterator[tuple[Any, Any, Any, Any]]:
    """Yield what the second run's accounts (m,) are, by part.

    Cluster under the first run's model, sales, market segment, typical sales under the first run's model.
    """
    vocabulary = next((party_model.encoding.segments for party_model in first.models), None)
    items = ["market_segment"] if vocabulary is not None and second.job.columns.market_segment is not None else []
    for place, table in enumerate(second.read(["account_id", "sales", *items], coded=True)):
        sales = table["sales"].to_numpy()
        segment = np.zeros(len(sales), np.int64)
        if vocabulary is not None:
            texts = as_dictionary(table["market_segment"]) if items else pa.nulls(len(sales), pa.string())
            segment = vocabulary.encode(texts)
        codes, typical = labels.of_part(place, SoughtAccounts.of(table["account_id"], labels.form))
        yield codes, sales, segment, typical
