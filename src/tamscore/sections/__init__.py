"""The sections of the job file that have rooms of their own, and the one registry that everything walks.

The job file's keys, the columns of the scores, `show`, `report`, `explain` and the reference all follow from it.
"""

from __future__ import annotations

from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from tamscore.sections.alerts import AlertsSection
from tamscore.sections.backtest import BacktestSection
from tamscore.sections.buying_roles import BuyingRolesSection
from tamscore.sections.campaigns import CampaignsSection
from tamscore.sections.coverage import CoverageSection
from tamscore.sections.families import FamiliesSection
from tamscore.sections.jobs import JobsSection
from tamscore.sections.lifetime_value import LifetimeValueSection
from tamscore.sections.look_alike import LookAlikeSection
from tamscore.sections.next_offer import NextOfferSection
from tamscore.sections.products import ProductsSection
from tamscore.sections.propensity import PropensitySection
from tamscore.sections.segments import SegmentsSection

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tamscore.scoring.section import Section
    from tamscore.view.blocks import Chapter

__all__ = ["SECTIONS", "register", "registered_for_test", "section_chapters"]

_sections: dict[str, Section[Any]] = {}
SECTIONS: Mapping[str, Section[Any]] = MappingProxyType(_sections)
"""Every section by name, in the order in which people read of them; see `Section.last`."""


def register(section: Section[Any]) -> None:
    """Add a section behind those that there are; raise ValueError if one of that name is there."""
    if section.name in _sections:
        raise ValueError(f"section {section.name!r} is registered twice")
    _sections[section.name] = section


def section_chapters(records: Mapping[str, Any], currency: str | None = None) -> list[Chapter]:
    """Return the chapter of every section that a run has a record of; its sentences name the currency, if known."""
    row = {name: {**record, "currency": currency} for name, record in records.items()}
    return [section.view(row[name]) for name, section in SECTIONS.items() if name in row]


@contextmanager
def registered_for_test(section: Section[Any]) -> Iterator[None]:
    """Add a section for as long as the block lasts, as tests do with one of their own."""
    register(section)
    try:
        yield
    finally:
        del _sections[section.name]


for _section in (
    LookAlikeSection(),
    CampaignsSection(),
    CoverageSection(),
    PropensitySection(),
    LifetimeValueSection(),
    AlertsSection(),
    JobsSection(),
    BuyingRolesSection(),
    SegmentsSection(),
    ProductsSection(),
    NextOfferSection(),
    FamiliesSection(),
    BacktestSection(),
):
    register(_section)
