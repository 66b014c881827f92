"""What init and run make of public tables, without an edit: `python jobs/trials/first_jobs.py RAW`.

Each table of first_jobs.csv is looked for below the folder RAW. A line for each says whether it ran, or what the
message asks for.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
from pathlib import Path

LIST = Path(__file__).with_name("first_jobs.csv")
LIMIT_S = 300


def main() -> None:
    """Try each table that is there, and print how many ran."""
    parser = argparse.ArgumentParser(description="Run init and run on public tables, without an edit.")
    parser.add_argument("raw", type=Path, help="folder of the tables")
    raw = parser.parse_args().raw
    with LIST.open() as lines:
        files = [row["file"] for row in csv.DictReader(lines)]
    there = [file for file in files if (raw / file).is_file()]
    outcomes = {file: tried(raw / file) for file in there}
    for file, outcome in outcomes.items():
        sys.stdout.write(f"{file}: {outcome or 'ran'}\n")
    ran = sum(not outcome for outcome in outcomes.values())
    sys.stdout.write(f"{ran} of {len(there)} ran without an edit; {len(files) - len(there)} are not there\n")


def tried(table: Path) -> str:
    """Return what a message asks for, empty if the table was scored."""
    with tempfile.TemporaryDirectory() as folder:
        job = str(Path(folder) / "job.toml")
        for arguments in (["init", str(table), "--to", job, "--yes"], ["run", job, "--set", "device=cpu"]):
            command = [sys.executable, "-m", "tamscore", *arguments]
            done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
            if done.returncode:
                errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
                return f"{arguments[0]} asks: {errors[0] if errors else done.stderr[-200:]}"
    return ""


if __name__ == "__main__":
    main()
