"""Compares every lock with a copy of the advisory database of Python packages: `python locks/advisories.py DATABASE`.

DATABASE is a checkout of github.com/pypa/advisory-database, or its folder `vulns`; nothing is fetched. Prints a line
for each advisory that a locked version is affected by, then counts. Exit code 1 if there is one, 2 without a database.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LOCKS = Path(__file__).parent
PIN = re.compile(r"^([a-z0-9.-]+)==([^ ;\\]+)", re.MULTILINE)


@dataclass(frozen=True)
class Finding:
    """An advisory that affects a locked version, with the locks that hold it."""

    package: str
    version: str
    advisory: str
    aliases: tuple[str, ...]
    locks: tuple[str, ...]

    def __str__(self) -> str:
        """Return the line that is printed."""
        return f"{self.package} {self.version}: {self.advisory} {' '.join(self.aliases)} ({', '.join(self.locks)})"


def pins(locks: Path) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return the locks that hold each package in a version."""
    found: dict[tuple[str, str], list[str]] = {}
    for file in sorted(locks.glob("*.txt")):
        for name, version in PIN.findall(file.read_text(encoding="utf-8")):
            found.setdefault((canonicalize_name(name), version), []).append(file.name)
    return {pin: tuple(names) for pin, names in found.items()}


def is_affected(version: str, affected: dict[str, Any]) -> bool:
    """Return whether a version is listed, or lies within a range of versions, in one entry of an advisory."""
    ranges = [one["events"] for one in affected.get("ranges", ()) if one["type"] == "ECOSYSTEM"]
    return version in map(str, affected.get("versions", ())) or any(lies_within(version, events) for events in ranges)


def lies_within(version: str, events: Iterable[dict[str, Any]]) -> bool:
    """Return whether a version comes after an introduction with no fix up to it; a bound that is no version is open."""
    inside = False
    for event in events:
        kind, bound = next((kind, str(bound).removesuffix("-NA")) for kind, bound in event.items())
        try:
            order = (Version(version) > Version(bound)) - (Version(version) < Version(bound))
        except InvalidVersion:
            order = -1
        if kind == "introduced":
            inside = inside or order >= 0 or bound == "0"
        elif kind == "fixed":
            inside = inside and order < 0
        elif kind == "last_affected":
            inside = inside and order <= 0
    return inside


def findings(locks: Path, database: Path) -> Iterator[Finding]:
    """Yield what affects the locked versions, package by package."""
    for (name, version), files in sorted(pins(locks).items()):
        for path in sorted((database / name).glob("*.yaml")):
            advisory = yaml.safe_load(path.read_text(encoding="utf-8"))
            mine = [one for one in advisory["affected"] if canonicalize_name(one["package"]["name"]) == name]
            if "withdrawn" not in advisory and any(is_affected(version, one) for one in mine):
                yield Finding(name, version, advisory["id"], tuple(advisory.get("aliases", ())), files)


def main(database: Path) -> int:
    """Print what was found, and return the exit code."""
    inner = database / "vulns"
    database = inner if inner.is_dir() else database
    locked = pins(LOCKS)
    packages = {name for name, _ in locked}
    listed = {name for name in packages if (database / name).is_dir()}
    advisories = sum(1 for name in listed for _ in (database / name).glob("*.yaml"))
    if not listed:
        sys.stderr.write(f"{database}: expected a checkout of the advisory database, got no folder of a package\n")
        return 2
    found = [*findings(LOCKS, database)]
    sys.stdout.writelines(f"{finding}\n" for finding in found)
    counts = f"{len(locked)} locked versions of {len(packages)} packages, {advisories} advisories on {len(listed)}"
    sys.stdout.write(f"{counts} of them: {len(found)} affect a locked version\n")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])) if len(sys.argv) > 1 else __doc__)
