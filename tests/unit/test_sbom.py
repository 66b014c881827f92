"""The bill of materials says what the lock says: every package, with its hashes, and nothing of where it came from."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

LOCKS = Path(__file__).parents[2] / "locks"


@pytest.fixture(scope="module")
def text():
    done = subprocess.run([sys.executable, LOCKS / "sbom.py"], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture(scope="module")
def bill(text) -> Any:
    return json.loads(text)


def test_it_is_cyclonedx(text):
    """By the schema of the standard."""
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_it_lists_every_pin_with_every_hash(bill):
    lock = (LOCKS / "run.txt").read_text(encoding="utf-8")
    pins = set(re.findall(r"^([a-z0-9.-]+)==([^ ;\\]+)", lock, re.MULTILINE))
    assert len(pins) > 30
    assert {(part["name"], part["version"]) for part in bill["components"]} == pins
    hashes = sorted(entry["content"] for part in bill["components"] for entry in part["hashes"])
    assert hashes == sorted(re.findall(r"--hash=sha256:([0-9a-f]{64})", lock))


def test_everything_is_needed_by_something(bill):
    """From the program at the root, every package is reached."""
    needs = {entry["ref"]: entry.get("dependsOn", []) for entry in bill["dependencies"]}
    reached, open_ = set(), [bill["metadata"]["component"]["bom-ref"]]
    while open_:
        here = open_.pop()
        if here not in reached:
            reached.add(here)
            open_ += needs[here]
    assert reached >= {part["bom-ref"] for part in bill["components"]}


def test_it_is_the_same_every_time_and_names_no_registry(text):
    done = subprocess.run([sys.executable, LOCKS / "sbom.py"], capture_output=True, text=True, check=True)
    assert done.stdout == text
    assert set(re.findall(r"https?://([^/\"]+)", text)) <= {"cyclonedx.org"}
    assert "timestamp" not in text
