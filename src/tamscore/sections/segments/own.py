"""Segments of the user's own, such as industry and region: named, counted in the scores, and tested like clusters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tamscore.arrow import as_dictionary, float_column, nullable
from tamscore.errors import InputContractError
from tamscore.score_columns import CUSTOMER_JOB
from tamscore.scoring.by_cluster import CENTS, cents
from tamscore.sections.segments.segment_tests import TERMS, SegmentFacts, assess
from tamscore.sections.segments.segment_tests import priority as segment_priority
from tamscore.stages.naming import NO_TITLE, compose, level_phrase
from tamscore.stages.prepare import UNKNOWN
from tamscore.store import tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tamscore.schema import Partition
    from tamscore.scoring.context import Run
    from tamscore.scoring.score.sections import ScoredRows
    from tamscore.stages.naming import ColumnTitle

MOST = 5_000
"""More segments than this are ids rather than segments."""
_TOP = 10
"""So many segments are shown."""
_BETWEEN = " · "
_AMOUNTS = ("sales", "potential", "whitespace", "margin", "now", "before", "lifetime_value")
_COUNTS = ("accounts", "customers", "margins", "compared", "valued")
_MEASURES = (*_AMOUNTS, *_COUNTS)
"""What is added up by segment: amounts in cents, then counts, so that sums are exact in any order."""
MONEY = ("sales", "potential", "whitespace", "margin", "sales_now", "sales_before", *TERMS, "priority")
_TESTS = ("identifiable", "profitable", "growing", "meaningful", "action")
Sums = dict[tuple[str, str], Any]
"""Sums (MEASURES,) by party type and segment."""


@dataclass(frozen=True)
class OwnSegments:
    """The columns that make the segments, what people call them, and the names that they gave to segments.

    `terms` are mean acquisition cost and network effect by party type and segment, `weights` those of a priority.
    """

    columns: tuple[str, ...]
    titles: Mapping[str, ColumnTitle]
    names: Mapping[str, str]
    weights: tuple[float, float, float] = (1.0, 1.0, 1.0)
    terms: Mapping[tuple[str, str], tuple[float, float]] = field(default_factory=dict)

    def read(self, rows: ScoredRows) -> pa.Table:
        """Return the columns that make the segments, of the scored rows; customer jobs are no column of the input."""
        if CUSTOMER_JOB not in self.columns:
            return rows.read(self.columns)
        jobs, names = rows.scores.select([CUSTOMER_JOB]), [name for name in self.columns if name != CUSTOMER_JOB]
        return rows.read(names).append_column(CUSTOMER_JOB, jobs[CUSTOMER_JOB]) if names else jobs

    def name(self, text: str) -> str:
        """Return the name of a segment: the given one, else plain words for its levels."""
        levels = zip(self.columns, text.split(_BETWEEN), strict=True)
        phrases = [level_phrase(column, level, self.titles.get(column, NO_TITLE)) for column, level in levels]
        return self.names.get(text) or compose(phrases)

    def table(self, parts: Sequence[Sums], parties: Sequence[str]) -> pa.Table:
        """Return a row for each party type and segment: its sums, its tests, its action; by party type and text."""
        sums: Sums = {}
        for part in parts:
            for key, item in part.items():
                sums[key] = sums.get(key, 0.0) + item
        of_party = {
            party: {text: sums[name, text] for name, text in sorted(sums) if name == party} for party in parties
        }
        return pa.concat_tables([self.party(*parts) for parts in of_party.items()])

    def record(self, table: pa.Table) -> dict[str, Any]:
        """Return how many segments there are and are meaningful, and those with most whitespace."""
        shown = ("party_type", "name", "accounts", "whitespace", *_TESTS, "priority")
        first = table.sort_by([("whitespace", "descending"), ("party_type", "ascending"), ("own_segment", "ascending")])
        meaningful = table["meaningful"].to_pylist().count("yes")
        top = first.select(shown).slice(0, _TOP).to_pylist()
        return {"columns": list(self.columns), "of": table.num_rows, "meaningful": meaningful, "top": top}

    def notices(self, table: pa.Table, clusters: Sequence[str]) -> tuple[str, ...]:
        """Return what a person should know of names that no segment and no cluster has."""
        unknown = [key for key in self.names if key not in {*table["own_segment"].to_pylist(), *clusters}]
        listed = ", ".join(map(repr, unknown[:_TOP]))
        return (f"names of no cluster and no segment of your own: {listed}",) if unknown else ()

    def party(self, party: str, sums: Mapping[str, Any]) -> pa.Table:
        """Return the rows of a party type."""
        stacked = np.array([*sums.values()]).reshape(-1, len(_MEASURES)).T
        of = dict(zip(_MEASURES, stacked, strict=True))
        money = {name: of[name] / CENTS for name in _AMOUNTS}
        known = {"margin": of["margins"], "now": of["compared"], "before": of["compared"]}
        money |= {name: np.where(count > 0, money[name], np.nan) for name, count in known.items()}
        value = np.divide(money["lifetime_value"], of["valued"], out=np.full(len(sums), np.nan), where=of["valued"] > 0)
        per_account = [money[name] / of["accounts"] for name in ("sales", "potential", "whitespace")]
        facts = SegmentFacts(np.ones(len(sums)), money["margin"], money["now"], money["before"], *per_account)
        verdicts = assess(facts) if sums else None
        record = {test: pa.array(getattr(verdicts, test) if verdicts else [], pa.string()) for test in _TESTS}
        given = np.array([self.terms.get((party, text), (np.nan, np.nan)) for text in sums]).reshape(-1, 2)
        terms = np.stack([value, *given.T])
        priority, gaps = segment_priority(terms, self.weights)
        amounts = {"sales_now": money["now"], "sales_before": money["before"], **dict(zip(TERMS, terms, strict=True))}
        amounts["priority"] = priority
        return pa.table(
            {
                "party_type": pa.array([party] * len(sums), pa.string()),
                "own_segment": pa.array([*sums], pa.string()),
                "name": pa.array([self.name(text) for text in sums], pa.string()),
                **{name: of[name].astype(np.int64) for name in ("accounts", "customers")},
                **{name: np.round(money[name], 2) for name in ("sales", "potential", "whitespace")},
                **record,
                "margin": nullable(np.round(money["margin"], 2)),
                **{name: nullable(np.round(values, 2)) for name, values in amounts.items()},
                "missing": pa.array(["|".join(gap) for gap in gaps], pa.string()),
            }
        )


def own_codes(table: pa.Table, columns: Sequence[str]) -> tuple[Any, list[str]]:
    """Return the place (m,) of each row's segment among the texts of those that there are, and these in order."""
    place, levels = np.zeros(table.num_rows, np.int64), []
    for name in columns:
        encoded = as_dictionary(table[name])
        texts = [(text or "").strip() or UNKNOWN for text in (*encoded.dictionary.to_pylist(), UNKNOWN)]
        distinct = sorted(set(texts))
        at = {text: code for code, text in enumerate(distinct)}
        codes = encoded.indices.fill_null(len(texts) - 1).to_numpy(zero_copy_only=False)
        place = place * len(distinct) + np.array([at[text] for text in texts])[codes]
        levels.append(distinct)
    values, of_rows = np.unique(place, return_inverse=True)
    places = np.unravel_index(values, [len(distinct) for distinct in levels])
    pairs = zip(levels, places, strict=True)
    items = [[distinct[code].replace(_BETWEEN, " ") for code in codes.tolist()] for distinct, codes in pairs]
    return of_rows, [_BETWEEN.join(text) for text in zip(*items, strict=True)]


