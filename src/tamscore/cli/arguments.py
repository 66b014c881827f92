"""What several commands take, and its help: a job file, a run, an output, what to print."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

if TYPE_CHECKING:
    from tamscore.store.location import Location

    Place: TypeAlias = Location
else:
    Place = type("path", (), {})
    """What the help calls a location: the name of a type that costs nothing to load."""


def place(text: str) -> Location:
    """The folder or the address that an argument names."""
    from tamscore.store.location import location

    return location(text)


def place_argument(metavar: str, help_: str) -> Any:
    """An argument that names a folder or an address."""
    return typer.Argument(metavar=metavar, help=help_, parser=place)


def place_option(name: str, metavar: str, help_: str) -> Any:
    """An option that names a folder or an address."""
    return typer.Option(name, metavar=metavar, help=help_, parser=place)


JobFile = Annotated[Path, typer.Argument(metavar="JOB", help="The job file (TOML).")]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Set a key of the job file, such as clusters.seed=7; may be repeated. Paths count from its folder.",
    ),
]
Run = Annotated[Place, place_argument("RUN", "The output folder of a job, or one of its versions: scores/3fa9.")]
Output = Annotated[Place, place_argument("OUTPUT", "The output folder of a job.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]
EventsAsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON, and events as JSON lines.")]
