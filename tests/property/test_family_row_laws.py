"""The laws of families as rows: sums to the cent, and the same numbers to the bit in any order and partitioning."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from tamscore.sections.families.grouping import Grouping, ScoredAccounts, rows_of_ids
from tamscore.stages.draw import id_hash

NAMES = tuple(f"A{number:02d}" for number in range(40))
CENTS = st.integers(-(10**9), 10**11)


@st.composite
def scored(draw):
    """Accounts by id, each with a family, that of another account, its own or one that is no account, and sales."""
    count = draw(st.integers(1, len(NAMES)))
    family = st.sampled_from((*NAMES[:count], "GROUP", "HOLDING"))
    amount = st.none() | CENTS.map(lambda cents: cents / 100)
    rows = [(name, draw(family), draw(amount)) for name in NAMES[:count]]
    return draw(st.permutations(rows))


def hashes_of(texts):
    """The hashes of ids."""
    return id_hash(pa.array(texts, pa.large_string()))


def grouped(rows, cuts):
    """The families of rows in partitions that end at the cuts, and the rows in that order."""
    parts = []
    for low, high in pairwise([0, *sorted(cuts), len(rows)]):
        ids, families, sales = ([row[place] for row in rows[low:high]] for place in range(3))
        names = sorted(set(families))
        code = np.array([names.index(name) for name in families], np.int32)
        money = np.array([np.nan if value is None else value for value in sales], np.float64)
        own = np.array([one == other for one, other in zip(ids, families, strict=True)], bool)
        party = np.zeros(len(ids), np.int8)
        texts = pa.array(names, pa.large_string())
        at = np.arange(len(ids), dtype=np.int32)
        parts.append(ScoredAccounts(at, hashes_of(ids), code, texts, hashes_of(names), own, party, money, money, money))
    return Grouping.of(parts), np.concatenate([part.sales for part in parts])


def rows_of_families(rows, cuts):
    """What families say, by id: their sum, largest, the number of the account that stands for them, their accounts."""
    found, sales = grouped(rows, cuts)
    names = [row[0] for row in rows]
    numbers = [found.reduce(sales, how).tolist() for how in ("sum", "max", "parent")]
    stands = [names[account] for account in found.stands]
    buyers = found.counted(sales > 0).tolist()
    return dict(
        zip(found.ids.to_pylist(), zip(*numbers, stands, found.members.tolist(), buyers, strict=True), strict=True)
    )


@given(rows=scored(), data=st.data())
def test_sums_are_right_to_the_cent_and_nothing_is_missing_that_an_account_has(rows, data):
    cuts = data.draw(st.lists(st.integers(0, len(rows)), max_size=3))
    for family, (total, largest, own, stands, members, buyers) in rows_of_families(rows, cuts).items():
        accounts = [row for row in rows if row[1] == family]
        known = [sales for *_, sales in accounts if sales is not None]
        assert members == len(accounts)
        assert buyers == sum(sales > 0 for sales in known)
        assert abs(total - math.fsum(known)) < 0.005 if known else math.isnan(total)
        assert largest == max(known) if known else math.isnan(largest)
        account = next(row for row in accounts if row[0] == stands)
        assert own == account[2] or (account[2] is None and math.isnan(own))
        if family in {row[0] for row in accounts}:
            assert stands == family
        elif known:
            assert own == max(known)


@given(rows=scored(), data=st.data())
def test_neither_order_nor_partitions_change_a_bit(rows, data):
    cuts = data.draw(st.lists(st.integers(0, len(rows)), max_size=4))
    one, other = rows_of_families(rows, cuts), rows_of_families(sorted(rows), ())
    assert list(one) == list(other)
    assert repr(one) == repr(other)


@given(st.lists(st.sampled_from(NAMES[:6]), min_size=1, max_size=12), st.data())
def test_scored_rows_are_found_by_their_ids(ids, data):
    known = sorted(set(ids))
    chosen = data.draw(st.lists(st.sampled_from(known), unique=True))
    at = rows_of_ids(hashes_of(chosen), hashes_of(ids))
    if len(chosen) < len(ids):
        assert at.tolist() == [ids.index(name) for name in chosen]
    else:
        assert at.tolist() == list(range(len(ids)))
