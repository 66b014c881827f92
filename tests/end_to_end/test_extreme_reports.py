"""Reports on legal amounts of any size: they are drawn without a warning, on paper as in the page."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamscore.progress import Progress
from tamscore.questions.stored import open_run
from tamscore.report import write_report
from tamscore.view.axes import log_limits
from tamscore.view.blocks import Figure
from tests.end_to_end import market


def with_sales(change):
    """The accounts of a market with other sales (m,) of those that buy."""
    table = market.accounts(600)
    sales = np.array([value or 0.0 for value in table["sales"].to_pylist()])
    buys = np.flatnonzero(sales > 0)
    sales[buys] = change(sales[buys])
    return table.set_column(table.column_names.index("sales"), "sales", pa.array(sales))


CHANGES = {
    "cents and one of 1e15": lambda sales: np.where(np.arange(len(sales)) == 0, 1e15, 0.01),
    "all alike": lambda sales: np.full(len(sales), 100.0),
    "one customer": lambda sales: np.where(np.arange(len(sales)) == 0, sales, 0.0),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_report_on_extreme_amounts_is_drawn_without_a_warning(change, tmp_path):
    """C41: warnings are errors here; the causes are gone, not hidden."""
    done = market.score(with_sales(change), tmp_path)
    write_report(open_run(done.output), Progress(), tmp_path / "r.html", None)
    assert (tmp_path / "r.html").stat().st_size > 10_000


def test_where_nobody_buys_no_chapter_is_empty_and_the_report_says_what_it_lacks(tmp_path):
    run = open_run(market.score(with_sales(np.zeros_like), tmp_path).output)
    chapters = write_report(run, Progress(), tmp_path / "r.html", None)
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    entries = {chapter.anchor: chapter for chapter in chapters}
    assert not entries.keys() & {"ranking", "explanations", "potential", "ladder"}
    assert entries["quadrants"].message == "Nothing is open: all accounts are grey."
    assert not [block for block in entries["quadrants"].blocks if isinstance(block, Figure)]
    for missing in ("Who to call first", "Why these accounts", "Potential by cluster"):
        assert f">{missing}<" in page
    assert all(f'id="{link}"' in page for link in re.findall(r'href="#([^"]+)"', page))


@given(st.lists(st.floats(1e-300, 1e300), min_size=1, max_size=5), st.floats(0, 0.5))
def test_limits_of_a_logarithmic_axis_are_finite_apart_and_around_the_values(values, margin):
    low, high = log_limits(values, margin)
    assert 0 < low < high < np.inf
    assert low <= max(min(values), 1e-250) * (1 + 1e-9)
    assert high >= min(max(values), 1e250) * (1 - 1e-9)
