"""A small market whose job asks for every optional section of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.end_to_end import buyers, market, shop

if TYPE_CHECKING:
    from pathlib import Path

ROWS, FILES, SEED = 1200, 6, 3


def build(folder: Path) -> dict[str, Any]:
    """The market with its further tables in a folder, and the changes to its job that ask for everything."""
    changes = shop.build(folder, ROWS, SEED, files=FILES)
    table = market.accounts(ROWS, SEED)
    bought = [float((employees or 0) > 60) for employees in table["employees"].to_pylist()]
    labels = pa.table({"account_id": table["account_id"], "bought": bought})
    pq.write_table(labels, folder / "labels.parquet")
    contacts = pa.table({"account_id": table["account_id"], "role": ["CFO", "user"] * (ROWS // 2)})
    pq.write_table(contacts, folder / "contacts.parquet")
    asked = {
        "label": "bought",
        "label_table": str(folder / "labels.parquet"),
        "numeric": ["growth"],
        "categorical": ["industry"],
        "max_rows": 1000,
        **buyers.WINDOW,
    }
    changes["products"] = {"path": changes["next_offer"].pop("path")}
    changes["next_offer"]["by"] = "probability"
    roles = {"path": str(folder / "contacts.parquet"), "wanted": {"finance": ["CFO"], "legal": []}}
    more = {"jobs": {}, "buying_roles": roles, "propensity": asked}
    return {**changes, **more, "clusters.fit_rows": "all", "clusters.seed_rows": 1000}
