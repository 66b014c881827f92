"""Standard output and error that are closed, full or read by nobody: work goes on and ends with its own exit code."""

from __future__ import annotations

import io
import json
import os
import shlex
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import tamscore
from tamscore import logs, terminal
from tamscore.cli.streams import Outlet
from tamscore.store import handed_out
from tests.end_to_end import market

PROGRAM = f"{shlex.quote(sys.executable)} -c 'from tamscore.cli import main; main()'"
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(tamscore.__file__).parents[1])}


def shell(arguments, redirection="", **environment):
    """A command as a shell with pipefail runs it."""
    words = shlex.join(map(str, arguments))
    text = f"set -o pipefail; {PROGRAM} {words} {redirection}"
    env = ENVIRONMENT | environment
    return subprocess.run(["bash", "-c", text], capture_output=True, text=True, env=env, check=False, timeout=120)


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    changes = {"campaigns": {"size": "employees"}}
    return market.score(market.accounts(600), tmp_path_factory.mktemp("scored"), changes)


SILENT = (">&- 2>&- <&-", "2>&-", ">/dev/full 2>/dev/full", "| head -c 1", "2>&1 | :")


@pytest.mark.parametrize("redirection", SILENT)
def test_a_command_that_writes_files_writes_them_whoever_listens(scored, tmp_path, redirection):
    """F41: the file of an export is the same, and so is the exit code."""
    to = tmp_path / "x.csv"
    done = shell(["export", scored.output, "--to", to], redirection)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert to.read_text(encoding="utf-8").count("\n") == 601


@pytest.mark.parametrize("redirection", [">&- 2>&- <&-", ">/dev/full 2>/dev/full"])
def test_a_run_is_published_whoever_listens(tmp_path, redirection):
    """F41: from the first notice to the last line nobody hears it."""
    assert shell(["synth", tmp_path / "m", "--rows", 1000], redirection).returncode == 0
    quick = ("--set", "device=cpu", "--set", "clusters.restarts=2", "--set", "engine.workers=1")
    assert shell(["run", tmp_path / "m" / "job.toml", *quick], redirection).returncode == 0
    assert "1 complete version" in shell(["verify", tmp_path / "m" / "scores"]).stdout


@pytest.mark.parametrize(
    ("redirection", "code"), [("| head -1", 0), (">&-", 0), ("2>&-", 0), ("2>/dev/full", 0), (">/dev/full", 5)]
)
def test_a_command_that_answers_fails_only_where_the_answer_is_lost(scored, redirection, code):
    """F41: who stops reading has seen enough; a full disk has not got the answer, and standard error says so."""
    done = shell(["history", scored.output], redirection)
    assert done.returncode == code
    assert done.stderr.splitlines() == (
        ["standard output: no space left on device; what the command printed is lost, make room and ask again"]
        if code
        else []
    )


@pytest.mark.parametrize(
    ("command", "code"), [("campaigns", 5), ("campaigns --to lists", 0), ("prune --dry-run", 5), ("pin current", 0)]
)
def test_what_only_prints_has_failed_where_the_disk_is_full(scored, tmp_path, command, code):
    """F41: a command that would write files, but for its options, answers; nothing to prune is an answer, too."""
    name, *options = command.replace("current", scored.run_key).replace("lists", str(tmp_path / "lists")).split()
    done = shell([name, scored.output, *options], ">/dev/full")
    assert done.returncode == code
    assert "standard output: no space left on device" in done.stderr


def test_an_export_to_standard_output_is_the_file_whatever_the_terminal_speaks(scored, tmp_path):
    """F41: the bytes of the file, the counts on standard error; nothing is left, and the record says where it went."""
    to, out = tmp_path / "x.csv", tmp_path / "out.csv"
    assert shell(["export", scored.output, "--to", to]).returncode == 0
    done = shell(["export", scored.output, "--to", "-"], f"> {out}", PYTHONIOENCODING="ascii", TMPDIR=tmp_path)
    assert done.returncode == 0, done.stderr
    assert out.read_bytes() == to.read_bytes()
    assert "600 of 600 accounts to standard output" in done.stderr
    assert not [*tmp_path.glob("tamscore-files-*")]
    assert "standard output" in {entry.path for entry in handed_out.records(scored.output)}


@pytest.mark.parametrize(("redirection", "code"), [("| head -1", 0), (">&-", 0), (">/dev/full", 5)])
def test_an_export_to_standard_output_fails_where_its_rows_are_lost(scored, redirection, code):
    """F41: as with an answer that is printed."""
    assert shell(["export", scored.output, "--to=-"], redirection).returncode == code


