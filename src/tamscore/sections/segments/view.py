"""Segment tests as people read them: what became of every segment, and what to do about it."""

from __future__ import annotations

from typing import Any

from tamscore.view.blocks import Chapter, Table, table, without_empty
from tamscore.view.words import words

_Record = dict[str, Any]
_TESTS = ("identifiable", "profitable", "growing", "meaningful")


def chapter(record: _Record) -> Chapter:
    """Return the chapter on what a run has recorded."""
    message = f"{record['meaningful']} of {record['of']} segments are meaningful."
    blocks = (_tests(record), *_own(record), *actions(record), _flags(record))
    return Chapter("segments", "Segments put to the test", message, blocks)


def _tests(record: _Record) -> Table:
    """Return the tests of every segment, and what to do about it."""
    rows = [
        (row["cluster"], *(row[name] for name in _TESTS), row["action"], row["lifetime_value"], row["priority"])
        for row in record["segments"]
    ]
    missing = ", ".join(map(words, record["missing"]))
    note = f"no priority without {missing}" if missing else "priority weighs value, cost and network effect"
    columns = "cluster:id|identifiable/3|profitable/3|growing/3|meaningful/2|action|lifetime value:money|priority:money"
    return table("Segments", columns, rows, note)


def _own(record: _Record) -> list[Table]:
    """Return the segments of the user's own with most whitespace, where the job has some."""
    if (result := record.get("own")) is None:
        return []
    shown = ("name", "party_type", "accounts", "whitespace", *_TESTS, "action", "priority")
    rows = [[row.get(name) for name in shown] for row in result["top"]]
    columns = "segment:name|party type:code/3|accounts:count|whitespace:money"
    columns += "".join(f"|{name}/3" for name in _TESTS)
    note = (
        f"{len(rows)} of {result['of']:,} by {' and '.join(result['columns'])}; {result['meaningful']:,} are meaningful"
    )
    return [without_empty(table("Segments of your own", f"{columns}|action|priority:money/2", rows, note))]


def actions(record: _Record) -> list[Table]:
    """Return how many accounts get each action; nothing for a run whose actions were those of segments."""
    if "actions" not in record:
        return []
    note = "by the tests of the segment, and by what the account buys and could buy itself"
    return [table("Actions", "action:code|accounts:count", record["actions"].items(), note)]


def _flags(record: _Record) -> Table:
    """Return how many accounts carry each flag."""
    return table("Account flags", "flag:code|accounts:count", record["flags"].items())
