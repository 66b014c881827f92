"""The private folder of this process for temporary files: made when first asked for, gone when the process ends."""

from __future__ import annotations

import atexit
import os
from pathlib import Path
from threading import Lock

PREFIX = "tamscore-"
_lock = Lock()
_made: dict[int, Path] = {}


def temporary_folder() -> Path:
    """Return the folder of this process, which only its user can look into; it lies where TMPDIR says."""
    from secrets import token_hex
    from tempfile import gettempdir

    with _lock:
        mine = os.getpid()
        if mine not in _made:
            atexit.register(remove_temporary_folder)
            _made[mine] = Path(gettempdir()) / f"{PREFIX}{mine}-{token_hex(8)}"  # known before it is there
            _made[mine].mkdir(mode=0o700)
        return _made[mine]


def remove_temporary_folder() -> None:
    """Remove the folder of this process with all that is in it; one of another process, which forked it, stays."""
    from shutil import rmtree

    folder = _made.get(os.getpid())
    if folder is not None:
        rmtree(folder, ignore_errors=True)
        _made.pop(os.getpid(), None)
