"""The page of the Python API asks of every public docstring what a reader needs."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import griffe
import pytest

FILE = Path(__file__).parents[2] / "docs" / "python_api.py"
GOOD = '''
def double(x: float, *, twice: bool = False) -> float:
    """Double a number.

    Parameters
    ----------
    x : float
        The number.
    twice : bool, optional
        Whether it is doubled | twice.

    Returns
    -------
    float
        The product.
    """
'''


@pytest.fixture(scope="module")
def page() -> Any:
    spec = importlib.util.spec_from_file_location("python_api", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def entry(page, source):
    function = griffe.visit("made_up", Path("made_up.py"), source)["double"]
    return "\n".join(page.entry("double", function))


def test_a_function_is_shown_with_its_parameters_and_what_comes_back(page):
    text = entry(page, GOOD)
    assert "double(x, *, twice=False)" in text
    assert "| `x` | float | required | The number. |" in text
    assert "| `twice` | bool | `False` | Whether it is doubled \\| twice. |" in text
    assert "| `float` | The product. |" in text


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("    x : float\n        The number.\n", "", "every parameter"),
        ("x: float", "y: float", "every parameter"),
        ("Returns\n    -------\n", "", "section Returns"),
    ],
    ids=["a parameter is left out", "a parameter has another name", "no word of what comes back"],
)
def test_a_docstring_that_leaves_something_out_is_refused(page, old, new, complaint):
    with pytest.raises(ValueError, match=complaint):
        entry(page, GOOD.replace(old, new))


def test_a_public_name_without_a_place_is_refused(page, monkeypatch):
    monkeypatch.setitem(page.GROUPS, "Run jobs", ("load_job",))
    with pytest.raises(ValueError, match="refresh"):
        [*page.lines()]
