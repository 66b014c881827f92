"""The section of the job file about the head of the report."""

from __future__ import annotations

from tamscore.config.settings import Settings
from tamscore.config.values import Text  # noqa: TC001 - read at run time


class Report(Settings):
    """The head of the report, of the one-pager and of show; no score depends on it."""

    title: Text | None = None
    """Title of the report; absent: the company, else the folder of the input."""
    company: Text | None = None
    """Company that sells, for the head of the report."""
    currency: Text | None = None
    """Currency of the amounts in sentences, such as EUR; absent: currency.target, else none is named."""
    period: Text | None = None
    """Period of the sales, such as "July 2025 to June 2026"."""
    owner: Text | None = None
    """Person or team that answers questions about the report."""
