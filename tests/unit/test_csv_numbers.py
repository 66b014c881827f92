"""Numbers, codes, words and ranges of a CSV import: what is read, what stays text and why, what is refused."""

from __future__ import annotations

import csv
import re

import pyarrow.parquet as pq
import pytest

from tamscore.errors import InputContractError
from tamscore.store.csv_import import inspect, write
from tamscore.store.csv_import.names import is_amount, is_code


@pytest.fixture
def table(tmp_path):
    """Import columns of cells; return the plans by name and the values by name."""

    def make(columns, **options):
        path = tmp_path / "t.csv"
        with path.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, delimiter="\t").writerows([list(columns), *zip(*columns.values(), strict=True)])
        plan = inspect([path], delimiter="\t", **options)
        report = write(plan, tmp_path / "o.parquet", overwrite=True)
        assert [one.bad for one in report.columns] == [one.bad for one in plan.columns]
        return {one.name: one for one in plan.columns}, pq.read_table(report.files[0]).to_pydict()

    return make


@pytest.fixture
def column(table):
    """Import one column; return its type, its reason and its values."""

    def make(cells, name="x", **options):
        plans, values = table({name: cells, "other": ["a"] * len(cells)}, **options)
        return plans[name].type, plans[name].why, values[name]

    return make


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1.362,47", "850"], [1362.47, 850.0]),
        (["0,918", "12,5", "1,362"], [0.918, 12.5, 1.362]),
        (["1,234.50", "1,362", "8905"], [1234.5, 1362.0, 8905.0]),
        (["0.918", "12.5", "1.362"], [0.918, 12.5, 1.362]),
        (["1.362"] * 30 + ["0.918"], [1.362] * 30 + [0.918]),
        (["1.234.567", "1.362", "850"], [1234567, 1362, 850]),
        (["1,07,410.22", "98,999.99"], [107410.22, 98999.99]),
        (["12,34,567", "1,234"], [1234567, 1234]),
        (["1\N{NARROW NO-BREAK SPACE}234,5", "12"], [1234.5, 12.0]),
        (["12\N{RIGHT SINGLE QUOTATION MARK}345.60", "7"], [12345.6, 7.0]),
        (["\N{MINUS SIGN}5.5", "3"], [-5.5, 3.0]),
        (["1.234,50-", "3"], [-1234.5, 3.0]),
        (["250.-", "1'200.-", "12.50"], [250.0, 1200.0, 12.5]),
        (["1.250,-", "12,-", "7,50"], [1250.0, 12.0, 7.5]),
        (["+5", "-3", "+12"], [5, -3, 12]),
        (["(1,200.00)", "$(5)", "-$3"], [-1200.0, -5.0, -3.0]),
        (["1.8M", "950k", "12"], [1_800_000.0, 950_000.0, 12.0]),
        (["2,5 Mio", "1,25 Mrd.", "7"], [2_500_000.0, 1_250_000_000.0, 7.0]),
        (["€1.2bn", "EUR 3", "4 Euro"], [1_200_000_000.0, 3.0, 4.0]),
        (["3,5 TEUR", "12 T€"], [3500.0, 12000.0]),
        (["1.5 lakh", "2 crore", "₹ 7"], [150_000.0, 20_000_000.0, 7.0]),
        (["£1.8m", "£2b"], [1_800_000.0, 2_000_000_000.0]),
        (["1.5 MUSD", "US$ 2"], [1_500_000.0, 2.0]),
        (["2e+05", "1.5e-07", "3"], [200_000.0, 1.5e-07, 3.0]),
    ],
)
def test_a_number_whose_marks_are_certain_is_read_without_an_option(column, cells, values):
    kind, _, read = column(cells)
    assert kind in {"int", "float"}
    assert read == values


@pytest.mark.parametrize(
    ("cells", "part"),
    [
        (["1.362", "850"], "'.' may group thousands or begin a fraction (row 2: '1.362')"),
        (["2,362", "17"], "',' may group thousands"),
        (["1.362 €", "850 €"], "--decimal"),
        (["12,345%", "7,500%"], "--type x=number:decimal_point"),
        (["1.362M", "2.500M"], "--type x=number:decimal_comma"),
        (["12.5", "1,5"], "contradict each other (row 2: '12.5' and row 3: '1,5')"),
        (["1.234.567", "1,234,567"], "contradict each other"),
        (["1.362", "2,362"], "contradict each other"),
        (["1.234.567", "12.5"], "contradict each other"),
        (["1.362", "850"] * 30 + ["12.5"], "contradict each other"),
        (["1.362"] * 30 + ["12.5"], "contradict each other"),
        (["2,362"] * 30 + ["12.5"], "contradict each other"),
    ],
)
def test_a_mark_in_doubt_keeps_the_column_text_and_a_given_type_is_refused(column, cells, part):
    kind, why, read = column(cells)
    assert (kind, read) == ("string", cells)
    assert part in why
    with pytest.raises(InputContractError, match=r"column 'x': cannot be read as float: .*--decimal"):
        column(cells, types={"x": "float"})


