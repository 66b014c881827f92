"""Sentences on each account in a list: why it is called, what is urgent, what changed; once for equal facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamscore.arrow import float_column, nullable
from tamscore.questions.pages.calling import likely, next_step, open_money, roles_missing
from tamscore.view.words import money

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    _Account = Mapping[str, Any]

OPEN, LIKELY, NEXT = (
    ("sales", "whitespace"),
    ("kind", "probability", "p_basis"),
    ("play", "role", "suggested_role", "person", "next_offer"),
)
"""The columns that the parts of the sentence use."""
ROLES = ("buying_roles_missing",)
URGENT = ("account_state", "churn_alert", "renewal_due", "renews_on")
_COARSE = ("sales", "whitespace", "expected_value", "probability")
"""Columns that sentences give with two significant digits."""
_BETWEEN = "; "
_MOST_CODES = 2**62


def priority_sentences(accounts: pa.Table) -> pa.Array:
    """Return why each account (m,) has its place, in the sentence of `explain`; '' for an account without a place."""
    if "expected_value" not in accounts.column_names:
        return pa.array([""] * accounts.num_rows, pa.string())
    parts = [
        by_distinct(accounts, OPEN, open_money),
        by_distinct(accounts, LIKELY, likely),
        by_distinct(accounts, ("expected_value",), _expected_sentence),
        *(by_distinct(accounts, (name,), roles_missing) for name in ROLES if name in accounts.column_names),
        by_distinct(accounts, NEXT, lambda account: f"next: {next_step(account)}."),
    ]
    known = pc.and_(accounts["priority"].is_valid(), accounts["whitespace"].is_valid())
    return pc.if_else(known.combine_chunks(), join(parts), "")


def _expected_sentence(account: _Account) -> str | None:
    """Return the expected value of an account as text, None if it is not known."""
    return None if account["expected_value"] is None else f"{money(account['expected_value'])} may be expected"


def urgent(accounts: pa.Table, buying: pa.Array | None = None) -> pa.Array:
    """Return the urgent facts about each account (m,): left, may leave, contract ends, buying alert; '' for none.

    `buying` (m,) is the reason of a buying alert, null for accounts without one.
    """
    parts = [by_distinct(accounts, URGENT, _alerts)] if any(name in accounts.column_names for name in URGENT) else []
    if buying is not None:
        text = pc.binary_join_element_wise("buying: ", buying, "")
        parts.append(text)
    return join(parts) if parts else pa.array([""] * accounts.num_rows, pa.string())


def _alerts(account: _Account) -> str | None:
    """Return the urgent facts about an account in a run, None for none."""
    items = []
    if account.get("account_state") == "left":
        items.append("left: win it back")
    if account.get("churn_alert"):
        items.append("may leave: sales fell")
    if account.get("renewal_due"):
        items.append(f"contract ends {account['renews_on']}")
    return _BETWEEN.join(items) or None


def join(parts: Sequence[pa.Array]) -> pa.Array:
    """Return parts of sentences (m,) joined, without null parts; '' if all parts are null."""
    # The leading "" is needed: Arrow loses rows that are null in every part.
    led = pc.binary_join_element_wise("", *parts, _BETWEEN, null_handling="skip")
    return pc.utf8_slice_codeunits(led, len(_BETWEEN))


def by_distinct(accounts: pa.Table, names: Sequence[str], tell: Callable[[_Account], str | None]) -> pa.Array:
    """Return the text of `tell` for each account (m,), computed once for equal values of the columns that exist."""
    there = [name for name in names if name in accounts.column_names]
    known = accounts.select(there)
    for place, name in enumerate(there):
        known = known.set_column(place, name, _coarse(known[name])) if name in _COARSE else known
    code, size = np.zeros(accounts.num_rows, np.int64), 1
    for column in known.columns:
        encoded = column.combine_chunks().dictionary_encode()
        missing = len(encoded.dictionary)
        indices = encoded.indices.cast(pa.int64()).fill_null(missing)
        if size * (missing + 1) >= _MOST_CODES:
            size, code = _number(code)
        code = code * (missing + 1) + indices.to_numpy(zero_copy_only=False)
        size *= missing + 1
    count, code = _number(code)
    first = np.empty(count, np.int64)
    first[code[::-1]] = np.arange(len(code))[::-1]  # the last write is that of the first row
    texts = [tell(item) for item in known.take(first).to_pylist()]
    return pa.array(texts, pa.string()).take(pa.array(code))


def _number(codes: Any) -> tuple[int, Any]:
    """Return the number of distinct codes, and the place (m,) int32 of each code among them."""
    encoded = pa.array(codes).dictionary_encode()
    return len(encoded.dictionary), encoded.indices.to_numpy()


def _coarse(column: pa.ChunkedArray) -> pa.Array:
    """Return numbers (m,) with two significant digits, so that few are distinct.

    Numbers halfway between two such numbers stay as they are, since a text may round them otherwise. So do 1 and
    numbers near it: certainty is not a rounded number.
    """
    values = float_column(column)
    size = np.abs(np.where(np.isfinite(values), values, 0.0))
    unit = 10.0 ** (np.floor(np.log10(size, out=np.zeros(len(size)), where=size > 0)) - 1)
    scaled = values / unit
    exact = (size == 0) | (np.abs(np.abs(scaled - np.floor(scaled)) - 0.5) < 1e-6) | ((size > 0.9) & (size < 1.1))
    return nullable(np.where(exact, values, np.round(scaled) * unit))
