"""The tables of trials and backtests, from real raw tables: `python jobs/trials/prepare.py [RAW] [--out FOLDER]`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tamscore.store.csv_import import inspect, write

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HERE = Path(__file__).resolve().parent
RAW = HERE.parents[2] / "shared" / "data"
"""The raw tables lie in a folder beside the repository, unless another is given."""
OUT = HERE / "tables"
CDNOW_SPLIT = date(1997, 9, 30)
"""The last day of the first 39 of 78 weeks."""
CRUNCHBASE_SPLIT = 2010
"""The last year that a backtest of funded companies knows."""
MIX = ("Fresh", "Milk", "Grocery", "Frozen", "Detergents_Paper", "Delicassen")
FAMILIES = {
    "christmas": "CHRISTMAS|XMAS|REINDEER|SANTA|ADVENT",
    "bags": r"\bBAG|SHOPPER|PURSE",
    "lights": "LIGHT|CANDLE|LANTERN|LAMP",
    "kitchen": r"CAKE|BAKING|KITCHEN|\bMUG|\bCUP|PLATE|BOWL|\bTEA\b|TEACUP|SPOON|\bJAR|LUNCH|BOTTLE|\bTIN\b",
    "paper": r"\bCARD|WRAP|PAPER|NAPKIN|TISSUE|STICKER|NOTEBOOK",
    "children": "CHILD|TOY|DOLL|GAME|PUZZLE|BABY|PLAYHOUSE|CRAYON",
    "decoration": "SIGN|FRAME|HANGING|ORNAMENT|DECORATION|HEART|CLOCK|MIRROR|DOORMAT",
}
"""Product families by words of the description, the first that fits; everything else is `other`."""
NOT_GOODS = r"^(POST|DOT|D|M|C2|CRUK|PADS|B|S|AMAZONFEE|BANK CHARGES|gift_.*)$"
"""Stock codes of postage, discounts, fees and corrections: part of net sales, but of no basket."""


def main() -> None:
    """Write the tables and say what each holds."""
    parser = argparse.ArgumentParser(
        description="Make the tables of the trials and backtests from the folder of raw tables."
    )
    parser.add_argument("raw", nargs="?", type=Path, default=RAW, help="folder of raw tables (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=OUT, help="folder for the tables (default: %(default)s)")
    given = parser.parse_args()
    if not given.raw.is_dir():
        wanted = ", ".join(dict.fromkeys(folder for folder, _ in TABLES.values()))
        sys.exit(f"raw tables: expected a folder, got {str(given.raw)!r}; name the one that holds {wanted}")
    for path, note in prepare(given.raw, given.out):
        sys.stdout.write(f"{path.name}: {pq.read_metadata(path).num_rows:,} rows{note}\n")


def prepare(raw: Path, out: Path) -> list[tuple[Path, str]]:
    """The tables now in the folder `out`, each with a note on what was left out of it."""
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for name, (folder, make) in TABLES.items():
        if folder in OPTIONAL and not (raw / folder).is_dir():
            continue
        table, note = make(raw / folder)
        path = out / f"{name}.parquet"
        pq.write_table(table, path)
        written.append((path, note))
    return written


def imported(file: Path, types: Mapping[str, str] | None = None, max_bad_share: float | None = None) -> tuple[Any, str]:
    """A CSV file as the program's own import reads it, and a note on cells that it could not read."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "table.parquet"
        report = write(inspect([file], types, max_bad_share=max_bad_share), target)
        bad = ", ".join(f"{column.bad} cells of {column.name!r} unreadable" for column in report.columns if column.bad)
        return pq.read_table(target), f"; {bad}" if bad else ""


def wholesale_customers(folder: Path) -> tuple[Any, str]:
    """Clients of a wholesaler: what they are and how their basket is mixed, with the yearly spend as sales."""
    table, note = imported(folder / "wholesale_customers.csv")
    spend = np.stack([table[name].to_numpy() for name in MIX]).astype(np.float64)
    total = spend.sum(axis=0)
    columns = {
        "account_id": [f"W{row:03d}" for row in range(1, table.num_rows + 1)],
        "channel": pc.if_else(pc.equal(table["Channel"], 1), "hotel_restaurant_cafe", "retail"),
        "region": pc.take(pa.array(["lisbon", "oporto", "other_region"]), pc.subtract(table["Region"], 1)),
        **{f"{name.lower()}_share": row / total for name, row in zip(MIX, spend, strict=True)},
        "sales": total,
    }
    return pa.table(columns), note


