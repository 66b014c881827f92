"""Packages that only some targets need."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from tamscore.errors import UsageError
from tamscore.optional_packages import with_extra


def library(module: str, extra: str, what: str) -> Any:
    """Return the module that writes `what`; raise UsageError that names its extra where it is not installed."""
    try:
        return import_module(module)
    except ImportError as error:
        raise UsageError(
            f"--to: {what} is written by the package {module.partition('.')[0]!r}, which is not installed; "
            f"{with_extra(extra)}"
        ) from error
