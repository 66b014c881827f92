"""What must be the same wherever a run computes: this package's code and the libraries that numbers pass through."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from tamscore.errors import UsageError
from tamscore.package_digest import package_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_LIBRARIES = ("numpy", "pyarrow", "dask", "distributed")
GPU_LIBRARIES = {
    "cupy": ("cupy-cuda13x", "cupy-cuda12x", "cupy"),
    "cudf": ("cudf-cu13", "cudf-cu12", "cudf"),
    "cuml": ("cuml-cu13", "cuml-cu12", "cuml"),
    "rmm": ("rmm-cu13", "rmm-cu12", "rmm"),
    "dask-cuda": ("dask-cuda",),
    "cuda-runtime": ("nvidia-cuda-runtime", "nvidia-cuda-runtime-cu12"),
    "cuda-nvrtc": ("nvidia-cuda-nvrtc", "nvidia-cuda-nvrtc-cu12"),
}
"""Libraries that runs on GPUs use, each with the names of the packages that may hold it."""
DRIVER_FILE = Path("/sys/module/nvidia/version")


def versions(*, gpu: bool = False) -> dict[str, str]:
    """Return the versions of this process by name, with those of GPU libraries if asked; code has its digest."""
    packages = {library: (library,) for library in _LIBRARIES}
    record = {library: installed_version(names) for library, names in packages.items()} | (
        gpu_libraries() if gpu else {}
    )
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {"python": python, **record, "tamscore code": package_digest()[:12]}


def gpu_libraries() -> dict[str, str]:
    """Return the versions of the libraries that runs on GPUs use, "missing" for one that is not installed.

    They come from the packages' metadata: no library is imported, so no GPU is touched.
    """
    return {library: installed_version(names) for library, names in GPU_LIBRARIES.items()}


def driver_version() -> str:
    """Return the version of the NVIDIA driver of this machine, "unknown" if it does not show; no GPU is touched."""
    try:
        return DRIVER_FILE.read_text(encoding="ascii").strip()
    except OSError:
        return "unknown"


def installed_version(packages: Iterable[str]) -> str:
    """Return the version of the first of the packages that is installed, "missing" for none."""
    for package in packages:
        try:
            return version(package)
        except PackageNotFoundError:
            continue
    return "missing"


def require_same(here: Mapping[str, str], others: Mapping[str, Mapping[str, str] | BaseException]) -> None:
    """Raise UsageError unless all processes have the versions of this one; it names both."""
    for who, there in others.items():
        if isinstance(there, BaseException):
            raise UsageError(f"engine.scheduler: {who} cannot run tamscore ({there}); install this very version there")
        if wrong := [
            f"{what} {there.get(what)!r}, here {own!r}" for what, own in here.items() if there.get(what) != own
        ]:
            raise UsageError(
                f"engine.scheduler: {who} has {'; '.join(wrong)}; install the same versions on all machines"
            )
