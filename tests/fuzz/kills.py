"""Kills of live commands: `python -m tests.fuzz.kills --kills 200` ends each command that writes at random instants.

After each kill readers look at what is there: everything must be old or new, and readable. Then the command runs again
and must leave what it leaves undisturbed: the same files with the same bytes, nothing else. Exit code 1 if not.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from tests.fuzz import small_world
from tests.fuzz.base import READERS, Tree, import_all, make_base, tree, varies

ALWAYS = ("verify", "show")
WEIGHTS = {"run, processes": 0.3}
SHARE_TERM = 0.2
READERS_WRITE = "scores/handed_out/"
PRIVATE = ("tmp/", "metrics/", "scores/_renewal/", READERS_WRITE)


@dataclass
class Case:
    """A command, what it finds, what it leaves undisturbed, and how long that took."""

    name: str
    arguments: list[str]
    seconds: float = 0.0
    before: Tree = field(default_factory=dict)
    after: Tree = field(default_factory=dict)


class Campaign:
    """A base folder that each case starts from, and a place where it runs."""

    def __init__(self, root: Path) -> None:
        self.base, self.work, self.said = root / "base", root / "work", root / "said"
        self.wrong: list[str] = []
        self.cases: list[Case] = []

    def prepare(self, names: list[str]) -> None:
        """Make the base, and run each command once to see what it leaves."""
        first = make_base(self.work, self.base, self.said, small_world.BEGIN)[0]
        import_all()
        for name in names:
            filled = [part.format(first=f"scores/{first[:8]}", first_key=first) for part in small_world.COMMANDS[name]]
            self.cases.append(self.measured(Case(name, filled)))

    def call(self, arguments: list[str]) -> None:
        """Run a command that has to succeed."""
        if code := small_world.call(arguments, self.work, self.said):
            sys.exit(f"{arguments}: exit code {code}: {self.said.read_text()[-800:]}")

    def fresh(self) -> None:
        """Put the base where cases run."""
        shutil.rmtree(self.work, ignore_errors=True)
        shutil.copytree(self.base, self.work, symlinks=True)

    def measured(self, case: Case) -> Case:
        """Return a case with what its command leaves and how long it takes."""
        self.fresh()
        began = time.monotonic()
        self.call(case.arguments)
        case.seconds = time.monotonic() - began
        case.before, case.after = tree(self.base), tree(self.work)
        return case

    def kill(self, number: int) -> bool:
        """Run a case by number; return whether its command was killed before it came to its end."""
        draw = random.Random(number)
        case = draw.choices(self.cases, [WEIGHTS.get(case.name, 1.0) for case in self.cases])[0]
        how = signal.SIGTERM if draw.random() < SHARE_TERM else signal.SIGKILL
        self.fresh()
        child = small_world.begin(case.arguments, self.work, self.said)
        time.sleep(draw.random() * case.seconds)
        with suppress(ProcessLookupError):
            os.kill(child, how)
        code = small_world.end(child)
        label = f"{number}: {case.name}, {how.name}"
        if not small_world.alone(child):
            self.note(label, "its workers live on")
        if how == signal.SIGTERM and code not in {0, 143}:
            self.note(label, f"ended with {code}", said=True)
        self.look(label, case, draw, after_term=how == signal.SIGTERM)
        self.again(label, case)
        return code in {-signal.SIGKILL, 143}

    def look(self, label: str, case: Case, draw: random.Random, *, after_term: bool) -> None:
        """Let readers look at what a killed command has left."""
        self.compare(label, case)
        if after_term:
            for name in tree(self.work):
                if "_tmp-" in name or name.startswith("tmp/"):
                    self.note(label, f"left {name} after SIGTERM")
        for name in (*ALWAYS, draw.choice([name for name in READERS if name not in ALWAYS])):
            if code := small_world.call(READERS[name], self.work, self.said):
                self.note(label, f"{name}: exit code {code}", said=True)
        for name in ("read.csv", "read.html"):
            (self.work / "tmp" / name).unlink(missing_ok=True)
        shutil.rmtree(self.work / "tmp" / "read", ignore_errors=True)

    def compare(self, label: str, case: Case) -> None:
        """Note files that are neither as they were nor as the command leaves them."""
        here = tree(self.work)
        for name, digest in here.items():
            same = digest in {case.before.get(name), case.after.get(name)}
            if not (same or varies(name) or is_private(name) or is_of_unfinished(name, here)):
                self.note(label, f"{name} is neither old nor new")

    def again(self, label: str, case: Case) -> None:
        """Run the command once more: it leaves what it leaves undisturbed."""
        made = case.name == "synth" and (self.work / "made" / "job.toml").exists()
        code = small_world.call(case.arguments, self.work, self.said)
        made |= case.name == "forget" and "no version has an account" in self.said.read_text(errors="replace")
        if code not in {0, 10} and not (made and code == 2):
            self.note(label, f"again: exit code {code}", said=True)
        self.leftovers(label, case)

    def leftovers(self, label: str, case: Case) -> None:
        """Note files that an undisturbed command does not leave, or leaves with other bytes."""
        here = tree(self.work)
        for name in sorted(here.keys() ^ case.after.keys()):
            if not name.startswith(("metrics/", READERS_WRITE)) or "_tmp-" in name:
                self.note(label, f"again: {'left' if name in here else 'lacks'} {name}")
        for name in here.keys() & case.after.keys():
            if here[name] != case.after[name] and not varies(name):
                self.note(label, f"again: other bytes in {name}")

    def note(self, label: str, text: str, *, said: bool = False) -> None:
        """Keep and print what went wrong."""
        more = f": {self.said.read_text(errors='replace')[-600:]}" if said else ""
        self.wrong.append(f"{label}: {text}{more}")
        sys.stdout.write(f"{self.wrong[-1]}\n")
        sys.stdout.flush()


def is_private(name: str) -> bool:
    """Return whether readers pass over a file: temporary, or not of an output."""
    return "_tmp-" in name or name.startswith(PRIVATE) or Path(name).name in {"_lock", "_history.jsonl"}


SEALS = {
    "versions": "manifest.json",
    "coverage": "coverage.json",
    "backtests": "backtest.json",
    "holdouts": "holdout.json",
    "_checkpoints": "manifest.json",
}
"""The file that makes a version, or a folder beside the versions, complete; checkpoints go with their version."""


def is_of_unfinished(name: str, here: Tree) -> bool:
    """Return whether a file belongs to a version or a folder beside the versions that is not complete yet."""
    parts = Path(name.rstrip("/")).parts
    if len(parts) < 3 or parts[1] not in SEALS:
        return name.endswith("/")
    place = "versions" if parts[1] == "_checkpoints" else parts[1]
    return "/".join((parts[0], place, parts[2], SEALS[place])) not in here


def main() -> int:
    """Kill, print a line of JSON, and return whether anything went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.kills")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--start", type=int, default=0, help="first case; another start, other cases")
    parser.add_argument("--only", action="append", choices=[*small_world.COMMANDS], help="may be repeated")
    asked = parser.parse_args()
    root = Path(mkdtemp(prefix="tamscore-kills-"))
    campaign, began = Campaign(root), time.monotonic()
    try:
        campaign.prepare(asked.only or [*small_world.COMMANDS])
        kills = cases = 0
        while kills < asked.kills:
            kills += campaign.kill(asked.start + cases)
            cases += 1
            if not cases % 25:
                sys.stderr.write(f"{kills} kills in {cases} cases, {len(campaign.wrong)} wrong\n")
    finally:
        shutil.rmtree(root, ignore_errors=True)
    figures: dict[str, Any] = {"kills": kills, "cases": cases, "seconds": round(time.monotonic() - began)}
    sys.stdout.write(f"{json.dumps({**figures, 'wrong': len(campaign.wrong)})}\n")
    return int(bool(campaign.wrong))


if __name__ == "__main__":
    sys.exit(main())
