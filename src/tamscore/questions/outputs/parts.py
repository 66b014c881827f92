"""Keys that several outputs share."""

from __future__ import annotations

Keys = dict[str, str]
"""Meanings by key, each begun with the type: `integer: rows of the input`."""


def under(key: str, keys: Keys) -> Keys:
    """Return keys as those of an object, or of the items of a list, that stands at another key."""
    return {f"{key}.{name}": meaning for name, meaning in keys.items()}


RUN = {"run": "string: key of the version that was read"}
SCORES = "columns of the scores: `tamscore schema scores`"
ACCOUNTS_AND_MONEY = {
    "accounts": "number: accounts",
    "potential": "number: sum of their potential",
    "whitespace": "number: sum of their whitespace",
}
SUMS = {**ACCOUNTS_AND_MONEY, "sales": "number: sum of their sales"}
DEVICE = {
    "device": "object: what it was computed on",
    "device.name": "string: `cpu` or `cuda`",
    "device.reason": "string: why this one",
}
ROWS = {
    "read": "integer: rows of the input",
    "scored": "integer: rows scored; read = scored + rejected",
    "rejected": "object: rows rejected, by reason",
    "rejected.*": "integer: rows",
    "flagged": "object: rows scored that have something odd, by what it is",
    "flagged.*": "integer: rows",
    "filled": "object: missing values filled, by feature",
    "filled.*": "integer: values",
}
JOINED = {
    "table": "string: where the table lies",
    "key": "string: the column that names what its rows belong to",
    "rows": "integer: rows of the table",
    "met": "integer: rows that met what they name",
    "strangers": "integer: different values that met nothing",
    "blank": "integer: rows that name nothing",
    "first": "string?: the first value that met nothing",
    "row": "integer?: its row, counted from 1",
    "known": "string?: a value that a row could have met",
    "cause": "string: what may be wrong and what to do; empty where that is not known",
    "what": "string: what a value names, such as an account",
}
INPUT_CHANGE = {
    "run": "string: key of the version compared with",
    "accepted": "boolean: whether a person has accepted it",
    "broken": "list: limits that it breaks",
    "broken[]": "string: a limit",
    "limits": "object: the limits, by name",
    "limits.*": "number: a limit",
    "accounts_before": "integer: accounts of that version",
    "accounts_now": "integer: accounts now",
    "both": "integer: customers of both",
    "gone": "integer: accounts that have left",
    "new": "integer: accounts that have come",
    "customers_before": "integer: customers of that version",
    "customers_now": "integer: customers now",
    "sales_before": "number?: their sales then",
    "sales_now": "number?: their sales now",
    "median_before": "number?: median sales of a customer then",
    "median_now": "number?: median sales of a customer now",
    "correlation": "number?: rank correlation of the sales of customers of both",
    "hundredfold": "number?: share of them whose sales are a hundred times as large or small",
}
CLUSTER = {
    "party_type": "string: party type",
    "cluster": "string: its id",
    "name": "string: its name in words",
    "support": "integer: customers that its ladder comes from",
    "basis": "string: where the ladder comes from: cluster, parent, party or none",
    "parent": "string?: the group it borrows from",
    "low_support": "boolean: whether it has too few customers of its own",
}
"""What a cluster is, in `show` and `explain`."""