def wholesale_customers_products(folder: Path) -> tuple[Any, str]:
    """What each client spends in each category."""
    table, _ = imported(folder / "wholesale_customers.csv")
    ids = wholesale_customers(folder)[0]["account_id"]
    parts = [pa.table({"account_id": ids, "product": [name] * len(ids), "sales": table[name]}) for name in MIX]
    return pa.concat_tables(parts), ""


def irs_bmf(folder: Path) -> tuple[Any, str]:
    """Tax-exempt organisations of 2020: size, age and kind, with their revenue in the place of sales."""
    table, note = imported(folder / "eo_vt_2020.csv", {"EIN": "string"})
    year = pc.cast(pc.utf8_slice_codeunits(table["RULING"], 0, 4), pa.int64())
    columns = {
        "EIN": table["EIN"],
        "name": table["NAME"],
        "city": table["CITY"],
        "subsection": table["SUBSECTION"],
        "foundation": table["FOUNDATION"],
        "ntee": pc.utf8_slice_codeunits(table["NTEE_CD"], 0, 1),
        "age": pc.if_else(pc.greater(year, 0), pc.subtract(2020, year), pa.scalar(None, pa.int64())),
        "ASSET_AMT": table["ASSET_AMT"],
        "INCOME_AMT": table["INCOME_AMT"],
        "REVENUE_AMT": table["REVENUE_AMT"],
    }
    return pa.table(columns), note


def irs_bmf_2026(folder: Path) -> tuple[Any, str]:
    """The same organisations six years later: their revenue then, by the same number."""
    table, note = imported(folder / "eo_vt_2026.csv", {"EIN": "string"})
    return pa.table({"EIN": table["EIN"], "REVENUE_AMT": table["REVENUE_AMT"]}), note


def crunchbase_2013(folder: Path) -> tuple[Any, str]:
    """Funded companies: age, trade, state and rounds, with the funding raised in the place of sales."""
    table, note = imported(folder / "crunchbase-companies.csv", {"funding_total_usd": "int"}, max_bad_share=0.01)
    founded = pc.year(table["founded_at"])
    columns = {
        **{name: table[name] for name in ("permalink", "name", "category_code", "state_code", "region", "status")},
        "age": pc.subtract(2013, founded),
        "years_to_first_funding": pc.subtract(pc.year(table["first_funding_at"]), founded),
        "funding_rounds": table["funding_rounds"],
        "funding_total_usd": table["funding_total_usd"],
        "exited": pc.cast(pc.is_in(table["status"], pa.array(["acquired", "ipo"])), pa.int8()),
    }
    return pa.table(columns), note


def crunchbase_2013_families(folder: Path) -> tuple[Any, str]:
    """Funded companies with the company that acquired each, the last one if there were several."""
    companies, note = crunchbase_2013(folder)
    deals, _ = imported(folder / "crunchbase-acquisitions.csv", max_bad_share=0.01)
    keys = [("company_permalink", "ascending"), ("acquired_at", "descending"), ("acquirer_permalink", "ascending")]
    deals = deals.sort_by(keys)
    at = pc.index_in(companies["permalink"], value_set=deals["company_permalink"].combine_chunks())
    unknown = pc.sum(pc.invert(pc.is_in(deals["company_permalink"], companies["permalink"].combine_chunks()))).as_py()
    acquirer = deals["acquirer_permalink"].take(at)
    return companies.append_column("acquirer", acquirer), f"{note}; {unknown:,} deals of companies that are not there"


