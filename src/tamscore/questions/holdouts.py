"""Holdouts of a finished run: drawn once, stored beside its versions, ended by a person."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tamscore.arrow import as_dictionary, float_column, level_codes, places_in, text_dictionary, texts_by_code
from tamscore.engine import heap
from tamscore.errors import UsageError
from tamscore.schema import FAMILY, FAMILY_TIER
from tamscore.scoring.score.priority import BASES
from tamscore.sections.lift import design
from tamscore.sections.lift.strata import FEWEST_CONTROLS
from tamscore.stages.folding import fold_ids
from tamscore.store import history, holdouts
from tamscore.store.holdouts import Controls, holdout_named
from tamscore.store.pruning import lock
from tamscore.store.run_directory import run_key
from tamscore.substitution import fold_word

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import pyarrow as pa

    from tamscore.questions.stored import StoredRun
    from tamscore.store.holdouts import Holdout
    from tamscore.store.location import Location

_Kind = Literal["prospects", "customers"]
_KINDS: dict[str, _Kind] = {"acquisition": "prospects", "expansion": "customers"}
GROUPS = ("tier", "play", "campaign_channel", "person")
"""The columns by which results of a holdout are grouped."""
TOUCH = ("role", "service_level")
"""The columns that name the touch plan of an account."""
_READ = ("account_id", "kind", "sales", "whitespace", "probability", "p_basis", *TOUCH, *GROUPS, FAMILY, FAMILY_TIER)
_STORED_COLUMNS = ("account_id", "kind", "sales", "whitespace", *TOUCH, *GROUPS, FAMILY)
"""The columns that are stored from the day of the draw, as far as the run has them."""
_LEARNED = "propensity"
"""The basis of a probability that was learned from labels."""


@dataclass(frozen=True)
class Wanted:
    """The options of a holdout; None is the default, or the value that it was drawn with."""

    name: str | None = None
    of: _Kind | None = None
    share: float | None = None
    rate: float | None = None
    lift: float | None = None
    until: str | None = None
    mark: bool | None = None

    @property
    def called(self) -> str:
        """The name of the holdout: that of its accounts if none is given."""
        return self.name or self.of or "prospects"


def draw(run: StoredRun, wanted: Wanted, today: date) -> tuple[Holdout, bool]:
    """Return the holdout of that name, and whether it was drawn just now: a name is drawn once.

    Raise UsageError if another holdout has the name, there are too few accounts, or a new one would end before today.
    Raise RetryableError if another process holds the output.
    """
    output = run.directory.output
    with lock(output, "holdout"):
        there = holdout_named(output, wanted.called)
        if there is not None:
            _require_same(there, wanted)
            return there, False
        if wanted.until and wanted.until < today.isoformat():
            raise UsageError(f"--until: expected a day to come, got {wanted.until}, today is {today}")
        table = _candidates(run, wanted.of or "prospects")
        record, accounts = _draw_holdout(run, table, wanted)
        return holdouts.write(output, record, accounts), True


def _require_same(holdout: Holdout, wanted: Wanted) -> None:
    """Raise UsageError if a holdout has ended, or was drawn with other options."""
    if not holdout.counts:
        raise UsageError(
            f"--name: holdout {holdout.name!r} ended at {holdout.record[holdouts.ENDED]}; a name is drawn once, give "
            "another one"
        )
    for option in ("of", "share", "rate", "lift", "until"):
        asked, had = getattr(wanted, option), holdout.record["asked"][option]
        if asked is not None and asked != had:
            raise UsageError(
                f"--{option}: expected {had}, with which holdout {holdout.name!r} was drawn, got {asked}; a draw never "
                "changes: end it with --end, then draw another with --name"
            )
    if wanted.mark and not holdout.marks:
        raise UsageError(
            f"--mark: holdout {holdout.name!r} leaves its controls out; a draw never changes: end it with --end, then "
            "draw another with --name"
        )


def _candidates(run: StoredRun, of: _Kind) -> pa.Table:
    """Return the customers or prospects of a run that are in no other holdout; raise UsageError if there are none.

    Accounts of families that have both are left out: work on one of them affects all.
    """
    import pyarrow as pa

    heap.share()
    run.require(("account_id", "kind", "sales"))
    columns = [name for name in _READ if name in run.columns]
    taken = Controls.of_holdouts(holdouts.in_force(run.directory.output), run.id_form, treated=True)
    parts, others = [], [pa.chunked_array([], pa.string())]
    for part in run.read(columns, coded=True):
        mine = level_codes(part["kind"], list(_KINDS)) == list(_KINDS.values()).index(of)
        parts.append(part.filter(pa.array(mine & ~taken.among(part["account_id"]))))
        if FAMILY in columns:
            others.append(part[FAMILY].filter(pa.array(~mine)).cast(pa.string()))
    table = pa.concat_tables(parts).unify_dictionaries().combine_chunks()
    if FAMILY in columns:
        mixed = pa.chunked_array([chunk for other in others for chunk in other.chunks], pa.string()).unique()
        table = table.filter(pa.array(places_in(table[FAMILY].cast(pa.string()), mixed) < 0))
    if not table.num_rows:
        raise UsageError(f"--of: run {run.name} has no {of} outside of other holdouts")
    return table


def _draw_holdout(run: StoredRun, table: pa.Table, wanted: Wanted) -> tuple[dict[str, Any], pa.Table]:
    """Return the record and the accounts of a new holdout; raise UsageError if too few are controls."""
    import pyarrow as pa

    of, share, lift = wanted.of or "prospects", wanted.share or design.SHARE, wanted.lift or design.LIFT
    asked = {"of": of, "share": share, "rate": wanted.rate, "lift": lift, "until": wanted.until}
    names, tier = places_of(table, FAMILY_TIER if FAMILY_TIER in table.column_names else "tier")
    names, tier = (names, tier) if names else ([design.ALL], np.zeros(table.num_rows, np.int64))
    chance, source = _chances(table, wanted.rate)
    plan, stratum = design.design_of(names, tier, chance, share)
    _require_enough(plan, table.num_rows, of)
    together = table[FAMILY if FAMILY in table.column_names else "account_id"]
    ids = fold_ids(together.cast(pa.large_string()).combine_chunks(), run.id_form)
    seed = int(run_key("holdout", fold_word(wanted.called)), 16)
    control = design.chosen(ids, stratum, plan.controls, seed)
    plan = replace(plan, controls=np.bincount(stratum[control], minlength=len(plan.names)))
    _require_enough(plan, table.num_rows, of)
    accounts = table.select([name for name in _STORED_COLUMNS if name in table.column_names])
    accounts = accounts.append_column("likelihood", pa.array(_likelihood(table)))
    accounts = accounts.append_column("control", pa.array(control))
    accounts = accounts.append_column("stratum", text_dictionary(stratum, list(plan.names)))
    record = {
        "name": wanted.called,
        "run": run.name,
        "drawn_at": history.now(),
        "asked": asked,
        "of": of,
        "share": share,
        "until": wanted.until,
        holdouts.MARK: bool(wanted.mark),
        "rate_from": source,
        "strata": plan.rows(),
        "announced": design.announcement(plan, lift),
    }
    return record, accounts


def _require_enough(plan: design.HoldoutDesign, accounts: int, of: str) -> None:
    """Raise UsageError if too few accounts are controls, or treated."""
    if design.is_too_small(plan):
        raise UsageError(
            f"--share: expected at least {FEWEST_CONTROLS} controls and treated accounts, got "
            f"{int(plan.controls.sum()):,} controls of {accounts:,} {of}; name another share"
        )


def _chances(table: pa.Table, rate: float | None) -> tuple[Any, str]:
    """Return the probability (m,) of each account to buy without treatment, and its source."""
    if rate is None and {"probability", "p_basis"} <= {*table.column_names}:
        known = level_codes(table["p_basis"], BASES) == BASES.index(_LEARNED)
        if known.all():
            return np.nan_to_num(float_column(table["probability"])), "labels"
    return np.full(table.num_rows, design.RATE if rate is None else rate), "default" if rate is None else "option"


def _likelihood(table: pa.Table) -> Any:
    """Return the probability (m,) of each account over the mean of all, 1 if the run has none."""
    if "probability" not in table.column_names:
        return np.ones(table.num_rows)
    chance = np.nan_to_num(float_column(table["probability"]))
    return chance / chance.mean() if chance.mean() > 0 else np.ones(table.num_rows)


def places_of(table: pa.Table, column: str) -> tuple[list[str], Any]:
    """Return the names in a column in order, and the place (m,) of each account among them, -1 for none."""
    if column not in table.column_names:
        return [], np.full(table.num_rows, -1)
    encoded = as_dictionary(table[column])
    names: list[str] = encoded.dictionary.to_pylist()
    order = sorted(name for name in names if name)
    place = {name: at for at, name in enumerate(order)}
    return order, texts_by_code(encoded, [place.get(name, -1) for name in names], -1).astype(np.int64)


def end(output: Location, wanted: Wanted) -> tuple[Holdout, bool]:
    """End the holdout of a name; return it, and whether it counted before; raise as `holdout_of` does."""
    with lock(output, "holdout"):
        there = holdout_of(output, wanted.called)
        return (holdouts.end(there, history.now()), True) if there.counts else (there, False)


def holdout_of(output: Location, name: str | None) -> Holdout:
    """Return the holdout of a name, or the only one without a name; raise UsageError if there is none, or several."""
    every = holdouts.holdouts(output)
    there = ", ".join(repr(holdout.name) for holdout in every) or "none; tamscore holdout draws one"
    if name is None:
        if len(every) == 1:
            return every[0]
        raise UsageError(f"--name: expected the name of a holdout of {output}; there are {there}")
    result = holdout_named(output, name)
    if result is None:
        raise UsageError(f"--name: {name!r}: expected the name of a holdout of {output}; there are {there}")
    return result


def texts_of(table: pa.Table, columns: Sequence[str]) -> dict[str, tuple[list[str], Any]]:
    """Return names and places of those of some columns that the table has."""
    return {name: places_of(table, name) for name in columns if name in table.column_names}
