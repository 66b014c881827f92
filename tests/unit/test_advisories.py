"""Locks against advisories: what affects a locked version is named, with every lock that holds it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "locks" / "advisories.py"


@pytest.fixture(scope="module")
def script() -> Any:
    spec = importlib.util.spec_from_file_location("advisories", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


def events(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{kind: bound} for kind, bound in pairs]


@pytest.mark.parametrize(
    ("version", "given", "inside"),
    [
        ("1.2", [("introduced", "0"), ("fixed", "1.3")], True),
        ("1.3", [("introduced", "0"), ("fixed", "1.3")], False),
        ("1.10", [("introduced", "0"), ("fixed", "1.9")], False),
        ("2.0", [("introduced", "0"), ("fixed", "1.3"), ("introduced", "2.0"), ("fixed", "2.1")], True),
        ("1.5", [("introduced", "0"), ("fixed", "1.3"), ("introduced", "2.0"), ("fixed", "2.1")], False),
        ("3.0", [("introduced", "1.0")], True),
        ("2.0", [("introduced", "0"), ("last_affected", "2.0")], True),
        ("2.1", [("introduced", "0"), ("last_affected", "2.0-NA")], False),
        ("2.1", [("introduced", "0"), ("last_affected", "no version")], True),
    ],
)
def test_a_version_lies_between_introduction_and_fix(script, version, given, inside):
    """As PEP 440 orders versions; what cannot be compared counts as affected."""
    assert script.lies_within(version, events(*given)) is inside


ADVISORY = """
id: PYSEC-2026-1
aliases: [CVE-2026-1]
affected:
- package: {{name: Some_Package, ecosystem: PyPI}}
  ranges:
  - {{type: ECOSYSTEM, events: [{{introduced: "0"}}, {{fixed: "{fixed}"}}]}}
  - {{type: GIT, events: [{{introduced: abc}}]}}
"""


def test_every_lock_that_holds_an_affected_version_is_named(script, tmp_path):
    """Withdrawn advisories, and those on other versions, are left out."""
    folder = tmp_path / "vulns" / "some-package"
    folder.mkdir(parents=True)
    for number, text in enumerate((ADVISORY.format(fixed="2"), ADVISORY.format(fixed="1"))):
        (folder / f"{number}.yaml").write_text(text, encoding="utf-8")
    (folder / "2.yaml").write_text(ADVISORY.format(fixed="9") + 'withdrawn: "2026-01-01"\n', encoding="utf-8")
    for lock in ("a", "b"):
        (tmp_path / f"{lock}.txt").write_text("some-package==1.5 ; x \\\n    --hash=sha256:0\n", encoding="utf-8")
    (found,) = script.findings(tmp_path, tmp_path / "vulns")
    assert str(found) == "some-package 1.5: PYSEC-2026-1 CVE-2026-1 (a.txt, b.txt)"


def test_every_lock_of_the_project_is_read(script):
    """A lock of another form would be passed over in silence."""
    held = {file for files in script.pins(script.LOCKS).values() for file in files}
    assert held == {path.name for path in script.LOCKS.glob("*.txt")}
