"""The digest of the package: every file that a run could differ by counts, wherever it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tamscore.engine import versions
from tamscore.package_digest import ROOT, files_of, package_digest
from tamscore.store import run_directory

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def package(tmp_path: Path) -> Path:
    (tmp_path / "backend").mkdir()
    for name in ("__init__.py", "backend/kernels.cu", "backend/host.py", "page.html.j2"):
        (tmp_path / name).write_text(f"what is in {name}")
    return tmp_path


@pytest.mark.parametrize("name", ["__init__.py", "backend/kernels.cu", "backend/host.py", "page.html.j2"])
def test_a_change_of_any_file_changes_the_digest(package, name):
    """C43: kernels of the GPU and pages count like Python files."""
    before = package_digest(package)
    (package / name).write_text("something else")
    assert package_digest(package) != before


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "backend" / "host.py").rename(folder / "host.py"),
        lambda folder: (folder / "backend" / "kernels.cu").unlink(),
        lambda folder: (folder / "table.json").write_text("{}"),
    ],
    ids=["moved", "removed", "added"],
)
def test_a_file_that_moves_goes_or_comes_changes_the_digest(package, change):
    before = package_digest(package)
    change(package)
    assert package_digest(package) != before


def test_where_one_file_ends_and_the_next_begins_counts(tmp_path):
    for name, first, second in (("one", "ab", "c"), ("two", "a", "bc")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.py").write_text(first)
        (tmp_path / name / "b.py").write_text(second)
    assert package_digest(tmp_path / "one") != package_digest(tmp_path / "two")


@pytest.mark.parametrize(
    "name", ["__pycache__/a.cpython-311.pyc", ".a.py.swp", ".hidden/a.py", "backend/a.cubin", "data/docs/a.md"]
)
def test_what_is_compiled_hidden_files_and_pages_do_not_count(package, name):
    before = package_digest(package)
    (package / name).parent.mkdir(parents=True, exist_ok=True)
    (package / name).write_text("x")
    assert package_digest(package) == before


def test_workers_and_runs_go_by_the_digest_of_the_whole_package():
    names = {path.relative_to(ROOT).as_posix() for path in files_of(ROOT)}
    assert {"backend/kernels.cu", "backend/host.py", "view/page/page.html.j2"} <= names
    assert run_directory.code_digest() == package_digest()
    assert versions.versions()["tamscore code"] == package_digest()[:12]
