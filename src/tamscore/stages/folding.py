"""Ids as they are compared: after NFC and trimming; for names, see `substitution.fold_word`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

IdForm: TypeAlias = Literal["text", "crm18"]
"""How ids are compared: as texts, or a CRM id of 15 characters like the same id with its check suffix."""
SHORT, _LONG = 15, 18
"""Characters of a CRM id without and with its check suffix."""
_SUFFIX = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345", np.uint8)


def fold_ids(ids: pa.Array, form: IdForm = "text") -> pa.Array:
    """Return the ids (m,) of a string array as they are compared: in NFC, without blanks around them; nulls stay.

    Capitals count. Under `crm18` an id of 15 letters and digits gets its check suffix; all others stay what they are.
    """
    import pyarrow.compute as pc

    if _has_blanks_or_marks(ids):
        ids = pc.utf8_trim_whitespace(pc.utf8_normalize(ids, form="NFC"))
    return _with_suffix(ids) if form == "crm18" else ids


def _with_suffix(ids: pa.Array) -> pa.Array:
    """Return ids (m,) with the check suffix added to those of 15 ASCII letters and digits.

    The suffix tells which of the 15 are capitals, in three groups of five, so that no two ids get the same text.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    short = pc.fill_null(pc.match_substring_regex(ids, f"^[0-9A-Za-z]{{{SHORT}}}$"), fill_value=False)
    chosen = ids.filter(short)
    if not len(chosen):
        return ids
    letters = _characters(chosen, SHORT)
    whole = np.ascontiguousarray(np.concatenate([letters, _suffix_of(letters)], axis=1))
    made = pa.FixedSizeBinaryArray.from_buffers(pa.binary(_LONG), len(whole), [None, pa.py_buffer(whole.tobytes())])
    return pc.replace_with_mask(ids, short, made.cast(pa.binary()).cast(pa.string()).cast(ids.type))


def _suffix_of(letters: Any) -> Any:
    """Return the check suffix (n, 3) uint8 of the first 15 characters (n, 15) uint8 of CRM ids."""
    capitals = (letters >= ord("A")) & (letters <= ord("Z"))
    return _SUFFIX[capitals.reshape(-1, 3, 5) @ (1 << np.arange(5))]


def _characters(ids: pa.Array, length: int) -> Any:
    """Return the characters (n, length) uint8 of ASCII ids that all have that length."""
    import pyarrow as pa

    bytes_of = ids.cast(pa.binary() if ids.type == pa.string() else pa.large_binary()).cast(pa.binary(length))
    data = bytes_of.buffers()[1]
    first = bytes_of.offset * length
    raw = np.frombuffer(data, np.uint8)[first : first + len(ids) * length] if len(ids) else np.empty(0, np.uint8)
    return raw.reshape(-1, length)


def _has_blanks_or_marks(ids: pa.Array) -> bool:
    """Return whether any byte of the ids is a blank, a control character or none of ASCII: few ids have one."""
    import pyarrow as pa

    _, offsets, data = ids.buffers()
    if data is None or not len(ids):
        return False
    width = np.int64 if ids.type == pa.large_string() else np.int32
    bounds = np.frombuffer(offsets, width)[ids.offset : ids.offset + len(ids) + 1]
    raw = np.frombuffer(data, np.uint8)[bounds[0] : bounds[-1]]
    return bool(len(raw)) and (int(raw.min()) <= ord(" ") or int(raw.max()) > ord("~"))
