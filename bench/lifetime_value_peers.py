"""BG/NBD and gamma-gamma on the tables of trials, in an environment of its own with pymc-marketing and pyarrow.

`python bench/lifetime_value_peers.py TABLES OUT`: for each table of orders a Parquet file of customers with the spend
that is expected of them, and a line with versions and seconds.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pandas as pd
from pymc_marketing.clv import BetaGeoModel, GammaGammaModel, rfm_summary

SPLITS = {"cdnow": ("1997-09-30", "1998-06-30"), "online_retail": ("2011-06-05", "2011-12-09")}
"""Last day that is known, and last day that is to be foretold."""


def expected_spend(orders: pd.DataFrame, split: str, end: str) -> pd.DataFrame:
    """Customers with the spend that both models, fitted by maximum a posteriori, expect of them until the end."""
    early = orders[pd.to_datetime(orders["date"]) <= split]
    daily = early.groupby(["customer_id", "date"], as_index=False)["amount"].sum()
    daily = daily[daily["amount"] > 0]  # the models know no refunds
    rfm = rfm_summary(daily, "customer_id", "date", "amount", observation_period_end=split, time_unit="D")
    purchases = BetaGeoModel(data=rfm)
    purchases.fit(method="map", progressbar=False)
    again = rfm[(rfm["frequency"] > 0) & (rfm["monetary_value"] > 0)]
    spend = GammaGammaModel(data=again)
    spend.fit(method="map", progressbar=False)
    days = (pd.Timestamp(end) - pd.Timestamp(split)).days
    expected = purchases.expected_purchases(rfm, future_t=days).to_numpy().ravel()
    money = spend.expected_customer_spend(rfm.assign(monetary_value=rfm["monetary_value"].clip(lower=1e-9)))
    return pd.DataFrame({"customer_id": rfm["customer_id"], "expected": expected * money.to_numpy().ravel()})


def main() -> None:
    """Fit both models on every table."""
    tables, out = map(Path, sys.argv[1:3])
    for name, (split, end) in SPLITS.items():
        start = time.perf_counter()
        orders = pd.read_parquet(tables / f"{name}_orders.parquet")
        expected_spend(orders, split, end).to_parquet(out / f"{name}_bgnbd.parquet")
        packages = {package: version(package) for package in ("pymc-marketing", "pymc", "pandas")}
        print(json.dumps({"table": name, "seconds": round(time.perf_counter() - start, 1), **packages}))


if __name__ == "__main__":
    main()
