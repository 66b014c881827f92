"""Numbers in a CSV file, written in any convention, are read as they are, or stay text, or are refused."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from decimal import Decimal

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamscore.errors import InputContractError
from tamscore.store.csv_import import inspect, write

GROUPS = {
    ".": [",", " ", "'", "\N{NO-BREAK SPACE}", "lakh", ""],
    ",": [".", " ", "\N{RIGHT SINGLE QUOTATION MARK}", ""],
}
SIGNS = ("-{}", "\N{MINUS SIGN}{}", "{}-", "({})", "- {}")
MONEY = ("{}", "EUR {}", "{} €", "{}€", "{} Euro", "$ {}", "US${}", "₹{}", "CHF {}", "{} kr")
UNITS = {
    "": 0,
    "k": 3,
    " K": 3,
    "M": 6,
    " Mio": 6,
    " Mio.": 6,
    " Mrd": 9,
    "bn": 9,
    " lakh": 5,
    " Tsd.": 3,
    " million": 6,
}


@dataclass(frozen=True)
class Convention:
    """How one table writes its numbers."""

    decimal: str
    group: str
    sign: str
    money: str
    unit: str

    def write(self, value: Decimal) -> str:
        """The number as a cell."""
        whole, _, fraction = f"{abs(value).scaleb(-UNITS[self.unit]):f}".partition(".")
        digits = self.grouped(whole) + (self.decimal + fraction if fraction else "")
        text = self.money.format(digits + self.unit)
        return self.sign.format(text) if value < 0 else text

    def grouped(self, whole: str) -> str:
        """The digits in groups."""
        if self.group != "lakh":
            return f"{int(whole):,}".replace(",", self.group)
        head, tail = whole[:-3], whole[-3:]
        parts = [head[max(0, end - 2) : end] for end in range(len(head), 0, -2)]
        return ",".join([*reversed(parts), tail])


@st.composite
def conventions(draw):
    decimal = draw(st.sampled_from(".,"))
    pick = st.sampled_from
    return Convention(decimal, draw(pick(GROUPS[decimal])), draw(pick(SIGNS)), draw(pick(MONEY)), draw(pick([*UNITS])))


@st.composite
def numbers(draw):
    """Whole numbers and fractions of up to four digits."""
    digits = draw(st.integers(0, 4))
    largest = draw(st.sampled_from([9, 999, 12_345, 99_999_999]))
    return Decimal(draw(st.integers(-largest, largest))).scaleb(-digits)


def table(folder, columns):
    path = folder / "t.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, delimiter=";").writerows([list(columns), *zip(*columns.values(), strict=True)])
    return path


def read(path, **options):
    """The columns of an import; None where it is refused."""
    try:
        plan = inspect([path], delimiter=";", **options)
        report = write(plan, path.parent / "o.parquet", overwrite=True)
    except InputContractError:
        return None, None
    assert [one.bad for one in report.columns] == [one.bad for one in plan.columns]
    return plan, pq.read_table(report.files[0]).to_pydict()


def check(plan, values, cells, true):
    for column in plan.columns:
        name = column.name
        if column.type == "string":
            assert values[name] == [cell.strip() for cell in cells[name]]
            assert column.why.startswith("text")
        else:
            assert values[name] == [float(value) for value in true[name]], (column, cells[name])
            assert column.bad == 0


COLUMNS = st.integers(1, 9).flatmap(
    lambda rows: st.lists(st.lists(numbers(), min_size=rows, max_size=rows), min_size=1, max_size=2)
)


@settings(max_examples=25)
@given(conventions(), COLUMNS)
def test_numbers_in_any_convention_are_read_equal_or_stay_text(tmp_path_factory, convention, columns):
    true = {f"c{place}": values for place, values in enumerate(columns)}
    cells = {name: [convention.write(value) for value in values] for name, values in true.items()}
    path = table(tmp_path_factory.mktemp("any"), cells)
    plan, values = read(path)
    if plan:
        check(plan, values, cells, true)


@settings(max_examples=25)
@given(conventions(), COLUMNS, st.sampled_from(["float", "number", "number:m_million"]))
def test_a_given_type_reads_numbers_equal_or_is_refused(tmp_path_factory, convention, columns, kind):
    true = {f"c{place}": values for place, values in enumerate(columns)}
    cells = {name: [convention.write(value) for value in values] for name, values in true.items()}
    plan, values = read(table(tmp_path_factory.mktemp("any"), cells), types=dict.fromkeys(true, kind))
    if plan:
        check(plan, values, cells, true)


@settings(max_examples=25)
@given(conventions(), COLUMNS)
def test_the_decimal_mark_of_the_user_reads_every_number(tmp_path_factory, convention, columns):
    true = {f"c{place}": values for place, values in enumerate(columns)}
    cells = {name: [convention.write(value) for value in values] for name, values in true.items()}
    path = table(tmp_path_factory.mktemp("any"), cells)
    plan, values = read(path, types=dict.fromkeys(true, "number"), decimal=convention.decimal)
    assert plan
    check(plan, values, cells, true)


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(1, 90_000)), min_size=1, max_size=8), conventions())
def test_ranges_are_read_as_their_midpoints_or_refused(tmp_path_factory, bounds, convention):
    pairs = [(low, low + step) for low, step in bounds]
    cells = {"size": [f"{convention.grouped(str(low))}-{convention.grouped(str(high))}" for low, high in pairs]}
    path = table(tmp_path_factory.mktemp("any"), cells)
    plan, values = read(path)
    assert values == cells
    assert plan.columns[0].type == "string"
    plan, values = read(path, types={"size": "range"})
    if plan:
        assert values["size"] == [(low + high) / 2 for low, high in pairs]


@pytest.mark.parametrize("unit", UNITS)
def test_units_shift_the_decimal_mark_without_an_error_of_multiplication(tmp_path, unit):
    true = [Decimal(tenth).scaleb(UNITS[unit] - 1) for tenth in range(11, 100, 3)]
    cells = [f"{tenth / 10:.1f}{unit}" for tenth in range(11, 100, 3)]
    _, values = read(table(tmp_path, {"x": cells}))
    assert values["x"] == [float(value) for value in true]
