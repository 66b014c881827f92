"""Holds what every command of every test prints with `--json` against what is declared of it."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import jsonschema
from typer.testing import CliRunner

from tamscore.questions.outputs.schemas import output_schemas

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest
    from typer.testing import Result

GATED = 4
INVOKE = CliRunner.invoke


def record_outputs(patch: pytest.MonkeyPatch) -> None:
    """Check the output of each command that is called within this process from now on."""

    def invoke(runner: CliRunner, app: Any, args: Any = None, **options: Any) -> Result:
        done = INVOKE(runner, app, args, **options)
        if isinstance(args, (list, tuple)) and "--json" in args and "-" not in args and done.stdout:
            check([*map(str, args)], done.exit_code, done.stdout)
        return done

    patch.setattr(CliRunner, "invoke", invoke)


def check(arguments: Sequence[str], code: int, printed: str) -> None:
    """Raise ValidationError if what a command printed is not what is declared of it."""
    validator(call_of(arguments, code)).validate(json.loads(printed))


def call_of(arguments: Sequence[str], code: int) -> str:
    """Return how a command was called, as the declarations name it."""
    command = next(word for word in arguments if not word.startswith("-"))
    if code == GATED:
        return "run, stopped at a gate"
    if command == "docs" and any(not word.startswith("-") for word in arguments[1:]):
        return "docs PAGE"
    option = next((one for one in ("--against", "--after") if one in arguments), None)
    return f"{command} {option}" if option else command


@cache
def validator(call: str) -> jsonschema.Draft202012Validator:
    """Return the judge of what a call prints."""
    return jsonschema.Draft202012Validator(closed(output_schemas()[call]))


def closed(schema: Any) -> Any:
    """Return a schema that refuses keys which are not declared, where any are."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: closed(value) for key, value in schema.items()}
    return {"additionalProperties": False, **inner} if isinstance(schema.get("properties"), dict) else inner
