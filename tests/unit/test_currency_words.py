"""Words for currencies are known by code, sign and name, and columns of other words are not taken for them."""

from __future__ import annotations

import pyarrow as pa
import pytest

from tamscore.scoring.census.currencies import holds_codes, selling_in_several
from tamscore.scoring.census.money import CurrencyCount


def several(*words):
    """Whether rows with sales in these words are in several currencies, as far as a column without a title tells."""
    column = pa.array([*words] * 3, pa.string())
    return holds_codes(column) and bool(selling_in_several({word: CurrencyCount(3, 3, 1.0) for word in words if word}))


@pytest.mark.parametrize(
    "words",
    [("EUR", "USD"), ("eur", "jpy "), ("€", "$"), ("Euro", "Dollar"), ("US Dollar", "Swiss Franc"), ("US$", "CA$")],
    ids=str,
)
def test_codes_signs_and_names_are_several_currencies(words):
    assert several(*words)


@pytest.mark.parametrize(
    "words",
    [
        ("EUR", "€", "euro"),
        ("closed won", "deal won"),
        ("won", "lost"),
        ("ALL", "TOP"),
        ("DEU", "USA", "EUR"),
        ("pound", "kg"),
        ("EUR", ""),
        ("", ""),
    ],
    ids=str,
)
def test_one_currency_and_other_words_are_not(words):
    assert not several(*words)
