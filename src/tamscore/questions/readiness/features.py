"""What a run would say of features and labels before it fits: suspects of the leakage guard, too few labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.errors import GateError, InputContractError
from tamscore.questions.readiness.finding import Finding
from tamscore.questions.readiness.rows import with_features
from tamscore.questions.readiness.sample import sample_note
from tamscore.scoring.census.market import count_rows
from tamscore.scoring.fit.party import judge_features
from tamscore.scoring.model_source import NewModel
from tamscore.scoring.section import require_section
from tamscore.sections import SECTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.context import Run


def from_features(market: Run, run: Run) -> Iterator[Finding]:
    """Yield what the guard finds in a sample of a market; sections are asked where the sample is the whole market.

    They get whole further tables, too: a sample cannot show that something stands in none of the rows.
    """
    try:
        counted, _, _ = count_rows(run)
    except InputContractError:  # a finding of the rows already
        return
    parts = [with_features(part, run.columns) for part in counted]
    whole = run.plan.rows == market.plan.rows
    if whole:
        yield from _sections_of(market, parts)
    where, number = "" if whole else f"{sample_note(run.plan.rows, market.plan.rows)}: ", len(run.progress.notices)
    try:
        judge_features(run, parts)
    except GateError as error:
        yield Finding(where + str(error), stops=True, refusal=GateError)
    for text in run.progress.notices[number:]:
        yield Finding(where + text)


def _sections_of(run: Run, parts: list[PartRows]) -> Iterator[Finding]:
    """Yield why optional sections could not do what the job asks for."""
    for section in SECTIONS.values():
        try:
            require_section(section, run, NewModel(), parts)
        except InputContractError as error:
            yield Finding(str(error), stops=True)
