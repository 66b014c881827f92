"""Why ids of a joined table may meet no account: another way to write them, or another column."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tamscore.stages.folding import SHORT, fold_ids

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import pyarrow as pa

SAMPLE = 500
"""So many different strangers are looked at."""
_LIKELY = 0.5
"""From this share of them on a way to write ids is named as the likely cause."""
_LOOKED_AT = 5_000_000
"""So many accounts are looked at, about."""


def _bare(ids: pa.Array) -> pa.Array:
    """Return ids (m,) as letters and digits alone, in small letters."""
    import pyarrow.compute as pc

    return pc.utf8_lower(pc.replace_substring_regex(ids, r"[^\p{L}\p{N}]", ""))


def _whole(ids: pa.Array) -> pa.Array:
    """Return ids (m,) without a decimal part of zeros."""
    import pyarrow.compute as pc

    return pc.replace_substring_regex(ids, r"^(\d+)[.,]0+$", r"\1")


def _unpadded(ids: pa.Array) -> pa.Array:
    """Return ids (m,) without the zeros that they begin with."""
    import pyarrow.compute as pc

    return pc.utf8_ltrim(ids, characters="0")


def _small(ids: pa.Array) -> pa.Array:
    """Return ids (m,) in small letters."""
    import pyarrow.compute as pc

    return pc.utf8_lower(ids)


def _long(ids: pa.Array) -> pa.Array:
    """Return ids (m,) with the check suffix of CRM ids."""
    return fold_ids(ids, "crm18")


def _short(ids: pa.Array) -> pa.Array:
    """Return the first 15 characters of ids (m,)."""
    import pyarrow.compute as pc

    return pc.utf8_slice_codeunits(ids, 0, SHORT)


_WAYS: tuple[tuple[Callable[[pa.Array], pa.Array], str], ...] = (
    (_long, "ids of 15 and of 18 characters are the same CRM ids: set columns.id_form = 'crm18'"),
    (_small, "the ids differ in capitals alone, which count: write them with the capitals of the market"),
    (_unpadded, "one side lacks leading zeros: export its ids as text"),
    (_whole, "one side has ids with decimals, such as 1001.0: export its ids as text"),
    (_bare, "the ids differ in blanks, marks or capitals alone: write them as the market does"),
    (
        _short,
        f"the ids agree in the first {SHORT} characters alone, and the rest is no check suffix: write them in full",
    ),
)
"""Ways to write ids under which strangers may meet an account, and what to do."""


class _Cause(NamedTuple):
    """An id that rows could have met, and what may be wrong with those that met none, "" where nobody knows."""

    known: str | None
    cause: str


def likely_cause(sample: Sequence[str], accounts: Iterable[pa.Array]) -> _Cause:
    """Return an account's id, and the first way to write ids by which most of the strangers would meet an account."""
    import pyarrow as pa
    import pyarrow.compute as pc

    strangers = pa.array(sample, pa.large_string())
    written = [way(strangers) for way, _ in _WAYS]
    met = np.zeros((len(_WAYS), len(strangers)), bool)
    known, seen = None, 0
    for part in accounts:
        ids = part.drop_null().cast(pa.large_string())
        known = known or next(iter(ids[:1].to_pylist()), None)
        for row, (way, _) in enumerate(_WAYS):
            met[row] |= pc.is_in(written[row], value_set=way(ids)).to_numpy(zero_copy_only=False)
        seen += len(ids)
        if seen >= _LOOKED_AT:
            break
    wanted = max(_LIKELY * len(strangers), 1)
    causes = (text for (_, text), hits in zip(_WAYS, met, strict=True) if np.count_nonzero(hits) >= wanted)
    return _Cause(known, next(causes, ""))


def best_column(shares: Iterable[tuple[str, float]], met: float, setting: str) -> str:
    """Return a word on the column that meets most, given the share that each meets; "" where none does far better.

    `met` is the share that the column in use meets, `setting` the key that names it.
    """
    name, share = max(shares, key=lambda pair: pair[1], default=("", 0.0))
    return f"its column {name!r} meets {share:.0%}: name it in {setting}" if share >= max(_LIKELY, 2 * met) else ""
