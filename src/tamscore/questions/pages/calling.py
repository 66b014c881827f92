"""Why an account is called when it is: how much is open, how likely it is won, what may be expected, what next."""

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
"""How roles that are no person do what is next."""


def priority_sentence(account: Mapping[str, Any]) -> str:
    """Return in one sentence why an account has its place; "" for a run that gives no places."""
    if account.get("priority") is None or account["whitespace"] is None:
        return ""
    items = [open_money(account), likely(account)]
    if account["expected_value"] is not None:
        items.append(f"{money(account['expected_value'])} may be expected")
    items += filter(None, [roles_missing(account)])
    return f"{'; '.join(items)}; next: {next_step(account)}."


def chance_of(account: Mapping[str, Any]) -> float | None:
    """Return how likely the account is won; None where nothing tells, as for customers that count as won."""
    assumed = account.get("p_basis") == "win_rate" and account.get("probability") == 1
    return None if assumed else account.get("probability")


def open_money(account: Mapping[str, Any]) -> str:
    """Return what is open, beside what the account buys already."""
    buys = account["sales"] is not None and account["sales"] > 0
    return f"{money(account['whitespace'])} open" + (f" beside {money(account['sales'])} bought" if buys else "")


def likely(account: Mapping[str, Any]) -> str:
    """Return how likely the account is won, and how that is known; customers count as won unless something tells."""
    chance, kind = chance_of(account), "customers" if account["kind"] == "expansion" else "prospects"
    if chance is None:
        return "a customer already"
    return _LIKELY[account["p_basis"]].format(chance=f"{100 * chance:.2g}%", kind=kind)


def roles_missing(account: Mapping[str, Any]) -> str | None:
    """Return which buying roles nobody has there; None for none, and where nobody looked."""
    missing = account.get("buying_roles_missing")
    return f"no contact is {clean(missing.replace('|', ' or '))}" if missing else None


def next_step(account: Mapping[str, Any]) -> str:
    """Return what to do, who does it, and with which product where one is known."""
    role = account.get("role") or account["suggested_role"]
    who = f"by {clean(account['person'])}" if account.get("person") else _ROLE.get(role) or f"by the {words(role)}"
    offer = f", with {clean(account['next_offer'])}" if account.get("next_offer") else ""
    return f"{words(account['play'])} {who}{offer}"


def reasons_to_call(accounts: Sequence[Mapping[str, Any]]) -> Points:
    """Return the sentence of each account, under its name."""
    named = [Point(f"{account_name(account)}:", priority_sentence(account)) for account in accounts]
    return Points(tuple(point for point in named if point.text), "Why they come first")


def account_name(account: Mapping[str, Any]) -> str:
    """Return what an account is called: its name, or its id if it has none."""
    return clean(account.get("name") or account["account_id"])


def anchor_of(account: Mapping[str, Any]) -> str:
    """Return the anchor of what a report tells of an account: its place, which no other of its party type has."""
    return f"account-{account['party_type'].replace('_', '-')}-{account.get('priority') or account['rank']}"
