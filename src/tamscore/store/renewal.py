"""Files of an output that take the place of others, all of them or none: what `forget` has made ready is put in place.

`_renewal/` holds the new files under the names of the old ones. Its plan is written last: from then on the new files
count, and the next holder of the output puts in place what is not there yet. Without a plan the folder is removed.
Of each version the manifest comes first; until a file of it is in place, readers take it from the folder, so that
every version is old or new for them at any time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.errors import InputContractError
from tamscore.store import commit, history
from tamscore.store.placed import Placed, files_of
from tamscore.store.pointer import CURRENT, MANIFEST, PLAN, RENEWAL, digest_of, pointer_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tamscore.store.location import Location


def complete_renewal(output: Location) -> None:
    """Put in place what was decided, remove what was not; only for who holds the output.

    Raise InputContractError that names a new file which is gone or damaged.
    """
    if not (output / RENEWAL).is_dir():
        return
    plan = commit.read_json(output / RENEWAL / PLAN)
    if plan is not None:
        _carry_out(output, plan)
        commit.remove(output / RENEWAL / PLAN, output)
    commit.remove_below(output / RENEWAL, output)


def decide(output: Location, plan: Mapping[str, Any]) -> None:
    """Write the plan, with which the new files count, and put them in place.

    By version it holds `manifest_sha256`, `forgotten` and `files`; `beside` holds files by their name within the
    output, `removed` unfinished versions.
    """
    commit.require_held(output)
    commit.place_json(dict(plan), output / RENEWAL / PLAN)
    complete_renewal(output)


def _carry_out(output: Location, plan: Mapping[str, Any]) -> None:
    """Put all files of a plan in place; done again it changes nothing."""
    for version, text in plan["versions"].items():
        if not (output / "versions" / version / MANIFEST).is_file():  # removed by hand since
            continue
        _renew_manifest(output, version, text)
        folder = f"versions/{version}"
        _replace_files(output, {f"{folder}/{name}": placed for name, placed in files_of(text).items()})
    _replace_files(output, files_of({"files": plan["beside"]}))
    for version in plan["removed"]:
        commit.remove_below(output / "versions" / version, output)


def _renew_manifest(output: Location, version: str, text: Mapping[str, Any]) -> None:
    """Give a version its new manifest, the ledger first, and let the pointer know where it is the current one."""
    digest, path = text["manifest_sha256"], output / "versions" / version / MANIFEST
    known = [entry for entry in history.entries(output) if entry.action == "forget" and entry.version == version]
    if digest not in {entry.manifest_sha256 for entry in known}:
        commit.require_held(output)
        history.record(output, "forget", version, None, digest, text["forgotten"])
    if digest_of(path) != digest:
        commit.require_held(output)
        commit.place_bytes((output / RENEWAL / "versions" / version / MANIFEST).read_bytes(), path)
    pointer = pointer_of(output) or {}
    if pointer.get("version") == version and pointer.get("manifest_sha256") != digest:
        commit.swap_json({"version": version, "manifest_sha256": digest}, output / CURRENT)


def _replace_files(output: Location, files: Mapping[str, Placed]) -> None:
    """Put files in place by their names within the output; those that lie there already stay."""
    for name, placed in files.items():
        target = output / name
        if target.is_file() and Placed.of(target) == placed:
            continue
        data = _new_bytes(output / RENEWAL / name, placed)
        if data is None:
            raise InputContractError(
                f"{output / RENEWAL / name}: missing or damaged, so {target} cannot be renewed; restore it, or remove "
                f"{output / RENEWAL / PLAN} and the versions that tamscore verify names, and run their jobs again"
            )
        commit.require_held(output)
        commit.place_bytes(data, target)


def _new_bytes(path: Location, placed: Placed) -> bytes | None:
    """Return what a new file holds; None where it is not there, or holds something else."""
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return data if Placed.of_bytes(data) == placed else None


def await_renewal(folder: Location, name: str, placed: Placed) -> bytes | None:
    """Return the file of a version in the folder that its manifest lists and that is not in place yet; None else."""
    return _new_bytes(folder.parent.parent / RENEWAL / "versions" / folder.name / name, placed)
