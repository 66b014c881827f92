"""What `--json` prints is declared for every command; each test that asks for JSON is held against it (conftest)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import typer
from typer.testing import CliRunner

from tamscore.cli import app
from tamscore.questions.outputs import OUTPUTS
from tamscore.questions.outputs.schemas import output_schemas, schema_of
from tests import json_outputs

ROOT = Path(__file__).parents[2]
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
KEYS = {
    "rows": "integer: rows",
    "run?": "string?: key",
    "parts": "list: parts",
    "parts[].name": "string: name",
    "free": "object: by name",
    "free.*": "number: value",
    "open": "object: columns of a table",
}
GOOD = {"rows": 1, "parts": [{"name": "a"}], "free": {"x": 1.5}, "open": {"any": "thing"}}


@pytest.mark.parametrize("name", [n for n, c in COMMANDS.items() if any("--json" in p.opts for p in c.params)])
def test_every_command_with_json_is_declared(name):
    assert name in OUTPUTS


def test_nothing_else_is_declared():
    assert {call.split(",")[0].split()[0] for call in OUTPUTS} <= set(COMMANDS)


@pytest.mark.parametrize(("call", "schema"), output_schemas().items())
def test_each_schema_is_one(call, schema):
    jsonschema.Draft202012Validator.check_schema(schema)
    assert call in schema["title"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"rows": "1"}, "not of type"),
        ({"rows": None}, "not of type"),
        ({"run": 1}, "not of type"),
        ({"parts": [{}]}, "required"),
        ({"parts": [{"name": "a", "size": 1}]}, "unexpected"),
        ({"free": {"x": "1"}}, "not of type"),
        ({"new": 1}, "unexpected"),
    ],
)
def test_what_is_not_declared_is_refused(change, why):
    with pytest.raises(jsonschema.ValidationError, match=why):
        jsonschema.validate({**GOOD, **change}, json_outputs.closed(schema_of(KEYS)))


@pytest.mark.parametrize("change", [{}, {"run": None}, {"run": "a"}, {"parts": []}, {"open": {}}])
def test_what_is_declared_is_accepted(change):
    jsonschema.validate({**GOOD, **change}, json_outputs.closed(schema_of(KEYS)))


def test_a_later_version_may_add_keys():
    jsonschema.validate({**GOOD, "new": 1}, schema_of(KEYS))


def test_outputs_of_tests_are_held_against_their_declaration(monkeypatch):
    monkeypatch.setitem(OUTPUTS["doctor"], "[].more", "string: something that doctor does not say")
    json_outputs.validator.cache_clear()
    with pytest.raises(jsonschema.ValidationError, match="more"):
        CliRunner().invoke(app, ["doctor", "--json"])
    json_outputs.validator.cache_clear()


def test_the_schemas_are_printed():
    printed = json.loads(CliRunner().invoke(app, ["schema", "outputs"]).stdout)
    assert printed == output_schemas()


def test_the_reference_is_current():
    call = [sys.executable, str(ROOT / "docs" / "json_outputs.py")]
    made = subprocess.run(call, check=True, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "utf-8"})
    assert (ROOT / "docs" / "json_outputs.md").read_bytes() == made.stdout, "make docs renews it"
