"""The packages that runs need, and which of them are installed."""

from __future__ import annotations

from importlib import metadata

FLOORS = {
    "numpy": "2.1",
    "pyarrow": "23.0.0",
    "scikit-learn": "1.6",
    "scipy": "1.14.1",
    "dask": "2026.1.0",
    "distributed": "2026.1.0",
    "pydantic": "2.12",
    "rich": "13.8",
    "safetensors": "0.4.5",
    "threadpoolctl": "3.1",
    "typer": "0.27.2",
    "xxhash": "3.5",
}
"""Packages that a run needs, with the lowest version that works ("" where any does)."""

OPTIONAL = {
    "array-api-compat": ("array-api-compat",),
    "cupy": ("cupy-cuda12x", "cupy-cuda13x", "cupy"),
    "cudf": ("cudf-cu12", "cudf-cu13", "cudf"),
    "cuml": ("cuml-cu12", "cuml-cu13", "cuml"),
    "rmm": ("rmm-cu12", "rmm-cu13", "rmm"),
    "dask-cuda": ("dask-cuda",),
    "nvidia-ml-py": ("nvidia-ml-py",),
    "jinja2": ("jinja2",),
    "matplotlib": ("matplotlib",),
    "obstore": ("obstore",),
}
"""Packages that only some runs need, under the names that they may be installed as."""


def installed_version(names: tuple[str, ...]) -> str | None:
    """Return the version of the first of the names that is installed, None for none."""
    for name in names:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return None


def parts(version: str) -> tuple[int, ...]:
    """Return the numbers at the beginning of a version: 26.0.1rc2 is (26, 0, 1)."""
    numbers = []
    for part in version.split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
    while numbers and numbers[-1] == 0:  # 26.0.0 is 26.0
        numbers.pop()
    return tuple(numbers)
