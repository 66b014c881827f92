"""What a section of the job file with a room of its own is: its settings, what it makes of a run, how that reads."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from tamscore.config.section import SectionSettings
from tamscore.engine import heap
from tamscore.scoring.score.sections import Prepared, Ranked
from tamscore.view.words import value_text, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from tamscore.config import Job
    from tamscore.config.problems import Problem
    from tamscore.score_columns import ScoreColumn
    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.context import Run
    from tamscore.scoring.market import Market
    from tamscore.scoring.model_source import ModelSource
    from tamscore.scoring.score.priority import PartPriority
    from tamscore.scoring.score.sections import State
    from tamscore.view.blocks import Chapter
    from tamscore.view.words import Unit

UNITS: dict[str, Unit] = {
    "number": "exact",
    "money": "exact",
    "share": "permille",
    "text": "text",
    "truth": "truth",
    "date": "text",
}
"""How a column of the scores is written, by its kind."""
_S = TypeVar("_S", bound=SectionSettings)
Rule: TypeAlias = "tuple[Callable[..., Iterator[Problem]], tuple[str, ...]]"
"""A check of the job file, and the names of the sections that it is asked about."""


class Section(ABC, Generic[_S]):
    """A topic that a job may ask for; `tamscore.sections` lists those that there are.

    `name` is its table of the job file, its key in the manifest, and the name of its room; `absent` says what a report
    lacks without it.
    `folder` is the folder of an output that keeps its results, for a topic that is asked about a finished run: every
    job has its table, and no score depends on it. `always` says that every job has its table though scores depend on
    it; `before` names the column of the scores that its own stand in front of, "" for the end, and `revised` those
    columns of the core that it writes anew. `last` says that it is prepared and asked for its columns after all others,
    since it may go by theirs.
    Methods import what they compute with in their bodies: the job file is checked without any of it.
    """

    name: str
    absent: str = ""
    folder: str = ""
    always: bool = False
    before: str = ""
    last: bool = False
    revised: tuple[str, ...] = ()
    columns: tuple[ScoreColumn, ...] = ()
    rules: tuple[Rule, ...] = ()

    @property
    @abstractmethod
    def settings(self) -> type[_S]:
        """The keys of its table, with what they take and one sentence each."""

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of the columns that it adds to the scores, in order."""
        return tuple(column.name for column in self.columns)

    def require_early(self, run: Run, model_source: ModelSource, parts: Sequence[PartRows], settings: _S) -> None:
        """Raise InputContractError if the census of the rows shows that what is asked for cannot be had."""

    def prepare(self, market: Market, settings: _S) -> State | str:
        """Return what scores accounts, the same for every worker; in words what is missing if the market lacks it."""
        raise NotImplementedError(f"{self.name}: asked about a finished run")

    def later_checks(self, job: Job) -> Iterable[Callable[[], object]]:
        """Return what to try before a run, each raising TamscoreError if a command about the finished run would."""
        del job
        return ()

    def figures(self, state: Any) -> Mapping[str, Any]:
        """Return arrays (K,) by cluster that sections behind it may read by name, see `Market.figures`."""
        del state
        return {}

    @abstractmethod
    def view(self, record: dict[str, Any]) -> Chapter:
        """Return the chapter on what a run has recorded of it."""

    def explain(self, account: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Return what its columns say of an account, each with its name; nothing where nothing is known."""
        known = [column for column in self.columns if account.get(column.name) not in {None, ""}]
        return [(words(column.name), value_text(account[column.name], UNITS[column.kind])) for column in known]


@dataclass(frozen=True)
class Sections:
    """The optional sections that a run has, and by name why it lacks the others."""

    prepared: tuple[Prepared, ...]
    missing: dict[str, str]

    def place(self, priorities: Sequence[PartPriority]) -> Sections:
        """Return the sections as they score accounts, given the priorities of the rows of all partitions."""
        ready = (
            replace(prepared, state=prepared.state.place(priorities))
            if isinstance(prepared.state, Ranked)
            else prepared
            for prepared in self.prepared
        )
        return replace(self, prepared=tuple(ready))


def require_section(section: Section[Any], run: Run, model_source: ModelSource, parts: Sequence[PartRows]) -> None:
    """Raise InputContractError if the census of the rows shows that a section cannot do what the job asks for."""
    asked = run.job.sections
    if section.name in asked:
        section.require_early(run, model_source, parts, asked[section.name])


def prepare_sections(sections: Iterable[Section[Any]], market: Market) -> Sections:
    """Return the sections that the job asks for and the market has the inputs of, ready to score accounts."""
    asked = market.run.job.sections
    prepared: list[Prepared] = []
    missing: dict[str, str] = {}
    for section in sorted(sections, key=lambda section: section.last):
        if section.folder:
            continue
        if section.name not in asked:
            missing[section.name] = f"no [{section.name}] section"
            continue
        state = section.prepare(market, asked[section.name])
        heap.give_back()  # what it was prepared from is gone
        if isinstance(state, str):
            missing[section.name] = state
            continue
        prepared.append(Prepared(section.name, section.column_names, state, section.before, section.revised))
        market = replace(market, figures={**market.figures, **section.figures(state)})
    return Sections(tuple(prepared), missing)
