"""The database of a query, and the meaning of its errors; no message contains its password."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias
from urllib.parse import unquote

from tamscore.errors import RetryableError, UsageError, first_line
from tamscore.schema import POSTGRESQL_SCHEMES, VARIABLE
from tamscore.store import contents
from tamscore.store.formats import HEAD_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

Kind: TypeAlias = Literal["PostgreSQL", "SQLite", "DuckDB"]
KEY = "input.sql"
_EXPECTED = "expected postgresql://USER@HOST/DATABASE, or the path of a SQLite or DuckDB file"
_SEPARATORS = re.compile(r"[:/@?#&=\s]+")
_PASSWORD = re.compile(r"[?&\s][^=&]*passw[^=&]*=([^&\s]*)", re.IGNORECASE)
_LATER = re.compile(
    r"starting up|shutting down|too many (?:clients|connections)|connection slots|closed the connection|"
    r"terminating connection|could not (?:serialize|connect|translate)|Connection refused|timeout|deadlock|"
    r"database is locked|Conflicting lock|No such file or directory|canceling statement",
    re.IGNORECASE,
)
"""Texts of database errors after which the same query may succeed later."""


@dataclass(frozen=True)
class SourceDatabase:
    """A database by its kind, the address for its driver, and its name in messages.

    The address, which may hold a password, is in no message and no repr.
    """

    kind: Kind
    address: str = field(repr=False)
    name: str

    def without_secrets(self, text: str) -> str:
        """Return the text with the address and every password replaced by ***."""
        for secret in sorted(_secrets_of(self.address), key=len, reverse=True):
            text = text.replace(secret, "***")
        return text


def database_at(connection: str) -> SourceDatabase:
    """Return the database that `input.connection` names; raise UsageError if there is none."""
    text = _from_environment(connection)
    if text.startswith(POSTGRESQL_SCHEMES):
        return SourceDatabase("PostgreSQL", text, connection)
    path = Path(text)
    shown = repr(text) if text == connection else f"something else in {connection.removeprefix(VARIABLE)}"
    if not path.is_file():
        raise UsageError(f"input.connection: {_EXPECTED}, got {shown}, where there is no file")
    head = contents.beginning(path, HEAD_BYTES)
    if head.startswith(b"SQLite format 3\0"):
        return SourceDatabase("SQLite", text, connection)
    if head[8:12] == b"DUCK":
        return SourceDatabase("DuckDB", text, connection)
    raise UsageError(f"input.connection: {_EXPECTED}, got {shown}, a file of another kind")


def _from_environment(connection: str) -> str:
    """Return the address of a connection, from the environment if it begins with env:."""
    if not connection.startswith(VARIABLE):
        return connection
    name = connection.removeprefix(VARIABLE)
    if not (text := os.environ.get(name, "").strip()):
        raise UsageError(f"input.connection: the environment variable {name} is not set; let it hold the address")
    return text


def _secrets_of(address: str) -> set[str]:
    """Return the parts of an address that no message may contain: passwords, whole and as a parser may split them."""
    names = {os.environ.get("PGPASSWORD", ""), *_PASSWORD.findall(address)}
    if address.startswith(POSTGRESQL_SCHEMES):
        user, at, _ = address.partition("://")[2].rpartition("@")
        password = user.partition(":")[2]
        if at and password:
            names |= {address, password, *_SEPARATORS.split(password)}
    names |= {unquote(item) for item in names}
    return names - {""}


@contextmanager
def asking(database: SourceDatabase) -> Iterator[None]:
    """Turn errors of a driver into UsageError, or RetryableError if the same query may succeed later."""
    try:
        yield
    except Exception as error:
        if not _is_of_driver(error):
            raise
        without_secrets = database.without_secrets(_said_by(error))
        later = _LATER.search(without_secrets)
        what = "the database does not answer" if later else "the database refuses"
        remedy = "see that it runs and can be reached, then run again" if later else "look at the query and the rights"
        kind = RetryableError if later else UsageError
        raise kind(f"{KEY}: {database.name}: {what}: {without_secrets}; {remedy}") from None


def _is_of_driver(error: Exception) -> bool:
    """Return whether an error comes from a driver, which raises OSError while rows arrive."""
    module = type(error).__module__
    return isinstance(error, OSError) or module.startswith(("adbc_driver_manager", "_duckdb", "duckdb"))


def _said_by(error: Exception) -> str:
    """Return the message of an error on one line, without the driver's decoration."""
    lines = [line.strip() for line in str(error).splitlines() if "ERROR:" in line or "FATAL:" in line]
    text = lines[0] if lines else first_line(error)
    return re.sub(r"^.*?((?:ERROR|FATAL): +)", "", text).rstrip(". ")
