"""The digest of this package's files: all workers of a run have the same digest, and changed files make another run."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent


def package_digest(root: Path = ROOT) -> str:
    """Return the SHA-256 of the names and contents of all files of the package, whatever their kind."""
    digest = hashlib.sha256()
    for name, path in sorted((path.relative_to(root).as_posix(), path) for path in files_of(root)):
        content = path.read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def files_of(root: Path) -> Iterator[Path]:
    """Yield the files below a folder that can change the results of a run.

    Compiled and hidden files are left out. So are pages and templates: a wheel has them in the package, a checkout has
    them beside it.
    """
    for path in root.rglob("*"):
        parts = path.relative_to(root).parts
        made = path.suffix == ".cubin" or "__pycache__" in parts or parts[0] == "data"
        if path.is_file() and not made and not any(part.startswith(".") for part in parts):
            yield path