def bank_marketing(folder: Path) -> tuple[Any, str]:
    """Clients of a bank and whether they took a deposit; without the length of the call, which nobody knows before."""
    table, note = imported(folder / "bank-full.csv")
    columns = {
        "account_id": [f"M{row:05d}" for row in range(1, table.num_rows + 1)],
        **{name: table[name] for name in table.column_names if name not in {"duration", "y"}},
        "took": pc.cast(table["y"], pa.int8()),
    }
    return pa.table(columns), note


def online_retail(folder: Path) -> tuple[Any, str]:
    """Customers of a shop, from its invoice lines: country and basket mix, with sales net of returns."""
    return shop_customers(pq.read_table(folder / "online_retail_2010_2011.parquet"))


def online_retail_halves(folder: Path) -> tuple[Any, str]:
    """The customers of the first half of the window, with what they bought in the second; who bought nothing has 0."""
    lines = pq.read_table(folder / "online_retail_2010_2011.parquet")
    late = second_half(lines)
    customers, note = shop_customers(lines.filter(pa.array(~late)))
    later, _ = shop_customers(lines.filter(pa.array(late)))
    place = pc.index_in(customers["customer_id"], value_set=later["customer_id"].combine_chunks())
    return customers.append_column("net_sales_later", pc.fill_null(later["net_sales"].take(place), 0.0)), note


def online_retail_spring(folder: Path) -> tuple[Any, str]:
    """The customers of the first third of the window, with what they bought in the second."""
    return shop_window(folder, 0)


def online_retail_autumn(folder: Path) -> tuple[Any, str]:
    """The customers of the second third of the window, with what they bought in the last."""
    return shop_window(folder, 1)


def shop_window(folder: Path, third: int) -> tuple[Any, str]:
    """The customers of a third of the window, with what they bought in the next; who bought nothing has 0."""
    lines = pq.read_table(folder / "online_retail_2010_2011.parquet")
    dates = lines["InvoiceDate"].to_numpy()
    place = (dates - dates.min()) / (dates.max() - dates.min()) * 3
    now, then = ((place >= first) & (place < first + 1) for first in (third, third + 1))
    customers, note = shop_customers(lines.filter(pa.array(now)))
    later, _ = shop_customers(lines.filter(pa.array(then)))
    at = pc.index_in(customers["customer_id"], value_set=later["customer_id"].combine_chunks())
    return customers.append_column("net_sales_later", pc.fill_null(later["net_sales"].take(at), 0.0)), note


def online_retail_orders(folder: Path) -> tuple[Any, str]:
    """The invoices of the shop's customers with day and net amount; returns are invoices of their own."""
    lines = known_lines(pq.read_table(folder / "online_retail_2010_2011.parquet"))
    lines = lines.append_column("date", pc.cast(lines["InvoiceDate"], pa.date32()))
    invoices = lines.group_by(["customer_id", "InvoiceNo", "date"]).aggregate([("money", "sum")])
    invoices = invoices.sort_by([("date", "ascending"), ("InvoiceNo", "ascending"), ("customer_id", "ascending")])
    return pa.table({**{name: invoices[name] for name in ("customer_id", "date")}, "amount": invoices["money_sum"]}), ""


def online_retail_products(folder: Path) -> tuple[Any, str]:
    """What each customer bought of each product in the first half of the window, net of returns."""
    lines = pq.read_table(folder / "online_retail_2010_2011.parquet")
    goods = known_lines(lines.filter(pa.array(~second_half(lines))))
    return product_sales(goods), ""


def online_retail_products_later(folder: Path) -> tuple[Any, str]:
    """The same of the second half."""
    lines = pq.read_table(folder / "online_retail_2010_2011.parquet")
    return product_sales(known_lines(lines.filter(pa.array(second_half(lines))))), ""


def online_retail_baskets(folder: Path) -> tuple[Any, str]:
    """What each customer bought of each product in the whole window, net of returns, with the family of the product."""
    lines = pq.read_table(folder / "online_retail_2010_2011.parquet")
    sold = product_sales(known_lines(lines))
    words = lines.select(["StockCode", "Description"]).drop_null().sort_by([("StockCode", "ascending")])
    words = words.group_by("StockCode", use_threads=False).aggregate([("Description", "min")])
    names = pa.array([*FAMILIES, "other"]).take(pa.array(families(words["Description_min"])))
    place = pc.index_in(sold["product"], value_set=words["StockCode"].combine_chunks())
    return sold.append_column("family", pc.fill_null(names.take(place.combine_chunks()), "other")), ""


