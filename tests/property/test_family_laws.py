"""The laws of families, on random forests with circles, accounts that own themselves, orphans and repeated ids."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from tamscore.schema import PARTY_TYPES, Partition, Reason
from tamscore.scoring.census.part_rows import PartRows
from tamscore.sections.families.links import links_in
from tamscore.sections.families.resolution import Strangers, resolve, rows_of
from tamscore.sections.families.texts import alphabetical
from tamscore.stages.draw import id_hash
from tamscore.stages.hash_index import order_of

UNKNOWN = ("unknown", "gone")
NAMES = tuple(f"A{number:02d}" for number in range(24))


@st.composite
def forests(draw):
    """Accounts by id with the parents and ultimate parents that they name: others, themselves, unknown ones, none."""
    count = draw(st.integers(1, len(NAMES)))
    named = st.sampled_from((None, "", *NAMES[:count], *UNKNOWN))
    rows = [(name, draw(named), draw(st.none() | named)) for name in NAMES[:count]]
    scored = draw(st.lists(st.booleans(), min_size=count, max_size=count))
    return draw(st.permutations([(*row, here) for row, here in zip(rows, scored, strict=True)])), count


def families(rows, cuts, *, ultimate):
    """The family and depth of each account by id, and what is wrong, for rows in partitions that end at the cuts."""
    names, parents, ultimates, scored = (list(column) for column in zip(*rows, strict=True))
    edges = [0, *sorted(cuts), len(rows)]
    pieces = [slice(low, high) for low, high in pairwise(edges)]
    reason = np.where(scored, Reason.SCORED, Reason.SALES_MISSING).astype(np.uint8)

    def ids(texts):
        return pa.array(texts, pa.large_string())

    parts = [
        PartRows(
            Partition(0, ()),
            reason[at],
            np.full(len(reason[at]), PARTY_TYPES.index("end_user")),
            id_hash(ids(names[at])),
            0,
            {},
        )
        for at in pieces
    ]
    accounts, index = rows_of(parts)
    above = [links_in(ids(parents[at]), index) for at in pieces]
    last = [links_in(ids(ultimates[at]), index) for at in pieces] if ultimate else None
    rank = lambda at: alphabetical(ids([names[row] for row in at]))  # noqa: E731
    found = resolve(accounts, above, last, np.array(scored, bool), rank)
    tops = [
        ultimates[row] if is_named else names[row]
        for row, is_named in zip(found.top_row.tolist(), found.is_named.tolist(), strict=True)
    ]
    unknown = Strangers.of(above, accounts)
    wrong = {
        "self": sorted(names[row] for row in found.own_parent),
        "circle": sorted(names[row] for row in found.lead),
        "unknown": {parents[row]: int(count) for row, count in zip(unknown.rows, unknown.named_by, strict=True)},
    }
    entries = {
        name: (tops[family], int(depth))
        for name, family, depth, here in zip(names, found.family, found.depth, scored, strict=True)
        if here
    }
    return entries, sorted(tops), wrong


def climbed(name, link):
    """The top of an account and the links to it, followed one at a time; a circle ends at its first id."""
    seen = [name]
    while (above := link.get(seen[-1], seen[-1])) not in seen:
        seen.append(above)
    top = min(seen[seen.index(above) :])
    return top, seen.index(top)


@given(forest=forests(), data=st.data())
def test_families_are_what_following_one_link_at_a_time_finds(forest, data):
    rows, _ = forest
    cuts = data.draw(st.lists(st.integers(0, len(rows)), max_size=3))
    family_of, _, wrong = families(rows, cuts, ultimate=False)
    there = {name for name, *_ in rows}
    link = {name: parent for name, parent, *_ in rows if parent in there}
    assert family_of == {name: climbed(name, link) for name, _, _, scored in rows if scored}
    assert wrong["self"] == sorted(name for name, parent, *_ in rows if name == parent)
    strange = [parent for _, parent, *_ in rows if parent and parent not in there]
    assert wrong["unknown"] == {parent: strange.count(parent) for parent in set(strange)}


@given(forest=forests(), data=st.data())
def test_an_ultimate_parent_counts_before_a_parent_and_need_not_be_an_account(forest, data):
    rows, _ = forest
    cuts = data.draw(st.lists(st.integers(0, len(rows)), max_size=3))
    family_of, _, _ = families(rows, cuts, ultimate=True)
    there = {name for name, *_ in rows}
    link = {name: parent for name, parent, *_ in rows if parent in there}
    link |= {name: ultimate for name, _, ultimate, _ in rows if ultimate}
    assert {name: top for name, (top, _) in family_of.items()} == {
        name: climbed(name, link)[0] for name, _, _, scored in rows if scored
    }


@given(forest=forests(), data=st.data(), ultimate=st.booleans())
def test_families_depend_neither_on_the_order_of_rows_nor_on_partitions(forest, data, ultimate):
    rows, _ = forest
    cuts = data.draw(st.lists(st.integers(0, len(rows)), max_size=3))
    assert families(rows, cuts, ultimate=ultimate) == families(
        sorted(rows, key=lambda row: row[0]), (), ultimate=ultimate
    )


@given(forest=forests(), data=st.data())
def test_rows_of_one_id_count_as_the_one_that_is_scored(forest, data):
    """Rejected copies of an account may name other parents: they change nothing."""
    rows, count = forest
    names = st.sampled_from([name for name, *_, scored in rows if scored] or [None])
    copies = data.draw(st.lists(st.tuples(names, st.sampled_from(NAMES[:count])), max_size=4))
    more = [(name, parent, None, False) for name, parent in copies if name]
    together = data.draw(st.permutations([*rows, *more]))
    family_of, tops, _ = families(together, (), ultimate=False)
    assert (family_of, tops) == families(rows, (), ultimate=False)[:2]


def test_a_chain_of_any_depth_and_a_family_of_a_hundred_thousand_are_one_family():
    count = 100_000
    names = [f"N{number:06d}" for number in range(count)]
    chain = [(names[0], None, None, True), *zip(names[1:], names, [None] * count, [True] * count, strict=False)]
    family_of, tops, _ = families(chain, (), ultimate=False)
    assert tops == [names[0]]
    assert family_of[names[-1]] == (names[0], count - 1)
    star = [(names[0], None, None, True), *((name, names[0], None, True) for name in names[1:])]
    family_of, tops, _ = families(star, (count // 3,), ultimate=False)
    assert (tops, set(family_of.values())) == ([names[0]], {(names[0], 0), (names[0], 1)})


def test_one_circle_of_a_hundred_thousand_ends_at_its_first_id():
    count = 100_000
    names = [f"N{number:06d}" for number in range(count)]
    ring = [(name, names[number - 1], None, True) for number, name in enumerate(names)]
    family_of, tops, wrong = families(ring, (), ultimate=False)
    assert tops == [names[0]]
    assert family_of[names[-1]] == (names[0], count - 1)
    assert wrong["circle"] == [names[0]] * count


@given(st.lists(st.integers(0, 2**64 - 1), max_size=60), st.lists(st.integers(0, 59), max_size=60), st.integers(0, 50))
def test_hashes_are_ordered_as_by_a_stable_sort_also_where_they_share_their_first_bits(numbers, copies, shift):
    chosen = [numbers[place % len(numbers)] for place in copies if numbers]
    hashes = np.array([*numbers, *chosen], np.uint64) >> np.uint64(shift)
    assert order_of(hashes).tolist() == np.argsort(hashes, kind="stable").tolist()
