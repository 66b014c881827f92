"""What an export does to a table, wherever it lies: inherit `TableContract` and say how to name, read and spoil one."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tamscore.errors import InputContractError, TamscoreError, UsageError
from tamscore.progress import Progress
from tamscore.questions import export, export_file, export_tables
from tamscore.questions.overrides import Override
from tamscore.questions.stored import open_run
from tamscore.store import forgetting, handed_out
from tests.end_to_end import market

if TYPE_CHECKING:
    from pathlib import Path

    from tamscore.store.location import Location

DAY = date(2026, 6, 15)
FIELDS = ("potential", "whitespace", "quadrant", "note")
ODD = "Öde \"x'; DROP TABLE x; --"
ALLKINDS: dict[str, tuple[pa.DataType, list[Any]]] = {
    "truth": (pa.bool_(), [True, False, None]),
    "tiny": (pa.int8(), [-128, 127, None]),
    "byte": (pa.uint8(), [255, 0, None]),
    "word": (pa.uint32(), [2**32 - 1, 0, None]),
    "long": (pa.int64(), [2**63 - 1, -(2**63), None]),
    "huge": (pa.uint64(), [2**64 - 1, 0, None]),
    "single": (pa.float32(), [0.1, -1e38, None]),
    "double": (pa.float64(), [0.1, 1e300, None]),
    "price": (pa.decimal128(18, 4), [Decimal("12345678901234.5678"), Decimal("-0.0001"), None]),
    "text": (pa.large_string(), ["Grüße, 北京 🙂", "a\"b'c\\d\te\nf", None]),
    "day": (pa.date32(), [date(1999, 12, 31), date(1, 1, 1), None]),
    "moment": (pa.timestamp("ms"), [datetime(2026, 2, 28, 23, 59, 59), datetime(1970, 1, 1), None]),  # noqa: DTZ001
    "instant": (pa.timestamp("ns", "Europe/Berlin"), [datetime(2026, 3, 29, 1, tzinfo=UTC), None, None]),
}
KILL = """
import os, sys, time
from tamscore.questions.export_tables import content
from tamscore.cli import main
whole = content.Content.batches
def cut(self, tables):
    for number, batch in enumerate(whole(self, tables)):
        if number == 1:
            os.kill(os.getpid(), 9)
            time.sleep(1)
        yield batch
