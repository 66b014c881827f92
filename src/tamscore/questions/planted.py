"""Synthetic outcomes of the holdouts of a run, with an effect that is known, to try `tamscore lift` with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tamscore.errors import UsageError
from tamscore.questions.holdouts import places_of
from tamscore.store import commit, holdouts
from tamscore.synthetic.outcomes import plant

if TYPE_CHECKING:
    from pathlib import Path

    from tamscore.questions.stored import StoredRun

_LEAST = -1.0


def write_outcomes(run: StoredRun, folder: Path, effect: float, seed: int) -> int:
    """Write outcomes and the truth about them for all holdouts that count, and return the number of buyers.

    Raise UsageError if none counts, or for an effect below -1.
    """
    import pyarrow as pa

    if not effect >= _LEAST:
        raise UsageError(
            f"--effect: expected a share of at least {_LEAST:g}, such as 0.3 for 30 % more, got {effect:g}"
        )
    items = []
    for number, holdout in enumerate(holdouts.in_force(run.directory.output)):
        accounts = holdout.accounts(("account_id", "control", "sales", "stratum"))
        names, stratum = places_of(accounts, "stratum")
        rates = {row["stratum"]: row["rate"] for row in holdout.record["strata"]}
        chance = np.array([rates[name] for name in names])[stratum]
        items.append(plant(accounts, chance, effect, seed + number))
    if not items:
        raise UsageError(f"--after: {run.directory.output} has no holdout that counts; draw one with tamscore holdout")
    won, truth = (pa.concat_tables(tables) for tables in zip(*items, strict=True))
    commit.place_parquet(won, folder / "outcomes.parquet")
    commit.place_parquet(truth, folder / "truth.parquet")
    return int(won.num_rows)