@pytest.mark.parametrize(
    ("cells", "options", "values"),
    [
        (["1.362", "850"], {"decimal": ","}, [1362, 850]),
        (["1.362", "850"], {"decimal": "."}, [1.362, 850.0]),
        (["1.362", "850"], {"thousands": "."}, [1362, 850]),
        (["1.362", "850"], {"thousands": "none"}, [1.362, 850.0]),
        (["2,362", "850"], {"thousands": "none"}, [2.362, 850.0]),
        (["1 362", "850"], {"thousands": "space"}, [1362, 850]),
        (["1.362", "850"], {"types": {"x": "number:decimal_comma"}}, [1362.0, 850.0]),
        (["1.362", "850"], {"types": {"x": "number:decimal_point"}}, [1.362, 850.0]),
        (["1.362", "1.5"], {"types": {"x": "number:decimal_point"}, "decimal": ","}, [1.362, 1.5]),
    ],
)
def test_an_option_decides_what_the_cells_leave_open(column, cells, options, values):
    assert column(cells, **options)[2] == values


@pytest.mark.parametrize(
    ("cells", "others", "expected"),
    [
        (["1.362", "850"], ["7,25", "1,5"], [1362, 850]),
        (["2,362", "850"], ["7.25", "1.5"], [2362, 850]),
        (["1.362", "8.500"], ["1,007.25", "1.5"], [1.362, 8.5]),
        (["2,362", "8,500"], ["1,007.25", "1.5"], [2362, 8500]),
        (["1.362", "8.500"], ["7,25", "1,5"], [1362, 8500]),
        (["1.362", "8.500"], ["52.5200", "13.4050"], None),
        (["2,362", "8,500"], ["52.5200", "13.4050"], None),
        (["1.362", "8.500"], ["1.", "2."], None),
        (["1.362", "850"], ["7.25", "1.5"], None),
        (["1.362", "8500"], ["7,25", "1,5"], None),
        (["1.362", "850"], ["01.11", "47.10"], None),
    ],
)
def test_other_columns_decide_where_the_column_does_not_speak_against_it(table, cells, others, expected):
    plans, values = table({"x": cells, "y": others})
    assert values["x"] == (expected or cells)
    assert ("as in other columns" in plans["x"].why) == (expected is not None)


def test_columns_that_disagree_decide_nothing(table):
    _, values = table({"x": ["1.362", "850"], "y": ["7,25", "1,5"], "z": ["52.5200", "13.4050"]})
    assert values["x"] == ["1.362", "850"]


@pytest.mark.parametrize(
    ("cells", "name", "part"),
    [
        (["NO"] * 397 + ["SE"] * 3, "country", "text"),
        (["no"] * 5, "x", "two answers"),
        (["on", "on"], "x", "text"),
        (["t", "t"], "x", "single letters"),
        (["yes", "no", "0"], "x", "text"),
        (["yes", "no"] * 200 + ["true"], "x", "text"),
        (["01.11", "47.10"], "x", "leading zeros"),
        (["1000.10", "1000.1", "7"], "x", "equal as numbers"),
        (["2.10", "2.1"], "x", "equal as numbers"),
        (["47.10", "62.01"], "NACE", "the name says codes"),
        (["250.00", "401.9"], "icd_code", "the name says codes"),
        (["1000.10", "2000.20"], "Kostenstelle", "the name says codes"),
        (["+491234567", "+43123456789"], "x", "telephone"),
        (["1E3", "1000"], "x", "part of a code"),
        (["12E4", "13E5"], "x", "part of a code"),
        (["1.23457E+11", "123456789012"], "x", "part of a code"),
        (["12", "12B", "14"], "x", "letters behind whole numbers"),
        (["1.5M", "2.5MM"], "x", "M may be a thousand"),
        (["5 USD", "7 EUR"], "x", "several currencies (EUR, USD)"),
        (["5T", "7T"], "x", "text"),
        (["1.8m", "3.2m"], "x", "number:m_million"),
        (["948.36 CR", "12.00 DR"], "x", "number:credit_negative"),
        (["948.36", "12.00"] * 150 + ["5.00 CR"], "x", "number:credit_negative"),
        (["11-50", "51-200"], "x", "--type x=range"),
        (["1,001-5,000", "10,001+", "< 10"], "x", "--type x=range"),
        (["1-10-2020", "1-50"], "x", "text"),
    ],
)
def test_words_codes_and_what_must_be_asked_for_stay_as_they_came(column, cells, name, part):
    kind, why, read = column(cells, name)
    assert (kind, read) == ("string", cells)
    assert part in why


