"""The options of `import`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tamscore.cli.arguments import new_path

Sources = Annotated[
    list[str], typer.Argument(metavar="CSV", help="CSV files, folders of them, globs, or - for standard input.")
]
Destination = Annotated[
    Path, typer.Argument(metavar="DESTINATION", help="A folder, or one file NAME.parquet.", parser=new_path)
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the columns and write nothing.")]
Types = Annotated[
    list[str] | None,
    typer.Option(
        "--type",
        metavar="COLUMN=TYPE",
        help="Fix a type: string, int, float, number:credit_negative, range, bool, date, date:dmy, …",
    ),
]
Null = Annotated[list[str] | None, typer.Option(metavar="TEXT", help="Another text that means: no value.")]
Drop = Annotated[list[str] | None, typer.Option(metavar="COLUMN", help="Leave a column out.")]
Encoding = Annotated[str, typer.Option(metavar="NAME", help="Such as utf-8, cp1252, latin-1.")]
Delimiter = Annotated[str | None, typer.Option(metavar="MARK", help="Such as ';' or tab; default: detected.")]
Decimal = Annotated[str | None, typer.Option(metavar="MARK", help="The decimal mark, '.' or ','; default: detected.")]
Thousands = Annotated[
    str | None,
    typer.Option(metavar="MARK", help="The mark between groups: '.', ',', an apostrophe, space or none."),
]
Escape = Annotated[
    str | None, typer.Option(metavar="MARK", help=r"Character that escapes a quote within a cell, such as '\'.")
]
Skip = Annotated[int | None, typer.Option(metavar="N", help="Lines above the header, such as titles.")]
Multiline = Annotated[
    list[str] | None,
    typer.Option(metavar="COLUMN", help="A column whose cells may hold several lines that look like rows."),
]
MaxBadShare = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        help="Cells a column may lose and still count as numbers or dates: words without digits, by default up to "
        "0.01; if given, cells of a column with --type that hold digits, too.",
    ),
]
MaxRejectedShare = Annotated[
    float, typer.Option(metavar="SHARE", help="Rows with too many or too few cells before the import is refused.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]
