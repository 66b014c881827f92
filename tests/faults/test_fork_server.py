"""The process that workers are forked from: one for all of them, with what they need, and gone with who started it."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

from tamscore.config import Engine
from tamscore.engine import connect, fork_server
from tests.faults.clusters import alive, wait_until


def processes() -> Any:
    return connect.connect(Engine(kind="processes", workers=2))


def ask(flow: Any, question: Any, *arguments: Any) -> list[Any]:
    """The answers of both workers: on a machine with other work they take longer than a run waits for them."""
    answers: list[Any] = []

    def both() -> bool:
        answers[:] = flow.ask(question, *arguments)
        return len(answers) == 2

    assert wait_until(both, 60)
    return answers


def imported() -> list[str]:
    return sorted(sys.modules)


def started_with() -> dict[str, str]:
    """The environment in which a process began."""
    entries = Path("/proc/self/environ").read_text(encoding="utf-8").split("\0")
    return dict(entry.split("=", 1) for entry in entries if "=" in entry)


def test_workers_have_what_they_need_before_their_first_work():
    """A module that is no longer there, or has another name, would go unnoticed: nobody tells what was not imported."""
    with processes() as flow:
        for modules in ask(flow, imported):
            assert set(fork_server.NEEDED) <= set(modules)
        assert min(ask(flow, gc.get_freeze_count)) > 10_000


def test_workers_of_several_runs_come_from_one_process_and_another_one_takes_the_place_of_a_dead_one():
    with processes() as flow:
        first = set(ask(flow, os.getppid))
    with processes() as flow:
        assert set(ask(flow, os.getppid)) == first
    [server] = map(psutil.Process, first)
    server.kill()
    assert wait_until(lambda: not alive(server), 60)
    with processes() as flow:
        [second] = set(ask(flow, os.getppid))
    assert second != server.pid


def test_workers_see_the_environment_of_now_and_this_process_keeps_its_own(monkeypatch):
    """Credentials may come long after the first run of a process; what our workers are set up with is not for us."""
    fork_server.begin()
    monkeypatch.setenv("TAMSCORE_TEST_VARIABLE", "of now")
    before = dict(os.environ)
    fork_server.begin()
    assert dict(os.environ) == before
    with processes() as flow:
        assert ask(flow, os.getenv, "TAMSCORE_TEST_VARIABLE") == ["of now", "of now"]


SET_UP = """
import json
from tests.faults import test_fork_server
with test_fork_server.processes() as first, test_fork_server.processes() as flow:
    print(json.dumps(test_fork_server.ask(flow, test_fork_server.started_with)))
"""


def test_workers_of_ours_keep_freed_memory_and_compute_on_one_thread_each():
    """Also where another run of this process has its own workers already; what a person has set counts more."""
    mine = {name: value for name, value in os.environ.items() if name not in fork_server.ENVIRONMENT}
    mine.pop("MALLOC_TRIM_THRESHOLD_", None)  # Dask's own clusters leave it behind in their process
    mine["OMP_NUM_THREADS"] = "3"
    done = subprocess.run([sys.executable, "-c", SET_UP], env=mine, stdout=subprocess.PIPE, check=True)
    for environment in json.loads(done.stdout):
        assert "MALLOC_TRIM_THRESHOLD_" not in environment
        assert environment.items() >= (fork_server.ENVIRONMENT | {"OMP_NUM_THREADS": "3"}).items()


def test_the_process_has_a_single_thread():
    """Whoever forks with threads may find a lock held for ever; libraries start some as soon as they are imported."""
    code = (
        "import os, sys, tamscore.engine.preload\n"
        "print(len(os.listdir('/proc/self/task')), 'pyarrow' in sys.modules, 'numpy' in sys.modules)"
    )
    set_up = dict(os.environ) | fork_server.ENVIRONMENT
    done = subprocess.run([sys.executable, "-c", code], env=set_up, stdout=subprocess.PIPE, check=True)
    assert done.stdout == b"1 True True\n"


def test_the_process_ends_with_the_one_that_started_it():
    code = (
        "from tamscore.engine import fork_server; fork_server.begin()\n"
        "from multiprocessing import forkserver; print(forkserver._forkserver._forkserver_pid)"
    )
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True, text=True)
    assert wait_until(lambda: not psutil.pid_exists(int(done.stdout)), 60)


BEGUN = """
import sys
from multiprocessing import forkserver
from tamscore.config import Engine
from tamscore.engine import connect

def is_there():
    return forkserver._forkserver._forkserver_pid is not None

connect.begin(Engine())
print(is_there())
connect.begin(Engine(kind="processes"))
print(is_there(), "distributed" in sys.modules)
"""


def test_it_begins_where_workers_of_our_own_are_asked_for_and_before_dask_is_imported_here():
    assert subprocess.run([sys.executable, "-c", BEGUN], stdout=subprocess.PIPE, check=True, text=True).stdout == (
        "False\nTrue False\n"
    )


EARLY = """
import sys
from pathlib import Path
from types import SimpleNamespace
from tamscore import job_file
from tamscore.cli import run
from tamscore.engine import connect

def begin(engine):
    sys.exit(f"{engine}, pipeline imported: {'tamscore.pipeline' in sys.modules}")

job_file.load = lambda path, overrides: SimpleNamespace(engine="the engine of the job")
connect.begin = begin
run.run(Path("job.toml"))
"""


def test_a_run_begins_it_before_it_imports_what_it_needs_itself():
    """Both then import side by side: half a second of every run."""
    done = subprocess.run([sys.executable, "-c", EARLY], stderr=subprocess.PIPE, check=False, text=True)
    assert done.stderr == "the engine of the job, pipeline imported: False\n"
