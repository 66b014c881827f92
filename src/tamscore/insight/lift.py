"""What came of a holdout: outcomes of its accounts, compared between treated accounts and controls."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import float_column, truths
from tamscore.errors import InputContractError
from tamscore.insight.holdouts import GROUPS, TOUCH, holdout_of, places_of, texts_of
from tamscore.insight.join import AccountIndex
from tamscore.scoring.joining.match import Match
from tamscore.sections.lift import verdict
from tamscore.sections.lift.touches import Touches, by_touch
from tamscore.sections.lift.verdict import Experiment
from tamscore.store import holdouts
from tamscore.store.pruning import held
from tamscore.store.sources.whole import whole_table
from tamscore.substitution import LARGEST_MONEY

if TYPE_CHECKING:
    import pyarrow as pa

    from tamscore.insight.stored import StoredRun
    from tamscore.store.holdouts import Holdout

ID, BOUGHT, AMOUNT, CONTACTED = "account_id", "bought", "amount", "contacted"
TYPES = {BOUGHT: "bool", AMOUNT: "float", CONTACTED: "bool"}
FOR_ID = "an account of the holdout"


@dataclass(frozen=True)
class Outcomes:
    """What became of the accounts (m,) of a holdout: who bought, for how much, and who was contacted.

    Money and contacts are None where the table does not tell them.
    """

    bought: Any
    amount: Any
    contacted: Any
    match: Match


def recorded(run: StoredRun, name: str | None, outcomes: str, today: date, days: int | None = None) -> dict[str, Any]:
    """Return what came of the holdout of a name, see `lift`, and keep it beside the holdout, for reports and plans.

    Raise as `holdout_of` and `lift`; RetryableError if somebody holds the output.
    """
    output = run.directory.output
    found = lift(run, holdout_of(output, name), outcomes, today, days)
    with held(output, "lift"):
        holdouts.write_lift(holdout_of(output, name), found)
    return found


def lift(run: StoredRun, holdout: Holdout, outcomes: str, today: date, days: int | None = None) -> dict[str, Any]:
    """Return what came of a holdout, as JSON holds it; tiers are left out where they are the strata.

    `days` is the time that the outcomes cover, None for that since the draw. Raise InputContractError if the outcomes
    lack a column, name an account twice, or name none of the holdout.
    """
    table = holdout.accounts()
    control = truths(table["control"])
    found = read_outcomes(outcomes, AccountIndex.of([table[ID]], run.id_form))
    names, stratum = places_of(table, "stratum")
    sales = np.nan_to_num(float_column(table["sales"]))
    groups = {name: told for name, told in texts_of(table, GROUPS).items() if told[0] != names}
    experiment = Experiment(names, stratum, control, found.bought, found.amount, sales, groups)
    left_out = holdout.counts and not holdout.marks
    covered = covered_accounts(run, table) if left_out else np.zeros(len(control), bool)
    of_customers = holdout.record["of"] == "customers"
    spoiled = contaminated(control, covered, found)
    return {
        "name": holdout.name,
        "of": holdout.record["of"],
        "run": run.name,
        "drawn_at": holdout.record["drawn_at"],
        "looked_at": today.isoformat(),
        "days": days_since(holdout, today) if days is None else days,
        "until": holdout.record["until"],
        "is_early": is_early(holdout, today),
        "ended": holdout.record["ended"],
        "outcomes": found.match.notice,
        "touches": touch_rows(experiment, table, of_customers=of_customers),
        "buyers": verdict.buyers(experiment),
        "strata": verdict.by_stratum(experiment),
        "groups": verdict.by_group(experiment),
        "money": verdict.money(experiment, of_customers=of_customers),
        "contaminated": spoiled,
        "warnings": warnings(holdout, int(control.sum()), spoiled, today),
    }


def touch_rows(experiment: Experiment, table: pa.Table, *, of_customers: bool) -> list[dict[str, Any]]:
    """Return the effect of each touch plan that accounts had on the day of the draw; none where nobody knew them."""
    if not {*TOUCH, "whitespace", "likelihood"} <= {*table.column_names}:
        return []
    (roles, role), (levels, level) = (places_of(table, name) for name in TOUCH)
    names = [(one, other) for one in roles for other in levels]
    place = np.where((role >= 0) & (level >= 0), role * len(levels) + level, -1)
    likely, open_ = (np.nan_to_num(float_column(table[name])) for name in ("likelihood", "whitespace"))
    return by_touch(experiment, Touches(names, place, likely, open_), of_customers=of_customers)


def is_early(holdout: Holdout, today: date) -> bool:
    """Return whether a holdout is looked at before the day that it was drawn for."""
    until = holdout.record["until"]
    return bool(until) and today.isoformat() < until


def days_since(holdout: Holdout, today: date) -> int:
    """Return the days from the draw of a holdout to today, or to the day that it was drawn for if that is past."""
    until = holdout.record["until"]
    last = today if not until else min(today, date.fromisoformat(until))
    return max((last - datetime.fromisoformat(holdout.record["drawn_at"]).date()).days, 0)


def warnings(holdout: Holdout, controls: int, spoiled: dict[str, int], today: date) -> list[str]:
    """Return what a reader must know before the verdict."""
    found = []
    if is_early(holdout, today):
        until = holdout.record["until"]
        found.append(f"looked at before {until}: who looks often sees effects that are none; decide on that day")
    if spoiled["any"]:
        found.append(
            f"{spoiled['any']:,} of {controls:,} controls were worked on ({spoiled['contacted']:,} contacted, "
            f"{spoiled['person']:,} with a person): they count as controls, so that the effect looks smaller; "
            "run tamscore coverage again if it is from before the draw"
        )
    return found


def covered_accounts(run: StoredRun, table: pa.Table) -> Any:
    """Return which accounts (m,) bool of a holdout have a person in a run."""
    person = np.zeros(table.num_rows, bool)
    if "person" in run.columns:
        accounts = AccountIndex.of([table[ID]], run.id_form)
        for part in run.read((ID, "person")):
            rows = accounts.rows_of(part.filter(part["person"].is_valid())[ID])
            person[rows[rows >= 0]] = True
    return person


def contaminated(control: Any, covered: Any, found: Outcomes) -> dict[str, int]:
    """Return how many controls were contacted, have a person, and either."""
    contacted = control & (found.contacted if found.contacted is not None else False)
    masks = {"contacted": contacted, "person": control & covered, "any": contacted | (control & covered)}
    return {name: int(mask.sum()) for name, mask in masks.items()}


def read_outcomes(path: str, accounts: AccountIndex) -> Outcomes:
    """Return the outcomes of the accounts, those that the table does not name bought nothing; raise as `lift`."""
    table = whole_table(path, TYPES)
    require_columns(path, table)
    rows = accounts.rows_of(table[ID])
    match = match_of(path, table, rows, accounts)
    require_once(path, table, rows)
    here = rows >= 0
    amount = None
    if AMOUNT in table.column_names:
        amount = placed(amounts(path, table), rows, here, len(accounts))
    bought = amount > 0 if amount is not None else None
    if BOUGHT in table.column_names:
        bought = placed(answers(path, table, BOUGHT), rows, here, len(accounts))
    contacted = None
    if CONTACTED in table.column_names:
        contacted = placed(answers(path, table, CONTACTED), rows, here, len(accounts))
    return Outcomes(bought, amount, contacted, match)


def placed(values: Any, rows: Any, here: Any, size: int) -> Any:
    """Return values (n,) of the rows of a table as those of accounts (m,), 0 for an account without a row."""
    found = np.zeros(size, values.dtype)
    found[rows[here]] = values[here]
    return found


def require_columns(path: str, table: pa.Table) -> None:
    """Raise InputContractError if the table of outcomes lacks a column."""
    there = {*table.column_names}
    if ID not in there or not {BOUGHT, AMOUNT} & there:
        raise InputContractError(
            f"{path}: expected the columns {ID!r} and {BOUGHT!r} (true or false) or {AMOUNT!r}, got "
            f"{', '.join(map(repr, table.column_names))}; rename them"
        )


def match_of(path: str, table: pa.Table, rows: Any, accounts: AccountIndex) -> Match:
    """Return how the rows of the outcomes met accounts; InputContractError if none did."""
    strangers = np.flatnonzero(rows < 0)
    first = int(strangers[0]) if len(strangers) else None
    blank = table[ID].null_count
    match = Match(
        path,
        ID,
        table.num_rows,
        int(np.count_nonzero(rows >= 0)),
        len(strangers) - blank,
        blank,
        None if first is None else table[ID][first].as_py(),
        None if first is None else first + 1,
        accounts.ids[0].as_py() if len(accounts) else None,
        what=FOR_ID,
    )
    if not match.met:
        raise InputContractError(
            f"{match.sentence}; expected ids of the holdout such as {match.known!r}; give the outcomes of its accounts"
        )
    return match


def require_once(path: str, table: pa.Table, rows: Any) -> None:
    """Raise InputContractError if an account stands in several rows."""
    met = np.flatnonzero(rows >= 0)
    _, first, times = np.unique(rows[met], return_index=True, return_counts=True)
    if (times > 1).any():
        name = table[ID][int(met[first[times > 1][0]])].as_py()
        raise InputContractError(
            f"{path}: {np.count_nonzero(times > 1):,} accounts stand more than once, such as {name!r}; expected one "
            "row an account: add up its purchases"
        )


def answers(path: str, table: pa.Table, column: str) -> Any:
    """Return a column (n,) of true and false, null for false; InputContractError if it holds anything else."""
    import pyarrow as pa

    kind = table[column].type
    if pa.types.is_boolean(kind):
        return truths(table[column])
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        values = np.nan_to_num(float_column(table[column]))
        if np.isin(values, (0.0, 1.0)).all():
            return values > 0
    raise InputContractError(f"{path}: column {column!r}: expected true or false, got {kind}")


def amounts(path: str, table: pa.Table) -> Any:
    """Return the amounts (n,), 0 for none; InputContractError if the column holds no money."""
    import pyarrow as pa

    kind = table[AMOUNT].type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        raise InputContractError(f"{path}: column {AMOUNT!r}: expected amounts of money, got {kind}")
    values = np.nan_to_num(float_column(table[AMOUNT]), posinf=LARGEST_MONEY, neginf=-LARGEST_MONEY)
    if (np.abs(values) >= LARGEST_MONEY).any():
        raise InputContractError(f"{path}: column {AMOUNT!r}: {np.abs(values).max():.3g} is no amount of money")
    return values
