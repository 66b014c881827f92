"""The input of a run compared with the run before, as a table of the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.view.blocks import Cell, table
from tamscore.view.words import NOTHING, change, exact, share

if TYPE_CHECKING:
    from tamscore.view.blocks import Table


def input_table(record: dict[str, Any]) -> Table:
    """The figures before and now with their limits, from `input_change` of the manifest."""
    limits, broken = record["limits"], record["broken"]
    amounts = f"factor {limits['sales']:g}"
    rows = [
        ("accounts gone", "", _gone(record), share(limits["gone"], 1), "accounts"),
        ("accounts new", "", f"{record['new']:,}", "", ""),
        *(
            _counts(record, "accounts", "", ""),
            _counts(record, "customers", f"±{share(limits['customers'], 1)}", "customers"),
        ),
        _money(record, "sales", "sales of customers", amounts),
        _money(record, "median", "median of customers' sales", amounts),
        ("rank correlation of sales", "", _decimal(record["correlation"]), "at least 0.4", "ids"),
        ("sales changed 100-fold", "", _percent(record["hundredfold"]), "3%", "unit"),
    ]
    note = f"Correlation and 100-fold changes are over the {record['both']:,} accounts that buy in both runs."
    return table(
        f"The input compared with run {record['run']}",
        "what|>before|>now|>limit|",
        [(what, before, now, limit, _verdict(name in broken)) for what, before, now, limit, name in rows],
        f"{note} The limits were broken, and a person accepted it." if record["accepted"] else note,
    )


def _verdict(is_broken: bool) -> Cell:  # noqa: FBT001 - the only thing to say
    """The mark of a limit that is broken."""
    return Cell("broken", mark="poor") if is_broken else Cell("")


def _gone(record: dict[str, Any]) -> str:
    """Accounts that are gone, with their share."""
    return f"{record['gone']:,} ({share(record['gone'], record['accounts_before'])})"


def _counts(record: dict[str, Any], what: str, limit: str, name: str) -> tuple[str, str, str, str, str]:
    """A row of counts before and now."""
    before, now = record[f"{what}_before"], record[f"{what}_now"]
    return what, f"{before:,}", f"{now:,} ({change(before, now)})", limit, name


def _money(record: dict[str, Any], key: str, what: str, limit: str) -> tuple[str, str, str, str, str]:
    """A row of amounts before and now."""
    before, now = record[f"{key}_before"], record[f"{key}_now"]
    if before is None or now is None:
        return what, _amount(before), _amount(now), limit, "sales"
    return what, _amount(before), f"{_amount(now)} ({change(before, now)})", limit, "sales"


def _amount(sales: float | None) -> str:
    """An amount, or that there is none."""
    return NOTHING if sales is None else exact(sales)


def _decimal(value: float | None) -> str:
    """A number with two places, or that there is none."""
    return NOTHING if value is None else f"{value:.2f}"


def _percent(value: float | None) -> str:
    """A share, or that there is none."""
    return NOTHING if value is None else share(value, 1)
