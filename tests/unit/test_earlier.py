"""Clusters of an earlier run: each account finds its own, whoever else there is."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tamscore.model.earlier import NOWHERE, EarlierLabels

HASHES = st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 9), st.integers(2**64 - 9, 2**64 - 1))
"""Anywhere, and close together at either end, where many share their first bits."""


@given(st.dictionaries(HASHES, st.integers(0, 5), max_size=60), st.lists(HASHES, max_size=60))
def test_labels_answer_as_a_dictionary_does_and_know_nobody_else(known, others):
    hashes = np.array(sorted(known), np.uint64)
    labels = EarlierLabels(hashes, np.array([known[number] for number in sorted(known)], np.uint16), tuple("abcdef"))
    asked = [*others, *known]
    found = labels.of(np.array(asked, np.uint64))
    assert found.tolist() == [known.get(number, NOWHERE) for number in asked]
    assert found.dtype == np.uint16


def test_a_table_of_many_is_walked_in_few_steps():
    """Hashes are spread evenly, so that drawers of one or two on average hold about ten at most."""
    random = np.random.default_rng(0)
    hashes = np.unique(random.integers(0, 2**64, 100_000, np.uint64))
    labels = EarlierLabels(hashes, np.arange(len(hashes)).astype(np.uint16) % 7, tuple("abcdefg"))
    starts = np.append(labels.index.first, len(hashes))
    assert np.diff(starts.astype(np.int64)).max() <= 16
    mixed = random.permutation(len(hashes))
    assert np.array_equal(labels.of(hashes[mixed]), labels.codes[mixed])
