"""The peak memory of the processes of a run."""

from __future__ import annotations

from pathlib import Path

from tamscore.backend import CountsMemory
from tamscore.progress import Peak

_STATUS = Path("/proc/self/status")


def peak(backend: object = None) -> Peak:
    """Return the peak of this process since it began, over all runs, with the peak of the backend's device."""
    return Peak(peak_host_bytes(), backend.peak_device_bytes() if isinstance(backend, CountsMemory) else 0)


def peak_host_bytes() -> int:
    """Return the largest resident size of this process in bytes; `getrusage` would include its parent process."""
    lines = _STATUS.read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024
