"""The scored accounts of a run as coverage looks at them, in order of account id."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from tamscore.arrow import float_column, strings
from tamscore.config.problems import nearest
from tamscore.errors import UsageError
from tamscore.stages.folding import fold_ids
from tamscore.substitution import fold_word

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from tamscore.sections.coverage.settings import Coverage
    from tamscore.stages.folding import IdForm
    from tamscore.store.run_directory import RunDirectory

MONEY = ("sales", "potential", "whitespace")
TEXTS = ("quadrant", "role", "service_level", "campaign_band", "campaign_id", "campaign_channel")


class ScoredRun(Protocol):
    """What a coverage needs of a finished run."""

    @property
    def name(self) -> str:
        """Its run key."""

    @property
    def directory(self) -> RunDirectory:
        """Where it lies."""

    @property
    def id_form(self) -> IdForm:
        """How its job compares account ids."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of its scores."""

    def read(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Yield columns of its scores, part by part, texts as texts."""


@dataclass(frozen=True)
class Texts:
    """A column of few texts: its levels, and the level (m,) of every account; no text is ''."""

    levels: tuple[str, ...]
    code: Any

    def equal(self, text: str) -> Any:
        """Where (m,) the column holds a text, compared as a name."""
        same = [code for code, level in enumerate(self.levels) if fold_word(level) == fold_word(text)]
        return np.isin(self.code, same)


@dataclass(frozen=True)
class Accounts:
    """Accounts (m,) in order of id: money, texts by column name, and the region and skill they ask for, '' for none."""

    ids: pa.Array
    sales: Any
    potential: Any
    whitespace: Any
    texts: dict[str, Texts]
    region: Texts
    skill: Texts
    form: IdForm = "text"

    @cached_property
    def keys(self) -> pa.Array:
        """The ids (m,) as they are compared."""
        return fold_ids(self.ids, self.form)

    def __len__(self) -> int:
        """The number of accounts m."""
        return len(self.ids)

    def in_band(self, band: str) -> Any:
        """Which accounts (m,) are of a size band; all of them where none is named."""
        return self.texts["campaign_band"].equal(band) if band else np.ones(len(self), bool)

    @property
    def group(self) -> Any:
        """The number (m,) of each account's pair of region and skill."""
        return self.region.code.astype(np.int32) * len(self.skill.levels) + self.skill.code

    @property
    def groups(self) -> list[tuple[str, str]]:
        """All pairs of region and skill, by number."""
        return [(region, skill) for region in self.region.levels for skill in self.skill.levels]


def read_accounts(run: ScoredRun, settings: Coverage) -> Accounts:
    """The scored accounts of a run; UsageError where it has no column that the settings name."""
    import pyarrow as pa
    import pyarrow.compute as pc

    asked = {"region": settings.region, "skill": settings.skill}
    for key, column in asked.items():
        if column is not None and column not in run.columns:
            hint = nearest(column, run.columns) or "keep it: columns.keep"
            raise UsageError(f"coverage.{key}: {column!r}: expected a column of the scores; {hint}")
    named = [name for name in (*TEXTS, *dict.fromkeys(filter(None, asked.values()))) if name in run.columns]
    parts = [part_of(table, named) for table in run.read(["account_id", *MONEY, *named])]
    pa.default_memory_pool().release_unused()  # what decoding took is as much as all that follows
    ids = pa.concat_arrays([part[0] for part in parts])
    order = pc.sort_indices(ids)
    rows = order.to_numpy()
    sales, potential, whitespace = (np.concatenate([part[1][i] for part in parts])[rows] for i in range(len(MONEY)))
    texts = {name: together([part[2][name] for part in parts], rows) for name in named}
    nothing = Texts(("",), np.zeros(len(ids), np.uint8))
    region, skill = (texts[column] if column else nothing for column in asked.values())
    every = {name: texts.get(name, nothing) for name in TEXTS}
    return Accounts(ids.take(order), sales, potential, whitespace, every, region, skill, run.id_form)


def part_of(table: pa.Table, named: Sequence[str]) -> tuple[pa.Array, list[Any], dict[str, Texts]]:
    """Ids, money and texts of one part of the scores; texts as codes, which take less room."""
    money = [np.nan_to_num(float_column(table[name])) for name in MONEY]
    return strings(table["account_id"]), money, {name: texts_of(table[name]) for name in named}


def texts_of(column: pa.ChunkedArray) -> Texts:
    """A column as codes of its distinct values, written as texts."""
    import pyarrow as pa
    import pyarrow.compute as pc

    coded = pc.fill_null(column.combine_chunks().cast(pa.string()), "").dictionary_encode()
    least = np.min_scalar_type(len(coded.dictionary))
    return Texts(tuple(coded.dictionary.to_pylist()), coded.indices.to_numpy().astype(least))


def together(parts: Sequence[Texts], rows: Any) -> Texts:
    """The texts of all parts, brought to an order; levels in order of name, whatever the parts."""
    levels = sorted({level for part in parts for level in part.levels})
    place = {level: i for i, level in enumerate(levels)}
    least = np.min_scalar_type(len(levels))
    codes = [np.array([place[level] for level in part.levels], least)[part.code] for part in parts]
    return Texts(tuple(levels), np.concatenate(codes)[rows])
