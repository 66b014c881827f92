"""The rule that a market has one source, with all keys that the source needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.config.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.config.job import Input


def input_is_named_once(input_: Input) -> Iterator[Problem]:
    """Yield a problem if the market has no path and no query, both, or only half of what a query needs."""
    path, sql = ("input", "path"), ("input", "sql")
    if input_.sql is None and input_.path is None:
        yield Problem(path, "text", hint="the Parquet file, folder or table of the market; or set input.sql")
    if input_.sql is not None and input_.path is not None:
        yield Problem(sql, "no query beside input.path", input_.sql, "keep one of the two")
    if input_.sql is not None and input_.connection is None:
        yield Problem(("input", "connection"), "the database of input.sql", hint="such as postgresql://USER@HOST/NAME")
    if input_.sql is None and input_.connection is not None:
        yield Problem(sql, "a query for input.connection")
    if input_.sql is not None and input_.version is not None:
        yield Problem(("input", "version"), "no version beside input.sql", input_.version, "remove it")
