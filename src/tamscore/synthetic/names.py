"""Account ids and company names of a synthetic market, built column by column: never a loop over rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamscore.synthetic.measures import COUNTRIES, INDUSTRIES

if TYPE_CHECKING:
    from numpy.typing import NDArray

ID_DIGITS = 10
_ID_STEP = 6_180_339_887  # prime to 10, so multiplying by it permutes all numbers of ID_DIGITS digits
MAX_ROWS = 2**31  # rows * _ID_STEP stays within 64 bits

_START = (
    "Al", "Bel", "Cor", "Dan", "El", "Far", "Gal", "Hol", "Ister", "Jor", "Kar", "Lum",
    "Mor", "Nor", "Or", "Pel", "Quil", "Ros", "Sil", "Tor", "Um", "Val", "Wes", "Yar",
)  # fmt: skip
_END = ("ano", "bridge", "cara", "dell", "ex", "field", "gard", "holm", "ion", "kirk", "lane", "mont", "nova")
_FIRST = tuple(start + end for start in _START for end in _END)
_SECOND = ("", " & Partners", " Group", " International", " North", " Systems", " Works", " Union")
_NOUN = tuple(name.replace("_", " ").title() for name in INDUSTRIES)
_FORM = {"US": "Inc.", "CA": "Inc.", "DE": "GmbH", "AT": "GmbH", "CH": "AG", "FR": "SA", "BE": "SA", "IT": "SpA"}
_FORM |= {"GB": "Ltd", "IE": "Ltd", "IN": "Ltd", "NL": "BV", "SE": "AB", "DK": "A/S", "NO": "AS", "FI": "Oy"}


def account_ids(seed: int, start: int, n: int) -> pa.Array:
    """Return ids "C" + 10 digits of rows start … start + n - 1: no two rows share one, file order is not id order."""
    offset = np.uint64(np.random.SeedSequence(seed, spawn_key=(2,)).generate_state(1)[0])
    row = np.arange(start, start + n, dtype=np.uint64)
    rest = (row * np.uint64(_ID_STEP) + offset) % np.uint64(10**ID_DIGITS)
    text = np.full((n, 1 + ID_DIGITS), ord("C"), dtype=np.uint8)
    for place in range(ID_DIGITS, 0, -1):
        rest, digit = np.divmod(rest, np.uint64(10))
        text[:, place] = digit + np.uint64(ord("0"))
    ends = np.arange(n + 1, dtype=np.int32) * np.int32(1 + ID_DIGITS)
    return pa.StringArray.from_buffers(n, pa.py_buffer(ends), pa.py_buffer(text))


def company_names(word: NDArray[np.uint16], industry: NDArray[np.uint8], country: NDArray[np.uint8]) -> pa.Array:
    """Return invented names such as "Morfield Logistics Group GmbH"; like real ones, they are not unique."""
    parts = (
        _words_at(_FIRST, word[0] % len(_FIRST)),
        _words_at(tuple(f" {noun}" for noun in _NOUN), industry),
        _words_at(_SECOND, word[1] % len(_SECOND)),
        _words_at(tuple(f" {_FORM.get(code, 'Co.')}" for code in COUNTRIES), country),
    )
    return pc.binary_join_element_wise(*parts, "")


def _words_at(words: tuple[str, ...], index: NDArray[Any]) -> pa.Array:
    return pa.array(words).take(pa.array(index.astype(np.int32)))
