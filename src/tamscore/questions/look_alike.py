"""Why an account looks like a customer: what its features add to the log odds, from its row of the input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.backend.host import HostBackend
from tamscore.errors import TamscoreError
from tamscore.questions.stored import party_model
from tamscore.scoring.context import columns_of
from tamscore.scoring.features import read_features
from tamscore.stages.draw import id_hash
from tamscore.stages.folding import fold_ids
from tamscore.stages.look_alike import contributions
from tamscore.stages.ridge import probability
from tamscore.store import partitions, tables

if TYPE_CHECKING:
    import pyarrow as pa

    from tamscore.model.record import PartyRecord
    from tamscore.questions.stored import StoredRun
    from tamscore.schema import Partition
    from tamscore.scoring.features import PartFeatures
    from tamscore.stages.look_alike import LookAlike

_NEAR = 1e-4
"""A probability that is rebuilt from the input may differ by so much from that in the scores."""
_FAINT = 0.05
"""Log odds below which a column is no reason: it changes a probability of a half by one in a hundred."""
_MOST = 5


@dataclass(frozen=True)
class ColumnReason:
    """What a column adds to the log odds of an account beside what it adds on the average, and the account's value."""

    column: str
    value: str | float | None
    added: float


def reasons(run: StoredRun, row: dict[str, Any], party: PartyRecord) -> tuple[ColumnReason, ...]:
    """The columns that move the look-alike of an account most, the strongest first.

    Nothing where the run has no look-alike, or the input is gone or no longer what the run has read.
    """
    if party.look_alike is None or row.get("look_alike") is None:
        return ()
    try:
        parts = _row_of_input(run, str(row["account_id"]))
    except TamscoreError:
        return ()
    if parts is None:
        return ()
    features, hashed = parts
    added, odds = _added_by_column(run, party, party.look_alike, features, hashed)
    if abs(float(probability(odds)) - row["look_alike"]) > _NEAR:
        return ()
    order = sorted(added, key=lambda column: (-abs(added[column]), column))
    strong = [column for column in order if abs(added[column]) >= _FAINT][:_MOST]
    return tuple(ColumnReason(column, _value_of(features, column), round(added[column], 6)) for column in strong)


def _row_of_input(run: StoredRun, account_id: str) -> tuple[PartFeatures, Any] | None:
    """The features of an account in the input and the hash (1,) of its id; None where the input has changed."""
    columns = columns_of(run.job)
    plan = partitions.market(run.input, columns)
    if plan.digest != run.manifest["inputs"]["digest"]:
        return None
    wanted = id_hash(_fold_id(account_id, run))
    for partition in plan.partitions:
        places = np.flatnonzero(id_hash(_ids_of(partition, run)) == wanted)
        if len(places):
            return read_features(partition, columns, HostBackend(), places[:1]), wanted
    return None


def _fold_id(account_id: str, run: StoredRun) -> pa.Array:
    """An id as ids are compared."""
    import pyarrow as pa

    return fold_ids(pa.array([account_id], pa.large_string()), run.id_form)


def _ids_of(partition: Partition, run: StoredRun) -> pa.Array:
    """The ids of a partition as ids are compared."""
    name = run.job.columns.account_id
    return tables.account_ids(tables.read(partition, [name])[name], run.id_form)


def _added_by_column(
    run: StoredRun, party: PartyRecord, made: LookAlike, features: PartFeatures, hashed: Any
) -> tuple[dict[str, float], float]:
    """What each column adds for an account beside the average, and its log odds, by the model that has not seen it."""
    model, host = party_model(party, columns_of(run.job)), HostBackend()
    raw = features.raw(np.zeros(1, np.int64), model.encoding, host)
    fold = int(made.folds(hashed)[0])
    contribution = contributions(model.space.block(host, raw), made.bends, made.slopes[fold], made.hinges[fold])[:, 0]
    record: dict[str, float] = {}
    for feature, item in zip(model.space.features, contribution - made.means, strict=True):
        record[feature.column] = record.get(feature.column, 0.0) + float(item)
    return record, float(made.offsets[fold] + contribution.sum())


def _value_of(features: PartFeatures, column: str) -> str | float | None:
    """The value of a column in the row that was read."""
    if column in features.texts:
        text: str | None = features.texts[column][0].as_py()
        return text
    value = float(np.asarray(features.numeric[column])[0])
    return None if np.isnan(value) else value