def product_sales(lines: Any) -> Any:
    """Net sales by customer and product of these invoice lines, without what is no goods."""
    goods = lines.filter(pc.invert(goods_not(lines)))
    sums = goods.group_by(["customer_id", "StockCode"]).aggregate([("money", "sum")])
    sums = sums.sort_by([("customer_id", "ascending"), ("StockCode", "ascending")])
    return pa.table({"customer_id": sums["customer_id"], "product": sums["StockCode"], "sales": sums["money_sum"]})


def known_lines(lines: Any) -> Any:
    """The lines that name a customer, with their money and the customer's id as in the table of customers."""
    known = lines.filter(pc.is_valid(lines["CustomerID"]))
    ids = pc.cast(pc.cast(known["CustomerID"], pa.int64()), pa.string())
    money = pc.multiply(known["Quantity"], known["UnitPrice"])
    return known.append_column("customer_id", ids).append_column("money", money)


def second_half(lines: Any) -> Any:
    """Which lines (m,) bool lie in the second half of the window."""
    dates = lines["InvoiceDate"].to_numpy()
    return dates >= dates.min() + (dates.max() - dates.min()) / 2


def cdnow_orders(folder: Path) -> tuple[Any, str]:
    """Purchases of music, January 1997 to June 1998, by customers who all began in the first three months."""
    table, note = imported(folder / "cdnow_master.csv", {"customer_id": "string", "date": "string"})
    day = pc.cast(pc.strptime(table["date"], format="%Y%m%d", unit="s"), pa.date32())
    return pa.table({"customer_id": table["customer_id"], "date": day, "amount": table["dollar_value"]}), note


def cdnow(folder: Path) -> tuple[Any, str]:
    """The customers of that shop with what they spent until 30 September 1997, and the week in which they began."""
    orders, _ = cdnow_orders(folder)
    early = orders.filter(pc.less_equal(orders["date"], pa.scalar(CDNOW_SPLIT)))
    early = early.group_by("customer_id").aggregate([("amount", "sum"), ("date", "min")]).sort_by("customer_id")
    began = pc.cast(pc.days_between(pa.scalar(date(1997, 1, 1)), early["date_min"]), pa.float64())
    sales = np.round(early["amount_sum"].to_numpy(), 2)
    return pa.table(
        {"customer_id": early["customer_id"], "began_week": pc.floor(pc.divide(began, 7)), "sales": sales}
    ), ""


def cdnow_halves(folder: Path) -> tuple[Any, str]:
    """The customers of that shop until 30 September 1997, with what they spent in the nine months after."""
    orders, _ = cdnow_orders(folder)
    late = orders.filter(pc.greater(orders["date"], pa.scalar(CDNOW_SPLIT)))
    spent = late.group_by("customer_id").aggregate([("amount", "sum")])
    customers, note = cdnow(folder)
    at = pc.index_in(customers["customer_id"], value_set=spent["customer_id"].combine_chunks())
    return customers.append_column("sales_later", pc.fill_null(spent["amount_sum"].take(at), 0.0)), note


def crunchbase_2013_rounds(folder: Path) -> tuple[Any, str]:
    """Funded companies as of 2010: what they had raised by then, and what they raised in 2011 to 2013."""
    rounds, note = imported(folder / "crunchbase-rounds.csv", max_bad_share=0.01)
    year, raised = rounds["funded_year"].to_numpy(), np.nan_to_num(rounds["raised_amount_usd"].to_numpy())
    companies, _ = imported(folder / "crunchbase-companies.csv", {"funding_total_usd": "int"}, max_bad_share=0.01)
    ids = np.array(companies["permalink"].to_pylist())
    at = pc.index_in(rounds["company_permalink"], value_set=companies["permalink"].combine_chunks())
    place = pc.fill_null(at, -1).to_numpy()
    sums = [
        np.bincount(place[here], weights=raised[here], minlength=len(ids))
        for here in ((place >= 0) & (year <= CRUNCHBASE_SPLIT), (place >= 0) & (year > CRUNCHBASE_SPLIT))
    ]
    age = pc.subtract(CRUNCHBASE_SPLIT, pc.year(companies["founded_at"]))
    columns = {name: companies[name] for name in ("permalink", "category_code", "state_code")}
    table = pa.table({**columns, "age": age, "raised": sums[0], "raised_later": sums[1]})
    return table.filter(pa.array(sums[0] > 0)), note


