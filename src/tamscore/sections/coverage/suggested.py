"""A run as coverage asks it for roles: those that quadrants suggest, whatever its scores say or an earlier coverage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tamscore.arrow import level_codes, text_dictionary
from tamscore.schema import COVERAGE_COLUMNS
from tamscore.stages.quadrant import PLAYS, play_codes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from tamscore.sections.coverage.accounts import ScoredRun
    from tamscore.stages.folding import IdForm
    from tamscore.store.location import Location
    from tamscore.store.run_directory import RunDirectory

_FROM = ("quadrant", "kind")
"""The columns that roles and service levels are suggested by."""
_MADE = ("role", "service_level")


@dataclass(frozen=True)
class SuggestedRoles:
    """A run whose columns `role` and `service_level` are those that the quadrants of its accounts suggest."""

    run: ScoredRun

    @property
    def name(self) -> str:
        """Its run key."""
        return self.run.name

    @property
    def directory(self) -> RunDirectory:
        """Return where it lies."""
        return self.run.directory

    @property
    def id_form(self) -> IdForm:
        """Return how its job compares account ids."""
        return self.run.id_form

    @property
    def coverage_before(self) -> Location | None:
        """The coverage whose people own its accounts, None without one."""
        return self.run.coverage_before

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of its scores, without those of a coverage."""
        return (*(name for name in self.run.columns if name not in COVERAGE_COLUMNS), *_MADE)

    def require(self, columns: Sequence[str]) -> None:
        """Raise UsageError that names those of the columns that its job has left out; what is made needs none."""
        self.run.require([name for name in columns if name not in _MADE])

    def read(self, columns: Sequence[str], *, coded: bool = False) -> Iterator[pa.Table]:
        """Yield columns of its scores, part by part; with `coded` texts as dictionaries where they are."""
        made = [name for name in columns if name in _MADE]
        wanted = dict.fromkeys([*(name for name in columns if name not in _MADE), *(_FROM if made else ())])
        for table in self.run.read([*wanted], coded=coded):
            whole = table
            for name in made:
                whole = whole.append_column(name, _suggest(table, name))
            yield whole.select([*columns])


def _suggest(table: pa.Table, name: str) -> pa.DictionaryArray:
    """Return the role, or the service level, that the quadrant of each account (m,) suggests."""
    code = level_codes(table["quadrant"], [play.quadrant for play in PLAYS])
    buys = level_codes(table["kind"], ["acquisition", "expansion"]) > 0
    return text_dictionary(play_codes(code, buys), [getattr(play, name) for play in PLAYS])
