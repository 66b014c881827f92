"""Prints the reference of the job file from the models that check one: `make docs` puts it into docs/job_file.md."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from tamscore.job_file import json_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = """# The job file, key by key

*Made by `docs/job_file.py` from the models that check a job file. `make docs` renews it.*

This page lists every key of a job file: what it takes, its default and its meaning. A job file is TOML. Only
`input.path`, `output.path`, `features.numeric` and `clusters.k` are required. Paths count from the folder of the file.

`tamscore check JOB` lists every problem at once. `tamscore schema` prints the same keys as JSON Schema for editors. Any
key may be set on the command line: `--set clusters.seed=7`.
"""
KINDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}


def lines() -> Iterator[str]:
    """The reference, line by line."""
    schema = json_schema()
    yield HEAD
    plain = {name: one for name, one in schema["properties"].items() if not section_of(one, schema)}
    yield from table("Above all sections", "", plain, schema.get("required", []), schema)
    for name, one in schema["properties"].items():
        if (section := section_of(one, schema)) is not None:
            about = one.get("description") or section.get("description", "")
            yield from table(f"[{name}]", about, section["properties"], section.get("required", []), schema)
    for name in inner(schema):
        section = schema["$defs"][name]
        heading = f"A table for {' or '.join(uses(name, schema))}"
        yield from table(
            heading, section.get("description", ""), section["properties"], section.get("required", []), schema
        )


def table(
    title: str, about: str, keys: dict[str, Any], required: list[str], schema: dict[str, Any]
) -> Iterator[str]:  # fmt: skip
    """One section: its keys with what they take, their defaults, and what they mean."""
    yield f"## {title}\n"
    if about:
        yield f"{one_line(about)}\n"
    yield "| key | takes | default | meaning |"
    yield "| --- | --- | --- | --- |"
    for name, one in keys.items():
        default = "required" if name in required else shown(one.get("default"))
        yield f"| `{name}` | {takes(one, schema)} | {default} | {one_line(one.get('description', ''))} |"
    yield ""


def section_of(one: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any] | None:
    """The model of a key that is a section, optional or not; None for a key with a value of its own."""
    for each in (one, *one.get("anyOf", ()), *one.get("allOf", ())):
        if "$ref" in each:
            found: dict[str, Any] = schema["$defs"][each["$ref"].rsplit("/", 1)[-1]]
            return found
    return None


def inner(schema: dict[str, Any]) -> list[str]:
    """The models that stand inside sections."""
    sections = [section_of(one, schema) for one in schema["properties"].values()]
    return [name for name, one in schema["$defs"].items() if "properties" in one and one not in sections]


def uses(name: str, schema: dict[str, Any]) -> list[str]:
    """The keys that take a table of a model."""
    mention = f'"#/$defs/{name}"'
    alone = [
        f"`{key}`"
        for key, one in schema["properties"].items()
        if section_of(one, schema) is None and mention in json.dumps(one)
    ]
    return alone + [
        f"`{section}.{key}`"
        for section, one in schema["properties"].items()
        for key, definition in ((section_of(one, schema) or {}).get("properties", {})).items()
        if mention in json.dumps(definition)
    ]


def takes(one: dict[str, Any], schema: dict[str, Any]) -> str:
    """What a key takes, in words."""
    for each in ("oneOf", "anyOf", "allOf"):
        if each in one:
            return " or ".join(dict.fromkeys(takes(option, schema) for option in one[each]))
    if "$ref" in one:
        return "a table, see below"
    if "enum" in one or "const" in one:
        return ", ".join(f"`{json.dumps(value)}`" for value in one.get("enum", [one.get("const")]))
    kind = one.get("type")
    if kind == "array":
        inside: dict[str, Any] = one.get("items") or (one.get("prefixItems") or [{}])[0]
        return f"list of {takes(inside, schema) if inside else 'values'}" + counted(one)
    if kind == "object":
        held = one.get("additionalProperties")
        return f"table of {takes(held, schema)}" if isinstance(held, dict) else "table"
    return "nothing" if kind == "null" else KINDS.get(str(kind), "value") + limits(one)


def counted(one: dict[str, Any]) -> str:
    """How long a list has to be, where that is fixed."""
    return f", {one['minItems']} of them" if one.get("minItems") and one.get("minItems") == one.get("maxItems") else ""


def limits(one: dict[str, Any]) -> str:
    """Between which numbers a number lies."""
    ends = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    found = [f"{sign} {one[name]:g}" for name, sign in ends.items() if name in one]
    return f" {', '.join(found)}" if found else ""


def shown(value: Any) -> str:
    """A default as it stands in a job file."""
    return "nothing" if value is None else f"`{json.dumps(value, ensure_ascii=False)}`"


def one_line(text: str) -> str:
    """A text on one line, fit for a cell."""
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write("\n".join(lines()).rstrip() + "\n")
