"""Overrides of numbers: what a text may mean two ways is refused by row, what is certain is read."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tamscore.errors import InputContractError
from tamscore.questions.overrides import read

KINDS = {"potential": pa.float64(), "tier": pa.string()}


def written(folder, field, value):
    path = folder / "overrides.csv"
    path.write_text(f'account,field,value,reason,expiry\nK1,{field},"{value}",known,\n', encoding="utf-8")
    return path


@pytest.mark.parametrize("value", ["1.362", "-11.821", "850.000"])
def test_a_point_before_three_digits_is_refused_with_both_meanings(tmp_path, value):
    with pytest.raises(InputContractError, match=rf"write {value}0 or {value.replace('.', '')}"):
        read(written(tmp_path, "potential", value), KINDS)


@pytest.mark.parametrize(
    ("value", "number"), [("1.3620", 1.362), ("1362", 1362.0), ("0.125", 0.125), ("1362.5", 1362.5)]
)
def test_certain_numbers_are_read(tmp_path, value, number):
    assert read(written(tmp_path, "potential", value), KINDS)["K1"]["potential"].value == number


def test_texts_and_numbers_of_parquet_are_never_in_doubt(tmp_path):
    assert read(written(tmp_path, "tier", "1.362"), KINDS)["K1"]["tier"].value == "1.362"
    path = tmp_path / "o.parquet"
    row = {"account": "K1", "field": "potential", "value": 1.362, "reason": "known", "expiry": None}
    pq.write_table(pa.Table.from_pylist([row]), path)
    assert read(path, KINDS)["K1"]["potential"].value == 1.362