content.Content.batches = cut
sys.argv = ["tamscore", *sys.argv[1:]]
main()
"""


def accounts(rows: int, changed: int = 0) -> pa.Table:
    """A small market with a note for each account; the last `changed` notes are other ones."""
    notes = [f"note {i}" if i < rows - changed else f"changed {i}" for i in range(rows)]
    return market.plain_accounts(rows).append_column("note", pa.array(notes))


SETTINGS = market.PLAIN | {"columns": {"keep": ["note"]}}


@pytest.fixture(scope="session")
def weeks(tmp_path_factory):
    """Two weeks of one output, in four parts: 40 accounts leave, 25 come, 100 notes change."""
    folder = tmp_path_factory.mktemp("weeks")
    first = accounts(1000)
    fresh = accounts(25).set_column(0, "account_id", pa.array([f"N{i}" for i in range(25)]))
    second = pa.concat_tables([accounts(1000, changed=100).slice(40), fresh])
    return [
        market.run(market.write(table, folder / f"week{week}", files=4), folder / "scores", SETTINGS)
        for week, table in enumerate((first, second))
    ]


def put(
    run: Any, target: str, gone: Any = "mark", *, fields: Any = FIELDS, overwrite: bool = False, **more: Any
) -> tuple[tuple[int, int, int], str]:
    """How many rows an export inserted, updated and found gone, and how records name the table."""
    stored = open_run(run.path)
    order = replace(export.order_of(stored, fields, more.pop("overrides", {}), DAY), **more)
    found = export_tables.table_target(target)
    assert found is not None
    tally, name = export_tables.write(stored, order, found, gone, Progress(), overwrite=overwrite)
    assert tally.exported == tally.new + tally.changed
    return (tally.new, tally.changed, tally.gone), name


def exported_rows(run: Any, folder: Path, fields: Any = FIELDS) -> dict[str, dict[str, Any]]:
    """The rows that an export to a Parquet file has, by account."""
    stored, file = open_run(run.path), folder / f"{run.run_key}.parquet"
    order = export.order_of(stored, fields, {}, DAY)
    export_file.write(stored, None, order, export_file.Target(file), Progress())
    return {row["account_id"]: row for row in pq.read_table(file).to_pylist()}


class TableContract:
    """Subclasses give the three methods below."""

    @pytest.fixture
    def target(self, tmp_path) -> str:
        """The name of a table that is not there."""
        raise NotImplementedError

    def rows(self, target: str) -> list[dict[str, Any]]:
        """The rows of a table, decimals and moments as Python has them."""
        raise NotImplementedError

    def spoil(self, target: str, how: str) -> None:
        """Make another table in its place: "foreign" with one column, or change the type of `note`: "type"."""
        raise NotImplementedError

    def state(self, target: str) -> Any:
        """What changes with every version of a table; the rows, where it has no versions."""
        return self.rows(target)

    def by_id(self, target: str) -> dict[str, dict[str, Any]]:
        rows = {row["account_id"]: row for row in self.rows(target)}
        assert len(rows) == len(self.rows(target)), "every account stands once"
        return rows

    def test_the_table_follows_the_run_and_a_rerun_changes_nothing(self, weeks, target, tmp_path):
        """Rows that did not change keep the version that wrote them; accounts that are gone are marked, then back."""
        first, second = (exported_rows(run, tmp_path) for run in weeks)
        assert put(weeks[0], target)[0] == (1000, 0, 0)
        assert self.by_id(target) == {account: row | {"gone_in": None} for account, row in first.items()}
        before = self.state(target)
        assert put(weeks[0], target)[0] == (0, 0, 0)
        assert self.state(target) == before
        same = {a for a in first.keys() & second.keys() if first[a]["row_hash"] == second[a]["row_hash"]}
        (inserted, updated, gone), _ = put(weeks[1], target)
        assert (inserted, gone) == (25, 40)
        assert updated == 960 - len(same)
        assert updated >= 100
        expected = {a: (first if a in same else second)[a] | {"gone_in": None} for a in second}
        expected |= {a: row | {"gone_in": weeks[1].run_key} for a, row in first.items() if a not in second}
        assert self.by_id(target) == expected
        assert put(weeks[1], target)[0] == (0, 0, 0)
        assert put(weeks[0], target)[0] == (0, 40 + 960 - len(same), 25)
        back = self.by_id(target)
        assert {a for a, row in back.items() if row["gone_in"] == weeks[0].run_key} == second.keys() - first.keys()
        assert {a: row for a, row in back.items() if a in same} == {a: expected[a] for a in same}

    def test_gone_accounts_are_deleted_if_asked_those_marked_before_too(self, weeks, target):
        put(weeks[0], target)
        assert put(weeks[1], target)[0][2] == 40
        assert put(weeks[1], target, "delete")[0] == (0, 0, 40)
        assert len(self.by_id(target)) == 985
        assert put(weeks[1], target, "delete")[0] == (0, 0, 0)

    def test_every_type_arrives_exactly_nulls_among_them_under_any_name(self, target, tmp_path):
        table = market.plain_accounts(900)
        for name, (kind, values) in ALLKINDS.items():
            table = table.append_column(name, pa.array(values * 300, kind))
        settings = market.PLAIN | {"columns": {"keep": list(ALLKINDS)}}
        run = market.score(table, tmp_path, settings)
        headers = {name: f"{ODD} {name}" for name in ALLKINDS}
        put(run, target, fields=[f"{name}={header}" for name, header in headers.items()])
        held = {row["account_id"]: row for row in table.to_pylist()}
        rows = self.by_id(target)
        assert len(rows) == 900
        for account, row in rows.items():
            found = {name: row[header] for name, header in headers.items()}
            assert found == {name: held[account][name] for name in ALLKINDS}

    def test_columns_are_added_and_a_table_with_others_is_refused(self, weeks, target):
        put(weeks[0], target, fields=["potential"])
        assert put(weeks[0], target)[0] == (0, 1000, 0)
        assert [*self.rows(target)[0]].count("note") == 1
        before = self.state(target)
        with pytest.raises(UsageError, match=r"has columns that this export lacks: whitespace, quadrant, note; .*--ov"):
            put(weeks[1], target, fields=["potential"])
        with pytest.raises(UsageError, match=r"says of itself '.*accounts=all', expected '.*accounts=quadrant=x'"):
            put(weeks[1], target, only=("quadrant", "x"))
        assert self.state(target) == before
        put(weeks[1], target, fields=["potential"], overwrite=True)
        assert [*self.rows(target)[0]] == ["account_id", "potential", "score_version", "row_hash", "gone_in"]
        assert put(weeks[1], target, fields=["potential"])[0] == (0, 0, 0)

    def test_a_table_that_the_scores_did_not_make_is_left_alone_unless_asked(self, weeks, target):
        self.spoil(target, "foreign")
        before = self.state(target)
        with pytest.raises(UsageError, match=r"is there already, and no export of these scores; .* --overwrite"):
            put(weeks[0], target)
        assert self.state(target) == before
        assert put(weeks[0], target, overwrite=True)[0] == (1000, 0, 0)
        assert put(weeks[0], target)[0] == (0, 0, 0), "it is ours now"

    def test_a_table_of_other_scores_is_left_alone(self, weeks, target, tmp_path):
        """Their accounts would all be gone."""
        put(weeks[0], target)
        other = market.score(accounts(1000), tmp_path, SETTINGS)
        with pytest.raises(UsageError, match="no export of these scores"):
            put(other, target)

    def test_a_column_of_another_type_is_refused_by_name(self, weeks, target):
        put(weeks[0], target)
        self.spoil(target, "type")
        before = self.state(target)
        with pytest.raises(UsageError, match=r"has other columns: note is .*, expected "):
            put(weeks[1], target)
        assert self.state(target) == before

    def test_ids_that_differ_in_capitals_only_stay_two_accounts(self, target, tmp_path):
        ids = [*(f"Acme{i}" for i in range(500)), *(f"aCME{i}" for i in range(500))]
        run = market.score(accounts(1000).set_column(0, "account_id", pa.array(ids)), tmp_path, SETTINGS)
        assert put(run, target)[0] == (1000, 0, 0)
        assert self.by_id(target).keys() == {*ids}
        assert put(run, target)[0] == (0, 0, 0)

    def test_overrides_stand_beside_the_values(self, weeks, target):
        held: Any = {"P00100": {"potential": Override(Decimal("5.25"), "told", date(2026, 7, 1))}}
        put(weeks[0], target, overrides=held)
        row = self.by_id(target)["P00100"]
        assert (row["potential_override"], row["potential_override_expiry"]) == (Decimal("5.25"), date(2026, 7, 1))
        assert self.by_id(target)["P00101"]["potential_override"] is None

    @pytest.mark.parametrize("standing", [False, True])
    def test_damage_that_is_found_on_the_way_leaves_the_table_as_it_was(self, target, tmp_path, standing):
        """The error is that of the damaged part, not one of the database."""
        run = market.score(accounts(1000), tmp_path, SETTINGS, files=4)
        if standing:
            put(run, target, fields=["potential"])
        before = self.state(target) if standing else None
        part = tmp_path / "scores" / "versions" / run.run_key / "scores" / "part-00002.parquet"
        part.write_bytes(part.read_bytes()[:-9])
        with pytest.raises(InputContractError, match=r"part-00002\.parquet: was changed after its run"):
            put(run, target)
        if standing:
            assert self.state(target) == before
        else:
            with pytest.raises((TamscoreError, LookupError)):
                self.require_there(target)

    def require_there(self, target: str) -> None:
        """Raise LookupError if there is no table."""
        raise NotImplementedError

    @pytest.mark.parametrize("standing", [False, True])
    def test_an_export_that_is_killed_in_the_middle_has_changed_nothing(self, weeks, target, standing):
        """And the next one does all of it."""
        if standing:
            put(weeks[0], target)
        before = self.state(target) if standing else None
        call = ["export", str(weeks[1].path), "--to", target, "--fields", ",".join(FIELDS)]
        killed = subprocess.run([sys.executable, "-c", KILL, *call], capture_output=True, check=False, env=os.environ)
        assert killed.returncode == -9, killed.stderr
        if standing:
            assert self.state(target) == before
        else:
            with pytest.raises(LookupError):
                self.require_there(target)
        assert put(weeks[1], target)[0][0] == (25 if standing else 985)

    def test_forgetting_an_account_names_the_table_and_the_next_export_lets_it_go(self, target, tmp_path):
        run = market.score(accounts(1000), tmp_path, SETTINGS)
        _, name = put(run, target)
        output: Location = run.output
        found = forgetting.forget(output, ["P00007"])
        assert [entry.path for entry in found.handed_out] == [name]
        assert put(run, target, "delete")[0] == (0, 0, 1)
        assert "P00007" not in self.by_id(target)
        assert [entry.command for entry in handed_out.records(output)] == ["export"]
