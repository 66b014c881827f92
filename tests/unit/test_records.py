"""Records beside the versions vouch for the tables of their folder and for themselves."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from tamscore.errors import InputContractError
from tamscore.report.evidence import newest
from tamscore.store import commit, coverages, records, verify
from tamscore.store.run_directory import BACKTESTS, COVERAGE, HOLDOUTS, RECORDS
from tests.faults import protocol

RUN = protocol.NEW


@pytest.fixture(params=[COVERAGE, BACKTESTS, HOLDOUTS])
def kind(request):
    return request.param


@pytest.fixture
def record(tmp_path, kind):
    """The record of a folder with a table, beside a version."""
    protocol.run(tmp_path, RUN)
    folder = tmp_path / kind / "a1"
    files = commit.place_both(pa.table({"role": ["hunter"], "hours": [7.5]}), folder, "roles")
    records.place({"run": RUN, "value": 41505.08, "name": "Müller"}, files, folder / RECORDS[kind])
    return folder / RECORDS[kind]


def test_a_flipped_bit_in_any_byte_of_a_record_is_refused_by_name(record, tmp_path, kind):
    """S20: a bit of each byte, by who reads it and by `verify`; what a whole record says is what was placed."""
    whole = record.read_bytes()
    assert newest(tmp_path, kind, RUN) == json.loads(whole)
    assert verify.problems_of_output(tmp_path) == []
    for at, byte in enumerate(whole):
        record.write_bytes(whole[:at] + bytes([byte ^ 1 << at % 8]) + whole[at + 1 :])
        with pytest.raises(InputContractError, match="was changed after it was written"):
            records.read(record)
    with pytest.raises(InputContractError, match=rf"{record.name}: was changed"):
        newest(tmp_path, kind, RUN)
    assert [problem for problem in verify.problems_of_output(tmp_path) if str(record) in problem]


@pytest.mark.parametrize("damage", ["flipped", "lost", "link"])
def test_a_table_beside_a_record_that_was_changed_is_found(record, tmp_path, damage):
    """S20: by `verify`, with the name of the file."""
    table = record.parent / "roles.csv"
    whole = table.read_bytes()
    table.unlink()
    if damage == "flipped":
        table.write_bytes(whole[:-2] + bytes([whole[-2] ^ 1]) + whole[-1:])
    elif damage == "link":
        (tmp_path.parent / "other.csv").write_bytes(whole)
        table.symlink_to(tmp_path.parent / "other.csv")
    (problem,) = verify.problems_of_output(tmp_path)
    assert problem.startswith(f"{table}: ")


def test_records_of_earlier_versions_of_the_program_are_read_as_they_are(record, tmp_path, kind):
    """They hold no hashes, which vouch for nothing and refuse nothing."""
    commit.place_json({"run": RUN, "value": 1.0}, record)
    assert newest(tmp_path, kind, RUN) == {"run": RUN, "value": 1.0}
    assert verify.problems_of_output(tmp_path) == []


def test_a_folder_whose_record_was_never_written_holds_nothing_that_is_read(record, tmp_path, kind):
    """S06: a killed command leaves tables without a record."""
    record.unlink()
    assert newest(tmp_path, kind, RUN) is None
    assert verify.problems_of_output(tmp_path) == []


def test_a_flipped_bit_in_the_note_of_the_last_coverage_is_refused_by_name(tmp_path):
    """S20: it says which coverage counts; another one must not take its place in silence."""
    protocol.run(tmp_path, RUN)
    folder = tmp_path / COVERAGE / ("a" * 16)
    records.place({"run": RUN}, {}, folder / RECORDS[COVERAGE])
    coverages.set_last(folder, RUN)
    note = coverages.note_of(folder.parent, RUN)
    whole = note.read_bytes()
    assert coverages.coverage_of(tmp_path, RUN) == folder
    assert verify.problems_of_output(tmp_path) == []
    for at, byte in enumerate(whole):
        note.write_bytes(whole[:at] + bytes([byte ^ 1 << at % 8]) + whole[at + 1 :])
        with pytest.raises(InputContractError, match=rf"{note.name}: was changed .* or remove {note}"):
            coverages.coverage_of(tmp_path, RUN)
        assert [problem for problem in verify.problems_of_output(tmp_path) if str(note) in problem]
    commit.place_json({"run": RUN, coverages.LAST: folder.name}, note)
    assert coverages.coverage_of(tmp_path, RUN) == folder, "as versions before have written it"
