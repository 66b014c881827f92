"""The result of a holdout: outcomes of its accounts, compared between treated accounts and controls."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import as_dictionary, float_column, truths
from tamscore.engine import heap
from tamscore.questions.holdouts import GROUPS, TOUCH, holdout_of, places_of, texts_of
from tamscore.questions.join import AccountIndex
from tamscore.questions.outcomes import ID, read_outcomes
from tamscore.schema import FAMILY
from tamscore.sections.lift import verdict
from tamscore.sections.lift.touches import PlannedTouches, by_touch
from tamscore.sections.lift.verdict import Experiment
from tamscore.store import holdouts
from tamscore.store.pruning import lock

if TYPE_CHECKING:
    import pyarrow as pa

    from tamscore.questions.outcomes import Outcomes
    from tamscore.questions.stored import StoredRun
    from tamscore.store.holdouts import Holdout


@dataclass(frozen=True)
class Look:
    """The settings of an evaluation: the table of outcomes, the day, the days that outcomes cover, and `share`.

    `days` is None for the time since the draw. `share` is the share of rows that must match an account of the run or
    the holdout.
    """

    outcomes: str
    today: date
    days: int | None = None
    share: float = 0.5


def record_lift(run: StoredRun, name: str | None, look: Look) -> dict[str, Any]:
    """Return the result of the holdout of a name, see `_lift`, and store it beside the holdout, for reports and plans.

    Raise as `holdout_of` and `_lift`; raise RetryableError if another process holds the output.
    """
    output = run.directory.output
    record = _lift(run, holdout_of(output, name), look)
    with lock(output, "lift"):
        holdouts.write_lift(holdout_of(output, name), record)
    return record


def _lift(run: StoredRun, holdout: Holdout, look: Look) -> dict[str, Any]:
    """Return the result of a holdout, as JSON holds it; tiers are left out if they are the strata.

    Raise InputContractError if the outcomes lack a column, name an account twice, name no account of the holdout, or
    hardly match the accounts of the run.
    """
    heap.share()
    table = holdout.accounts()
    control = truths(table["control"])
    outcomes = read_outcomes(look.outcomes, AccountIndex.of([table[ID]], run.id_form), run, look.share)
    names, stratum = places_of(table, "stratum")
    sales = np.nan_to_num(float_column(table["sales"]))
    groups = {name: text for name, text in texts_of(table, GROUPS).items() if text[0] != names}
    experiment = Experiment(
        names, stratum, control, outcomes.bought, outcomes.amount, sales, groups, _families_of(table)
    )
    left_out = holdout.counts and not holdout.marks
    covered = _covered_accounts(run, table) if left_out else np.zeros(len(control), bool)
    of_customers = holdout.record["of"] == "customers"
    spoiled = _count_contaminated(control, covered, outcomes)
    return {
        "name": holdout.name,
        "of": holdout.record["of"],
        "run": run.name,
        "drawn_at": holdout.record["drawn_at"],
        "looked_at": look.today.isoformat(),
        "days": _days_since(holdout, look.today) if look.days is None else look.days,
        "until": holdout.record["until"],
        "is_early": _is_early(holdout, look.today),
        "ended": holdout.record["ended"],
        "outcomes": outcomes.match.notice,
        "touches": _touch_rows(experiment, table, of_customers=of_customers),
        "buyers": verdict.buyers(experiment),
        "strata": verdict.by_stratum(experiment),
        "groups": verdict.by_group(experiment),
        "money": verdict.money(experiment, of_customers=of_customers),
        "contaminated": spoiled,
        "warnings": [*outcomes.warnings, *_warnings(holdout, int(control.sum()), spoiled, look.today)],
    }


def _families_of(table: pa.Table) -> Any | None:
    """Return the family (m,) of each account of a holdout by number; None if each was drawn alone."""
    if FAMILY not in table.column_names:
        return None
    family = as_dictionary(table[FAMILY]).indices.to_numpy()
    return family if len(np.unique(family)) < len(family) else None


def _touch_rows(experiment: Experiment, table: pa.Table, *, of_customers: bool) -> list[dict[str, Any]]:
    """Return the effect of each touch plan of the accounts on the day of the draw; none if plans were not known."""
    if not {*TOUCH, "whitespace", "likelihood"} <= {*table.column_names}:
        return []
    (roles, role), (levels, level) = (places_of(table, name) for name in TOUCH)
    names = [(role, other) for role in roles for other in levels]
    place = np.where((role >= 0) & (level >= 0), role * len(levels) + level, -1)
    likely, open_ = (np.nan_to_num(float_column(table[name])) for name in ("likelihood", "whitespace"))
    return by_touch(experiment, PlannedTouches(names, place, likely, open_), of_customers=of_customers)


def _is_early(holdout: Holdout, today: date) -> bool:
    """Return whether a holdout is evaluated before its planned day."""
    until = holdout.record["until"]
    return bool(until) and today.isoformat() < until


def _days_since(holdout: Holdout, today: date) -> int:
    """Return the days from the draw of a holdout to today, or to its planned day if that is past."""
    until = holdout.record["until"]
    last = today if not until else min(today, date.fromisoformat(until))
    return max((last - datetime.fromisoformat(holdout.record["drawn_at"]).date()).days, 0)


def _warnings(holdout: Holdout, controls: int, spoiled: dict[str, int], today: date) -> list[str]:
    """Return warnings that a reader must know before the verdict."""
    items = []
    if _is_early(holdout, today):
        until = holdout.record["until"]
        items.append(f"looked at before {until}: who looks often sees effects that are none; decide on that day")
    if spoiled["any"]:
        items.append(
            f"{spoiled['any']:,} of {controls:,} controls were worked on ({spoiled['contacted']:,} contacted, "
            f"{spoiled['person']:,} with a person): they count as controls, so that the effect looks smaller; "
            "run tamscore coverage again if it is from before the draw"
        )
    return items


def _covered_accounts(run: StoredRun, table: pa.Table) -> Any:
    """Return which accounts (m,) bool of a holdout have a person in a run."""
    person = np.zeros(table.num_rows, bool)
    if "person" in run.columns:
        accounts = AccountIndex.of([table[ID]], run.id_form)
        for part in run.read((ID, "person")):
            rows = accounts.rows_of(part.filter(part["person"].is_valid())[ID])
            person[rows[rows >= 0]] = True
    return person


def _count_contaminated(control: Any, covered: Any, outcomes: Outcomes) -> dict[str, int]:
    """Return how many controls were contacted, have a person, and either."""
    contacted = control & (outcomes.contacted if outcomes.contacted is not None else False)
    masks = {"contacted": contacted, "person": control & covered, "any": contacted | (control & covered)}
    return {name: int(mask.sum()) for name, mask in masks.items()}