@pytest.mark.parametrize(
    ("cells", "name"),
    [
        (["47.10", "1200.5", "0.99"], "amount"),
        (["47.10", "1200.5", "0.99"], "Umsatz 2024"),
        (["47.10", "1200.5", "-3"], "x"),
        (["47.10", "1,200.5"], "x"),
        (["47.10", "12.00", "1200.55"], "x"),
        (["$47.10", "$1200.5"], "x"),
        (["950k", "12k"], "Annual Revenue"),
        (["1.0E7", "1234.5"], "x"),
    ],
)
def test_amounts_are_numbers_although_codes_look_alike(column, cells, name):
    assert column(cells, name)[0] == "float"


@pytest.mark.parametrize(
    ("cell", "name"), [("70000X", "x"), ("unknown", "customer_id"), ("7-1", "Kunden-Nr."), ("n.n.", "x"), ("#", "SKU")]
)
def test_an_id_column_stays_text_at_the_first_cell_that_is_no_number(column, cell, name):
    cells = [str(70_000 + one) for one in range(600)] + [cell]
    kind, why, read = column(cells, name)
    assert (kind, read) == ("string", cells)
    assert f"row 602: '{cell}'" in why


@pytest.mark.parametrize(
    ("cell", "part"),
    [
        ("5.00 CR", "an amount marked CR or DR (1)"),
        ("10-20", "a range (1)"),
        ("12 / 15", "digits with other text (1)"),
        ("1.2.3", "digits with other text (1)"),
        ("5 pcs", "row 802: '5 pcs'"),
    ],
)
def test_few_cells_with_digits_keep_a_column_text(column, cell, part):
    cells = [str(one % 40) for one in range(800)] + [cell]
    kind, why, read = column(cells)
    assert (kind, read) == ("string", cells)
    assert part in why


@pytest.mark.parametrize("word", ["k.A.", "keine Angabe", "n/d", "N.D.", "n.v.t.", "s/d", "n.a.", "NaN", "-"])
def test_what_says_in_the_languages_of_exports_that_there_is_no_number_is_empty(table, word):
    plans, values = table({"x": ["7", word] * 40, "name": ["a", word] * 40})
    assert str(plans["x"].kind) == "int"
    assert values["x"][:2] == [7, None]
    assert values["name"][1] == word


def test_few_words_become_empty_and_are_counted(table):
    cells = [str(one % 40) for one in range(1000)] + ["tbd", "tbd", "unknown", "5/18/27"]
    plans, values = table({"x": cells, "other": ["a"] * 1004})
    assert plans["x"].losses == (("'tbd'", 2), ("'unknown'", 1), ("a date", 1))
    assert values["x"][-4:] == [None] * 4


@pytest.mark.parametrize(
    ("kind", "cells", "values"),
    [
        ("number:credit_negative", ["948.36 CR", "12.00DR", "5", "CR 7.5"], [-948.36, 12.0, 5.0, -7.5]),
        ("number:credit_positive", ["948.36 CR", "12.00 DR"], [948.36, -12.0]),
        ("number:credit_negative+decimal_comma", ["1.948,36 H", "12 S"], [-1948.36, 12.0]),
        ("number:m_million", ["1.8m", "950k"], [1_800_000.0, 950_000.0]),
        ("range", ["11-50", "501-1,000", "1,001-5,000", "10,001+", "< 10"], [30.5, 750.5, 3000.5, 10001.0, 5.0]),
        (
            "range",
            ["11 \N{EN DASH} 50", "51 to 200", "\N{GREATER-THAN OR EQUAL TO} 500", "7"],
            [30.5, 125.5, 500.0, 7.0],
        ),
        ("range", ["501-1.000", "1.001-5.000"], [750.5, 3000.5]),
        ("range", ["$1M-$5M", "EUR 10k - EUR 50k"], [3_000_000.0, 30_000.0]),
        ("range:decimal_comma", ["1.001-5.000", "unter 10"], [3000.5, 5.0]),
    ],
)
def test_what_is_asked_for_is_read(column, kind, cells, values):
    assert column(cells, types={"x": kind})[2] == values


