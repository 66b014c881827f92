"""Where an import goes: one file or a folder, and nothing there that it would replace or mix with unasked."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from tamscore.errors import UsageError
from tamscore.store import folders

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from tamscore.store.csv_import.plan import ImportPlan


def require_destination(destination: Path, *, overwrite: bool) -> bool:
    """Return whether the destination is one file (its name ends in .parquet) rather than a folder.

    UsageError where something is there that must not be replaced.
    """
    single = _is_file(destination)
    if single and destination.is_dir():
        raise UsageError(f"{destination}: expected a file or nothing, got a folder; name a folder without '.parquet'")
    if not single and destination.exists() and not destination.is_dir():
        raise UsageError(f"{destination}: expected a folder, or a file name that ends in .parquet; got another file")
    there = [destination] if single and destination.exists() else sorted(destination.glob("*.parquet"))
    if there and not overwrite:
        raise UsageError(f"{there[0]}: is there already; add --overwrite to replace it, or name another destination")
    return single


def _is_file(destination: Path) -> bool:
    """Return whether a destination is the name of one file."""
    return destination.suffix.lower() == ".parquet"


def _require_own_folder(folder: Path, targets: Collection[Path]) -> None:
    """Raise UsageError where a folder holds what readers would mix in, or cannot be replaced as a whole but must be."""
    if not folder.exists():
        return
    strangers = sorted(set(folder.glob("*.parquet")) - set(targets))
    if strangers:
        raise UsageError(
            f"{folder}: holds {strangers[0].name!r}, which this import does not write and readers of the folder "
            "would mix in; remove it or name another folder"
        )
    if len(set(targets)) > 1 and (why := folders.fixed_by(folder.resolve())):
        raise UsageError(
            f"{folder}: cannot be replaced as a whole, so that its readers never see some old and some new files: "
            f"{why}; name a folder of its own"
        )


def free_targets(destination: Path, plan: ImportPlan, *, overwrite: bool) -> list[Path]:
    """The file that each CSV file goes to; UsageError where one is there, or others are that would be mixed in."""
    if require_destination(destination, overwrite=overwrite):
        return [destination] * len(plan.files)
    targets = _targets_in(destination, plan)
    _require_own_folder(destination, targets)
    return targets


@contextmanager
def still_free(destination: Path, plan: ImportPlan, *, overwrite: bool, is_private: bool) -> Iterator[None]:
    """Raise UsageError if another import was quicker; none changes the destination between this look and the end.

    Nobody else writes to a private destination; its folder may be one that this process has locked already.
    """
    place = destination.resolve()
    held = (place.parent,) if _is_file(destination) else (place.parent, place)
    with nullcontext() if is_private else folders.alone(*held):
        free_targets(destination, plan, overwrite=overwrite)
        yield


def _targets_in(folder: Path, plan: ImportPlan) -> list[Path]:
    """The Parquet file of each CSV file, named after it; those that share a name are numbered."""
    stems = [file.source.path.name.split(".csv")[0].removesuffix(".tsv").lstrip("._") for file in plan.files]
    counts = Counter(stems)
    names = [stem if counts[stem] == 1 else f"{stem}-{place}" for place, stem in enumerate(stems)]
    return [folder / f"{name or 'table'}.parquet" for name in names]
