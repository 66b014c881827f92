"""The checker of the project's English notices what it is for, and lets plain text pass."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PLAIN = "You give it a table. It scores every account in it, and it says how sure each score is.\n"


@pytest.fixture(scope="module")
def style() -> Any:
    spec = importlib.util.spec_from_file_location("style", ROOT / "docs" / "style.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


BAD = {
    "a word of the guide's first column": ("The spoilt file is refused.", "write fix, corrupt, rebuilt"),
    "a passive of telling": ("The reason is told below.", "write reported"),
    "a long sentence": ("You " + "score the table and " * 10 + "stop.", "42 words: You score"),
    "semicolons": ("It reads; it writes. " * 3, "of ';' in 1,000 words"),
    "colons": ("It reads: rows. " * 3, "of ':' in 1,000 words"),
    "hard words": ("Heterogeneous organisational stratification necessitates differentiation. " * 3, "reading ease"),
}


@pytest.mark.parametrize(("text", "complaint"), BAD.values(), ids=BAD.keys())
def test_a_fault_is_noticed(style, text, complaint):
    assert any(complaint in one for one in style.complaints("page", text))


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        f"{PLAIN}\n```sh\ntamscore run job.toml; echo told: told; is told\n```\n",
        f"{PLAIN}\n| key | meaning |\n| --- | --- |\n| `a`; `b` | one; two; three |\n",
        f"{PLAIN}\nA code span such as `is told; mend` does not count.\n",
    ],
    ids=["plain", "code", "table", "span"],
)
def test_plain_text_passes(style, text):
    assert style.complaints("page", text) == []


def test_of_a_reference_words_alone_count(style):
    assert style.complaints("job_file", "It reads; it writes; it ends.") == []
    assert style.complaints("job_file", "It is told.") != []


def test_docstrings_and_messages_of_a_module_are_found(style, tmp_path):
    module = tmp_path / "module.py"
    module.write_text('"""Nothing, where it fits."""\nraise ValueError(f"a file {name} to mend")\n', encoding="utf-8")
    found = [what for _, text in style.strings(module) for what in style.unplain(text)]
    assert len(found) == 2


def test_names_in_backticks_and_units_of_columns_are_no_words(style, tmp_path):
    module = tmp_path / "module.py"
    module.write_text('"""Columns of `tenths`."""\nNAMES = "name of it|lift:tenths/2|share:tenths"\n', encoding="utf-8")
    assert [what for _, text in style.strings(module) for what in style.unplain(text)] == []


def test_the_list_of_what_is_left_names_files_once():
    names = (ROOT / "docs" / "style_left.txt").read_text(encoding="utf-8").split()
    assert len(names) == len(set(names))


@pytest.mark.parametrize(("text", "code"), [(PLAIN, 0), (BAD["hard words"][0], 1), (BAD["a long sentence"][0], 1)])
def test_the_checker_fails_for_one_page_that_does_not_pass(style, text, code, tmp_path, monkeypatch, capsys):
    for name in ("README", "CONTRIBUTING", "SECURITY", "jobs/README", "docker/README", "docs/guide"):
        page = tmp_path / f"{name}.md"
        page.parent.mkdir(exist_ok=True)
        page.write_text(text if name == "docs/guide" else PLAIN, encoding="utf-8")
    monkeypatch.setattr(style, "ROOT", tmp_path)
    monkeypatch.setattr(style, "LEFT", frozenset())
    assert style.main() == code
    assert ("docs/guide.md: " in capsys.readouterr().out) is bool(code)


def test_a_file_that_passes_leaves_the_list(style, monkeypatch, capsys):
    monkeypatch.setattr(style, "LEFT", style.LEFT | {"README.md"})
    assert style.main() == 1
    assert "take off docs/style_left.txt: README.md" in capsys.readouterr().out
