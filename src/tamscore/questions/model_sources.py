"""Where the model of a run comes from, and how its input differs from that of the run before, in words."""

from __future__ import annotations

from typing import Any

from tamscore.view.words import change, count_text, money, share


def since(model_source: dict[str, Any]) -> str:
    """Return where the model of a run comes from, in words."""
    if model_source.get("source", "fitted") == "fitted":
        return "fitted anew"
    known, moved = model_source["accounts_known"], model_source["accounts_relabelled"]
    how = {"frozen": "frozen, from run", "refreshed": "refreshed from run"}[model_source["source"]]
    own = "; cut lines of its own" if model_source.get("ladders") == "own" else ""
    text = share(known - moved, known)
    return f"{how} {model_source['run']}{own}; {text} of the {known:,} accounts known to it keep their cluster"


def input_since(record: dict[str, Any]) -> str:
    """How the input of a run differs from that of the run before, in one line; figures as the manifest has them."""
    accounts, customers = record["accounts_before"], record["customers_before"]
    text = (
        f"compared with run {record['run']}: {share(record['gone'], accounts)} of {count_text(accounts, 'account')} "
        "gone, "
        f"{share(record['new'], accounts)} new; customers {change(customers, record['customers_now'])}, "
        f"sales {money(record['sales_before'])} → {money(record['sales_now'])}"
    )
    return f"{text}; accepted" if record["accepted"] else text
