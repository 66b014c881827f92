"""The input of a run compared with the run before: alarms on honest pairs of windows, and planted faults found."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from tamscore.model.earlier import account_sales
from tamscore.stages.draw import id_hash
from tamscore.stages.input_change import broken_limits, compare, limits_after
from tamscore.synthetic import write_market

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WEEKS, SEEDS = 12, 5
CHURN, DRIFT, WON = 0.01, 0.1, 0.01
"""Each week: accounts that go and come, the spread of sales (log), customers won and lost."""
SEASON = (1.0, 1.0, 1.05, 1.1, 1.2, 1.15, 1.0, 0.9, 0.85, 0.9, 1.0, 1.1)
"""The season of every week: sales of all accounts are that many times those of an ordinary one."""
WEEK, DAY = 7.0, np.timedelta64(1, "D")


@dataclass(frozen=True)
class Window:
    """Accounts in some window: `ids` (n,) texts, `sales` (n,)."""

    ids: Any
    sales: Any

    def input_figures(self) -> Any:
        """The window as two runs are compared."""
        return account_sales([id_hash(pa.array(self.ids, pa.large_string()))], [self.sales])


@dataclass(frozen=True)
class Pair:
    """Two windows of one market, and the days between them."""

    source: str
    before: Window
    now: Window
    days: float

    def alarms(self) -> list[str]:
        """The limits that are broken."""
        limits = limits_after(self.days, None, 0.15, None)
        return list(broken_limits(compare(self.before.input_figures(), self.now.input_figures()), limits))


def simulated(folder: Path, rows: int) -> Iterator[Pair]:
    """Twelve weeks of a synthetic market, drawn five times: churn, drift, season."""
    write_market(folder, rows, 0)
    table = pq.read_table(folder / "market", columns=["account_id", "sales"])
    first = Window(table["account_id"].to_numpy(), np.nan_to_num(table["sales"].to_numpy()))
    for seed in range(SEEDS):
        week, random = first, np.random.default_rng(seed)
        for number in range(WEEKS):
            following = week_after(week, SEASON[(number + 1) % WEEKS] / SEASON[number], random, f"{seed}-{number}")
            yield Pair("simulated weeks", week, following, WEEK)
            week = following


def week_after(week: Window, season: float, random: np.random.Generator, name: str) -> Window:
    """The market a week later."""
    stay = random.random(len(week.ids)) >= CHURN
    sales = (week.sales * season * random.lognormal(0, DRIFT, len(week.sales)))[stay]
    bought = week.sales[week.sales > 0]
    sales[(random.random(len(sales)) < WON) & (sales > 0)] = 0.0
    won = (random.random(len(sales)) < WON * len(bought) / len(week.sales)) & (sales == 0)
    sales[won] = random.choice(bought, won.sum()) * season
    new = int(CHURN * len(week.ids))
    fresh = np.array([f"new-{name}-{i}" for i in range(new)], object)
    more = random.choice(week.sales, new) * season
    return Window(np.concatenate([week.ids[stay], fresh]), np.concatenate([sales, more]).round(2))


def windows_of(ids: Any, days: Any, amounts: Any, length: int, end: Any) -> Window:
    """Everybody who has ordered until a day, and what they spent in the days before it."""
    names, codes = ids
    there = np.unique(codes[days < end])
    recent = (days >= end - length * DAY) & (days < end)
    sums = np.bincount(codes[recent], amounts[recent], len(names)).round(2)
    return Window(names[there], sums[there])


def coded(ids: Any) -> tuple[Any, Any]:
    """The different ids as texts, and the place (m,) of each among them."""
    found = ids.cast(pa.string()).combine_chunks().dictionary_encode()
    return found.dictionary.to_numpy(zero_copy_only=False), found.indices.to_numpy()


def series(source: str, orders: tuple[Any, Any, Any], length: int, step: int, first: int) -> Iterator[Pair]:
    """Pairs of neighbouring windows of a shop's orders; the first ends so many days after the first order."""
    ids, days, amounts = orders
    ends = np.arange(days.min() + first * DAY, days.max() + DAY, step * DAY)
    made = [windows_of(ids, days, amounts, length, end) for end in ends]
    for before, now in pairwise(made):
        yield Pair(source, before, now, float(step))


def online_retail(raw: Path) -> tuple[Any, Any, Any]:
    """Ids, days and amounts of the order lines of the retailer."""
    table = pq.read_table(raw / "online_retail" / "online_retail_2010_2011.parquet")
    table = table.filter(pc.is_valid(table["CustomerID"]))
    amounts = table["Quantity"].to_numpy() * table["UnitPrice"].to_numpy()
    return coded(table["CustomerID"]), table["InvoiceDate"].to_numpy().astype("datetime64[D]"), amounts


