"""What several commands take, and its help: a job file, a run, an output, what to print."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from tamscore.errors import UsageError
from tamscore.placeholders import placeholder_in, remedy

if TYPE_CHECKING:
    from collections.abc import Callable

    from tamscore.questions.stored import StoredRun
    from tamscore.store.location import Location

    Place: TypeAlias = Location
else:
    Place = type("path", (), {})
    """What the help calls a location: the name of a type that costs nothing to load."""


def place(text: str) -> Location:
    """The folder or the address that an argument names, to be read; raise UsageError if it is a placeholder."""
    from tamscore.store.location import location

    path = location(text)
    return path if isinstance(path, Path) and path.exists() else new_place(text)


def new_place(text: str) -> Location:
    """The folder or the address that an argument names, to be written; raise UsageError if it holds a placeholder."""
    from tamscore.store.location import location

    require_filled(text)
    return location(text)


def new_path(text: str) -> Path:
    """The path that an argument names, to be written; raise UsageError if it holds a placeholder."""
    require_filled(text)
    return Path(text)


def require_filled(path: str) -> None:
    """Raise UsageError if nobody filled in a placeholder of a path."""
    if text := placeholder_in(path):
        raise UsageError(f"expected a path without placeholders, got {path!r}; {remedy(text)}")


def place_argument(metavar: str, help_: str) -> Any:
    """An argument that names a folder or an address."""
    return typer.Argument(metavar=metavar, help=help_, parser=place)


def place_option(name: str, metavar: str, help_: str, parser: Callable[[str], Any] = place, *older: str) -> Any:
    """An option that names a folder or an address, with the names that it had before."""
    return typer.Option(name, *older, metavar=metavar, help=help_, parser=parser)


def file_option(name: str, metavar: str, help_: str) -> Any:
    """An option that names a file or folder to write."""
    return typer.Option(name, metavar=metavar, help=help_, parser=new_path)


def run_compared_with(run: StoredRun, since: Location | None) -> StoredRun | None:
    """The run that `--since` names, else the one that this run replaced, where it is still whole; None for NO_RUN."""
    from tamscore.questions.earlier_run import run_before

    return None if str(since) == NO_RUN else run_before(run, since)


JobFile = Annotated[Path, typer.Argument(metavar="JOB", envvar="TAMSCORE_JOB", help="The job file (TOML).")]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Set a key of the job file, such as clusters.seed=7; may be repeated. Paths count from its folder.",
    ),
]
Run = Annotated[Place, place_argument("RUN", "The output folder of a job, or one of its versions: scores/3fa9.")]
NO_RUN = "none"
"""What `--since` is set to where nothing shall be compared."""
Since = Annotated[
    Any, place_option("--since", "RUN", "Report changes since this run, not the one before; none for no changes.")
]
Plan = Annotated[
    str | None,
    typer.Option(
        "--plan",
        metavar="NAME",
        help="Use that coverage, by the start of its name; default: the last one.",
    ),
]
Output = Annotated[Place, place_argument("OUTPUT", "The output folder of a job.")]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace existing files, even if this command did not write them.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]
EventsAsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON, and events as JSON lines.")]
