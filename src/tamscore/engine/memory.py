"""How much memory the processes of a run have had at most."""

from __future__ import annotations

from pathlib import Path

from tamscore.backend import CountsMemory
from tamscore.progress import Peak

_STATUS = Path("/proc/self/status")


def peak(backend: object = None) -> Peak:
    """The peak of this process since it began, whoever it worked for, with that of the backend's device."""
    return Peak(peak_host_bytes(), backend.peak_device_bytes() if isinstance(backend, CountsMemory) else 0)


def peak_host_bytes() -> int:
    """The largest resident size of this process; what `getrusage` tells would include the one that started it."""
    lines = _STATUS.read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024
