"""The private folder of this process for temporary files: made when first asked for, gone when the process ends.

The folders of processes that were killed go when the next one is made, since nobody holds their locks any more.
"""

from __future__ import annotations

import atexit
import os
from pathlib import Path
from threading import Lock

PREFIX = "tamscore-files-"
_lock = Lock()
_made: dict[int, Path] = {}
_held: dict[int, int] = {}
"""By process, the handle that holds the lock on its folder."""


def temporary_folder() -> Path:
    """Return the folder of this process, which only its user can look into; it lies where TMPDIR says."""
    from secrets import token_hex
    from tempfile import gettempdir

    from tamscore.store import folders

    with _lock:
        mine, place = os.getpid(), Path(gettempdir())
        if mine not in _made:
            folders.remove_unlocked(place.glob(f"{PREFIX}*"))
            atexit.register(remove_temporary_folder)
        while mine not in _held:
            _made[mine] = place / f"{PREFIX}{mine}-{token_hex(8)}"  # known before it is there
            _made[mine].mkdir(mode=0o700)
            if (handle := folders.claim(_made[mine])) is not None:
                _held[mine] = handle
        return _made[mine]


def remove_temporary_folder() -> None:
    """Remove the folder of this process with all that is in it; one of another process, which forked it, stays."""
    from shutil import rmtree

    mine = os.getpid()
    if mine in _made:
        rmtree(_made.pop(mine), ignore_errors=True)
    if mine in _held:
        os.close(_held.pop(mine))
