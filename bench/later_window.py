"""Priority held against a later window of real tables: whose best tenth brought the money that came.

`python -m bench later-window` takes the raw tables beside the repository. Organisations of 2020 are held against their
revenue of 2026. The shop becomes seven vendors, one a product family: its customers of the first third of the year buy
the family or do not, the second third labels who began to, and the last third is the later window.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from jobs.trials import prepare
from tamscore import job_file, pipeline
from tamscore.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LEVELS = ("cluster", "account")
ORDERS = ("priority", "whitespace", "sales")
LABELS = {
    "label": "began",
    "feature_cutoff": "2011-04-04",
    "label_start": "2011-04-05",
    "label_end": "2011-08-07",
}


def cases() -> Iterator[dict[str, Any]]:
    """What the best tenth brought, for every table, at each level of potential."""
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        for level in LEVELS:
            yield {"case": "irs", "level": level, **organisations(folder / f"irs-{level}", level)}
            for family in prepare.FAMILIES:
                yield {"case": f"shop, {family}", "level": level, **vendor(folder / f"{family}-{level}", family, level)}


def organisations(folder: Path, level: str) -> dict[str, Any]:
    """Organisations by their revenue of 2020, held against that of 2026; who is not there any more is left out."""
    folder.mkdir()
    now, _ = prepare.irs_bmf(prepare.RAW / "irs_bmf")
    later, _ = prepare.irs_bmf_2026(prepare.RAW / "irs_bmf")
    pq.write_table(now, folder / "market.parquet")
    changes = [f"input.path={folder / 'market.parquet'}", f"output.path={folder / 'scores'}", 'device="cpu"']
    done = pipeline.run(
        job_file.load(prepare.HERE / "irs_bmf_backtest.toml", [*changes, f'potential.level="{level}"']), Progress()
    )
    came = {"account_id": later["EIN"].to_pylist(), "came": later["REVENUE_AMT"].cast(pa.float64()).to_pylist()}
    return judged(done.parts(), pl.DataFrame(came))


def vendor(folder: Path, family: str, level: str) -> dict[str, Any]:
    """A product family of the shop as a vendor of its own, with labels of who began to buy it."""
    folder.mkdir()
    lines = prepare.known_lines(pq.read_table(prepare.RAW / "online_retail" / "online_retail_2010_2011.parquet"))
    dates = lines["InvoiceDate"].to_numpy()
    third = np.minimum((dates - dates.min()) / (dates.max() - dates.min()) * 3, 2.999).astype(int)
    spent = [family_money(lines.filter(pa.array(third == window)), family) for window in range(3)]
    customers, _ = prepare.shop_customers(lines.drop_columns(["customer_id", "money"]).filter(pa.array(third == 0)))
    ids = customers["customer_id"].to_pylist()
    sales = [round(spent[0].get(one, 0.0), 2) for one in ids]
    rest = np.maximum(customers["net_sales"].to_numpy() - np.array(sales), 0.0).round(2)
    features = ["mean_price", *(f"{name}_share" for name in prepare.FAMILIES if name != family)]
    market = customers.select(["customer_id", "country", *features])
    market = market.append_column("rest", pa.array(rest)).append_column("sales", pa.array(sales))
    pq.write_table(market, folder / "market.parquet")
    began = pa.table({"customer_id": ids, "began": [int(spent[1].get(one, 0.0) > 0) for one in ids]})
    pq.write_table(began, folder / "labels.parquet")
    done = pipeline.run(job_file.parse(job_of(folder, features, level), "bench"), Progress())
    came = pl.DataFrame({"account_id": ids, "came": [spent[2].get(one, 0.0) for one in ids]})
    return judged(done.parts(), came)


def family_money(lines: Any, family: str) -> dict[str, float]:
    """What each customer spends on a product family in these lines, net of returns."""
    goods = lines.filter(pc.invert(prepare.goods_not(lines)))
    mine = goods.filter(pa.array(prepare.families(goods["Description"]) == [*prepare.FAMILIES].index(family)))
    sums = mine.group_by("customer_id").aggregate([("money", "sum")])
    return dict(zip(sums["customer_id"].to_pylist(), sums["money_sum"].to_pylist(), strict=True))


def job_of(folder: Path, features: Sequence[str], level: str) -> dict[str, Any]:
    """The job of a vendor; what its accounts buy of other families is what they are compared by."""
    scalings = dict.fromkeys(features, "quantile_normal") | {"mean_price": "log_standard", "rest": "log_standard"}
    return {
        "device": "cpu",
        "input": {"path": str(folder / "market.parquet")},
        "output": {"path": str(folder / "scores")},
        "columns": {"account_id": "customer_id", "sales": "sales"},
        "features": {"numeric": scalings, "categorical": ["country"], "category_floor": 0.005},
        "leakage": {"action": "warn"},
        "clusters": {"k": 8},
        "potential": {"level": level},
        "propensity": {**LABELS, "label_table": str(folder / "labels.parquet")},
    }


def judged(parts: Sequence[Any], came: pl.DataFrame) -> dict[str, Any]:
    """The share of the money that came, and of what came beyond today's sales, with the best tenth by each order.

    Of all accounts, of customers and of prospects; 0.1 is what a random tenth has.
    """
    scored = pl.concat([pl.read_parquet(str(part)) for part in parts])
    known = scored.with_columns(pl.col("account_id").cast(pl.String), pl.col("kind").cast(pl.String))
    known = known.join(came, on="account_id").filter(pl.col("came").is_not_null())
    known = known.with_columns(pl.col("sales").fill_null(0.0).clip(0.0), pl.col("came").cast(pl.Float64).clip(0.0))
    known = known.with_columns((pl.col("came") - pl.col("sales")).clip(0.0).alias("more"))
    groups = {"all": known, "customers": known.filter(kind="expansion"), "prospects": known.filter(kind="acquisition")}
    found = {"accounts": {name: len(one) for name, one in groups.items()}}
    return found | {name: {money: held(one, money) for money in ("came", "more")} for name, one in groups.items()}


def held(accounts: pl.DataFrame, money: str) -> dict[str, float]:
    """The share of the money that the best tenth by each order has."""
    whole, count = float(accounts[money].sum()) or 1.0, max(len(accounts) // 10, 1)
    keys = {
        "priority": accounts["priority"],
        "whitespace": -accounts["whitespace"].fill_null(0.0),
        "sales": -accounts["sales"],
    }
    found = {}
    for name in ORDERS:
        ordered = accounts.with_columns(keys[name].alias("key")).sort(["key", "account_id"])
        found[name] = round(float(ordered.head(count)[money].sum()) / whole, 3)
    return found
