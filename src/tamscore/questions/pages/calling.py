"""Why an account is called: how much is open, how likely a win is, what is expected, and the next step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.view.blocks import Point, Points
from tamscore.view.words import clean, money, words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LIKELY = {
    "propensity": "{chance} likely to buy, by who bought before",
    "look_alike": "{chance} likely to be won, by how much it looks like customers",
    "growth": "{chance} likely to buy more, by whose sales grew before",
    "win_rate": "{chance} likely to be won, as is assumed of all {kind}",
}
_ROLE = {"digital": "by digital means alone"}
"""Texts for roles that are not people."""


def priority_sentence(account: Mapping[str, Any]) -> str:
    """Return in one sentence why an account has its place; "" for a run without places."""
    if account.get("priority") is None or account["whitespace"] is None:
        return ""
    items = [open_money(account), likely(account)]
    if account["expected_value"] is not None:
        items.append(f"{money(account['expected_value'])} may be expected")
    items += filter(None, [roles_missing(account)])
    return f"{'; '.join(items)}; next: {next_step(account)}."


def chance_of(account: Mapping[str, Any]) -> float | None:
    """Return the account's probability; None if nothing is known, as for customers that count as won."""
    assumed = account.get("p_basis") == "win_rate" and account.get("probability") == 1
    return None if assumed else account.get("probability")


def open_money(account: Mapping[str, Any]) -> str:
    """Return the whitespace as text, with the account's sales if it buys."""
    buys = account["sales"] is not None and account["sales"] > 0
    return f"{money(account['whitespace'])} open" + (f" beside {money(account['sales'])} bought" if buys else "")


def likely(account: Mapping[str, Any]) -> str:
    """Return the probability and its basis as text; customers count as won unless a probability is known."""
    chance, kind = chance_of(account), "customers" if account["kind"] == "expansion" else "prospects"
    if chance is None:
        return "a customer already"
    return _LIKELY[account["p_basis"]].format(chance=f"{100 * chance:.2g}%", kind=kind)


def roles_missing(account: Mapping[str, Any]) -> str | None:
    """Return the buying roles without a contact as text; None if there are none, or contacts are not known."""
    missing = account.get("buying_roles_missing")
    return f"no contact is {clean(missing.replace('|', ' or '))}" if missing else None


def next_step(account: Mapping[str, Any]) -> str:
    """Return the next step: what to do, who does it, and with which product if one is known."""
    role = account.get("role") or account["suggested_role"]
    who = f"by {clean(account['person'])}" if account.get("person") else _ROLE.get(role) or f"by the {words(role)}"
    offer = f", with {clean(account['next_offer'])}" if account.get("next_offer") else ""
    return f"{words(account['play'])} {who}{offer}"


def reasons_to_call(accounts: Sequence[Mapping[str, Any]]) -> Points:
    """Return the sentence of each account, under its name."""
    named = [Point(f"{account_name(account)}:", priority_sentence(account)) for account in accounts]
    return Points(tuple(point for point in named if point.text), "Why they come first")


def account_name(account: Mapping[str, Any]) -> str:
    """Return the name of an account, or its id if it has no name."""
    return clean(account.get("name") or account["account_id"])


def anchor_of(account: Mapping[str, Any]) -> str:
    """Return the anchor of an account in a report: its place, which is unique within its party type."""
    return f"account-{account['party_type'].replace('_', '-')}-{account.get('priority') or account['rank']}"
