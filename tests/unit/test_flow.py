"""Flows: results in the order of the items, a bounded number under way, nothing left running."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamscore.engine.flow import InOrder, LocalFlow, Suspected
from tamscore.engine.task import halve, name_of
from tamscore.errors import TamscoreError
from tamscore.schema import Partition, Piece
from tests.fake_gpu import FakeGpu

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tamscore.engine.flow import Arrived


def slow_square(item: int, offset: int = 0) -> int:
    """The later an item, the sooner it is done: order must not come from timing."""
    time.sleep(0.002 * (9 - item % 10))
    return item * item + offset


def fail_at_three(item: int) -> int:
    if item == 3:
        raise ValueError("item 3 is bad")
    return item


class Bench:
    """Starts items without doing them; they end in whatever order the test wants."""

    def __init__(self, order: list[int]) -> None:
        self.order, self.under_way, self.most, self.ahead, self.taken = order, dict[str, Any](), 0, 0, 0
        self.alone: list[str] = []
        self.begun = 0

    def start(self, name: str, item: Any, alone: bool) -> Future[Any]:
        future = Future[Any]()
        self.under_way[name] = (item, future)
        self.begun += not alone
        self.most = max(self.most, len(self.under_way))
        self.ahead = max(self.ahead, self.begun - self.taken)
        if alone:
            assert len(self.under_way) == 1, "a suspect is seen alone"
            self.alone.append(name)
        return future

    def wait(self, arrived: Arrived, names: Iterable[str]) -> int:
        assert set(names) == set(self.under_way)
        names = sorted(self.under_way)
        name = names[self.order.pop() % len(names) if self.order else 0]
        item, future = self.under_way.pop(name)
        if isinstance(item, Exception) and name not in self.alone:
            future.set_exception(item)
        else:
            future.set_result(str(item))
        return arrived.get_nowait()

    def results(self, items: Iterable[Any], width: int, ahead: int) -> Iterator[Any]:
        for result in InOrder(self.start, items, width, ahead, self.wait):
            self.taken += 1
            yield result


@given(st.lists(st.integers()), st.integers(1, 9), st.integers(1, 9), st.lists(st.integers(0, 99)))
def test_every_result_comes_once_and_in_order_whatever_ends_first_and_no_more_than_the_window_waits(
    items, width, more, order
):
    bench = Bench(order)
    assert list(bench.results(items, width, width + more)) == [str(item) for item in items]
    assert bench.most <= width
    assert bench.ahead <= width + more
    assert bench.under_way == {}


@given(st.lists(st.booleans(), max_size=12), st.integers(1, 5), st.lists(st.integers(0, 99)))
def test_suspects_are_seen_once_more_each_alone_and_results_stay_in_order(suspected, width, order):
    """F11: what died beside others is not blamed before it died alone."""
    items = [Suspected(str(number)) if one else number for number, one in enumerate(suspected)]
    bench = Bench(order)
    assert list(bench.results(items, width, 2 * width)) == [str(number) for number in range(len(items))]
    assert sorted(bench.alone) == sorted(f"item {number}" for number, one in enumerate(suspected) if one)


def test_the_first_error_is_raised_before_earlier_items_end_and_the_rest_is_called_off():
    bench = Bench([2])
    results = bench.results([0, 1, KeyError("x"), 3, 4], 3, 9)
    with pytest.raises(TamscoreError, match=r"^item 2: unexpected KeyError: 'x'; set TAMSCORE_DEBUG=1"):
        next(results)
    assert sorted(bench.under_way) == ["item 0", "item 1"]
    assert all(future.cancelled() for _, future in bench.under_way.values())


def test_items_are_drawn_only_as_results_are_taken():
    """A flow over ten thousand partitions holds a few of them: the source is not run ahead."""
    drawn = 0

    def source() -> Iterator[int]:
        nonlocal drawn
        for item in range(10_000):
            drawn += 1
            yield item

    with LocalFlow(2) as flow:
        results = flow.map(slow_square, source())
        for taken in range(1, 6):
            next(results)
            assert drawn <= taken + 2 * flow.workers


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_local_results_come_in_the_order_of_the_items(workers):
    with LocalFlow(workers) as flow:
        assert list(flow.map(slow_square, range(25), 1)) == [item * item + 1 for item in range(25)]
        assert flow.persist(slow_square, range(3)) == [0, 1, 4]
        assert list(flow.map(slow_square, [])) == []
        assert flow.share({"a": 1}) == {"a": 1}


def test_local_threads_end_with_the_flow_and_no_more_than_asked_for_work_at_once():
    at_once, most, lock = 0, 0, threading.Lock()

    def counted(item: int) -> int:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.005)
        with lock:
            at_once -= 1
        return item

    with LocalFlow(3) as flow:
        list(flow.map(counted, range(30)))
    assert 1 < most <= 3
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("tamscore")]


def test_an_error_of_an_item_arrives_and_ends_the_flow_without_doing_the_rest():
    done = []

    def noted(item: int) -> int:
        done.append(item)
        return fail_at_three(item)

    with LocalFlow(1) as flow, pytest.raises(TamscoreError, match="item 3 is bad"):
        list(flow.map(noted, range(1000)))
    assert len(done) < 20


def test_local_flows_hold_blas_to_one_thread_and_give_it_back():
    """Threads of the flow share the cores; BLAS threads on top of them would fight for the same."""
    from threadpoolctl import threadpool_info

    def threads() -> list[int]:
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    before = threads()
    with LocalFlow(2):
        assert set(threads()) == {1}
    assert threads() == before


def test_an_error_surfaces_while_earlier_items_are_still_at_work():
    """It does not wait for its turn; threads that are at work end before the flow does."""
    arrived = threading.Event()

    def work(item: int) -> int:
        if item == 1:
            raise ValueError("at once")
        arrived.wait(60)
        return item

    with LocalFlow(2) as flow:
        began = time.monotonic()
        with pytest.raises(TamscoreError, match="item 1: unexpected ValueError: at once"):
            list(flow.map(work, range(100)))
        assert time.monotonic() - began < 30
        arrived.set()


def test_an_item_is_called_by_the_file_and_row_groups_of_its_partition():
    partition = Partition(3, (Piece("market/a.parquet", (1, 2), 9),))

    class Rows:
        def __init__(self) -> None:
            self.partition = partition

    for item in (partition, Rows(), (Rows(), None)):
        assert name_of(item, "item 7") == "market/a.parquet: row groups (1, 2)"
    assert name_of(5, "item 7") == "item 7"


def test_half_a_block_is_another_backend_with_half_the_rows_and_one_row_cannot_be_halved():
    """F25."""
    backend = FakeGpu(9)
    assert halve(backend).block_rows == 4
    assert backend.block_rows == 9
    one = FakeGpu(1)
    assert halve(one) is one
    assert halve("text") == "text"
