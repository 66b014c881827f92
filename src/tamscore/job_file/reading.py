"""From the text of a job file and `key=value` overrides to plain tables."""

from __future__ import annotations

import re
import shlex
import tomllib
from copy import deepcopy
from datetime import date, time
from typing import TYPE_CHECKING, Any

from tamscore.config.problems import dotted_place, show
from tamscore.errors import JobFileError
from tamscore.store.formats import HEAD_BYTES, format_of, is_binary

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_LARGEST_FILE = 1 << 20
_TABLES = frozenset({".arrow", ".csv", ".feather", ".jsonl", ".ndjson", ".parquet", ".tsv", ".xlsx"})
"""Files that end so are tables."""
_TOO_DEEP = "arrays or tables are nested too deeply"
_HINTS = {
    "Cannot overwrite": "a key can be given once",
    "Cannot declare": "a section can be given once",
    "Cannot mutate": "a table in one line cannot be added to",
    "Invalid value": 'text needs quotes: "…"; booleans are true and false',
    "Unescaped": "in double quotes a backslash starts an escape; use single quotes",
    "Illegal character '\\n'": "a quote is left open",
    'Expected "\'"': "a quote is left open, here or on the line before",
    "Expected '='": "a line is KEY = VALUE or [section]",
}


def read_text(path: Path) -> str:
    """Return the text of a job file.

    Raise JobFileError if the file is missing, a table, unreadable, too large to be a job file, or not UTF-8.
    """
    if path.suffix.lower() in _TABLES and path.is_file():
        remedy = f"write one for it with 'tamscore init {shlex.quote(str(path))}'"
        raise JobFileError(f"{path}: expected a job file, found a table; {remedy}")
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_FILE + 1)
    except FileNotFoundError:
        raise JobFileError(f"{path}: expected a job file, found nothing; check the path") from None
    except IsADirectoryError:
        raise JobFileError(f"{path}: expected a job file, found a folder; name the file inside it") from None
    except (OSError, ValueError) as error:
        raise JobFileError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if is_binary(head := data[:HEAD_BYTES]) and (kind := format_of(head)):
        raise JobFileError(f"{path}: expected a job file, found {kind.name}; {kind.remedy}")
    if len(data) > _LARGEST_FILE:
        raise JobFileError(f"{path}: expected a job file of at most 1 MiB, found more; is it a data file?")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"{path}: line {line}: expected UTF-8 text, got byte {data[error.start]:#04x}; save the file as UTF-8"
        raise JobFileError(message) from None


def _syntax_problem(text: str, source: str, message: str) -> str:
    """Return the parser's complaint with the line it points at, and what to do about it."""
    reason, _, position = message.rpartition(" (at ")
    match = re.match(r"line (\d+)", position)
    if not reason:  # the only complaint without a position: Python's limit on the digits of an integer
        return f"{source}: not valid TOML: a number has too many digits"
    lines = text.rstrip().split("\n")
    number = min(int(match[1]), len(lines)) if match else len(lines)
    hint = next((f"; {hint}" for start, hint in _HINTS.items() if reason.startswith(start)), "")
    reason = reason[0].lower() + reason[1:]
    return f"{source}: line {number}: not valid TOML: {reason}: {show(lines[number - 1].strip())}{hint}"


def tables_of(text: str, source: str) -> dict[str, Any]:
    """Return the tables of a TOML text.

    Raise JobFileError with the line number where the text is not TOML.
    """
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise JobFileError(f"{source}: {_TOO_DEEP}") from None
    except ValueError as error:
        raise JobFileError(_syntax_problem(text, source, str(error))) from None


def _key(text: str) -> tuple[str, ...]:
    """Return the steps of a dotted key, empty where the text is none."""
    try:
        table: Any = tomllib.loads(f"{text} = 0")
    except (ValueError, RecursionError):
        return ()
    steps = []
    while isinstance(table, dict) and len(table) == 1:
        (step,) = table
        steps.append(step)
        table = table[step]
    return tuple(steps) if table == 0 else ()


def _value(text: str) -> Any:
    try:
        tables = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    # A date has no use in a job file, but a folder may be named for one.
    is_text = tables.keys() != {"value"} or isinstance(tables["value"], date | time)
    return text if is_text else tables["value"]


def split_override(override: str) -> tuple[tuple[str, ...], Any]:
    """Return the key and the value of `a.b.c=VALUE`; VALUE is TOML or else bare text.

    Raise ValueError if there is no key.
    """
    for equals in re.finditer("=", override):
        key = _key(override[: equals.start()])
        if key:
            return key, _value(override[equals.end() :].strip())
    raise ValueError(override)


def _set(tables: Any, key: tuple[str, ...], value: object) -> None:
    for depth, step in enumerate(key[:-1], start=1):
        tables = tables.setdefault(step, {})
        if not isinstance(tables, dict):
            message = (
                f"command line: {dotted_place(key)}: expected a table at {dotted_place(key[:depth])}, got "
                f"{show(tables)}"
            )
            raise JobFileError(message)
    tables[key[-1]] = value


def _copy(tables: dict[str, Any], source: str) -> dict[str, Any]:
    try:
        return deepcopy(tables)
    except RecursionError:  # dotted keys nest without end; whatever walks the tables later would fall over them
        raise JobFileError(f"{source}: {_TOO_DEEP}") from None


def override_all(
    tables: dict[str, Any], overrides: Iterable[str], source: str
) -> tuple[dict[str, Any], list[tuple[str, ...]]]:
    """Return the tables with the overrides applied in order, and the keys that came from them.

    Raise JobFileError with every override that is none.
    """
    result = _copy(tables, source)
    keys: list[tuple[str, ...]] = []
    problems: list[str] = []
    for override in overrides:
        try:
            key, value = split_override(override)
            _set(result, key, value)
            keys.append(key)
        except JobFileError as error:
            problems += error.problems
        except ValueError:
            problems.append(f"command line: {show(override)}: expected KEY=VALUE such as clusters.k=12")
    if problems:
        raise JobFileError(problems)
    return result, keys
