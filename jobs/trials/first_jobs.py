"""What init and run make of public tables, without an edit: `python jobs/trials/first_jobs.py RAW`.

Each table of first_jobs.csv is looked for below the folder RAW. A line for each says whether it ran, or what the
message asks for; where first_jobs.csv answers with a `line`, the table is tried with it once more.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

LIST = Path(__file__).with_name("first_jobs.csv")
LIMIT_S = 300


def main() -> None:
    """Try each table that is there, and print how many ran."""
    parser = argparse.ArgumentParser(description="Run init and run on public tables, without an edit.")
    parser.add_argument("raw", type=Path, help="folder of the tables")
    raw = parser.parse_args().raw
    with LIST.open() as lines:
        answers = {row["file"]: row["line"] for row in csv.DictReader(lines)}
    there = [file for file in answers if (raw / file).is_file()]
    ran = Counter(report_trial(raw / file, answers[file], file) for file in there)
    sys.stdout.write(
        f"{len(there)} tables: {ran['ran']} ran without an edit, {ran['ran then']} with the one line that was asked "
        f"for; {len(answers) - len(there)} are not there\n"
    )


def report_trial(table: Path, line: str, name: str) -> str:
    """Print and return how far a table came: as it is, and with the line that answers what was asked."""
    asked = tried(table)
    again = tried(table, "--set", line) if asked and line else asked
    then = f"; with {line}: {again or 'ran'}" if asked and line else ""
    sys.stdout.write(f"{name}: {asked or 'ran'}{then}\n")
    return "stopped" if again else "ran then" if asked else "ran"


def tried(table: Path, *options: str) -> str:
    """Return what a message asks for, empty if the table was scored."""
    with tempfile.TemporaryDirectory() as folder:
        job = str(Path(folder) / "job.toml")
        for arguments in (["init", str(table), "--to", job, "--yes", *options], ["run", job, "--set", "device=cpu"]):
            command = [sys.executable, "-m", "tamscore", *arguments]
            done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
            if done.returncode:
                errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
                return f"{arguments[0]} asks: {errors[0] if errors else done.stderr[-200:]}"
    return ""


if __name__ == "__main__":
    main()
