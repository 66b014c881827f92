"""The public face: what `__all__` lists is there, is documented with examples that run, and is loaded when used."""

from __future__ import annotations

import doctest
import importlib
import inspect
import subprocess
import sys

import pytest

import tamscore

HOMES = ("cluster", "potential", "jobs", "finished")
ERRORS = {name for name in tamscore.__all__ if name.endswith("Error") or name == "NothingToDo"}
PAGES = [f"tamscore.{home}" for home in HOMES]


def test_every_public_name_is_there_and_there_are_no_others():
    assert tamscore.__all__ == sorted(tamscore.__all__)
    assert all(getattr(tamscore, name) is not None for name in tamscore.__all__)
    assert set(tamscore.__all__) <= set(dir(tamscore))
    assert {name for names in tamscore._HOMES.values() for name in names} | ERRORS == {*tamscore.__all__} - {
        "__version__"
    }


def test_every_module_of_the_face_lists_what_the_package_exports():
    for home, names in tamscore._HOMES.items():
        assert sorted(importlib.import_module(f"tamscore.{home}").__all__) == sorted(names)


def test_every_error_of_the_package_is_public():
    found = inspect.getmembers(importlib.import_module("tamscore.errors"), inspect.isclass)
    assert {name for name, one in found if issubclass(one, tamscore.TamscoreError)} == ERRORS


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'tamscore' has no attribute 'Kmeans'"):
        _ = tamscore.Kmeans


def test_importing_the_package_loads_nothing_else():
    code = "import sys, tamscore; print(sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    for name in ("numpy", "pyarrow", "sklearn", "pydantic", "typer", "dask"):
        assert f"'{name}'" not in loaded


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_docstrings_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(page)
    tables = doctest.testmod(module, optionflags=doctest.ELLIPSIS, report=True)
    assert tables.attempted > 1
    assert tables.failed == 0


@pytest.mark.parametrize("name", sorted({*tamscore.__all__} - ERRORS - {"__version__", "Money"}))
def test_every_public_name_has_an_example(name):
    assert ">>> " in (inspect.getdoc(getattr(tamscore, name)) or "")
