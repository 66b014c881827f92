"""Packages that only some sources need."""

from __future__ import annotations

from importlib.util import find_spec

from tamscore.errors import UsageError
from tamscore.optional_packages import with_extra


def require_package(package: str, extra: str, key: str, what: str) -> None:
    """Raise UsageError that names the extra if the package that reads `what` is not installed."""
    if find_spec(package) is None:
        raise UsageError(
            f"{key}: {what} is read by the package {package!r}, which is not installed; {with_extra(extra)}, or "
            f"write the table as plain Parquet"
        )
