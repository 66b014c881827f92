"""The process that workers of our own are forked from: it has imported once what all of them need.

It comes up while this process still imports and plans, so that workers are there at once, and so is one for a worker
that has died. It has a single thread, so that no fork finds a lock held for ever, and ends with this process.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from functools import cache
from multiprocessing import forkserver, get_context, util
from pathlib import Path
from typing import IO

METHOD = "forkserver"
_MARK = "tamscore"
NEEDED = (
    "distributed",
    "pyarrow.compute",
    "pyarrow.parquet",
    "tamscore.backend.host",
    "tamscore.engine.cluster",
    "tamscore.engine.shared",
    "tamscore.scoring.assign",
    "tamscore.scoring.fit.sample",
    "tamscore.scoring.score.rows",
)
"""What work on partitions needs; what a job asks for beyond that, the workers import themselves."""
ENVIRONMENT = {
    "MALLOC_ARENA_MAX": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
"""What our worker processes start with: one heap, as `heap.share` has it, and libraries that compute on one thread.

With Dask's own choice the heap gives back at once what is freed, and a third of a worker's time goes to page faults.
"""


def begin() -> None:
    """Start the process if there is none, and do not wait for it."""
    _sweep_folders()
    get_context(METHOD).set_forkserver_preload(["tamscore.engine.preload"])
    added = {name: value for name, value in ENVIRONMENT.items() if name not in os.environ}
    os.environ.update(added)
    try:
        forkserver.ensure_running()
    finally:
        for name in added:
            del os.environ[name]
    _claimed_folder()


@cache
def _claimed_folder() -> IO[bytes]:
    """The mark, locked as long as this process lives, in the folder that Python has made for its sockets."""
    folder = Path(util.get_temp_dir())
    file = (folder / f"_{_MARK}").open("xb")
    with suppress(OSError):  # a file system may have no locks
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        (folder / f"_{_MARK}").rename(folder / _MARK)
    return file


def _sweep_folders() -> None:
    """Remove the folders for sockets that killed runs have left: Python removes its own at the end, if there is one."""
    for mark in Path(tempfile.gettempdir()).glob(f"pymp-*/{_MARK}"):
        with suppress(OSError), mark.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(mark.parent, ignore_errors=True)
