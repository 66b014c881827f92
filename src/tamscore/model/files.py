"""The model of a run on disk: `model.json` for people, `arrays.safetensors` for machines.

Nothing in it can run code. Files are checked against the hashes of the manifest first, then for consistency.
"""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.errors import InputContractError
from tamscore.model.arrays import arrays_of
from tamscore.model.parties import parties_of
from tamscore.model.record import ModelRecord
from tamscore.model.text import FORMAT, READ, Description, description_of
from tamscore.store import commit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tamscore.schema import InputColumns
    from tamscore.store.commit import Placed
    from tamscore.store.location import Location

DESCRIPTION, ARRAYS = "model.json", "arrays.safetensors"
Pair = tuple[dict[str, Any], dict[str, Any]]
"""The description of a model, and its arrays by name."""
_NO_DIFFERENCES: Mapping[str, Sequence[str]] = MappingProxyType({})
_PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"PK\x03\x04", b"x\x9c", b"\x1f\x8b")
"""The first bytes of pickles, plain or as joblib, PyTorch and others pack them."""


def write_model(folder: Location, model: ModelRecord) -> dict[str, Placed]:
    """Write the files of a model to a folder, and return them with their hashes."""
    arrays = {name: array for party in model.parties for name, array in arrays_of(party).items()}
    return write_raw(folder, description_of(model).model_dump(mode="json"), arrays)


def write_raw(folder: Location, description: dict[str, Any], arrays: dict[str, Any]) -> dict[str, Placed]:
    """Write a description and arrays as the files of a model, as `read_raw` returns them."""
    return _write_pair(folder, (DESCRIPTION, ARRAYS), description, arrays)


def write_section(
    folder: Location, name: str, description: dict[str, Any], arrays: dict[str, Any]
) -> dict[str, Placed]:
    """Write the files of an optional section's model beside the market's model, and return them with hashes."""
    return _write_pair(folder, (f"{name}.json", f"{name}.safetensors"), description, arrays)


def read_section(folder: Location, name: str, files: Mapping[str, Placed]) -> Pair | None:
    """Return the description and the arrays of an optional section's model; None if its run has none.

    Raise as `read_model` does. Only the hashes are checked: the caller must check the content.
    """
    names = f"{name}.json", f"{name}.safetensors"
    if f"model/{names[0]}" not in files:
        return None
    text, data = (_checked_bytes(folder, name, files) for name in names)
    return _json_of(folder / names[0], text), _load_arrays(folder / names[1], data)


def _write_pair(
    folder: Location, names: tuple[str, str], description: dict[str, Any], arrays: dict[str, Any]
) -> dict[str, Placed]:
    """Write a description as JSON and arrays by name as safetensors, and return the files with their hashes."""
    from safetensors.numpy import save

    solid = {name: np.ascontiguousarray(array) for name, array in sorted(arrays.items())}
    return {
        f"model/{names[0]}": commit.place_json(description, folder / names[0]),
        f"model/{names[1]}": commit.place_bytes(save(solid), folder / names[1]),
    }


def read_model(folder: Location, files: Mapping[str, Placed]) -> ModelRecord:
    """Return the model in a folder; `files` are the files of its run as the manifest lists them.

    Raise InputContractError, which names the file, if a file is missing, differs from the manifest, cannot be read, was
    written in a newer format, or if its arrays do not fit together.
    """
    text = _checked_bytes(folder, DESCRIPTION, files)
    data = _checked_bytes(folder, ARRAYS, files)
    return _parse_model(folder, text, data)


