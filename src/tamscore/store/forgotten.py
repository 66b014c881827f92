"""Accounts that have left versions: salted hashes of their ids in the ledger, by which who names one is answered.

A hash costs about 10 ms on purpose: who has the ledger and a list of ids would have to pay it for every id.
"""

from __future__ import annotations

import hashlib
import secrets
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from tamscore.store import history

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tamscore.store.location import Location

_ROUNDS = 20_000
"""Rounds of PBKDF2-HMAC-SHA-256."""


@lru_cache(maxsize=1 << 16)
def _hash_ids(account: str, salt: str, rounds: int) -> str:
    """Return the salted hash of an account's id as it is compared, hexadecimal."""
    return hashlib.pbkdf2_hmac("sha256", account.encode(), bytes.fromhex(salt), rounds, 16).hex()


def new_salt() -> str:
    """Return a salt, hexadecimal."""
    return secrets.token_hex(16)


def record_of(accounts: Iterable[str], salt: str) -> dict[str, Any]:
    """Return the hashes of accounts as the ledger holds them: salt, rounds, and the hashes in order."""
    return {
        "salt": salt,
        "rounds": _ROUNDS,
        "hashes": sorted(_hash_ids(account, salt, _ROUNDS) for account in accounts),
    }


def forgotten_at(output: Location, version: str, account: str) -> str | None:
    """Return when an account left a version (UTC); None where the ledger does not know it. The id as it is compared."""
    for entry in reversed(history.entries(output)):
        forgotten = entry.forgotten
        if (
            forgotten
            and entry.version == version
            and _hash_ids(account, forgotten["salt"], forgotten["rounds"]) in forgotten["hashes"]
        ):
            return entry.at
    return None


def count_from(output: Location, version: str) -> int:
    """Return how many accounts have left a version, as the ledger says."""
    entries = [entry.forgotten for entry in history.entries(output) if entry.version == version]
    return sum(len(record["hashes"]) for record in entries if record)
