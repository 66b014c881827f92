"""Words and amounts that stand in place of others: the same for every way to store a column."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tamscore.schema import InputColumns, Partition, Piece
from tamscore.scoring.census.partition import party_codes
from tamscore.scoring.census.words import unknown_words
from tamscore.scoring.features import read_features
from tamscore.store import tables
from tamscore.store.substituting import replace_words
from tamscore.substitution import Rates, SubstituteSums, Substitution, fold_keys

WORDS = fold_keys({"Reseller": "channel", "VAR": "channel", "End Customer": "end_user", "": "unknown"})
TEXTS = ["reseller", " VAR ", "end customer", None, "  ", "Other", "channel"]
READ = ["channel", "channel", "end_user", "unknown", "unknown", "Other", "channel"]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_words_are_read_by_the_map_whatever_their_capitals_and_blanks(kind):
    column = pa.chunked_array([pa.array(TEXTS[:4]).cast(kind), pa.array(TEXTS[4:]).cast(kind)])
    assert replace_words(column, WORDS).to_pylist() == READ


def test_equal_words_share_a_place_in_a_dictionary():
    column = pa.chunked_array([pa.array(TEXTS).dictionary_encode()])
    (chunk,) = replace_words(column, WORDS).chunks
    assert chunk.dictionary.to_pylist() == ["channel", "end_user", "unknown", "Other"]


def test_codes_are_mapped_by_their_digits():
    assert replace_words(pa.chunked_array([[47, 46, None]]), fold_keys({"47": "retail"})).to_pylist() == [
        "retail",
        "46",
        None,
    ]


def test_composed_and_decomposed_letters_are_one_word():
    assert replace_words(pa.chunked_array([["Ha\u0308ndler"]]), fold_keys({"H\xe4ndler": "channel"})).to_pylist() == [
        "channel"
    ]


@pytest.mark.parametrize("word", ["end_user", "End User", "END-USER", " enduser ", "End_User"])
def test_party_types_are_known_in_every_spelling(word):
    assert party_codes(pa.chunked_array([[word, None, "Vendor", "Channel "]])).tolist() == [0, -1, -1, 1]


def test_unknown_words_are_reported_with_their_counts_and_the_map_to_paste():
    counts = {"Distributor": 7, "Vendor": 9, None: 3, "Endkunde": 8}
    text = unknown_words(counts, ("end_user", "channel"), "Partner Type", "market")
    assert "'Vendor' 9, 'Endkunde' 8, 'Distributor' 7, no word 3" in text
    assert text.splitlines()[1:] == [
        '[values."Partner Type"]',
        '"Vendor" = ""',
        '"Endkunde" = "end_user"',
        '"Distributor" = "channel"',
        '"" = ""',
    ]


def test_ten_words_are_reported_and_the_rest_counted():
    text = unknown_words({f"w{i:02d}": 99 - i for i in range(25)}, ("a", "b"), "role", "people.csv")
    assert "'w09' 90 and 15 more words" in text
    assert "w10" not in text


COLUMNS = InputColumns("id", "sales", numeric=("size",))
CURRENCIES = ["EUR", "jpy", " USD", None, "XXX", "JPY"]
SALES = [10.0, 1000.0, None, 5.0, 0.0, -200.0]
CONVERTED = [10.0, 6.0, None, np.inf, 0.0, -1.2]


def partition_of(path, kind, rates=None, sums=None, summed=None):
    """Return the partition of a small file whose sales are stored in a type."""
    sales = pa.array(SALES, pa.float64()).cast(kind)
    table = pa.table({"id": list("abcdef"), "sales": sales, "size": [1.0, 2, 3, 4, 5, 6], "cur": CURRENCIES})
    pq.write_table(table, path / "a.parquet")
    piece = Piece(str(path / "a.parquet"), (0,), 6)
    return Partition(0, (piece,), substitution=Substitution({}, rates, summed), sums=sums)


RATES = Rates("cur", {"eur": 1.0, "jpy": 0.006, "usd": 0.9}, ("sales",))


@pytest.mark.parametrize("kind", [pa.float64(), pa.float32(), pa.int64(), pa.decimal128(12, 2)])
def test_amounts_become_amounts_of_one_currency_in_every_type(tmp_path, kind):
    """An unknown currency makes an amount infinite, which is rejected; 0 and missing stay what they are."""
    read = tables.read(partition_of(tmp_path, kind, RATES), ["sales", "id"])
    assert read.column_names == ["sales", "id"]
    assert read["sales"].type == pa.float64()
    assert read["sales"].to_pylist() == CONVERTED


@pytest.mark.parametrize("rows", [None, [0, 1, 4, 5], [5]])
def test_a_device_reads_the_same_amounts_as_the_host(tmp_path, backend, rows):
    sums = SubstituteSums(np.array([1, 2]), np.array([77.25, 3.0]))
    part = partition_of(tmp_path, pa.float64(), RATES, sums, "sales")
    at = None if rows is None else np.array(rows)
    seen = read_features(part, COLUMNS, backend, at).sales
    whole = tables.read(part, ["sales"])["sales"].to_numpy()
    assert seen.tolist() == (whole if rows is None else whole[rows]).tolist()
    assert whole.tolist() == [10.0, 77.25, 3.0, np.inf, 0.0, -1.2]


def test_without_a_substitution_a_table_comes_as_it_is(tmp_path):
    read = tables.read(partition_of(tmp_path, pa.decimal128(12, 2)), ["sales", "cur"])
    assert read["sales"].type == pa.decimal128(12, 2)
    assert read["cur"].to_pylist() == CURRENCIES
