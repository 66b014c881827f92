"""Whitespace by product on a synthetic market: what 20 products cost beyond the plain run."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from pathlib import Path

PRODUCTS = 20
COSTS = ("cpu_seconds", "peak_mb")


def write_sales(market: Path, path: Path, seed: int) -> int:
    """Write what customers of a market buy of 20 products, shares of their sales; return the number of lines."""
    random, lines = np.random.default_rng([seed, PRODUCTS]), 0
    names = pa.array([f"product {p:02d}" for p in range(PRODUCTS)])
    schema = pa.schema({"account_id": pa.string(), "product": pa.string(), "sales": pa.float64()})
    with pq.ParquetWriter(path, schema) as to:
        for file in sorted((market / "market").glob("*.parquet")):
            table = pq.read_table(file, columns=["account_id", "sales"])
            sales = np.nan_to_num(table["sales"].to_numpy(zero_copy_only=False))
            customers = np.flatnonzero(sales > 0)
            owned = random.random((len(customers), PRODUCTS)) < np.linspace(0.8, 0.2, PRODUCTS)
            part = owned * random.random(owned.shape)
            part /= np.maximum(part.sum(axis=1, keepdims=True), 1e-9)
            row, product = np.nonzero(owned)
            money = np.round(part[row, product] * sales[customers[row]], 2)
            ids = table["account_id"].cast(pa.string()).take(pa.array(customers[row]))
            to.write_table(pa.table({"account_id": ids, "product": names.take(pa.array(product)), "sales": money}))
            lines += len(row)
    return lines


def run_apart(market: Path, overrides: list[str]) -> dict[str, Any]:
    """Return what a whole run costs in a process of its own, so that its peak memory is its own."""
    code = (
        "import json, sys, tempfile; from pathlib import Path; from bench.whole_run import whole_run\n"
        "with tempfile.TemporaryDirectory() as output:\n"
        "    print(json.dumps(whole_run(Path(sys.argv[1]), Path(output), sys.argv[2:])))"
    )
    command = [sys.executable, "-c", code, str(market), *overrides]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def products(market: Path, seed: int, sold: Path) -> dict[str, Any]:
    """Return what [products], and [next_offer] beside it, cost beyond the run without them."""
    lines = write_sales(market, sold, seed)
    plain, table = run_apart(market, []), f'products.path="{sold}"'
    runs = {"products": run_apart(market, [table]), "both": run_apart(market, [table, "next_offer.owned=0.4"])}
    return {
        "rows": plain["rows"],
        "lines": lines,
        "products": PRODUCTS,
        "plain": {name: plain[name] for name in COSTS},
        "beyond": {kind: {name: run[name] - plain[name] for name in COSTS} for kind, run in runs.items()},
    }