@pytest.mark.parametrize(
    "cells", [["1,001-5,000", "10,001+"], ["11-50", "50-11"], ["11-50", "10-50k"], ["11-50", "5-x"]]
)
def test_a_range_in_doubt_is_refused(column, cells):
    with pytest.raises(InputContractError, match="column 'x'"):
        column(cells, types={"x": "range"})


@pytest.mark.parametrize(
    ("name", "code", "amount"),
    [
        ("customerId", True, False),
        ("Kunden-Nr.", True, False),
        ("cost center", True, False),
        ("NACE Rev. 2", True, False),
        ("mobile sales", False, True),
        ("Industry", True, False),
        ("parent_account", True, False),
        ("Installed version", True, False),
        ("sales per customer", False, True),
        ("visits_per_account", False, False),
        ("number of employees", False, True),
        ("Nettoumsatz", False, True),
        ("region", False, False),
    ],
)
def test_a_name_says_codes_amounts_or_nothing(name, code, amount):
    assert (is_code(name), is_amount(name)) == (code, amount)


@pytest.mark.parametrize("cells", [["+49", "+1", "+44"], ["+41"] * 5, ["+352", "+7"]])
def test_a_plus_before_every_number_is_kept(column, cells):
    kind, why, values = column(cells)
    assert (kind, values) == ("string", cells)
    assert "a plus before every number" in why


@pytest.mark.parametrize("name", ["account", "Owner", "customer"])
def test_a_word_among_identifiers_that_repeat_is_kept(column, name):
    cells = [str(1_000_000 + one % 50) for one in range(400)] + ["ABCDEF"]
    assert column(cells, name)[2] == cells


@pytest.mark.parametrize("cells", [["47.10", "46.20"], ["47.1", "10.11"], ["01.11", "2"]])
def test_decimals_of_an_industry_are_codes(column, cells):
    assert column(cells, "Industry")[2] == cells


def test_several_currencies_name_no_option_that_adds_them_up(column):
    why = column(["EUR 5", "USD 6"])[1]
    assert "several currencies (EUR, USD)" in why
    assert "--type" not in why


@pytest.mark.parametrize(
    ("kind", "cells", "values"),
    [
        ("range", ["11-50", "10,001+"], [30.5, 10001.0]),
        ("number:credit_negative", ["1,362 CR", "850"], [-1362.0, 850.0]),
        ("float", ["1,362", "850"], [1362.0, 850.0]),
    ],
)
def test_the_option_that_a_refusal_names_reads_the_column(column, kind, cells, values):
    with pytest.raises(InputContractError) as refused:
        column(cells, types={"x": kind})
    named = re.findall(r"--type x=(\S+decimal_point\S*)", str(refused.value))[0]
    assert column(cells, types={"x": named})[2] == values


@pytest.mark.parametrize("cell", ["ca. 7", "7*", "[7]"])
def test_the_option_that_text_names_lets_the_cell_become_empty(column, cell):
    cells = ["5", "6"] * 50 + [cell]
    kind, why, values = column(cells, "sales")
    assert (kind, values) == ("string", cells)
    [(named, share)] = re.findall(r"--type sales=(\S+) --max-bad-share (\S+)$", why)
    assert column(cells, "sales", types={"sales": named}, max_bad_share=float(share))[2][-1] is None


@pytest.mark.parametrize("other", ["1.5", "5k", "7.0"])
def test_whole_numbers_of_many_digits_keep_them_all(column, other):
    cells = [str(10**16 + one) for one in range(40)]
    assert column(cells)[2] == [int(cell) for cell in cells]
    assert column([*cells, other], "sales")[2] == [*cells, other]


@pytest.mark.parametrize("cells", [["1.0", "1", "2"], ["10", "10.0", "11"], ["7,0", "7"]])
def test_whole_numbers_with_and_without_a_fraction_may_be_codes(column, cells):
    assert column(cells)[2] == cells
    assert column(cells, "price")[0] == "float"


@pytest.mark.parametrize(
    ("name", "cells", "kind"),
    [
        ("Umsatz (EUR)", ["5 USD", "7"], "string"),
        ("sales_eur", ["$5", "$7"], "string"),
        ("revenue GBP", ["EUR 5", "EUR 7"], "string"),
        ("revenue USD", ["$5", "$7"], "int"),
        ("revenue CAD", ["$5", "7"], "int"),
        ("Umsatz in Euro", ["5 €", "7 €"], "int"),
    ],
)
def test_a_currency_that_contradicts_the_name_is_no_number(column, name, cells, kind):
    assert column(cells, name)[0] == kind
