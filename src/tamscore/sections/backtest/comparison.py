"""A backtest: the scores of one window compared with the sales of the next, by neighbours, deciles and challengers.

A backtest never changes a score. The results lie beside the runs, in `OUTPUT/backtests/`.
"""

from __future__ import annotations

from dataclasses import asdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.model import files as model
from tamscore.schema import PARTY_TYPES
from tamscore.scoring.context import columns_of
from tamscore.scoring.features import Encoding, read_features
from tamscore.scoring.joining.lookup import KnownAccounts as Joinable
from tamscore.scoring.tables.plain import plain
from tamscore.sections.backtest.accounts import BacktestAccounts, read_accounts
from tamscore.sections.backtest.challengers import ChallengerRules, SampledCustomers, losses
from tamscore.sections.backtest.deciles import rank_correlation, tenths
from tamscore.sections.backtest.joining import match_afterwards, scored_ids
from tamscore.sections.backtest.pairs import Pairs, pairs_of
from tamscore.sections.backtest.result import BacktestResult, record
from tamscore.sections.backtest.settings import Backtest
from tamscore.stages.draw import id_hash
from tamscore.store import commit, partitions, records, tables
from tamscore.store.location import location
from tamscore.store.placed import Placed, files_of
from tamscore.store.run_directory import BACKTESTS, RECORDS, run_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.backend import Backend
    from tamscore.config import Job
    from tamscore.model.record import PartyRecord
    from tamscore.progress import Progress
    from tamscore.schema import InputColumns
    from tamscore.scoring.features import PartFeatures
    from tamscore.sections.backtest.challengers import Loss
    from tamscore.store.location import Location
    from tamscore.store.run_directory import RunDirectory

_KINDS = ("expansion", "acquisition")


def backtest(job: Job, directory: RunDirectory, progress: Progress, backend: Backend) -> BacktestResult:
    """Run the backtest of a finished run of the job, write it to `OUTPUT/backtests/`, and return its result."""
    with progress.stage("join"):
        accounts = read_accounts(job, directory)
        joined = match_afterwards(
            job, Joinable(accounts.hashes, job.columns.id_form, lambda: scored_ids(job, directory))
        )
    known = accounts.at(~np.isnan(accounts.realised))
    buys = known.sales > 0
    kinds = dict(zip(_KINDS, (known.at(buys), known.at(~buys)), strict=True))
    with progress.stage("pairs"):
        paired = _pairs(directory, known.at(buys))
    with progress.stage("tenths"):
        items = [tenth for kind, those in kinds.items() for tenth in tenths(kind, those, job.clusters.seed)]
        correlation = {kind: rank_correlation(those) for kind, those in kinds.items()}
    with progress.stage("challengers"):
        compared = _challenge(job, directory, accounts, backend)
    result = BacktestResult(
        directory.run_key,
        str(_place_of(job, directory)),
        str(job.section(Backtest).realised),
        {kind: len(those) for kind, those in kinds.items()},
        len(accounts) - len(known),
        tuple(paired),
        correlation,
        tuple(items),
        tuple(compared),
        joined,
    )
    _write(result)
    return result


def _place_of(job: Job, directory: RunDirectory) -> Location:
    """Return the folder of a backtest's results: one for each pair of a run and its backtest settings."""
    return directory.output / BACKTESTS / run_key(directory.run_key, job.section(Backtest).model_dump_json())


def _write(result: BacktestResult) -> None:
    """Write the tables, as Parquet and CSV, and the whole result as JSON."""
    import pyarrow as pa

    folder = location(result.path)
    files: dict[str, Placed] = {}
    money = {"whitespace", "sales", "realised", "growth", "growth_low", "growth_high", "median_growth"}
    for name, rows in (("pairs", result.pairs), ("tenths", result.tenths), ("challengers", result.losses)):
        if rows:
            table = pa.Table.from_pylist([asdict(row) for row in rows])
            files |= commit.place_both(table, folder, name, plain(table, money))
    records.place(record(result), files, folder / RECORDS[BACKTESTS])


def _pairs(directory: RunDirectory, customers: BacktestAccounts) -> list[Pairs]:
    """Return the pairs of neighbours by sales among the customers of each party type that has customers."""
    record = model.read_model(directory.model, files_of(directory.manifest() or {}))
    items = []
    for party in record.parties:
        those = customers.at(customers.party == PARTY_TYPES.index(party.name))
        if len(those):
            items.append(pairs_of(party, those))
    return items


def _challenge(job: Job, directory: RunDirectory, accounts: BacktestAccounts, backend: Backend) -> list[Loss]:
    """Return the held-out losses of the method and its challengers, on a sample of the customers of each party type."""
    rules = ChallengerRules(tuple(job.potential.lines), job.potential.min_customers, job.section(Backtest).neighbours)
    parties = model.read_model(directory.model, files_of(directory.manifest() or {})).parties
    samples = [(party, _sample_of(job, party, accounts)) for party in parties]
    items = []
    for (party, sample), features in zip(samples, _features_of(job, samples, backend), strict=True):
        lot = sample.drawn(job.clusters.seed)
        customers = SampledCustomers(features, sample.cluster, np.log(sample.sales), lot, _levels_of(party))
        items += losses(party.name, customers, rules)
    return items


def _sample_of(job: Job, party: PartyRecord, accounts: BacktestAccounts) -> BacktestAccounts:
    """Return the sampled customers of a party type, on whom contenders are compared."""
    customers = accounts.at((accounts.party == PARTY_TYPES.index(party.name)) & (accounts.sales > 0))
    lot = customers.drawn(job.clusters.seed)
    return customers.at(np.sort(np.argsort(lot, kind="stable")[: job.section(Backtest).challenger_rows]))


def _features_of(job: Job, samples: Sequence[tuple[PartyRecord, BacktestAccounts]], backend: Backend) -> list[Any]:
    """Return the features (n, d) of the sampled customers of each party type, read partition by partition."""
    columns, wanted = columns_of(job), np.concatenate([sample.hashes for _, sample in samples])
    items = [np.zeros((len(sample), len(party.space.features)), np.float32) for party, sample in samples]
    for partition in partitions.market(job.input, columns).partitions:
        ids = tables.account_ids(tables.read(partition, [columns.account_id])[columns.account_id], columns.id_form)
        rows = np.flatnonzero(np.isin(hashes := id_hash(ids), wanted))
        if not len(rows):
            continue
        read = read_features(partition, columns, backend, rows)
        for (party, sample), features in zip(samples, items, strict=True):
            here = np.flatnonzero(np.isin(hashes[rows], sample.hashes))
            if len(here):
                at = np.searchsorted(sample.hashes, hashes[rows[here]])
                features[at] = _features_in_space(read, here, columns, party, backend)
    return items


def _features_in_space(
    read: PartFeatures, rows: Any, columns: InputColumns, party: PartyRecord, backend: Backend
) -> Any:
    """Return the features (m, d) float32 of some of the rows read, scaled as in the clusters of a party type."""
    space = party.space
    encoding = Encoding(columns, PARTY_TYPES.index(party.name), space.vocabularies, party.segments)
    block = backend.get(space.block(backend, read.raw(rows, encoding, backend)))
    return block.T * np.float32(space.fitted_grid.unit)


def _levels_of(party: PartyRecord) -> tuple[range, ...]:
    """Return the range of features of each category; features of categories follow those of numbers."""
    counts = [len(vocabulary.all_levels) for vocabulary in party.space.vocabularies]
    ends = np.cumsum([len(party.space.features) - sum(counts), *counts]).tolist()
    return tuple(range(start, end) for start, end in pairwise(ends))
