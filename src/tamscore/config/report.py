"""The section of the job file that says what the report is called and who answers for it."""

from __future__ import annotations

from tamscore.config.settings import Settings
from tamscore.config.values import Text  # noqa: TC001 - read at run time


class Report(Settings):
    """What stands at the head of the report, of the one-pager and of show; no score depends on it."""

    title: Text | None = None
    """Title of the report; absent: the company, else the folder of the input."""
    company: Text | None = None
    """Company that sells, as the head of the report names it."""
    currency: Text | None = None
    """Currency of the amounts, such as EUR, as sentences name it; absent: currency.target, else none is named."""
    period: Text | None = None
    """Period that the sales are of, such as "July 2025 to June 2026"."""
    owner: Text | None = None
    """Person or team that answers questions about the report."""
