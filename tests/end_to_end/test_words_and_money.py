"""Words, currencies and totals of whole markets: read as they are meant, or told with what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from tamscore import pipeline
from tamscore.errors import InputContractError
from tamscore.progress import Progress
from tests.end_to_end import market

if TYPE_CHECKING:
    from pathlib import Path

QUICK = {"clusters.stability": False, "engine": {"workers": 1}}


def notices(done) -> list[str]:
    """Return what a finished run has said."""
    return list((done.manifest() or {})["notices"])


def put(table: pa.Table, name: str, column) -> pa.Table:
    """Return the table with a column replaced or added."""
    if name in table.column_names:
        return table.set_column(table.column_names.index(name), name, pa.array(column))
    return table.append_column(name, pa.array(column))


def same_scores(one, other, *, but: tuple[str, ...] = ()) -> bool:
    """Return whether two runs gave the same scores to the bit, but for some columns."""
    tables = [market.scores(done).drop_columns(list(but)) for done in (one, other)]
    return market.different(*tables) == []


WORDS = {"channel": ["Reseller", "VAR ", "distributor"], "end_user": ["End Customer", "END CUSTOMER", "Direct"]}
MAP = {"Reseller": "channel", "Var": "channel", "Distributor": "channel", "End customer": "end_user"}


def test_mapped_words_give_the_scores_of_the_words_that_they_stand_for(tmp_path: Path) -> None:
    """Party types, market segments, categories and kept columns: one word for all spellings, wherever it is read."""
    good = market.accounts(900)
    columns = {**market.JOB["columns"], "keep": ["note", "region"]}
    good = put(good, "region", np.where(np.arange(900) % 3 == 0, "north", "south"))
    spelt = put(good, "party_type", [WORDS[t][i % 3] for i, t in enumerate(good["party_type"].to_pylist())])
    names = {"retail": "Einzelhandel", "steel": "  STEEL", "banking": "Bank"}
    for column in ("segment", "industry"):
        spelt = put(spelt, column, [names.get(text, text) for text in good[column].to_pylist()])
    spelt = put(spelt, "region", [text.upper() for text in good["region"].to_pylist()])
    of_industry = {"einzelhandel": "retail", "steel": "steel", "BANK": "banking"}
    values = {
        "party_type": {**MAP, "direct": "end_user"},
        "segment": of_industry,
        "industry": of_industry,
        "region": {"north": "north", "south": "south"},
    }
    one = market.score(good, tmp_path / "good", {**QUICK, "columns": columns})
    other = market.score(spelt, tmp_path / "spelt", {**QUICK, "columns": columns, "values": values}, files=3)
    assert same_scores(one, other)
    assert set(market.scores(other)["region"].to_pylist()) == {"north", "south"}


def test_a_few_unknown_party_types_are_reported_with_their_words(tmp_path: Path) -> None:
    table = market.accounts(600)
    types = table["party_type"].to_pylist()
    types[5], types[80], types[90] = "Vendor", "Vendor", None
    done = market.score(put(table, "party_type", types), tmp_path, QUICK)
    (text,) = (text for text in notices(done) if "party_type" in text)
    assert "end_user, channel: 'Vendor' 2, no word 1" in text
    assert "\n" not in text


CODES = {
    "plain": ["EUR"] * 4,
    "with capitals and blanks": ["EUR", "eur", " EUR", "Eur "],
    "with gaps": ["EUR", "", None, "EUR"],
    "code, sign and name": ["EUR", "€", "euro", "Euro"],
}


@pytest.mark.parametrize("codes", CODES.values(), ids=CODES.keys())
@pytest.mark.parametrize("title", ["CurrencyIsoCode", "waehrung", "money_unit"])
def test_one_currency_stays_quiet(tmp_path: Path, title: str, codes: list[str]) -> None:
    table = put(market.plain_accounts(300), title, [codes[i % 4] for i in range(300)])
    assert not [text for text in notices(market.score(table, tmp_path, market.PLAIN)) if title in text]


@pytest.mark.parametrize("title", ["CurrencyIsoCode", "Billing Currency", "Währung", "devise", "unit_of_money"])
def test_several_currencies_are_reported_by_title_or_by_codes(tmp_path: Path, title: str) -> None:
    codes = np.where(np.arange(300) % 10 == 0, "JPY", "EUR")
    table = put(market.plain_accounts(300), title, codes)
    done = market.score(table, tmp_path, market.PLAIN, files=2)
    (text,) = (text for text in notices(done) if repr(title) in text)
    buys = table["sales"].to_numpy() > 0
    assert f"EUR ({np.count_nonzero(buys & (codes == 'EUR')):,} rows" in text
    assert f"JPY ({np.count_nonzero(buys & (codes == 'JPY')):,} rows" in text


def test_currencies_of_prospects_and_other_columns_of_words_stay_quiet(tmp_path: Path) -> None:
    table = market.plain_accounts(300)
    buys = table["sales"].to_numpy() > 0
    table = put(table, "currency", np.where(buys, "EUR", "JPY"))
    table = put(table, "currency_risk", np.where(np.arange(300) % 2, "high", "low"))
    table = put(table, "country", np.where(np.arange(300) % 2, "DEU", "USA"))
    done = market.score(table, tmp_path, market.PLAIN)
    assert not [text for text in notices(done) if "curren" in text or "country" in text]


def test_several_currencies_in_the_named_column_are_refused(tmp_path: Path) -> None:
    table = put(market.plain_accounts(300), "unit", ["CHF" if i % 7 else "USD" for i in range(300)])
    with pytest.raises(
        InputContractError, match=r"'unit': expected one currency.*CHF \(\d+ rows.*USD \(\d+ rows"
    ) as no:
        market.score(table, tmp_path, {**market.PLAIN, "columns": {"currency": "unit"}})
    assert '[currency] with target = "CHF" and rates = { "USD" = ... }' in str(no.value)


RATES = {"target": "EUR", "rates": {"JPY": 0.0078125, "usd": 0.5}}


def test_rates_give_the_scores_of_amounts_in_one_currency(tmp_path: Path) -> None:
    """Sales, revenue and a numeric feature of money are converted; powers of two make the conversion exact."""
    good = put(market.accounts(900), "assets", np.arange(900) % 50 * 1000.0)
    codes = ["EUR", "JPY", " Usd"]
    units = np.array([1.0, 128.0, 2.0])[np.arange(900) % 3]
    raw = put(good, "unit", [codes[i % 3] for i in range(900)])
    for name in ("sales", "revenue", "assets"):
        values = good[name].to_numpy()
        raw = put(raw, name, pa.array(values * units, mask=np.isnan(values)))
    numeric = {**market.JOB["features"]["numeric"], "assets": "standard"}
    changes = {**QUICK, "features.numeric": numeric}
    one = market.score(good, tmp_path / "good", changes)
    columns = {**market.JOB["columns"], "currency": "unit"}
    other = market.score(
        raw,
        tmp_path / "raw",
        {**changes, "columns": columns, "currency": {**RATES, "columns": ["assets"]}},
        files=3,
        row_group=100,
    )
    assert same_scores(one, other)


@pytest.mark.parametrize(("code", "expected"), [("ARS", "ARS"), ("Euro", "Euro"), (None, "none")])
def test_a_currency_without_a_rate_is_refused_by_name(tmp_path: Path, code: str | None, expected: str) -> None:
    codes = ["EUR"] * 299 + [code]
    table = put(put(market.plain_accounts(300), "unit", codes), "sales", [*np.arange(299.0), 77.0])
    changes = {**market.PLAIN, "columns": {"currency": "unit"}, "currency": RATES}
    with pytest.raises(InputContractError, match=rf"no rate for {expected} \(1 rows\)"):
        market.score(table, tmp_path, changes)


def test_a_prospect_needs_no_currency(tmp_path: Path) -> None:
    table = put(market.plain_accounts(300), "unit", ["EUR"] * 299 + [None])
    table = put(table, "sales", [*np.arange(299.0), 0.0])
    done = market.score(table, tmp_path, {**market.PLAIN, "columns": {"currency": "unit"}, "currency": RATES})
    assert market.scores(done).num_rows == 300


TOTALS = {"an id": ("Total", "x"), "a name": ("Z99", "Grand Total"), "neither": ("Z99", "Company 99")}


@pytest.mark.parametrize(("account", "name"), TOTALS.values(), ids=TOTALS.keys())
@pytest.mark.parametrize("at", [0, 150])
def test_an_account_that_sells_as_much_as_all_others_is_named(tmp_path: Path, account: str, name: str, at: int) -> None:
    table = put(market.plain_accounts(300), "name", [f"Company {i}" for i in range(300)])
    total = table["sales"].to_numpy().sum()
    row = {"account_id": [account], "sales": [total], "x": [0.0], "y": [0.0], "name": [name]}
    table = pa.concat_tables([table.slice(0, at), pa.table(row), table.slice(at)])
    done = market.score(table, tmp_path, {**market.PLAIN, "columns": {"name": "name"}}, files=3)
    (text,) = (text for text in notices(done) if "together" in text)
    assert f"'{account}' ('{name}') with {total:,.2f}" in text
    market.score(table, tmp_path, {**market.PLAIN, "columns": {"name": "name"}}, files=3)


def test_score_and_refresh_name_a_total_too(tmp_path: Path) -> None:
    table = market.plain_accounts(300)
    model = str(market.score(table, tmp_path, market.PLAIN).path)
    row = {"account_id": ["Summe"], "sales": [table["sales"].to_numpy().sum()], "x": [0.0], "y": [0.0]}
    path = market.write(pa.concat_tables([table, pa.table(row)]), tmp_path / "next")
    job = market.job(path, tmp_path / "scores", market.PLAIN)
    for done in (
        pipeline.score(job, Progress(), model, accept=True),
        pipeline.refresh(job, Progress(), model, accept=True),
    ):
        assert [text for text in notices(done) if "'Summe'" in text and "together" in text]


def test_a_giant_with_a_third_of_all_sales_is_no_total(tmp_path: Path) -> None:
    table = market.plain_accounts(300)
    sales = table["sales"].to_numpy().copy()
    sales[7] = sales.sum() / 2
    done = market.score(put(table, "sales", sales), tmp_path, market.PLAIN)
    assert not [text for text in notices(done) if "together" in text or "totals" in text]
