"""Where the accounts of a later run would lie under the model of an earlier one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tamscore import backend as backends
from tamscore.errors import TamscoreError
from tamscore.model import files as model
from tamscore.questions.join import AccountIndex
from tamscore.scoring import potential as policy
from tamscore.scoring.assign import assign_rows
from tamscore.scoring.assign_blocks import NO_CLUSTER
from tamscore.scoring.census.partition import take_census
from tamscore.scoring.context import columns_of, ladder_rules
from tamscore.stages import potential
from tamscore.store import partitions, tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.questions.stored import StoredRun
    from tamscore.scoring.potential import PartyMarket

_FITTED = ("features", "columns", "vocabularies", "market_segments", "level_weight", "unit")
"""What `model.json` says of a party type that comes from the fit, not from the accounts that were scored."""
_FITTED_ARRAYS = ("centers", "limit", "fill", "knots", "scores")
_LEVEL_ARRAYS = ("level_factor", "level_low", "level_high", "level_weights", "level_intercept")
"""What comes from the fit, too, where the level of accounts is in use."""


def same_model(first: StoredRun, second: StoredRun) -> bool:
    """Return whether two runs give every account the same cluster and level: spaces, centers and ids are the same."""
    (told_first, arrays_first), (told_second, arrays_second) = map(_fit_record, (first, second))
    if told_first != told_second or arrays_first.keys() != arrays_second.keys():
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
class AccountLabels:
    """The cluster (n,) of accounts by id, numbered through the party types of a model.

    Their `typical` sales (n,) are NaN at level cluster.
    """

    accounts: AccountIndex
    codes: Any
    typical: Any

    def of(self, ids: pa.ChunkedArray) -> Any:
        """The clusters (m,) of some accounts, -1 where they are not known."""
        rows = self.accounts.rows_of(ids)
        return np.where(rows >= 0, self.codes[rows], -1)

    def typical_of(self, ids: pa.ChunkedArray) -> Any:
        """The typical sales (m,) of some accounts, NaN where they are not known."""
        rows = self.accounts.rows_of(ids)
        return np.where(rows >= 0, self.typical[rows], np.nan)


def labels_under(first: StoredRun, second: StoredRun) -> AccountLabels | None:
    """The clusters of the second run's accounts under the first run's model, from its input; None where that is gone.

    None too where the input is not as it was, or lacks what the model needs.
    """
    try:
        plan = partitions.market(second.input, columns_of(first.job))
        if plan.digest != second.manifest["inputs"]["digest"]:
            return None
        items = [*_assign_accounts(first, plan)]
    except TamscoreError:
        return None
    ids, codes, typical = zip(*items, strict=True)
    return AccountLabels(AccountIndex.of(iter(ids), second.id_form), np.concatenate(codes), np.concatenate(typical))


def _assign_accounts(run: StoredRun, plan: partitions.Plan) -> Iterator[tuple[pa.ChunkedArray, Any, Any]]:
    """Ids, clusters and typical sales (m,) under a run's model by partition; rows without an id are left out."""
    columns, host = columns_of(run.job), backends.load("cpu")
    first_of = np.cumsum([0, *(party_model.k for party_model in run.models)])
    for partition in plan.partitions:
        rows = take_census(partition, columns, reject_missing_sales=False)
        assignment = assign_rows(rows, run.models, host).columns
        labels = assignment.label
        typical = np.full(len(labels), np.nan) if assignment.typical is None else assignment.typical.astype(np.float64)
        codes = np.full(len(labels), -1)
        for place, item in enumerate(run.models):
            here = (rows.party == item.encoding.party) & (labels != NO_CLUSTER)
            codes[here] = first_of[place] + labels[here]
        ids = tables.read(partition, [columns.account_id])[columns.account_id]
        known = np.flatnonzero(codes >= 0)
        yield ids.take(known), codes[known], typical[known]


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
    for table in second.read(["account_id", "sales", *items]):
        sales = table["sales"].to_numpy()
        segment = np.zeros(len(sales), np.int64)
        if vocabulary is not None:
            texts = table["market_segment"].cast(pa.string()) if items else pa.nulls(len(sales), pa.string())
            segment = vocabulary.encode(texts)
        ids = table["account_id"]
        yield labels.of(ids), sales, segment, labels.typical_of(ids)
