"""Packages that only some sources need."""

from __future__ import annotations

from importlib.util import find_spec

from tamscore.errors import UsageError

EXTRA = "lakehouse"


def require_package(package: str, format_: str, key: str, place: object) -> None:
    """Raise UsageError that names the extra if a package is not installed."""
    if find_spec(package) is None:
        raise UsageError(
            f"{key}: {str(place)!r} is a {format_} table, and the package {package!r} that reads it is not installed; "
            f"install tamscore with its extra {EXTRA!r}, or write the table as plain Parquet"
        )
