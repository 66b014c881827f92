"""`make kills` and `make flips` leave no command out, and their checks are able to fail; the campaigns take minutes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tamscore import cli
from tests.fuzz import small_world
from tests.fuzz.base import tree
from tests.fuzz.flips import READERS, Answer, Flips
from tests.fuzz.kills import Campaign, Case, is_of_unfinished

READ_ONLY = {"check", "show", "explain", "what-if", "verify", "history", "schema", "docs", "sql", "doctor"} | {
    "bench",
}


def test_every_command_that_writes_is_killed():
    """A new command belongs to `small_world.COMMANDS`, or to those that write nothing."""
    killed = {arguments[0] for arguments in small_world.COMMANDS.values()}
    assert killed | READ_ONLY == {name for group in cli.COMMANDS.values() for name in group}
    assert killed & READ_ONLY == set()


def test_every_command_that_reads_a_version_is_asked_after_a_flip():
    """All but those that read no version, write none of it back, or look at every byte in any case."""
    beside = {
        "init",
        "run",
        "check",
        "pin",
        "verify",
        "schema",
        "docs",
        "template",
        "doctor",
        "bench",
        "import",
        "synth",
    }
    asked = {arguments[0] for arguments in READERS.values()}
    assert asked | beside == {name for group in cli.COMMANDS.values() for name in group}


def test_what_a_killed_command_leaves_is_distinguished_from_old_and_new(tmp_path):
    """Old bytes, new bytes, and parts of a version without manifest pass; other bytes and leftovers do not."""
    campaign = Campaign(tmp_path)
    campaign.work.mkdir()
    campaign.said.touch()
    case = Case("export", [], before={"a": "1"}, after=tree(campaign.work))
    (campaign.work / "_tmp-1-a.part").write_bytes(b"half")
    campaign.compare("0", case)
    (campaign.work / "b").write_bytes(b"neither")
    campaign.compare("1", case)
    assert campaign.wrong == ["1: b is neither old nor new"]
    campaign.leftovers("2", case)
    assert campaign.wrong[1:] == ["2: again: left _tmp-1-a.part", "2: again: left b"]
    here = {"scores/versions/x/part": "", "scores/versions/y/part": "", "scores/versions/y/manifest.json": ""}
    assert [name for name in here if is_of_unfinished(name, here)] == ["scores/versions/x/part"]


@pytest.mark.parametrize(
    ("now", "fine"),
    [
        (Answer(3, "error: scores/a: was changed", {}), True),
        (Answer(3, "error: something", {}), False),
        (Answer(0, "1,000 accounts", {}), True),
        (Answer(0, "1,001 accounts", {}), False),
        (Answer(0, "", {"out.csv": "other"}), False),
        (Answer(2, "error: scores/a: unknown", {}), False),
        (Answer(1, "Traceback", {}), False),
    ],
)
def test_an_answer_is_a_refusal_by_name_or_that_of_the_whole_file(now, fine):
    """Anything else is kept as wrong."""
    flips = Flips.__new__(Flips)
    flips.wrong, flips.refused = [], Counter()
    flips.judge("0", "show", Path("scores/a"), Answer(0, "1,000 accounts", {}), now)
    assert (flips.wrong == []) is fine
