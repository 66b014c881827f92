"""Comparison of a run's input with the run before, and the gate that a person must open if too much changed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.errors import GateError, InputContractError, RetryableError
from tamscore.model.earlier import in_order, read_ids, read_sales
from tamscore.schema import Reason
from tamscore.scoring.census import duplicates
from tamscore.scoring.joining import causes as join_causes
from tamscore.stages import input_change
from tamscore.store import history, tables
from tamscore.store.location import sizes_below
from tamscore.store.pointer import pointer_of
from tamscore.store.run_directory import CURRENT, RunDirectory, current_version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.config import Job
    from tamscore.model.earlier import EarlierRun
    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.context import Run
    from tamscore.stages.input_change import AccountSales, InputChange, InputChangeLimits
    from tamscore.store.location import Location

_GATE = "input_change"
_REMEDY = (
    "nothing was published; look at the input; if it is right, run the command again with --accept, or raise the "
    "settings named; another market belongs into another output.path"
)


@dataclass(frozen=True)
class _Base:
    """The run before, with its accounts and their sales."""

    directory: RunDirectory
    sales: AccountSales

    @property
    def run(self) -> str:
        """The key of the run."""
        return self.directory.run_key


def compare_input(
    current: Run, output: Location, earlier: EarlierRun | None, parts: Sequence[PartRows], *, accept: bool
) -> dict[str, Any] | None:
    """Return the figures of the input beside the run before, as in the manifest; None without such a run.

    The run before is the current version of the output, else the `earlier` run that the model comes from. Raise
    GateError if a limit of `[input]` is broken, unless `accept` is set.
    """
    if earlier is None and not (output / CURRENT).exists():
        return None
    once = current.checkpoints.once(_checkpoint_name(output), lambda: _compare(current, output, earlier, parts))
    if once is None:
        return None
    run, change = once
    directory = earlier.directory if earlier and earlier.directory.run_key == run else RunDirectory(output, run)
    limits = _limits_of(current.job, _days_since(output, directory))
    broken = list(input_change.broken_limits(change, limits))
    record = {"run": run, **asdict(change), "limits": asdict(limits), "broken": broken, "accepted": bool(broken)}
    _measure(current, change)
    lines = [_sentence(name, change, limits) for name in broken]
    if "accounts" in broken and (cause := _other_ids(current, directory, earlier, parts)):
        lines[0] += f"; new ids are those of accounts that are gone, written otherwise: {cause}"
    if broken and not accept:
        where = f"{current.job.input.name}: compared with run {run}"
        message = "\n".join([*(f"{where}: {line}" for line in lines), _REMEDY])
        raise GateError(message, [{**record, "accepted": False}], gate=_GATE)
    for line in lines:
        current.progress.notice(f"input accepted although, compared with run {run}, {line}")
    return record


def _checkpoint_name(output: Location) -> str:
    """Return the name of the stored comparison; it changes with the compared version and its score files."""
    version = str((pointer_of(output) or {}).get("version"))
    directory = RunDirectory(output, version)
    there = sorted(sizes_below(directory.scores).items()) if directory.scores.is_dir() else []
    text = json.dumps((directory.manifest(), there), sort_keys=True)
    return f"input-{version}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _compare(
    run: Run, output: Location, earlier: EarlierRun | None, parts: Sequence[PartRows]
) -> tuple[str, InputChange] | None:
    """Return the key of the run before and the change of the input since; None if no run can be read."""
    base = _base_of(run, output, earlier)
    return (base.run, input_change.compare(base.sales, _sales_of(parts))) if base else None


def _limits_of(job: Job, days: float | None) -> InputChangeLimits:
    """Return the limits of change for so many days after the run before."""
    rules = job.input
    return input_change.limits_after(days, rules.max_gone_share, rules.max_customer_change, rules.max_sales_change)


def _days_since(output: Location, directory: RunDirectory) -> float | None:
    """Return the days since a run became valid, by the ledger of the output in which it is current."""
    ledger = output if current_version(output) == directory.run_key else directory.output
    return history.days_since(ledger, directory.run_key)


def _base_of(run: Run, output: Location, earlier: EarlierRun | None) -> _Base | None:
    """Return the run before; None, with a notice if there is one that cannot be read."""
    version = current_version(output)
    if version is not None and (earlier is None or earlier.directory.run_key != version):
        base = _read_base(run, RunDirectory(output, version))
        if base is not None or earlier is None:
            return base
    elif version is None and (output / CURRENT).exists():
        _not_compared(run, str(output / CURRENT), "it cannot be read")
    if earlier is None:
        return None
    return _Base(earlier.directory, earlier.scored[1])


def _read_base(run: Run, directory: RunDirectory) -> _Base | None:
    """Return the accounts of a run; None, with a notice, if they are missing or not complete."""
    try:
        sales = read_sales(directory, run.columns.id_form)
        scored = (directory.manifest() or {})["rows"]["scored"]
    except RetryableError:
        raise
    except (OSError, ValueError, KeyError, TypeError, InputContractError) as error:
        _not_compared(run, str(directory.path), f"its scores cannot be read ({type(error).__name__})")
        return None
    if len(sales.accounts) != scored:
        _not_compared(run, str(directory.path), f"{len(sales.accounts):,} of its {scored:,} scores are there")
        return None
    return _Base(directory, sales)


def _not_compared(run: Run, where: str, why: str) -> None:
    """Give a notice that the input was not compared with the current version, and why."""
    run.progress.notice(f"input: not compared with the current version: {where}: {why}; tamscore verify says more")


def _sales_of(parts: Sequence[PartRows]) -> AccountSales:
    """Return the accounts that may be scored now, and their sales."""
    hashes, customers, sales = [], [], []
    for part in parts:
        scored = part.reason == Reason.SCORED
        buys = scored[part.buyers]
        hashes.append(part.hashes if scored.all() else part.hashes[scored])
        customers.append(part.hashes[part.buyers[buys]])
        sales.append(part.bought[buys])
    return in_order(hashes, customers, sales)


def _other_ids(run: Run, directory: RunDirectory, earlier: EarlierRun | None, parts: Sequence[PartRows]) -> str:
    """Return the likely cause why the run before does not know ids, "" if no cause is likely."""
    columns = run.columns
    if earlier and earlier.directory == directory:
        before = earlier.scored[1].accounts
    else:
        before = read_sales(directory, columns.id_form).accounts
    for part in parts:
        known = duplicates.stand_among(part.hashes, before)
        strange = np.flatnonzero((part.reason == Reason.SCORED) & ~known)[: join_causes.SAMPLE]
        if len(strange):
            table = tables.read(part.partition, [columns.account_id]).take(strange)
            sample = tables.account_ids(table[columns.account_id], columns.id_form).to_pylist()
            return join_causes.likely_cause(sample, read_ids(directory, columns.id_form)).cause
    return ""


def _measure(run: Run, change: InputChange) -> None:
    """Store the figures for metrics."""
    run.progress.figures["input_gone_share"] = change.gone_share
    if change.customers_before:
        run.progress.figures["input_customers_ratio"] = change.customers_now / change.customers_before
        run.progress.figures["input_sales_ratio"] = change.sales_now / change.sales_before


def _sentence(name: str, change: InputChange, limits: InputChangeLimits) -> str:
    """Return what is wrong at a broken limit: figures before and now, the limit, and the setting that holds it."""
    return {"accounts": _accounts, "customers": _customers, "sales": _sales, "ids": _ids, "unit": _unit}[name](
        change, limits
    )


def _accounts(change: InputChange, limits: InputChangeLimits) -> str:
    """Return the sentence on accounts that are gone."""
    text = (
        f"{change.gone:,} of {change.accounts_before:,} accounts are gone ({change.gone_share:.1%}) and "
        f"{change.new:,} of {change.accounts_now:,} are new; allowed are {limits.gone:.1%} gone (input.max_gone_share)"
    )
    return text if change.gone < change.accounts_before else f"{text}; no id is known: are these ids of another kind?"


def _customers(change: InputChange, limits: InputChangeLimits) -> str:
    """Return the sentence on customers won or lost."""
    return (
        f"there were {change.customers_before:,} customers and are {change.customers_now:,} now; allowed is a change "
        f"of {limits.customers:.1%} (input.max_customer_change)"
    )


def _sales(change: InputChange, limits: InputChangeLimits) -> str:
    """Return the sentence on sum and median of sales."""
    return (
        f"sales of customers changed from {_amount(change.sales_before)} to {_amount(change.sales_now)} in sum and "
        "from "
        f"{_amount(change.median_before)} to {_amount(change.median_now)} in the median; allowed is a factor of "
        f"{limits.sales:g} (input.max_sales_change)"
    )


def _ids(change: InputChange, _: InputChangeLimits) -> str:
    """Return the sentence on sales that do not follow those of the run before."""
    if change.correlation is None:
        return (
            f"only {change.both:,} accounts are among both the {change.customers_before:,} customers before and the "
            f"{change.customers_now:,} now, about as many as by chance: are ids or sales those of other accounts?"
        )
    return (
        f"sales of the {change.both:,} accounts that buy in both runs have rank correlation {change.correlation:.2f}, "
        f"expected at least {input_change.LEAST_CORRELATION}: are ids or sales those of other accounts?"
    )


def _unit(change: InputChange, _: InputChangeLimits) -> str:
    """Return the sentence on sales in another unit."""
    return (
        f"sales of {change.hundredfold:.1%} of the {change.both:,} accounts that buy in both runs changed 100-fold or "
        f"more, allowed are {input_change.MOST_OF_THEM:.0%}: are they in another unit?"
    )


def _amount(sales: float | None) -> str:
    """Return an amount of sales in full."""
    return "none" if sales is None else f"{sales:,.2f}"