def shop_customers(lines: Any) -> tuple[Any, str]:
    """One row a customer from these invoice lines."""
    money = pc.multiply(lines["Quantity"], lines["UnitPrice"])
    lines = lines.append_column("money", money)
    known = lines.filter(pc.is_valid(lines["CustomerID"]))
    customers = known.group_by("CustomerID").aggregate([("money", "sum")]).sort_by("CustomerID")
    ids = customers["CustomerID"].to_numpy()
    columns = {
        "customer_id": pc.cast(pc.cast(customers["CustomerID"], pa.int64()), pa.string()),
        "country": main_country(known, ids),
        **basket(known, ids),
        **habits(known, ids),
        "net_sales": np.round(customers["money_sum"].to_numpy(), 2),
    }
    lost, lost_money = lines.num_rows - known.num_rows, pc.sum(money).as_py() - pc.sum(known["money"]).as_py()
    return pa.table(columns), f"; {lost:,} lines worth {lost_money:,.0f} name no customer"


def main_country(lines: Any, ids: Any) -> Any:
    """The country of most lines of every customer; of two with as many, the first by name."""
    counts = lines.group_by(["CustomerID", "Country"]).aggregate([([], "count_all")])
    keys = [("CustomerID", "ascending"), ("count_all", "descending"), ("Country", "ascending")]
    counts = counts.sort_by(keys)
    first = np.searchsorted(counts["CustomerID"].to_numpy(), ids)
    return counts["Country"].take(first)


def basket(lines: Any, ids: Any) -> dict[str, Any]:
    """The share of every product family in what a customer bought, and the mean price; null where nothing was."""
    bought = lines.filter(pc.and_(pc.greater(lines["money"], 0), pc.invert(goods_not(lines))))
    place = np.searchsorted(ids, bought["CustomerID"].to_numpy())
    money, units = bought["money"].to_numpy(), bought["Quantity"].to_numpy()
    total = np.bincount(place, weights=money, minlength=len(ids))
    total = np.where(total > 0, total, np.nan)
    family = families(bought["Description"])
    shares = {
        f"{name}_share": np.bincount(place[family == code], weights=money[family == code], minlength=len(ids)) / total
        for code, name in enumerate(FAMILIES)
    }
    price = total / np.maximum(np.bincount(place, weights=units, minlength=len(ids)), 1)
    return {name: pa.array(values, from_pandas=True) for name, values in {**shares, "mean_price": price}.items()}


def goods_not(lines: Any) -> Any:
    """Which lines are postage, discounts, fees and corrections."""
    return pc.match_substring_regex(lines["StockCode"], NOT_GOODS)


def families(description: Any) -> Any:
    """The place (m,) of each description in FAMILIES, one behind the last for none."""
    texts = description.combine_chunks().dictionary_encode()
    family = np.full(len(texts.dictionary), len(FAMILIES))
    for code, words in reversed(list(enumerate(FAMILIES.values()))):
        family[pc.match_substring_regex(texts.dictionary, words).to_numpy(zero_copy_only=False)] = code
    return family[texts.indices.to_numpy()]


def habits(lines: Any, ids: Any) -> dict[str, Any]:
    """What echoes sales and must not be a feature: recency, orders, lines, products, units a line."""
    end = pc.max(lines["InvoiceDate"])
    found = lines.group_by("CustomerID").aggregate(
        [
            ("InvoiceDate", "max"),
            ("InvoiceNo", "count_distinct"),
            ("InvoiceNo", "count"),
            ("StockCode", "count_distinct"),
            ("Quantity", "mean"),
        ]
    )
    found = found.sort_by("CustomerID")
    if not np.array_equal(found["CustomerID"].to_numpy(), ids):
        raise AssertionError("customers in another order")
    return {
        "recency_days": pc.days_between(found["InvoiceDate_max"], end),
        "orders": found["InvoiceNo_count_distinct"],
        "lines": found["InvoiceNo_count"],
        "products": found["StockCode_count_distinct"],
        "units_a_line": found["Quantity_mean"],
    }