def test_an_exit_code_of_its_own_stays(scored, tmp_path):
    """F41: 2 for a wrong option, 3 for damage, whatever becomes of the messages."""
    assert shell(["export", scored.output, "--to", tmp_path / "x.txt"], "2>/dev/full").returncode == 2
    assert shell(["show", tmp_path / "nothing"], "2>&- >&-").returncode == 2
    assert shell(["nothing"], "2>/dev/full").returncode == 2


def test_a_closed_standard_error_is_no_file_of_ours(scored, tmp_path):
    """F41: a file that gets the number of a closed stream would receive what libraries write to it."""
    code = (
        "import os; from tamscore.cli.streams import open_all; open_all(); os.write(2, b'x'); print(os.open('f', 65))"
    )
    done = subprocess.run(
        ["bash", "-c", f"{shlex.quote(sys.executable)} -c {shlex.quote(code)} 2>&-"],
        capture_output=True, text=True, env=ENVIRONMENT, check=True, cwd=tmp_path,
    )  # fmt: skip
    assert int(done.stdout) > 2


class Full(io.StringIO):
    """A stream on a full disk."""

    def write(self, text):
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("stream", [Full(), io.TextIOWrapper(io.BytesIO())], ids=["full", "closed"])
def test_an_outlet_takes_everything_and_remembers_the_first_error(stream):
    if not isinstance(stream, Full):
        stream.close()
    outlet = Outlet(stream)
    print("lost", file=outlet, flush=True)
    outlet.writelines(["a", "b"])
    assert isinstance(outlet.lost, OSError | ValueError)
    assert outlet.write("abc") == 3


def records(text):
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize(
    ("arguments", "debug"),
    [(["show"], "0"), (["--nothing"], "1"), (["shwo"], "0"), ([], "0"), (["run", "nothing.toml"], "1")],
)
def test_whatever_is_wrong_with_a_call_is_one_record(arguments, debug):
    """C41: usage, help, unknown commands, and tracebacks that were asked for."""
    done = shell(arguments, TAMSCORE_LOG_FORMAT="json", TAMSCORE_DEBUG=debug)
    assert done.returncode == 2
    (record,) = records(done.stderr)
    assert record["severity_text"] == "ERROR"
    assert (logs.TRACE in record["attributes"]) == (debug == "1")


def test_every_line_of_a_run_on_processes_and_its_report_is_a_record(tmp_path):
    """C41: whatever libraries say, here and in worker processes."""
    folder = tmp_path / "m"
    shell(["synth", folder, "--rows", 1000])
    quick = ("--set", "device=cpu", "--set", "clusters.restarts=2", "--set", "engine.workers=2")
    calls = [["run", folder / "job.toml", *quick, "--set", "engine.kind=processes"]]
    calls.append(["report", folder / "scores", "--output", tmp_path / "r.html"])
    for call in calls:
        done = shell(["--log-format", "json", *call], PYTHONWARNINGS="always")
        assert done.returncode == 0, done.stderr
        assert records(done.stderr)


CULPRITS = {
    "warning": "import warnings; warnings.warn('odd\\nvalue')",
    "log": "import logging; logging.getLogger('matplotlib').warning('building the font cache')",
    "thread": "import threading; t = threading.Thread(target=lambda: 1 / 0); t.start(); t.join()",
    "ignored": "type('X', (), {'__del__': lambda self: 1 / 0})()",
    "dask": "import distributed, logging; logging.getLogger('distributed.worker').info('starts')",
}


@pytest.mark.parametrize("culprit", CULPRITS)
def test_what_libraries_say_is_a_record(culprit):
    """C41: warnings, logs, errors in threads and in finalizers, Dask's own loggers."""
    code = f"from tamscore import logs\nwith logs.capture_library_logs():\n exec({CULPRITS[culprit]!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=ENVIRONMENT, check=True)
    (record,) = records(done.stderr)
    assert record["attributes"]["event.name"] == "tamscore.log"
    assert record["body"]
    assert (logs.TRACE in record["attributes"]) == (culprit in {"thread", "ignored"})


def test_what_is_captured_is_given_back(monkeypatch):
    monkeypatch.delenv(logs.VARIABLE, raising=False)
    before = (sys.unraisablehook, warnings.showwarning)
    with terminal.logging_as("json"):
        assert os.environ[logs.VARIABLE] == "json"
    assert logs.VARIABLE not in os.environ
    assert (sys.__unraisablehook__, before[1]) == (sys.unraisablehook, warnings.showwarning)
