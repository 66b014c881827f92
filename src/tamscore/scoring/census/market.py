"""The census of the market: which rows are scored, and the limits on missing and rejected rows."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

from tamscore.errors import InputContractError
from tamscore.schema import PARTY_TYPES, Reason
from tamscore.scoring.census import duplicates
from tamscore.scoring.census import partition as census
from tamscore.scoring.census.currencies import currency_columns, settle_currencies
from tamscore.scoring.census.totals import total_notices
from tamscore.scoring.census.words import unknown_words
from tamscore.scoring.context import makes_market
from tamscore.stages import contract, draw

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tamscore.config import Rows
    from tamscore.errors import Refusals
    from tamscore.schema import Partition
    from tamscore.scoring.census.part_rows import PartRows
    from tamscore.scoring.context import Run


def take_census(run: Run, refusals: Refusals) -> list[PartRows]:
    """Return the rows of the market with their reasons, duplicates settled; failed checks are collected as refusals.

    Raise InputContractError with all of them if no row is left.
    """
    parts, currencies, contrary = count_rows(run)
    for check in checks(run, parts, currencies, contrary):
        with refusals.gather():
            for text in check():
                run.progress.notice(text)
    if not any((part.reason == Reason.SCORED).any() for part in parts):
        refusals.raise_all()
    return parts


def count_rows(run: Run) -> tuple[list[PartRows], tuple[str, ...], str]:
    """Return the rows of every partition with their reasons, columns taken for currencies, and contradictions.

    Duplicates are settled. The contradictions are a text about rows of one id that contradict each other, else empty.
    """
    drops_missing = run.job.rows.sales_missing == "reject"
    currencies = currency_columns(run.plan.partitions, run.plan.schema, run.columns)

    def count(missing: list[Partition]) -> Iterator[PartRows]:
        return run.flow.map(census.take_census, missing, run.columns, drops_missing, currencies)

    with run.progress.stage("census", run.plan.rows) as done:
        parts = []
        for part in run.checkpoints.each("census", run.plan.partitions, count, "census"):
            parts.append(part)
            done(part.partition.rows)
        changed, contrary = run.checkpoints.once("duplicates", lambda: _settle_duplicates(run, parts, currencies))
    settled = [changed.get(place, part) for place, part in enumerate(parts)]
    return settled, currencies, f"{run.job.input.name}: {contrary}" if contrary else ""


def checks(
    run: Run, parts: Sequence[PartRows], currencies: Sequence[str], contrary: str
) -> list[Callable[[], Iterable[str]]]:
    """Return the checks of the rows, in order: each returns notices, or raises InputContractError."""
    return [
        partial(settle_currencies, parts, currencies, run.columns, run.job.input.name),
        partial(_check_sales, run, parts),
        partial(_check_reasons, run, parts, contrary),
        partial(total_notices, parts, run.columns),
    ]


def _check_reasons(run: Run, parts: Sequence[PartRows], contrary: str) -> list[str]:
    """Return notices on invalid party types; raise InputContractError if too many rows are rejected."""
    words = _word_problem(run, parts)
    require_rejected(run, [part.reason for part in parts], "\n".join(filter(None, (words, contrary))))
    return [words.replace("\n", " ")] if words else []


def _check_sales(run: Run, parts: Sequence[PartRows]) -> list[str]:
    """Raise InputContractError if too many rows have no sales, unless such rows are rejected.

    A market that a section made is not checked: the rows that it was made of were.
    """
    missing = sum(part.sales_missing for part in parts)
    limit = None if makes_market(run.job) else most_missing(run.job.rows)
    if limit is not None and missing > limit * run.plan.rows:
        raise InputContractError(
            f"{run.job.input.name}: column {run.columns.sales!r}: {missing:,} of {run.plan.rows:,} rows have no "
            f"sales, allowed are {limit:.2%}; fill them, or raise rows.max_sales_missing_share"
        )
    return []


def most_missing(rows: Rows) -> float | None:
    """Return the share of the rows that may have no sales; None if such rows are rejected."""
    limits = {"error": 0.0, "reject": None, "prospect": rows.max_sales_missing_share}
    return limits[rows.sales_missing]


def _settle_duplicates(run: Run, parts: list[PartRows], currencies: Sequence[str]) -> tuple[dict[int, PartRows], str]:
    """Return the parts, by place, in which rows of repeated ids are counted once, added up or rejected; and a text.

    Ids are compared in full. The text is about rejected rows, empty if there are none.
    """
    suspects, rule = draw.duplicate([part.hashes_of_ids for part in parts]), run.job.rows.duplicates
    if not len(suspects):
        return {}, ""
    items = list(run.flow.map(duplicates.find_suspects, parts, run.columns, run.flow.share(suspects), rule))
    groups = duplicates.SuspectGroups.of(items)
    if rule == "error" and (ids := groups.names(groups.repeated)):
        raise InputContractError(
            f"{run.job.input.name}: column {run.columns.account_id!r}: ids stand more than once, such as "
            f"{', '.join(map(repr, ids))}; remove them, or set rows.duplicates = 'identical'"
        )
    drops_missing = run.job.rows.sales_missing == "reject"
    settled = duplicates.settle(parts, items, groups, rule, reject_missing=drops_missing)
    changed = [place for place, part in enumerate(settled) if part is not parts[place]]
    counted = run.flow.map(census.count_again, [settled[place] for place in changed], run.columns, currencies)
    return dict(zip(changed, counted, strict=True)), _contradiction(run, groups)


def _contradiction(run: Run, groups: duplicates.SuspectGroups) -> str:
    """Return a text about ids whose rows are all rejected; empty if there are none."""
    rule = run.job.rows.duplicates
    ids = groups.names(groups.repeated if rule == "reject" else groups.repeated & ~groups.equal)
    if not ids:
        return ""
    what, remedy = {
        "identical": ("differ", "keep one row of each, or set rows.duplicates = 'sum' if they differ in sales alone"),
        "sum": ("differ", "rows are added up only if they are equal in all other columns that the job reads"),
    }.get(rule, ("are several", "set rows.duplicates = 'identical' to count equal rows once"))
    return (
        f"column {run.columns.account_id!r}: rows of one id {what}, such as those of "
        f"{', '.join(map(repr, ids))}; {remedy}"
    )


def _word_problem(run: Run, parts: Sequence[PartRows]) -> str:
    """Return a text about invalid party types; empty if there are none."""
    words: Counter[str | None] = Counter()
    for part in parts:
        words.update(part.words)
    if not words:
        return ""
    return unknown_words(words, PARTY_TYPES, str(run.columns.party_type), run.job.input.name)


def require_rejected(run: Run, reasons: Sequence[Any], words: str = "") -> None:
    """Raise InputContractError, with the counts and `words`, if too many rows were rejected or none is left.

    Copies of rows that are scored, and rows that are added up, do not count.
    """
    by_reason = {name: count for name, count in contract.counts_by_reason(list(reasons)).items() if count}
    harmless = sum(by_reason.pop(reason.code, 0) for reason in Reason if reason.is_harmless)
    rejected, limit = sum(by_reason.values()), run.job.rows.max_rejected_share
    more = f"\n{words}" if words else ""
    if rejected > limit * run.plan.rows:
        counts = ", ".join(f"{name} {count:,}" for name, count in by_reason.items())
        raise InputContractError(
            f"{run.job.input.name}: {rejected:,} of {run.plan.rows:,} rows rejected ({counts}), "
            f"allowed are {limit:.2%}; fix the rows, or raise rows.max_rejected_share{more}"
        )
    if rejected + harmless == run.plan.rows:
        raise InputContractError(f"{run.job.input.name}: no row is left to score of {run.plan.rows:,}{more}")
