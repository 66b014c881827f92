"""What the scores hold and how commands end, for machines and for the reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore import errors
from tamscore.score_columns import OWN_COLUMNS, ROLE_COLUMNS, Kind
from tamscore.sections import SECTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.score_columns import ScoreColumn

_TYPES: dict[Kind, tuple[str, str]] = {
    "number": ("number", ""),
    "money": ("number", "currency of sales"),
    "share": ("number", "share, 0 to 1"),
    "text": ("text", ""),
    "truth": ("true or false", ""),
    "date": ("date", ""),
}
"""The type and the unit of a column, by its kind."""
OUTCOMES = {
    0: "done",
    errors.TamscoreError.exit_code: "unexpected error; doctor and verify end with it where something is wrong",
    errors.UsageError.exit_code: "usage or job file: fix the command or the file that the message names",
    errors.InputContractError.exit_code: "the data break the contract: fix the column or the row that is named",
    errors.GateError.exit_code: "a person must look and accept",
    errors.RetryableError.exit_code: "the same command may work later: a worker or a storage was lost",
    errors.MemoryLimitError.exit_code: "memory ran out: fewer workers, more memory, or smaller row groups",
    errors.DeviceError.exit_code: "the GPU that was asked for cannot be used",
    errors.NothingToDo.exit_code: "nothing to do",
}
"""Meanings of the exit codes; a command that a signal stops ends with 128 and its number."""


def score_columns() -> Iterator[dict[str, Any]]:
    """Yield each column that the scores may hold: name, type, unit, meaning, when it is null, and its section."""
    yield from (_describe_column(column, "") for column in OWN_COLUMNS)
    yield from (_describe_column(column, "coverage") for column in ROLE_COLUMNS)
    for name, section in SECTIONS.items():
        yield from (_describe_column(column, name) for column in section.columns)


def _describe_column(column: ScoreColumn, section: str) -> dict[str, Any]:
    """Return what there is to say of a column; `section` names the table of the job file that adds it."""
    kind, unit = _TYPES[column.kind]
    null = column.null_when or "never"
    return {
        "column": column.name, "type": kind, "unit": unit, "meaning": column.meaning, "null": null, "section": section,
    }  # fmt: skip


def exit_codes() -> list[dict[str, Any]]:
    """Return the exit codes of all commands, with their meanings."""
    return [{"code": code, "meaning": meaning} for code, meaning in OUTCOMES.items()]
