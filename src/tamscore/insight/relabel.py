"""Where the accounts of a later run would lie under the model of an earlier one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tamscore import backend as backends
from tamscore.errors import TamscoreError
from tamscore.insight.join import AccountIndex
from tamscore.model import files as model
from tamscore.scoring import potential as policy
from tamscore.scoring.assign import assign_rows
from tamscore.scoring.assign_blocks import NO_CLUSTER
from tamscore.scoring.census.partition import take_census
from tamscore.scoring.context import columns_of, ladder_rules
from tamscore.stages import potential
from tamscore.store import partitions, tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.insight.stored import StoredRun
    from tamscore.scoring.potential import PartyMarket

FITTED = ("features", "columns", "vocabularies", "market_segments", "level_weight", "unit")
"""What `model.json` says of a party type that comes from the fit, not from the accounts that were scored."""
FITTED_ARRAYS = ("centers", "limit", "fill", "knots", "scores")


def same_model(first: StoredRun, second: StoredRun) -> bool:
    """Whether two runs put every account into the same cluster: their party types, spaces, centers and ids are one."""
    (told_first, arrays_first), (told_second, arrays_second) = map(fitted, (first, second))
    if told_first != told_second or arrays_first.keys() != arrays_second.keys():
        return False
    return all(np.array_equal(array, arrays_second[name]) for name, array in arrays_first.items())


def fitted(run: StoredRun) -> tuple[list[Any], dict[str, Any]]:
    """What came from the fit of a run's model: what it says, and its arrays by name."""
    told, arrays = model.read_raw(run.directory.model)
    said = [
        (party["party_type"], [one["id"] for one in party["clusters"]], {key: party[key] for key in FITTED})
        for party in told["parties"]
    ]
    return said, {name: array for name, array in arrays.items() if name.split(".")[1] in FITTED_ARRAYS}


@dataclass(frozen=True)
class Labels:
    """The cluster (n,) of accounts by id, numbered through the party types of a model."""

    accounts: AccountIndex
    codes: Any

    def of(self, ids: pa.ChunkedArray) -> Any:
        """The clusters (m,) of some accounts, -1 where they are not known."""
        rows = self.accounts.rows_of(ids)
        return np.where(rows >= 0, self.codes[rows], -1)


def labels_under(first: StoredRun, second: StoredRun) -> Labels | None:
    """The clusters of the second run's accounts under the first run's model, from its input; None where that is gone.

    None too where the input is not as it was, or lacks what the model needs.
    """
    try:
        plan = partitions.plan(second.job.input.path, columns_of(first.job))
        if plan.digest != second.manifest["inputs"]["digest"]:
            return None
        found = [*assigned(first, plan)]
    except TamscoreError:
        return None
    return Labels(
        AccountIndex.of((ids for ids, _ in found), second.id_form), np.concatenate([codes for _, codes in found])
    )


def assigned(run: StoredRun, plan: partitions.Plan) -> Iterator[tuple[pa.ChunkedArray, Any]]:
    """Ids and clusters (m,) under a run's model, partition by partition; rows without an id are left out."""
    columns, host = columns_of(run.job), backends.load("cpu")
    first_of = np.cumsum([0, *(one.k for one in run.models)])
    for partition in plan.partitions:
        rows = take_census(partition, columns, reject_missing_sales=False)
        labels = assign_rows(rows, run.models, host).columns.label
        codes = np.full(len(labels), -1)
        for place, one in enumerate(run.models):
            here = (rows.party == one.encoding.party) & (labels != NO_CLUSTER)
            codes[here] = first_of[place] + labels[here]
        ids = tables.read(partition, [columns.account_id])[columns.account_id]
        known = np.flatnonzero(codes >= 0)
        yield ids.take(known), codes[known]


def markets_under(first: StoredRun, second: StoredRun, labels: Labels) -> list[PartyMarket]:
    """The first run's clusters with the second run's accounts and sales in them, under the first run's rules."""
    rules, host = ladder_rules(first.job), backends.load("cpu")
    codes, sales, segments = (np.concatenate(column) for column in zip(*facts(first, second, labels), strict=True))
    markets, start = [], 0
    for one in first.models:
        here = (codes >= start) & (codes < start + one.k)
        places = len(policy.parent_names(one))
        label, segment, money = codes[here] - start, segments[here], sales[here]
        counts = np.bincount(label * places + segment, minlength=one.k * places).reshape(one.k, places)
        buys = money > 0
        by_cluster = potential.sort_sales(host, money[buys], label[buys], one.k)
        by_segment = potential.sort_sales(host, money[buys], segment[buys], places)
        markets.append(policy.settle(one, by_cluster, by_segment, counts, rules, None))
        start += one.k
    return markets


def facts(first: StoredRun, second: StoredRun, labels: Labels) -> Iterator[tuple[Any, Any, Any]]:
    """Cluster under the first run's model, sales and market segment (m,) of the second run's accounts, by part."""
    vocabulary = next((one.encoding.segments for one in first.models), None)
    told = ["market_segment"] if vocabulary is not None and second.job.columns.market_segment is not None else []
    for table in second.read(["account_id", "sales", *told]):
        sales = table["sales"].to_numpy()
        segment = np.zeros(len(sales), np.int64)
        if vocabulary is not None:
            texts = table["market_segment"].cast(pa.string()) if told else pa.nulls(len(sales), pa.string())
            segment = vocabulary.encode(texts)
        yield labels.of(table["account_id"]), sales, segment