def cdnow(raw: Path) -> tuple[Any, Any, Any]:
    """Ids, days and amounts of the orders of the music shop."""
    table = pyarrow.csv.read_csv(raw / "cdnow" / "cdnow_master.csv")
    ids, days, amounts = (table[name] for name in ("customer_id", "date", "dollar_value"))
    when = pc.strptime(days.cast(pa.string()), "%Y%m%d", "s")
    return coded(ids), when.to_numpy().astype("datetime64[D]"), amounts.to_numpy()


def irs(raw: Path) -> Iterator[Pair]:
    """All tax-exempt organisations of a state in two years."""
    made = []
    for year in (2020, 2026):
        table = pyarrow.csv.read_csv(raw / "irs_bmf" / f"eo_vt_{year}.csv")
        revenue = pc.fill_null(table["REVENUE_AMT"].cast(pa.float64()), 0.0).to_numpy()
        made.append(Window(table["EIN"].cast(pa.string()).to_numpy(), revenue))
    yield Pair("tax-exempt organisations, 2020 and 2026", made[0], made[1], 6 * 365.0)


def real(raw: Path) -> Iterator[Pair]:
    """Pairs of windows of real tables."""
    retail, music = online_retail(raw), cdnow(raw)
    yield from series("online retail, weeks, half a year of sales", retail, 182, 7, 182)
    yield from series("online retail, months, half a year of sales", retail, 182, 30, 182)
    yield from series("online retail, quarters", retail, 91, 91, 91)
    yield from series("music shop, weeks, half a year of sales", music, 182, 7, 270)
    yield from series("music shop, quarters", music, 91, 91, 182)
    yield from irs(raw)


def other_ids(window: Window) -> Window:
    """The market under numbers."""
    return Window(np.array([f"{i:08d}" for i in range(len(window.ids))], object), window.sales)


def doubled(window: Window) -> Window:
    """Every account twice, the second under an id of its own."""
    ids = np.concatenate([window.ids, np.array([f"{name}-2" for name in window.ids], object)])
    return Window(ids, np.tile(window.sales, 2))


def subset_of(window: Window, rows: Any) -> Window:
    """Some accounts of a window."""
    return Window(window.ids[rows], window.sales[rows])


def with_sales(window: Window, sales: Any) -> Window:
    """The window with other sales."""
    return Window(window.ids, sales)


FAULTS: dict[str, Callable[[Window, np.random.Generator], Window]] = {
    "only the first third arrives": lambda one, _: subset_of(one, slice(0, len(one.ids) // 3)),
    "a country with a tenth of the accounts is missing": lambda one, random: subset_of(
        one, random.random(len(one.ids)) >= 0.1
    ),
    "sales in thousands": lambda one, _: with_sales(one, (one.sales / 1000).round(3)),
    "sales in cents": lambda one, _: with_sales(one, one.sales * 100),
    "every second sales 0": lambda one, _: with_sales(one, np.where(np.arange(len(one.ids)) % 2, one.sales, 0.0)),
    "a tenth of the accounts in thousands": lambda one, random: with_sales(
        one, np.where(random.random(len(one.ids)) < 0.1, one.sales / 1000, one.sales)
    ),
    "ids shuffled": lambda one, random: Window(random.permutation(one.ids), one.sales),
    "ids numbered anew": lambda one, _: other_ids(one),
    "another column as sales": lambda one, random: with_sales(
        one, np.where(one.sales > 0, random.lognormal(np.log(np.median(one.sales[one.sales > 0])), 1, len(one.ids)), 0)
    ),
    "every account twice": lambda one, _: doubled(one),
}


def input_change(folder: Path, raw: Path, rows: int) -> Iterator[dict[str, Any]]:
    """Honest pairs with an alarm, and faults found, by source."""
    pairs = [*simulated(folder, rows), *(real(raw) if raw.is_dir() else ())]
    for source in dict.fromkeys(pair.source for pair in pairs):
        mine = [pair for pair in pairs if pair.source == source]
        alarms = [pair.alarms() for pair in mine]
        figures = {"source": source, "pairs": len(mine), "alarms": sum(map(bool, alarms))}
        yield {**figures, "limits": sorted({name for one in alarms for name in one}), "missed": missed(mine)}


def missed(pairs: list[Pair]) -> dict[str, int]:
    """In how many pairs each fault, planted in the later window, breaks no limit."""
    random, counts = np.random.default_rng(0), {}
    for name, fault in FAULTS.items():
        spoiled = (Pair(pair.source, pair.before, fault(pair.now, random), pair.days) for pair in pairs)
        counts[name] = sum(not pair.alarms() for pair in spoiled)
    return counts
