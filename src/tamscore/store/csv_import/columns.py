"""Columns of an import from scan to plan: the given or inferred type, the number format, and the losses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tamscore.errors import InputContractError
from tamscore.store.csv_import.dates import as_mask
from tamscore.store.csv_import.evidence import CertainMarks, Doubt, Wish, by_files, own_format, shared_marks
from tamscore.store.csv_import.infer import infer
from tamscore.store.csv_import.losses import hint, losses, lost, reasons
from tamscore.store.csv_import.marks import NumberFormat
from tamscore.store.csv_import.plan import ColumnPlan
from tamscore.store.csv_import.scan import EXAMPLES, CsvCell, Scan, bad_cells
from tamscore.store.csv_import.types import NUMERIC, ColumnType, empty_tokens
from tamscore.store.csv_import.values import values

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

_BAD_SHARE = 0.01


@dataclass
class ScannedColumn:
    """One column while its files are scanned; `given` is the type that the user fixed.

    A strptime format is tried on every cell, since only the format itself shows which cells it reads. `unread` counts
    unreadable cells that hold digits.
    """

    scan: Scan
    given: ColumnType | None
    bad: int = 0
    unread: int = 0
    examples: list[CsvCell] = field(default_factory=list)

    def add(self, column: Any, rows: np.ndarray, file: str) -> None:
        """Add one batch of text cells; `rows` are their row numbers."""
        import pyarrow.compute as pc

        self.scan.add(column, rows, file)
        if self.given and "%" in self.given.detail:
            bad = values(column, self.given, NumberFormat(), self.scan.always_empty)[1]
            self.bad += int(bad.sum())
            self.unread += int((bad & as_mask(pc.match_substring_regex(column, r"\p{N}"))).sum())
            self.examples += bad_cells(column, rows, bad, file, EXAMPLES - len(self.examples))


def plans(columns: Sequence[ScannedColumn], wanted: Wish, max_bad_share: float | None) -> tuple[ColumnPlan, ...]:
    """Return the plans of all columns; `max_bad_share` None is the default, which a given type may not use for digits.

    Raise InputContractError if a given type cannot be read: no decision between fractions and groups, or unreadable
    cells with digits.
    """
    share = _BAD_SHARE if max_bad_share is None else max_bad_share
    formats = {column.scan.name: _own(column, wanted) for column in columns}
    known = _shared(columns, formats, share)
    return tuple(_plan(column, _decided(column, formats, known), max_bad_share) for column in columns)


def _own(column: ScannedColumn, wanted: Wish) -> NumberFormat | Doubt:
    given = column.given
    if given and given.decimal:
        wanted = Wish(given.decimal, wanted.thousands if wanted.thousands != given.decimal else None)
    layout = own_format(column.scan, wanted, ranges=given is not None and given.kind == "range")
    return given.reading(layout) if given and isinstance(layout, NumberFormat) else layout


def _shared(columns: Sequence[ScannedColumn], formats: dict[str, NumberFormat | Doubt], share: float) -> CertainMarks:
    """Return the marks that all columns of numbers show for the files together."""
    sure = []
    for column in columns:
        layout = formats[column.scan.name]
        if isinstance(layout, NumberFormat):
            kind = column.given or infer(column.scan, layout, share)[0]
            sure += [(column.scan, layout)] if kind.kind in NUMERIC else []
    return shared_marks(sure)


def _decided(
    column: ScannedColumn, formats: dict[str, NumberFormat | Doubt], known: CertainMarks
) -> NumberFormat | Doubt:
    layout = formats[column.scan.name]
    decided = by_files(column.scan, layout, known) if isinstance(layout, Doubt) else layout
    return column.given.reading(decided) if column.given and isinstance(decided, NumberFormat) else decided


def _plan(column: ScannedColumn, layout: NumberFormat | Doubt, max_bad_share: float | None) -> ColumnPlan:
    scan, given = column.scan, column.given
    share = _BAD_SHARE if max_bad_share is None else max_bad_share
    kind, why = (given, _as_given(scan, given)) if given else infer(scan, layout, share)
    if given and given.kind in NUMERIC and isinstance(layout, Doubt):
        what = "range" if given.kind == "range" else "number"
        why = layout.reason(what, given.options)
        raise InputContractError(f"column {scan.name!r}: cannot be read as {given}: {why}")
    used = layout if isinstance(layout, NumberFormat) else NumberFormat()
    plan = _described(column, kind, why, used)
    if given:
        _refuse_losses(column, plan, max_bad_share)
    return plan


def _as_given(scan: Scan, kind: ColumnType) -> str:
    record = {"range": ": closed ranges as their midpoints, open ones as their lower bounds, '< 10' as 0 to 10"}
    mixed = f"; {', '.join(sorted(scan.signs))} are read as one currency" if len(scan.signs) > 1 else ""
    return f"as given{record.get(kind.kind, '')}{mixed if kind.kind in NUMERIC else ''}"


def _described(column: ScannedColumn, kind: ColumnType, why: str, layout: NumberFormat) -> ColumnPlan:
    scan, formatted = column.scan, "%" in kind.detail
    bad, examples = (column.bad, tuple(column.examples)) if formatted else scan.bad(kind, layout)
    empty = scan.empty(kind)
    tokens = empty_tokens(kind, scan.always_empty)
    return ColumnPlan(
        name=scan.name,
        type=str(kind),
        why=why,
        given=column.given is not None,
        samples=tuple(scan.samples),
        filled=scan.forms.total() - empty,
        empty=empty,
        empty_tokens=tuple((token, times) for token, times in scan.tokens.most_common() if token.lower() in tokens),
        bad=bad,
        bad_examples=examples,
        padded=scan.padded,
        kind=kind,
        layout=layout,
        losses=((f"not in the format {kind.detail}", bad),) * bool(bad) if formatted else _losses(scan, kind, layout),
    )


def _losses(scan: Scan, kind: ColumnType, layout: NumberFormat) -> tuple[tuple[str, int], ...]:
    return () if kind.kind == "string" else tuple(losses(scan, kind, layout))


def _refuse_losses(column: ScannedColumn, plan: ColumnPlan, max_bad_share: float | None) -> None:
    """Raise InputContractError if a given type reads no cell, or cannot read cells that hold digits."""
    scan, kind = column.scan, plan.kind
    if plan.filled and plan.bad == plan.filled:
        cell = plan.bad_examples[0]
        raise InputContractError(
            f"column {plan.name!r}: none of its {plan.filled:,} cells reads as {kind} ({cell}){hint(scan)}; "
            "give another type"
        )
    formatted = "%" in kind.detail
    unread = column.unread if formatted else 0 if kind.kind == "string" else _lost_to_given(scan, plan)
    if unread > (max_bad_share or 0.0) * plan.filled:
        cell = next((cell for cell in plan.bad_examples if any(map(str.isdigit, cell.value))), plan.bad_examples[0])
        what = "" if formatted else f": {reasons(scan, kind, plan.layout)}"
        raise InputContractError(
            f"{cell.file}: column {plan.name!r}: {unread:,} cells hold digits that do not read as {kind} ({cell}){what}"
            f"{hint(scan)}; correct them, give another type, or add --max-bad-share to let so many become empty"
        )


def _lost_to_given(scan: Scan, plan: ColumnPlan) -> int:
    """Return how many cells hold digits and have no value under the type that the user gave."""
    kind, layout = plan.kind, plan.layout
    days = [
        shape for shape in scan.refused(kind, layout) if shape.split(" ")[0] in {"date", "time", "zoned", "short", "no"}
    ]
    return max(lost(scan, kind, layout), sum(scan.forms[shape] for shape in days))
