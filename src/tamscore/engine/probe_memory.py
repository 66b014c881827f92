"""What the test kernel has shown before: where nothing has changed since, it need not be compiled and run again.

An empty file beside CuPy's compiled kernels stands for a test that was passed. It is named after the driver, the GPU
libraries and the GPUs, so that any other of them is tested anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from contextlib import suppress
from pathlib import Path

from tamscore.engine import versions

_UNKNOWN = "unknown"


def _mark_of(gpus: tuple[str, ...]) -> Path | None:
    """Return the file that says that these GPUs passed; None where the driver's version does not show."""
    driver = versions.driver_version()
    if driver == _UNKNOWN:
        return None
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    facts = json.dumps((driver, versions.gpu_libraries(), gpus, visible, sys.executable), sort_keys=True)
    folder = Path(os.environ.get("CUPY_CACHE_DIR") or Path.home() / ".cupy" / "kernel_cache")
    return folder / f"tamscore-passed-{hashlib.sha256(facts.encode()).hexdigest()[:16]}"


def has_passed(gpus: tuple[str, ...]) -> bool:
    """Return whether these GPUs have passed the test kernel under this driver and these libraries."""
    mark = _mark_of(gpus)
    return mark is not None and mark.is_file()


def remember(gpus: tuple[str, ...]) -> None:
    """Note that they have; where nothing can be written they are tested again next time."""
    if (mark := _mark_of(gpus)) is not None:
        with suppress(OSError):
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.touch()
