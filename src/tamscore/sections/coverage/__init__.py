"""Who covers whom: a role and a person for every account of a run, worth as much as the hours allow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.scoring.section import Section
from tamscore.sections.coverage.settings import Coverage
from tamscore.store.run_directory import COVERAGE

if TYPE_CHECKING:
    from tamscore.view.blocks import Chapter

__all__ = ["CoverageSection"]


class CoverageSection(Section[Coverage]):
    """Who covers whom, with the hours there are."""

    name = "coverage"
    absent = "Coverage, and hours needed against hours there: not computed; tamscore coverage RUN does."
    folder = COVERAGE
    settings = Coverage

    def view(self, record: dict[str, Any]) -> Chapter:
        """Return the chapter on a coverage of the run."""
        from tamscore.sections.coverage.view import chapter

        return chapter(record)