def read_raw(folder: Location) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the description and the arrays of a model as they stand in its files, unchecked."""
    text, data = ((folder / name).read_bytes() for name in (DESCRIPTION, ARRAYS))
    return _json_of(folder / DESCRIPTION, text), _load_arrays(folder / ARRAYS, data)


def _checked_bytes(folder: Location, name: str, files: Mapping[str, Placed]) -> bytes:
    """Return the bytes of a file of a model; raise InputContractError unless they are those that the manifest lists."""
    path = folder if folder.is_file() else folder / name
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputContractError(
            f"{path}: cannot be read ({error.strerror}); name the folder 'model' of a complete run"
        ) from error
    if data.startswith(_PICKLES):
        raise InputContractError(
            f"{path}: expected a model of tamscore, got a pickle or archive that begins with {data[:2]!r}, which could "
            "run code and is never opened; name the folder 'model' of a complete run"
        )
    listed = files.get(f"model/{name}")
    if listed is None or folder.is_file():
        raise InputContractError(f"{path}: is not listed in the manifest of its run; name the folder of a complete run")
    listed.require_match(data, path)
    return data


def _parse_model(folder: Location, text: bytes, data: bytes) -> ModelRecord:
    """Return the model in its two files; raise InputContractError if they are not consistent."""
    from pydantic import ValidationError

    raw = _json_of(folder / DESCRIPTION, text)
    version = raw.get("format")
    if version not in READ:
        remedy = "update tamscore" if isinstance(version, int) and version > FORMAT else "run its job again"
        raise InputContractError(f"{folder / DESCRIPTION}: expected format {FORMAT}, got {version!r}; {remedy}")
    try:
        description = Description.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise InputContractError(
            f"{folder / DESCRIPTION}: {place}: {first['msg'].lower()}, got {first['input']!r:.80}; run its job again"
        ) from None
    arrays = _load_arrays(folder / ARRAYS, data)
    try:
        parties = parties_of(description.parties, arrays)
    except ValueError as error:
        raise InputContractError(f"{folder / ARRAYS}: {error}; run its job again") from error
    return ModelRecord(
        description.tamscore, description.settings, description.inputs.numeric, description.inputs.categorical, parties
    )


def _json_of(path: Location, text: bytes) -> dict[str, Any]:
    """Return the object of a JSON text; raise InputContractError if it holds no object."""
    try:
        record = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputContractError(f"{path}: is no JSON ({error}); run its job again") from error
    if not isinstance(record, dict):
        raise InputContractError(f"{path}: expected an object, got {record!r:.80}; run its job again")
    return record


def _load_arrays(path: Location, data: bytes) -> dict[str, Any]:
    """Return the arrays of a safetensors file by name; raise InputContractError if it is not such a file."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        return dict(load(data))
    except (SafetensorError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise InputContractError(f"{path}: is no safetensors file ({error}); run its job again") from error


def require_fits(
    model: ModelRecord,
    columns: InputColumns,
    settings: Mapping[str, str],
    differences: Mapping[str, Sequence[str]] = _NO_DIFFERENCES,
) -> None:
    """Raise InputContractError, with the differences, unless the job matches what the model was fitted on.

    `settings` maps the sections of the job file to their hashes, as `ModelRecord.settings` does. `differences` says by
    section which keys differ, if the job of the model is known.
    """
    problems = []
    for key, ours, theirs in (
        ("features.numeric", columns.numeric, model.numeric),
        ("features.categorical", columns.categorical, model.categorical),
    ):
        missing, extra = [n for n in theirs if n not in ours], [n for n in ours if n not in theirs]
        problems += [f"{key} lacks {name!r}, which the model was fitted on" for name in missing]
        problems += [f"{key} has {name!r}, which the model does not know" for name in extra]
        if not missing and not extra and ours != theirs:
            problems.append(f"{key} stands in the order {', '.join(ours)}, the model's is {', '.join(theirs)}")
    changed = sorted(key for key in model.settings.keys() | settings if model.settings.get(key) != settings.get(key))
    if not problems:
        for key in changed:
            unknown = f"[{key}] differs from the settings that the model was fitted under"
            problems += differences.get(key) or [unknown]
    if problems:
        raise InputContractError(f"model: {'; '.join(problems)}; use the job file of the model, or fit a new one")
