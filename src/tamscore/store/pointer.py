"""The current version of an output, and the hashes of the manifests that the output vouches for.

The pointer `_CURRENT.json` holds the current version and the SHA-256 of its manifest. The ledger `_history.jsonl` holds
the SHA-256 of every manifest before that manifest is written. A manifest with a hash in neither of them was edited.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from tamscore.errors import InputContractError
from tamscore.store import history
from tamscore.store.commit import read_json

if TYPE_CHECKING:
    from tamscore.store.location import Location

CURRENT, MANIFEST = "_CURRENT.json", "manifest.json"
PINS = "_pins.json"
"""The file of an output that lists the versions which `prune` keeps."""
HANDED_OUT = "handed_out"
"""The folder of an output with a record for each file that was written from it to another place."""
RENEWAL = "_renewal"
"""The folder of an output where `forget` prepares files that replace others; see `renewal`."""
PLAN = "plan.json"
"""The file in that folder whose presence makes the new files valid."""
RUN_KEY = re.compile(r"[0-9a-f]{16}")


def pointer_of(output: Location) -> dict[str, Any] | None:
    """Return the content of the pointer; None if there is no pointer, or it is torn. Raise as `read_json` does."""
    pointer = read_json(output / CURRENT) or {}
    version = pointer.get("version")
    return pointer if isinstance(version, str) and RUN_KEY.fullmatch(version) else None


def current_version(output: Location) -> str | None:
    """Return the version that the pointer names; the version that the ledger names if the pointer is torn or corrupt.

    A pointer is corrupt if it names a version that does not exist and that the ledger does not know. Return None
    without a pointer. Raise InputContractError if the ledger cannot decide; raise as `read_json` does if the pointer is
    unreadable.
    """
    pointer = pointer_of(output)
    if pointer is not None and not _is_spoilt(output, str(pointer["version"])):
        return str(pointer["version"])
    return _version_of_ledger(output) if (output / CURRENT).exists() else None


def _is_spoilt(output: Location, version: str) -> bool:
    """Return whether the version that a pointer names does not exist and is unknown to an existing ledger."""
    if (output / "versions" / version).is_dir():
        return False
    entries = history.entries(output)
    return bool(entries) and all(version != entry.version for entry in entries)


def _version_of_ledger(output: Location) -> str:
    """Return the version that the last swap in the ledger made current, or replaced if the swap was cut off.

    Without a swap in the ledger, return the only complete version. Raise InputContractError if neither decides.
    """
    swaps = [entry for entry in history.entries(output) if entry.is_swap]
    for version in (swaps[-1].version, swaps[-1].replaced) if swaps else ():
        if version and manifest_of(output, version) is not None:
            return version
    complete = [version for version in versions_in(output) if manifest_of(output, version) is not None]
    if len(complete) == 1 and not swaps:
        return complete[0]
    raise InputContractError(
        f"{output / CURRENT}: is torn, and {output / history.HISTORY} does not say which version is current; "
        f"make one current by name: tamscore rollback {output} VERSION; complete are {', '.join(complete) or 'none'}"
    )


def versions_in(output: Location) -> list[str]:
    """Return the run keys of all versions of an output, complete or not, in order."""
    folder = output / "versions"
    names = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
    return [name for name in names if RUN_KEY.fullmatch(name)]


def manifest_of(output: Location, version: str) -> dict[str, Any] | None:
    """Return the manifest of a version; None if it is missing, torn, or not a manifest of this version."""
    manifest = read_json(output / "versions" / version / MANIFEST)
    return manifest if manifest is not None and _is_manifest(manifest, version) else None


def _is_manifest(manifest: dict[str, Any], version: str) -> bool:
    """Return whether an object has the content of every manifest: run key, rows read, and files with size and hash."""
    files, rows = manifest.get("files"), manifest.get("rows")
    return (
        manifest.get("run_key") == version
        and isinstance(rows, dict)
        and isinstance(files, dict)
        and all(
            isinstance(record, dict) and record.keys() == {"bytes", "xxh3"} and isinstance(record["bytes"], int)
            for record in files.values()
        )
    )


def digest_of(path: Location) -> str:
    """Return the SHA-256 of a file, hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def is_renewed(output: Location) -> bool:
    """Return whether new files are valid that may not be in place yet."""
    return (output / RENEWAL / PLAN).is_file()


def _known_digests(output: Location, version: str) -> set[str]:
    """Return the SHA-256 of every manifest that pointer and ledger know of a version, none without a ledger.

    Manifests from before an account was erased do not count, unless the new manifest may not be in place yet.
    """
    pointer = pointer_of(output) or {}
    entries = [entry for entry in history.entries(output) if entry.version == version]
    left = [at for at, entry in enumerate(entries) if entry.action == "forget"]
    digests = {entry.manifest_sha256 for entry in (entries[left[-1] :] if left and not is_renewed(output) else entries)}
    if pointer.get("version") == version:
        digests.add(pointer.get("manifest_sha256"))
    return {digest for digest in digests if digest is not None}


def manifest_problem(output: Location, version: str) -> str | None:
    """Return what is wrong with the manifest of a complete version; None if pointer or ledger vouch for it."""
    path = output / "versions" / version / MANIFEST
    known = _known_digests(output, version)
    if not known or (here := digest_of(path)) in known:
        return None
    return (
        f"{path}: is not the manifest that its run wrote: SHA-256 {here[:16]}…, expected "
        f"{' or '.join(sorted(digest[:16] + '…' for digest in known))} as {CURRENT} and {history.HISTORY} say; put the "
        "file back, or remove it and run the job again"
    )


def require_manifest(output: Location, version: str) -> dict[str, Any]:
    """Return the manifest of a version; raise InputContractError if it is missing or was edited."""
    manifest = manifest_of(output, version)
    path = output / "versions" / version / MANIFEST
    if manifest is None:
        raise InputContractError(
            f"{path}: missing, torn, or no manifest of this version; run its job again, or make another version "
            f"current: tamscore rollback {output} VERSION"
        )
    if problem := manifest_problem(output, version):
        raise InputContractError(problem)
    return manifest
