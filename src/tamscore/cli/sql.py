"""`sql`: the statement by which another engine reads the scores."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from tamscore.cli.arguments import Run


def sql(
    run: Run,
    dialect: Annotated[Literal["duckdb", "spark"], typer.Option("--dialect", help="The SQL engine.")] = "duckdb",
    view: Annotated[
        str | None, typer.Option("--view", metavar="NAME", help="Make a view of that name instead of a query.")
    ] = None,
) -> None:
    """Print the SQL statement that reads the scores.

    It names the files of the current version, or of the version that RUN names: print it again after the next run.
    """
    from tamscore.questions.sql_statement import statement
    from tamscore.questions.stored import open_run

    print(statement(open_run(run), dialect, view))
