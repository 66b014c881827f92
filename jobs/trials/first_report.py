"""From a clone to a report on a messy CRM export: `python jobs/trials/first_report.py CLONE` counts and times.

CLONE is a fresh clone, in which the commands of the quick start are given as a new user would. The export has 5,000
accounts: semicolons, decimal commas, a byte-order mark, quotes, line breaks, umlauts, empty cells, kinds in words.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

ROWS = 5000
COMMANDS = (
    "make .venv",
    ". .venv/bin/activate && tamscore run export.csv",
    ". .venv/bin/activate && tamscore report export-scores",
)
HEADER = (
    "Kunden-Nr.", "Firma", "Ort", "Branche", "Kundentyp", "Mitarbeiter", "Jahresumsatz (EUR)", "Bestellungen 2025",
    "Gründungsjahr", "Exportanteil", "Letzter Kontakt", "Notiz",
)  # fmt: skip


def main() -> None:
    """Write the export into the clone, give the commands, and print what it took."""
    parser = argparse.ArgumentParser(description="Count commands and seconds from a clone to a report.")
    parser.add_argument("clone", type=Path, help="a fresh clone")
    clone = parser.parse_args().clone
    write_export(clone / "export.csv")
    seconds = [timed(command, clone) for command in COMMANDS]
    for command, took in zip(COMMANDS, seconds, strict=True):
        sys.stdout.write(f"{took:6.1f} s  {command}\n")
    size = (clone / "report.html").stat().st_size
    sys.stdout.write(f"{len(COMMANDS)} commands, 0 lines edited, {sum(seconds):.0f} s; report of {size:,} bytes\n")


def timed(command: str, folder: Path) -> float:
    """Return the seconds that a command takes; raise CalledProcessError with its output if it fails."""
    began = time.perf_counter()
    done = subprocess.run(["/bin/bash", "-c", command], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stdout.write(done.stdout + done.stderr)
        done.check_returncode()
    return time.perf_counter() - began


def write_export(path: Path) -> None:
    """Write the export; the same every time."""
    random = np.random.default_rng(5)
    employees = np.exp(random.normal(3.5, 1.4, ROWS)).round().astype(int) + 1
    channel, buys = random.random(ROWS) < 0.1, random.random(ROWS) < 0.4
    sales = np.where(buys, employees * np.exp(random.normal(4, 1, ROWS)), 0)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        rows = csv.writer(file, delimiter=";", lineterminator="\r\n")
        rows.writerow(HEADER)
        for i in range(ROWS):
            firm = f'Müller "{i}" & Söhne GmbH' if i % 7 else f"Firma {i}; Werk Süd"
            place, kind = random.choice(["Köln", "Ulm", ""]), "Händler" if channel[i] else "Endkunde"
            trade = random.choice(["Maschinenbau", "Handel", "Chemie", "IT"])
            amount = german(sales[i]) if buys[i] else ("0,00" if i % 3 else "")
            orders, founded = random.integers(1, 40) if buys[i] else 0, random.integers(1900, 2024)
            called = f"{random.integers(1, 28):02}.{random.integers(1, 12):02}.2025"
            note = "ruft an,\nzwei Zeilen" if i % 50 == 0 else ""
            staff, share = employees[i] if i % 11 else "", german(random.random())
            rows.writerow([f"K{i:06}", firm, place, trade, kind, staff, amount, orders, founded, share, called, note])


def german(number: float) -> str:
    """Return a number as German exports write it."""
    return f"{number:,.2f}".translate(str.maketrans(",.", ".,"))


if __name__ == "__main__":
    main()
