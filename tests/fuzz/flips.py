"""Flipped bits: `python -m tests.fuzz.flips --flips 500` turns one bit of what an output holds and asks readers.

A reader must refuse the file by name with exit code 3, or say what it says of the whole file. Exit code 1 if not.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import shutil
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from tests.fuzz import small_world
from tests.fuzz.base import Tree, import_all, make_base, tree, varies

WRITTEN = "tmp/read"
READERS = {
    "show": ["show", "{run}", "--json", "--top", "60"],
    "explain": ["explain", "{run}", "A0000007", "--json"],
    "what-if": ["what-if", "{run}", "--set", "potential.top_step=next_step", "--json"],
    "export": ["export", "{run}", "--to", f"{WRITTEN}.csv"],
    "export, changes": ["export", "{run}", "--to", f"{WRITTEN}.parquet", "--since", "{other}"],
    "campaigns": ["campaigns", "{run}", "--to", WRITTEN, "--json"],
    "campaigns, changes": ["campaigns", "{run}", "--to", WRITTEN, "--since", "{other}", "--json"],
    "lists": ["lists", "{run}", "--to", WRITTEN, "--since", "{other}", "--no-pages", "--json"],
    "holdout": ["holdout", "{run}", "--json"],
    "lift": ["lift", "{run}", "--outcomes", "won.parquet", "--name", "prospects", "--json"],
    "diff": ["diff", "{other}", "{run}", "--json"],
    "alerts": ["alerts", "{run}", "--since", "{other}", "--json"],
    "report": ["report", "{run}", "--to", f"{WRITTEN}.html"],
    "coverage": ["coverage", "{run}", "--set", "coverage.hours_per_person=900", "--json"],
    "sql": ["sql", "{run}"],
    "history": ["history", "scores", "--json"],
    "prune": ["prune", "scores", "--keep", "2", "--dry-run", "--json"],
    "forget": ["forget", "scores", "A0000007", "--dry-run", "--json"],
    "rollback": ["rollback", "scores", "{other_key}", "--json"],
    "backtest": ["backtest", "job.toml", *small_world.REALISED, "--set", "backtest.neighbours=3", "--json"],
    "score": ["score", "job.toml", "--model", "scores/{first_key}"],
    "refresh": ["refresh", "job.toml", "--from", "scores/{first_key}", "--accept"],
}
WEIGHTS = {"report": 0.1, "coverage": 0.3, "backtest": 0.1, "score": 0.1, "refresh": 0.1}
"""Chances of readers, where not 1: what takes seconds is asked less often."""
CLOCK = re.compile(r'"(seconds|cpu_seconds|rows_per_second|at|peak_[a-z]+)": ?[^,}\n]+')


@dataclass(frozen=True)
class Answer:
    """What a reader comes to: its exit code, what it prints on standard output, the files it leaves."""

    code: int
    said: str
    files: Tree


class Flips:
    """An output of two versions with a coverage, a backtest and a holdout, and what readers say of it."""

    def __init__(self, root: Path, base: Path | None, readers: int) -> None:
        self.readers = readers
        self.base, self.work, self.said = base or root / "base", root / "work", root / "said"
        self.wrong: list[str] = []
        self.refused: Counter[str] = Counter()
        begin = [*small_world.BEGIN, ["coverage", "scores"]]
        begin += [small_world.COMMANDS["backtest"], small_world.COMMANDS["holdout"], small_world.COMMANDS["lift"]]
        first, self.second = make_base(self.work, self.base, self.said, begin)[:2]
        import_all()
        self.keys = (first, self.second)
        self.whole: dict[tuple[str, int], Answer] = {}
        self.files = sorted(
            path.relative_to(self.base)
            for folder in ("versions", "coverage", "backtests", "holdouts")
            for path in (self.base / "scores" / folder).rglob("*")
            if path.is_file()
        )
        self.files.append(Path("scores/_CURRENT.json"))

    def arguments(self, reader: str, version: int) -> list[str]:
        """Return the command line of a reader of the first or the second version."""
        run, other = self.keys[version], self.keys[1 - version]
        names = {
            "run": f"scores/{run[:8]}",
            "other": f"scores/{other[:8]}",
            "other_key": other,
            "first_key": self.keys[0],
        }
        return [part.format(**names) for part in READERS[reader]]

    def ask(self, arguments: list[str]) -> Answer:
        """Return what a reader comes to; the place is as it was before."""
        before = tree(self.work)
        code = small_world.call(arguments, self.work, self.said)
        said = CLOCK.sub("", self.said.read_text(errors="replace"))
        after = tree(self.work)
        files = {name: digest for name, digest in after.items() if before.get(name) != digest and not varies(name)}
        if files or before != after:
            self.fresh()
        return Answer(code, said, files)

    def fresh(self) -> None:
        """Put the base where readers look."""
        shutil.rmtree(self.work, ignore_errors=True)
        shutil.copytree(self.base, self.work, symlinks=True)

    def flip(self, number: int) -> None:
        """Flip a bit by number and ask readers."""
        draw = random.Random(number)
        name = draw.choice(self.files)
        path, version = self.work / name, draw.randrange(2)
        data = bytearray((self.base / name).read_bytes())
        place, bit = draw.randrange(len(data)), draw.randrange(8)
        data[place] ^= 1 << bit
        readers: set[str] = set()
        while len(readers) < self.readers:
            readers.add(draw.choices([*READERS], [WEIGHTS.get(reader, 1.0) for reader in READERS])[0])
        label = f"{number}: bit {bit} of byte {place} of {name}"
        for reader in sorted(readers):
            whole = self.of_whole(reader, version)
            path.write_bytes(data)
            now = self.ask(self.arguments(reader, version))
            self.judge(f"{label}, {reader} of version {version}", reader, name, whole, now)
            path.write_bytes((self.base / name).read_bytes())
        path.write_bytes(data)
        now = self.ask(["verify", "scores"])
        if now.code != InputContract or str(name) not in now.said:
            self.note(f"{label}, verify", now)
        path.write_bytes((self.base / name).read_bytes())

    def of_whole(self, reader: str, version: int) -> Answer:
        """Return what a reader says of a version that is whole."""
        if (reader, version) not in self.whole:
            self.whole[reader, version] = self.ask(self.arguments(reader, version))
            if self.whole[reader, version].code not in {0, 10}:
                sys.exit(f"{reader}: {self.whole[reader, version]}")
        return self.whole[reader, version]

    def judge(self, label: str, reader: str, name: Path, whole: Answer, now: Answer) -> None:
        """Keep what is neither a refusal by name nor the answer to the whole file."""
        if now.code == InputContract and str(name) in now.said:
            self.refused[reader] += 1
        elif reader == "history" and now.code == whole.code and str(name) in now.said:
            self.refused[reader] += 1  # it lists what is wrong with each version
        elif (
            now.code != whole.code
            or not same_files(now.files, whole.files, name)
            or (not now.files and message_of(now.said) != message_of(whole.said))
        ):
            self.note(label, now)

    def note(self, label: str, now: Answer) -> None:
        """Keep and print what went wrong."""
        self.wrong.append(f"{label}: exit code {now.code}: {now.said[-400:]!r} {sorted(now.files)[:4]}")
        sys.stdout.write(f"{self.wrong[-1]}\n")
        sys.stdout.flush()


InputContract = 3


def message_of(said: str) -> str:
    """Return what a command says but for its progress and what it says of times."""
    return "\n".join(line for line in said.splitlines() if not line.startswith(("stage ", "run ")))


def same_files(now: Tree, whole: Tree, flipped: Path) -> bool:
    """Return whether a command wrote the same files; what it rebuilt of the flipped one does not count."""
    return {n: d for n, d in now.items() if n != str(flipped)} == {n: d for n, d in whole.items() if n != str(flipped)}


def main() -> int:
    """Flip, print a line of JSON, and return whether anything went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.flips")
    parser.add_argument("--flips", type=int, default=500)
    parser.add_argument("--start", type=int, default=0, help="first case; another start, other cases")
    parser.add_argument("--base", type=Path, help="what an earlier campaign has made; made there if it is not there")
    parser.add_argument("--readers", type=int, default=2, help="so many look at each flip, and `verify`")
    asked = parser.parse_args()
    root, began = Path(mkdtemp(prefix="tamscore-flips-")), time.monotonic()
    try:
        flips = Flips(root, asked.base, min(asked.readers, len(READERS)))
        for number in range(asked.start, asked.start + asked.flips):
            flips.flip(number)
            if not (number + 1) % 25:
                sys.stderr.write(f"{number + 1 - asked.start} flips, {len(flips.wrong)} wrong\n")
    finally:
        shutil.rmtree(root, ignore_errors=True)
    figures = {
        "flips": asked.flips,
        "reads": asked.flips * (flips.readers + 1),
        "refused": flips.refused,
        "wrong": len(flips.wrong),
    }
    sys.stdout.write(f"{json.dumps({**figures, 'seconds': round(time.monotonic() - began)})}\n")
    return int(bool(flips.wrong))


if __name__ == "__main__":
    sys.exit(main())
