"""A draw depends on seed and ids alone: not on position, layout in memory, partitioning or order."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamscore.stages import draw

IDS = st.lists(st.text(max_size=30), max_size=30)


def plain_hash(text: str) -> int:
    """The hash of one id, byte by byte in Python integers."""
    mask = 2**64 - 1

    def mixed(value: int) -> int:
        value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & mask
        value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & mask
        return value ^ (value >> 31)

    data, golden = text.encode(), 0x9E3779B97F4A7C15
    state = mixed((len(data) + golden) & mask)
    for start in range(0, len(data), 8):
        word = int.from_bytes(data[start : start + 8], "little")
        state = mixed(((state * golden) & mask) ^ word)
    return state


@given(ids=IDS)
def test_the_hash_is_that_of_the_bytes(ids):
    assert draw.id_hash(pa.array(ids, pa.string())).tolist() == [plain_hash(text) for text in ids]


@given(ids=IDS, start=st.integers(0, 30), length=st.integers(0, 30))
def test_a_slice_hashes_like_the_rows_it_holds(ids, start, length):
    whole = draw.id_hash(pa.array(ids, pa.string()))
    for kind in (pa.string(), pa.large_string()):
        part = pa.array(ids, kind).slice(min(start, len(ids)), length)
        assert draw.id_hash(part).tolist() == whole[start : start + length].tolist()


@pytest.mark.parametrize("kind", [pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())])
def test_the_hash_does_not_depend_on_how_text_is_stored(kind):
    ids = ["a", "bb", "", "a rather long id beyond two words", "bb", "ü"]
    assert draw.id_hash(pa.array(ids).cast(kind)).tolist() == draw.id_hash(pa.array(ids)).tolist()


@given(st.integers(1, 30).flatmap(lambda n: st.lists(st.binary(min_size=n, max_size=n), min_size=1, max_size=20)))
def test_ids_of_one_length_hash_as_they_do_among_others(raw):
    ids = [value.hex() for value in raw]
    assert draw.id_hash(pa.array(ids)).tolist() == draw.id_hash(pa.array([*ids, "longer" * 20])).tolist()[:-1]


def test_nulls_hash_like_the_empty_string_and_disturb_nobody():
    found = draw.id_hash(pa.array(["a", None, "b", ""]))
    assert found.tolist() == [plain_hash("a"), plain_hash(""), plain_hash("b"), plain_hash("")]


def test_ids_that_differ_by_little_hash_apart():
    """Prefixes, zero bytes and padding are told apart."""
    ids = ["", "\0", "\0\0", "a", "a\0", "a" * 8, "a" * 9, "a" * 8 + "\0", "b"]
    assert len(set(draw.id_hash(pa.array(ids)).tolist())) == len(ids)


def test_a_hundred_thousand_ids_have_as_many_hashes():
    assert len(np.unique(draw.id_hash(pa.array([f"A{i:07d}" for i in range(100_000)])))) == 100_000


@given(seed=st.integers(0, 2**32 - 1), hashes=st.lists(st.integers(0, 2**64 - 1), unique=True, max_size=40))
def test_draw_numbers_stay_distinct_under_every_seed(seed, hashes):
    numbers = draw.draw_number(np.array(hashes, np.uint64), seed)
    assert numbers.dtype == np.uint64
    assert len(set(numbers.tolist())) == len(hashes)


def test_another_seed_draws_other_rows():
    hashes = draw.id_hash(pa.array([str(i) for i in range(2000)]))
    first = [set(np.argsort(draw.draw_number(hashes, seed))[:200].tolist()) for seed in (0, 1)]
    assert len(first[0] & first[1]) < 60, "about 20 are common by chance"


def test_draw_numbers_are_spread_evenly():
    numbers = draw.draw_number(draw.id_hash(pa.array([str(i) for i in range(40_000)])), 3)
    counts = np.histogram(numbers.astype(np.float64) / 2.0**64, bins=20, range=(0, 1))[0]
    assert (abs(counts - 2000) < 5 * np.sqrt(2000)).all()


@given(
    numbers=st.lists(st.integers(0, 2**64 - 1), unique=True, min_size=1, max_size=50),
    cut=st.integers(0, 50),
    wanted=st.integers(1, 60),
)
def test_exactly_the_wanted_number_lies_up_to_the_threshold(numbers, cut, wanted):
    """For every way to cut the numbers into partitions; all of them where fewer are there."""
    parts = [np.array(part, np.uint64) for part in (numbers[:cut], numbers[cut:])]
    limit = draw.threshold(parts, wanted)
    assert sum(int((part <= np.uint64(limit)).sum()) for part in parts) == min(wanted, len(numbers))


def test_the_threshold_of_nothing_takes_everything():
    assert draw.threshold([], 5) == 2**64 - 1


@given(st.lists(st.lists(st.integers(0, 9), max_size=8), max_size=5))
def test_duplicates_are_found_across_partitions(parts):
    together = [value for part in parts for value in part]
    wanted = sorted({value for value in together if together.count(value) > 1})
    assert draw.duplicate([np.array(part, np.uint64) for part in parts]).tolist() == wanted


@given(
    hashes=st.lists(st.lists(st.sampled_from([0, 1, 2**62, 2**63 - 1, 2**63, 2**64 - 1]), max_size=8), max_size=4),
    at_once=st.integers(1, 40),
)
def test_hashes_of_several_rows_are_found_whatever_is_sorted_at_once(hashes, at_once):
    parts = [np.array(part, np.uint64) for part in hashes]
    every = [value for part in hashes for value in part]
    repeated = sorted({value for value in every if every.count(value) > 1})
    assert draw.duplicate(parts, at_once).tolist() == repeated
