"""Families on their way into a file: a row each, with what their accounts come to and who covers them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamscore.arrow import as_dictionary
from tamscore.errors import UsageError
from tamscore.questions.export import VERSION
from tamscore.questions.export_file import put_tables
from tamscore.questions.export_rows import ExportCounts
from tamscore.schema import FAMILY, FAMILY_TIER
from tamscore.scoring.context import makes_market
from tamscore.sections.families.rollup import ALERTS, MEASURES, MONEY, measure
from tamscore.store import commit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.progress import Progress
    from tamscore.questions.export_file import Target
    from tamscore.questions.stored import StoredRun

_NEEDED = (FAMILY, FAMILY_TIER)
_COVERED = ("role", "service_level", "person")
"""Who covers a family, where that is the same for all of its accounts."""


def write(run: StoredRun, target: Target, progress: Progress) -> ExportCounts:
    """Write a row for each family of a run, and return how many; the file is there in full, or as it was before.

    Raise UsageError if the run has no families, InputContractError as `put_tables`.
    """
    table = _families_of(run, progress)
    commit.place_free(target.path, lambda file: put_tables([table], table.schema, FAMILY, file, target))
    return ExportCounts(accounts=run.manifest["rows"]["scored"], exported=table.num_rows)


def _families_of(run: StoredRun, progress: Progress) -> pa.Table:
    """Return the families of a run, the highest expected value first; raise UsageError if it has none."""
    if makes_market(run.job):
        raise UsageError(f"--by: the rows of {run.directory.path} are families already; leave the option out")
    if FAMILY not in run.columns:
        run.require(_NEEDED)
        raise UsageError(
            f"{run.directory.path}: the run has no families; a job with columns.parent_id and [families] has"
        )
    run.require((*_NEEDED, *MONEY))
    columns = [name for name in (*_NEEDED, *MONEY, *ALERTS, *_COVERED) if name in run.columns]
    with progress.stage("export", run.manifest["rows"]["scored"]) as done:
        parts = []
        for part in run.read(columns, coded=True):
            parts.append(part)
            done(part.num_rows)
    return _sum_by_family(pa.concat_tables(parts).unify_dictionaries().combine_chunks(), run.name)


def _sum_by_family(accounts: pa.Table, version: str) -> pa.Table:
    """Return what accounts come to by family, in whole cents before they are money again."""
    family = as_dictionary(accounts[FAMILY])
    code, count = family.indices.to_numpy(), len(family.dictionary)
    first = np.zeros(count, np.int64)
    first[code[::-1]] = np.arange(len(code) - 1, -1, -1)
    sums = dict(zip(MEASURES, measure(accounts, family), strict=True))
    columns: dict[str, Any] = {
        FAMILY: family.dictionary,
        "tier": as_dictionary(accounts[FAMILY_TIER]).take(pa.array(first)).dictionary_decode(),
        "accounts": sums["members"],
        "customers": sums["customers"],
        "alerts": sums["alerts"],
        **{name: pa.array(sums[name] / 100).cast(pa.decimal128(38, 2)) for name in MONEY},
        **dict(_family_owners(accounts, code, first)),
        VERSION: pa.array([version] * count),
    }
    order = np.lexsort((pc.rank(family.dictionary).to_numpy(), -sums["expected_value"]))
    return pa.table(columns).take(pa.array(order))


def _family_owners(accounts: pa.Table, code: Any, first: Any) -> Iterator[tuple[str, pa.Array]]:
    """Yield who covers families, null where that differs among the accounts (m,) of one."""
    for name in _COVERED:
        if name in accounts.column_names:
            texts = as_dictionary(accounts[name])
            level = texts.indices.fill_null(-1).to_numpy()
            differs = np.bincount(code, level != level[first][code]) > 0
            where = np.where(differs, -1, level[first])
            yield name, texts.dictionary.take(pa.array(where, mask=where < 0))