def own_column(table: pa.Table, columns: Sequence[str]) -> pa.DictionaryArray:
    """Return the segment of each row as text: the levels of its columns, `unknown` where there is none."""
    codes, texts = own_codes(table, columns)
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(texts, pa.string()))


def sums_of(scored: pa.Table) -> Sums:
    """Return what the scored rows of a part come to."""
    names = set(scored.column_names)

    def column(name: str) -> Any:
        return float_column(scored[name]) if name in names else np.full(scored.num_rows, np.nan)

    sales, before, margin = column("sales"), column("sales_before"), column("yearly_margin")
    value, trailing = column("lifetime_value"), column("trailing_sales")
    compared = ~np.isnan(before)
    record = {
        "sales": cents(np.maximum(sales, 0.0)),
        **{name: cents(column(name)) for name in ("potential", "whitespace")},
        "margin": cents(margin),
        "now": np.where(compared, cents(trailing), 0.0),
        "before": cents(before),
        "lifetime_value": cents(value),
        "accounts": np.ones(scored.num_rows),
        "customers": sales > 0,
        "margins": ~np.isnan(margin),
        "compared": compared,
        "valued": ~np.isnan(value),
    }
    party, own = (as_dictionary(scored[name]) for name in ("party_type", "own_segment"))
    texts = own.dictionary.to_pylist()
    place = party.indices.to_numpy().astype(np.int64) * len(texts) + own.indices.to_numpy()
    values, place = np.unique(place, return_inverse=True)
    sums = np.stack([np.bincount(place, weights=record[name], minlength=len(values)) for name in _MEASURES], axis=1)
    keys = [(party.dictionary[code // len(texts)].as_py(), texts[code % len(texts)]) for code in values.tolist()]
    return dict(zip(keys, sums, strict=True))


def require_few(columns: Sequence[str], run: Run) -> None:
    """Raise InputContractError if the columns make more than MOST segments."""
    names: set[str] = set()
    for texts in run.map("own segments", _texts_of, run.plan.partitions, tuple(columns)):
        names |= texts
    if len(names) > MOST:
        raise InputContractError(
            f"segments.own: {' and '.join(map(repr, columns))} make {len(names):,} segments, expected at most "
            f"{MOST:,}; name columns with fewer values, or fewer columns"
        )


def _texts_of(partition: Partition, columns: tuple[str, ...]) -> set[str]:
    """Return the segments that the rows of a partition are in."""
    return set(own_codes(tables.read(partition, columns, dictionary=columns), columns)[1])
