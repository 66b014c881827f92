"""Records what commands print as pictures: `python docs/recordings.py [FOLDER]` writes docs/pictures/*.svg.

The commands run one after another on a synthetic market of 20,000 companies, in a temporary folder.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

import tamscore
from tamscore.synthetic import write_market

FOLDER = Path(__file__).parent / "pictures"
COLUMNS = ["account_id", "name", "party_type", "industry", "country", "employees", "assets", "sites", "sales"]
WIDTH, MOST_LINES = 100, 30
WITHOUT_FONTS = re.sub(r"@font-face \{\{.*?\}\}|<!--.*?-->", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
"""The form of a recording; rich would have a reader's browser fetch its font from elsewhere."""


def main(folder: Path = FOLDER) -> None:
    """Write all recordings."""
    program = str(Path(sys.executable).with_name("tamscore"))
    with tempfile.TemporaryDirectory() as scratch:
        here = Path(scratch)
        write_market(here / "demo", 20_000, seed=1)
        table = pyarrow.parquet.read_table(here / "demo" / "market", columns=COLUMNS)
        pyarrow.csv.write_csv(table, here / "crm-export.csv")
        record(folder / "init.svg", [program, "init", "crm-export.csv"], here)
        record(folder / "run.svg", [program, "run", "demo/job.toml"], here)
        first = tamscore.open_run(here / "demo" / "scores").tables["top_accounts"]["account_id"][0].as_py()
        record(folder / "explain.svg", [program, "explain", "demo/scores", first], here)
        record(folder / "coverage.svg", [program, "coverage", "demo/scores"], here)


def record(target: Path, command: list[str], folder: Path) -> None:
    """Write one recording: the command, and the first lines that it prints."""
    environment = {**os.environ, "COLUMNS": str(WIDTH), "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(  # noqa: S603 - our own program
        command, cwd=folder, env=environment, check=True, capture_output=True, encoding="utf-8"
    )
    lines = (done.stderr + done.stdout).replace(str(folder) + "/", "").splitlines()
    shown = [*lines[:MOST_LINES], *(["..."] if len(lines) > MOST_LINES else [])]
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text(f"$ {' '.join(['tamscore', *command[1:]])}", style="bold"))
    for line in shown:
        console.print(Text(line), overflow="fold")
    svg = console.export_svg(title=f"tamscore {command[1]}", code_format=WITHOUT_FONTS, unique_id=target.stem)
    target.write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