def complete_journey(folder: Path) -> tuple[Any, str]:
    """The households of a grocery chain: what is known of them, and what they spent in a year."""
    sold = households(folder)
    sums = sold.group_by("household_id", use_threads=False).aggregate([("sales", "sum")]).sort_by("household_id")
    people = pq.read_table(folder / "demographics.parquet")
    place = pc.index_in(sums["household_id"], pc.cast(people["household_id"], pa.string()).combine_chunks())
    entries = {
        name: pc.fill_null(pc.cast(people[name], pa.string()).take(place), "unknown")
        for name in people.column_names
        if name != "household_id"
    }
    unknown = place.null_count
    table = pa.table(
        {"household_id": sums["household_id"], **entries, "sales": np.round(sums["sales_sum"].to_numpy(), 2)}
    )
    return table, f"; of {unknown:,} nothing but the spend is known"


def complete_journey_products(folder: Path) -> tuple[Any, str]:
    """What each household bought of each department."""
    return households(folder), ""


def households(folder: Path) -> Any:
    """Sales by household and department, lines without a department left out."""
    lines = pq.read_table(folder / "transactions.parquet", columns=["household_id", "product_id", "sales_value"])
    products = pq.read_table(folder / "products.parquet", columns=["product_id", "department"])
    place = pc.index_in(lines["product_id"], products["product_id"].combine_chunks())
    lines = lines.append_column("product", pc.cast(products["department"], pa.string()).take(place))
    lines = lines.filter(pc.is_valid(lines["product"]))
    keys = ["household_id", "product"]
    sums = lines.group_by(keys, use_threads=False).aggregate([("sales_value", "sum")])
    ids = pc.cast(sums["household_id"], pa.string())
    sales = np.round(sums["sales_value_sum"].to_numpy(), 2)
    table = pa.table({"household_id": ids, "product": sums["product"], "sales": sales})
    return table.sort_by([(name, "ascending") for name in keys])


OPTIONAL = ("complete_journey",)
"""Folders of raw tables whose tables are made only where they are there."""
TABLES: dict[str, tuple[str, Callable[[Path], tuple[Any, str]]]] = {
    "wholesale_customers": ("wholesale_customers", wholesale_customers),
    "wholesale_customers_products": ("wholesale_customers", wholesale_customers_products),
    "irs_bmf": ("irs_bmf", irs_bmf),
    "irs_bmf_2026": ("irs_bmf", irs_bmf_2026),
    "online_retail": ("online_retail", online_retail),
    "online_retail_halves": ("online_retail", online_retail_halves),
    "online_retail_spring": ("online_retail", online_retail_spring),
    "online_retail_autumn": ("online_retail", online_retail_autumn),
    "online_retail_orders": ("online_retail", online_retail_orders),
    "online_retail_products": ("online_retail", online_retail_products),
    "online_retail_baskets": ("online_retail", online_retail_baskets),
    "complete_journey": ("complete_journey", complete_journey),
    "complete_journey_products": ("complete_journey", complete_journey_products),
    "online_retail_products_later": ("online_retail", online_retail_products_later),
    "cdnow": ("cdnow", cdnow),
    "cdnow_orders": ("cdnow", cdnow_orders),
    "cdnow_halves": ("cdnow", cdnow_halves),
    "bank_marketing": ("bank_marketing", bank_marketing),
    "crunchbase_2013": ("crunchbase_2013", crunchbase_2013),
    "crunchbase_2013_rounds": ("crunchbase_2013", crunchbase_2013_rounds),
    "crunchbase_2013_families": ("crunchbase_2013", crunchbase_2013_families),
}
"""Tables by name: the folder of the raw tables they are made from, and how."""

if __name__ == "__main__":
    main()
