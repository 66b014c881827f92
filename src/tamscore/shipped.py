"""The pages of the documentation and the templates of jobs that come with the package.

A wheel holds them in the folder `data`, taken in from `docs`, `jobs` and `docker` when it is built; a checkout has
those.
"""

from __future__ import annotations

from pathlib import Path

from tamscore.errors import UsageError

TEMPLATES = {
    "laptop": "jobs/laptop.toml",
    "gpu": "jobs/gpu_node.toml",
    "kubernetes": "jobs/kubernetes",
    "slurm": "jobs/slurm",
    "airflow": "jobs/airflow",
    "airflow-kubernetes": "jobs/airflow_kubernetes",
}
"""A file or folder, by the name of the template."""


def _data_folder() -> Path:
    """Return the folder that holds `docs` and `jobs`; raise UsageError if this copy of the package came without."""
    package = Path(__file__).parent
    for folder in (package / "data", package.parents[1]):
        if (folder / "docs" / "index.md").is_file() and (folder / "jobs").is_dir():
            return folder
    raise UsageError(f"{package}: this copy of tamscore came without pages and templates; install it from a wheel")


def pages() -> dict[str, Path]:
    """Return the pages of the documentation by name."""
    return {path.stem: path for path in sorted((_data_folder() / "docs").glob("*.md"))}


def title_of(page: Path) -> str:
    """Return the title of a page: its first heading."""
    with page.open(encoding="utf-8") as lines:
        return next((line.lstrip("#").strip() for line in lines if line.startswith("#")), page.stem)


def page_text(name: str) -> str:
    """Return the text of a page, named `review`, `review.md` or `docs/review.md`; raise UsageError if none is so."""
    there, wanted = pages(), name.removeprefix("docs/").removesuffix(".md")
    if wanted not in there:
        raise UsageError(f"page {name!r}: expected one of {', '.join(there)}")
    return there[wanted].read_text(encoding="utf-8")


def template_files(name: str) -> dict[str, bytes]:
    """Return the files of a template by their names; raise UsageError if there is no such template."""
    if name not in TEMPLATES:
        raise UsageError(f"template {name!r}: expected one of {', '.join(TEMPLATES)}")
    place = _data_folder() / TEMPLATES[name]
    files = [place] if place.is_file() else sorted(path for path in place.iterdir() if path.is_file())
    return {path.name: path.read_bytes() for path in files}
