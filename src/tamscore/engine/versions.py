"""What must be the same wherever a run computes: this package's code and the libraries that numbers pass through."""

from __future__ import annotations

import hashlib
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from tamscore.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

LIBRARIES = ("numpy", "pyarrow", "dask", "distributed")


def versions() -> dict[str, str]:
    """The versions of this process by name; code is told by its digest."""
    found = {"python": f"{sys.version_info.major}.{sys.version_info.minor}"}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            found[library] = "missing"
    return found | {"tamscore code": code_digest()[:12]}


def code_digest() -> str:
    """The SHA-256 of this package's source."""
    digest = hashlib.sha256()
    root = Path(__file__).parent.parent
    for file in sorted(root.rglob("*.py")):
        digest.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def check_same(here: Mapping[str, str], others: Mapping[str, Mapping[str, str] | BaseException]) -> None:
    """Nothing, where all processes have the versions of this one; UsageError that names both else."""
    for who, there in others.items():
        if isinstance(there, BaseException):
            raise UsageError(f"engine.scheduler: {who} cannot run tamscore ({there}); install this very version there")
        if wrong := [
            f"{what} {there.get(what)!r}, here {own!r}" for what, own in here.items() if there.get(what) != own
        ]:
            raise UsageError(
                f"engine.scheduler: {who} has {'; '.join(wrong)}; install the same versions on all machines"
            )
