"""What this machine has to offer a run, and what stands in its way: versions, processors, memory, GPUs, disk."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tamscore.engine.device import DeviceProblem, Probes, choose, detect
from tamscore.errors import TamscoreError
from tamscore.questions import machine
from tamscore.questions.packages import FLOORS, OPTIONAL, installed_version, parts

if TYPE_CHECKING:
    from tamscore.store.location import Location
    from tamscore.store.objects.path import ObjectPath

_LEAN = "gpu-cu12 or gpu-cu13"
_EXTRAS = {
    **dict.fromkeys(("jinja2", "matplotlib"), "report"),
    **dict.fromkeys(("array-api-compat", "cupy", "nvidia-ml-py"), _LEAN),
    "obstore": "object-storage",
}
"""The extras that optional packages come with, by package; all others come with RAPIDS."""
_GIB = 1 << 30
_PYTHON_FLOOR = (3, 11)
_MEMORY_FLOOR = 1 * _GIB
_DISK_FLOOR = 1 * _GIB


@dataclass(frozen=True)
class Check:
    """One thing looked at: what was found, whether a run can live with it, and else what to do."""

    name: str
    ok: bool
    value: str
    remedy: str = ""


def examine(output: Location | None = None, probes: Probes | None = None) -> list[Check]:
    """Return every check, in the order in which they are worth reading; `output` is the folder a run would write to."""
    checks = [_check_python(), *(check_package(name, floor) for name, floor in FLOORS.items())]
    checks += [check_optional(name, known) for name, known in OPTIONAL.items()]
    checks += [check_user(), _check_cpus(), check_memory(), _check_blas(), *check_devices(probes)]
    if output is None:
        return checks
    return [*checks, *(check_output(output) if isinstance(output, Path) else [_check_store(output)])]


def _check_python() -> Check:
    """Return whether this Python is new enough."""
    ok = sys.version_info[:2] >= _PYTHON_FLOOR
    value = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    return Check("python", ok, value, "" if ok else f"use Python {'.'.join(map(str, _PYTHON_FLOOR))} or newer")


def check_user() -> Check:
    """Return who a run would be; root is noted, not wrong."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return Check("user", ok=True, value="an ordinary user")
    return Check("user", ok=True, value="root; a run needs no rights but to read its input and write its output")


def check_package(name: str, floor: str) -> Check:
    """Return whether a package that every run needs is installed in a version that works."""
    version = installed_version((name,))
    if version is None:
        return Check(
            name, ok=False, value="not installed", remedy=f"pip install '{name}{f'>={floor}' if floor else ''}'"
        )
    if parts(version) < parts(floor):
        return Check(name, ok=False, value=f"{version}, too old", remedy=f"pip install '{name}>={floor}'")
    return Check(name, ok=True, value=version)


def check_optional(name: str, known_as: tuple[str, ...]) -> Check:
    """Return the version of a package that only some runs need; missing is noted, not wrong."""
    version = installed_version(known_as)
    missing = f"not installed; comes with the extra {_EXTRAS.get(name, 'rapids-cu12 or rapids-cu13')}"
    return Check(name, ok=True, value=version or missing)


def _check_cpus() -> Check:
    """Return the processors that this process may use: those of the machine, its affinity, its container's quota."""
    there = os.cpu_count() or 1
    usable = float(len(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else float(there)
    quota = machine.cpu_quota()
    usable = min(usable, quota) if quota is not None else usable
    limit = f", container quota {quota:g}" if quota is not None else ""
    return Check("processors", ok=True, value=f"{usable:g} usable of {there}{limit}")


def check_memory() -> Check:
    """Return the memory that a run may use: what is available, within the container's limit."""
    total, available = machine.memory()
    limit = machine.memory_limit()
    capacity = min(available, limit) if limit is not None else available
    note = f", container limit {_gib(limit)}" if limit is not None else ""
    ok = capacity >= _MEMORY_FLOOR
    remedy = "" if ok else f"free memory or raise the limit: a run needs about {_gib(_MEMORY_FLOOR)}"
    return Check("memory", ok, f"{_gib(available)} available of {_gib(total)}{note}", remedy)


def _check_blas() -> Check:
    """Return the libraries behind NumPy's matrix products and their threads."""
    try:
        import numpy as np
        from threadpoolctl import threadpool_info
    except ImportError as error:
        return Check("blas", ok=False, value=f"cannot be asked: {error}", remedy="install the package again")
    np.ones((2, 2)) @ np.ones((2, 2))  # some libraries show up only once they are used
    pools = [
        f"{pool['internal_api']} {pool['version'] or ''}, {pool['num_threads']} threads" for pool in threadpool_info()
    ]
    return Check("blas", ok=True, value="; ".join(pools) or "none that shows itself")


def check_devices(probes: Probes | None = None) -> list[Check]:
    """Return what is known of GPUs, and what `device = "auto"` would take and why."""
    ask = probes or Probes()
    seen = ask.driver() or ask.gpus()
    device_problem = detect(replace(ask, driver=lambda: None, gpus=lambda: seen))
    choice = choose("auto", Probes(lambda: None, lambda: device_problem, lambda: None, lambda: None, lambda: None))
    # A machine without a GPU is a whole machine: only device = "cuda" would fail on it.
    names = seen.what if isinstance(seen, DeviceProblem) else ", ".join(seen)
    problem = device_problem if isinstance(device_problem, DeviceProblem) else DeviceProblem("", "")
    unusable = f", not usable: {problem.what}" if problem.what and problem is not seen else ""
    gpus = Check("gpus", ok=True, value=names + unusable, remedy=problem.remedy)
    return [gpus, Check("device auto", ok=True, value=f"{choice.name}: {choice.reason}")]


def _check_store(output: ObjectPath) -> Check:
    """Return whether an object store answers; only a run finds out whether it can be written to."""
    try:
        output.is_dir()
    except TamscoreError as error:
        what, _, remedy = str(error).rpartition("; ")
        return Check("output", ok=False, value=what, remedy=remedy)
    return Check("output", ok=True, value=f"{output} can be listed")


def check_output(output: Path) -> list[Check]:
    """Return whether a run could write to the folder (made later if it is not there), and the space it finds."""
    folder = next(path for path in (output.absolute(), *output.absolute().parents) if path.exists())
    if not folder.is_dir():
        return [Check("output", ok=False, value=f"{folder} is not a folder", remedy="name a folder in output.path")]
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix="_tamscore-"):
            pass
    except OSError as error:
        why = error.strerror or str(error)
        return [
            Check("output", ok=False, value=f"{folder} cannot be written: {why}", remedy="change rights or output.path")
        ]
    free = shutil.disk_usage(folder).free
    enough = free >= _DISK_FLOOR
    remedy = "" if enough else f"free at least {_gib(_DISK_FLOOR)}, or change output.path"
    return [
        Check("output", ok=True, value=f"{folder} can be written"),
        Check("disk", enough, f"{_gib(free)} free", remedy),
    ]


def _gib(size: int) -> str:
    """Return a size in bytes as text in GiB."""
    return f"{size / _GIB:.1f} GiB"
