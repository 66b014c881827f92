"""Locations of files: a path on this machine's disks, or an address in an object store."""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from tamscore.schema import OBJECT_SCHEMES
from tamscore.store.objects.path import ObjectPath

if TYPE_CHECKING:
    from collections.abc import Iterator

Location: TypeAlias = Path | ObjectPath


def location(text: str | os.PathLike[str]) -> Location:
    """The location that a text names: an address such as s3://bucket/folder, anything else is a path."""
    if isinstance(text, str) and text.startswith(OBJECT_SCHEMES):
        return ObjectPath.at(text)
    return Path(text)


def whole_address(place: Location) -> str:
    """The address of an object, or the path from the root, as other libraries take it."""
    return str(place.absolute() if isinstance(place, Path) else place)


def is_local(text: str) -> bool:
    """Return whether a text names a path on this machine's disks."""
    return isinstance(location(text), Path)


def inside(path: Location, folder: Location) -> bool:
    """Return whether a path is a folder or lies in it; links and dots are followed, but for links in a circle."""
    if isinstance(path, ObjectPath) or isinstance(folder, ObjectPath):
        return path == folder or folder in path.parents
    whole, above = (Path(os.path.realpath(where)) for where in (path, folder))
    return whole.is_relative_to(above)


def files_in(folder: Location) -> list[Location]:
    """The files in a folder in order of name, without those of its folders."""
    if isinstance(folder, ObjectPath):
        return [*folder.objects()]
    return [*sorted(entry for entry in folder.iterdir() if entry.is_file())]


def matching(pattern: str) -> list[Location]:
    """The files whose path fits a pattern, in order; of an address only the last part may be one."""
    where = location(pattern)
    if isinstance(where, ObjectPath):
        return [path for path in where.parent.objects() if fnmatchcase(path.name, where.name)]
    return [*sorted(entry for entry in map(Path, glob(pattern)) if entry.is_file())]  # noqa: PTH207 - folders too


def name_within(path: Location, folder: Location) -> str:
    """The name of what lies in a folder, with slashes; raise ValueError if it does not."""
    if isinstance(path, ObjectPath) and isinstance(folder, ObjectPath):
        return path.relative_to(folder).as_posix()
    return Path(str(path)).relative_to(str(folder)).as_posix()


def files_below(folder: Location) -> Iterator[Location]:
    """Every file and link below a folder."""
    if isinstance(folder, ObjectPath):
        yield from folder.below()
    else:
        yield from (path for path in folder.rglob("*") if path.is_file() or path.is_symlink())


def sizes_below(folder: Location) -> dict[str, int]:
    """The sizes in bytes of all files below a folder by their names within it."""
    if isinstance(folder, ObjectPath):
        return folder.sizes()
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in folder.rglob("*") if path.is_file()}
