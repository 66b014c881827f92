"""The keys of [look_alike]."""

from __future__ import annotations

from tamscore.config.section import SectionSettings


class LookAlikeSettings(SectionSettings):
    """Likeness of each account to the customers; no label is needed."""

    enabled: bool = True
    """Whether customers are compared with prospects by their features, and the scores have a column `look_alike`."""
