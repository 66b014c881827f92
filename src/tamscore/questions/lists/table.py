"""A list as a flat table, and what every list comes to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamscore.arrow import float_column
from tamscore.questions.export import VERSION, to_the_cent
from tamscore.schema import FAMILY
from tamscore.sections.products.view import NAMES
from tamscore.store.holdouts import MARK_COLUMN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.questions.lists.gather import WorkList

OPEN_PRODUCTS = tuple(column for name in NAMES for column in (name, f"{name}_whitespace"))
"""The products with the most whitespace, each with its amount."""

_COLUMNS = (
    *("priority", "account_id", "name", "party_type", "market_segment", "kind", "tier", "play", "why", "sales"),
    *("potential", "whitespace", "probability", "expected_value", "next_offer", *OPEN_PRODUCTS),
    *("alerts", "last_order", "changed", "customer_job", "customer_job_proposition", "customer_job_theme"),
    "buying_roles_missing",
    *("role", "service_level", "person", "hours", "campaign_id", "campaign_channel", "campaign_message"),
    *(MARK_COLUMN, FAMILY, "family_members"),
)
"""The columns of a list in its file, those that there are."""
_AMOUNTS = ("sales", "potential", "whitespace", "expected_value", *OPEN_PRODUCTS[1::2])
_OF_CAMPAIGNS = ("campaign_id", "campaign_channel", "campaign_message")


def flat(accounts: pa.Table, version: str) -> pa.Table:
    """Return accounts of a list as its file holds them: amounts to the cent, and the version of the scores."""
    names = [name for name in _COLUMNS if name in accounts.column_names]
    columns = {name: to_the_cent(accounts[name]) if name in _AMOUNTS else accounts[name] for name in names}
    return pa.table({**columns, VERSION: pa.repeat(pa.scalar(version, pa.string()), accounts.num_rows)})


def total(work_list: WorkList, column: str, kind: str | None = None) -> float | None:
    """Return the sum of a column, to the cent each, over a list or its accounts of a kind; None where unknown."""
    result = work_list.column(column)
    if result is None:
        return None
    values = np.round(np.nan_to_num(float_column(result)), 2)
    if kind is not None:
        values = values[pc.equal(work_list.column("kind"), kind).to_numpy()]
    return float(values.sum())


def summary(lists: Sequence[WorkList], stems: dict[tuple[str, str], str]) -> list[dict[str, Any]]:
    """Return a row for every list: whose it is, its files, how many accounts it has, and what these come to."""
    return [
        {
            "list": work_list.kind,
            "name": work_list.name,
            "role_or_channel": work_list.by,
            "accounts": len(work_list),
            "expansion": _to_cent(total(work_list, "whitespace", "expansion")),
            "acquisition": _to_cent(total(work_list, "whitespace", "acquisition")),
            "expected_value": _to_cent(total(work_list, "expected_value")),
            "hours_planned": _to_cent(total(work_list, "hours") if work_list.kind == "person" else None),
            "hours_available": work_list.hours,
            "file": f"{stems[work_list.kind, work_list.name]}.csv",
            "page": f"{stems[work_list.kind, work_list.name]}.html",
        }
        for work_list in lists
    ]


def _to_cent(value: float | None) -> float | None:
    """Return an amount to the cent."""
    return None if value is None else round(value, 2)
