"""Maps of words and currencies in the job file: each word means one thing, each column is one that the job reads."""

from __future__ import annotations

from typing import Any

import pytest

from tamscore.errors import JobFileError
from tamscore.job_file import parse
from tamscore.scoring.context import columns_of

JOB: dict[str, Any] = {
    "input": {"path": "market"},
    "columns": {"party_type": "partner", "currency": "unit", "keep": ["region", "assets"], "revenue": "turnover"},
    "features": {"numeric": {"employees": "standard"}, "categorical": ["industry"]},
    "clusters": {"k": 3},
    "output": {"path": "scores"},
}


def refused(**sections: Any) -> str:
    """Return what is wrong with the job with some sections replaced."""
    with pytest.raises(JobFileError) as caught:
        parse({**JOB, **sections})
    return str(caught.value)


@pytest.mark.parametrize("column", ["partner", "industry", "region", "unit"])
def test_every_column_that_is_read_as_text_or_kept_can_be_mapped(column: str) -> None:
    job = parse({**JOB, "values": {column: {" A ": "b", "a": "b"}}})
    assert columns_of(job).substitution.words == {column: {"a": "b"}}


@pytest.mark.parametrize("column", ["account_id", "sales", "employees", "turnover", "nothing"])
def test_no_other_column_can_be_mapped(column: str) -> None:
    assert f"values.{column}: expected a column that the job reads as text or keeps" in refused(
        values={column: {"a": "b"}}
    )


@pytest.mark.parametrize("second", ["reseller", " Reseller", "RESELLER  "])
def test_one_word_cannot_mean_two_things(second: str) -> None:
    text = refused(values={"partner": {"Reseller": "channel", second: "end_user"}})
    assert "expected 'channel' as for 'Reseller', got 'end_user'" in text


@pytest.mark.parametrize("target", ["", 3, True])
def test_a_word_is_read_as_a_word(target: object) -> None:
    assert "values.partner.a: expected text" in refused(values={"partner": {"a": target}})


def test_a_misspelt_column_is_named() -> None:
    assert "did you mean 'partner'?" in refused(values={"parnter": {"a": "b"}})


def test_rates_are_those_of_one_unit_and_the_target_is_worth_one() -> None:
    job = parse({**JOB, "currency": {"target": "EUR", "rates": {"usd": 0.92}, "columns": ["assets"]}})
    rates = columns_of(job).substitution.rates
    assert rates is not None
    assert (rates.column, rates.factors) == ("unit", {"usd": 0.92, "eur": 1.0})
    assert rates.money == ("sales", "turnover", "assets")


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no target": ({"rates": {"USD": 0.9}}, "currency.target: expected text"),
    "a rate of nothing": ({"target": "EUR", "rates": {"USD": 0}}, "currency.rates.USD: expected a number > 0"),
    "two rates": (
        {"target": "EUR", "rates": {"USD": 0.9, "usd": 0.8}},
        "currency.rates.usd: expected the rate of 'USD'",
    ),
    "a target worth two": ({"target": "EUR", "rates": {"eur": 2.0}}, "currency.rates.eur: expected 1"),
    "a column not read": ({"target": "EUR", "columns": ["asets"]}, "did you mean 'assets'?"),
}


@pytest.mark.parametrize(("currency", "expected"), BAD.values(), ids=BAD.keys())
def test_a_currency_that_makes_no_sense_is_refused(currency: dict[str, Any], expected: str) -> None:
    assert expected in refused(currency=currency)


def test_rates_without_a_column_of_currencies_are_refused() -> None:
    text = refused(columns={}, currency={"target": "EUR"})
    assert "columns.currency: expected a column for [currency]" in text
