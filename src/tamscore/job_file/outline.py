"""What the job file may hold, as a JSON schema, and what is expected at one place of it."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from tamscore.job_file.model import job_model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic_core import core_schema

    from tamscore.config import Job

_Node: TypeAlias = dict[str, Any]

_TYPES = {"string": "text", "integer": "an integer", "number": "a number", "boolean": "true or false"}
_LIMITS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


class _TomlSchema(GenerateJsonSchema):
    """The schema without null, which TOML cannot say: such a key is simply absent."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        result = super().default_schema(schema)
        if result.get("default", ...) is None:
            del result["default"]
        return result


@cache
def _schema_of(model: type[Job]) -> _Node:
    return {"$schema": _TomlSchema.schema_dialect, **model.model_json_schema(schema_generator=_TomlSchema)}


def _schema() -> _Node:
    return _schema_of(job_model())


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of the job file; editors complete and check job files with it."""
    return deepcopy(_schema())


def _branches(node: _Node) -> Iterator[_Node]:
    """Yield the node and, through references and alternatives, every node that may stand for it."""
    if "$ref" in node:
        yield from _branches(_schema()["$defs"][node["$ref"].rpartition("/")[2]])
        return
    yield node
    for branch in [*node.get("anyOf", ()), *node.get("oneOf", ())]:
        yield from _branches(branch)


def _child(node: _Node, step: str | int) -> _Node:
    for branch in _branches(node):
        if isinstance(step, int):
            pair = branch.get("prefixItems", ())
            if step < len(pair) or "items" in branch:
                return dict(pair[step] if step < len(pair) else branch["items"])
        elif step in branch.get("properties", {}):
            return dict(branch["properties"][step])
        elif isinstance(branch.get("additionalProperties"), dict):
            return dict(branch["additionalProperties"])
    return {}


def node_at(path: tuple[str | int, ...]) -> _Node:
    """Return the part of the schema for the place `path`, empty where the schema knows no such place."""
    node = _schema()
    for step in path:
        node = _child(node, step)
    return node


def keys_at(path: tuple[str | int, ...]) -> tuple[str, ...]:
    """Return the keys that the table at `path` may hold, none where they are free."""
    return tuple(key for branch in _branches(node_at(path)) for key in branch.get("properties", {}))


def values_at(path: tuple[str | int, ...]) -> tuple[str, ...]:
    """Return the words to choose from at `path`, none where the value is free."""
    listed = (value for branch in _branches(node_at(path)) for value in (*branch.get("enum", ()), branch.get("const")))
    return tuple(value for value in listed if isinstance(value, str))


def places() -> Iterator[tuple[str, ...]]:
    """Yield the path of every key with a fixed name, sections first."""
    for section in keys_at(()):
        yield (section,)
        yield from ((section, key) for key in keys_at((section,)))


def _show_constant(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _describe_many(node: _Node) -> str:
    """Return what an array or a table expects, with its length where that is bound."""
    kind = "an array" if node["type"] == "array" else "a table"
    if "prefixItems" in node:
        return f"{kind} of {len(node['prefixItems'])}, each {describe(node['prefixItems'][0])}"
    least = " that is not empty" if node.get("minItems") or node.get("minProperties") else ""
    item = node.get("items") or node.get("additionalProperties")
    return f"{kind}{least}, each {describe(item)}" if item else f"{kind}{least}"


def _describe_one(node: _Node) -> str:
    if "const" in node:
        return _show_constant(node["const"])
    if "enum" in node:
        return "one of " + ", ".join(map(_show_constant, node["enum"]))
    if node.get("type") in {"array", "object"}:
        return _describe_many(node)
    limits = [f"{sign} {node[limit]}" for limit, sign in _LIMITS.items() if limit in node]
    limits += ["that is not empty"] if node.get("minLength") else []
    return " ".join([_TYPES.get(node.get("type", ""), "another value"), " and ".join(limits)]).rstrip()


def describe(node: _Node) -> str:
    """Return what the part of the schema `node` expects, in words."""
    alternatives = [branch for branch in _branches(node) if not {"anyOf", "oneOf"} & branch.keys()]
    return ", or ".join(_describe_one(branch) for branch in alternatives)


def purpose(node: _Node) -> str:
    """Return the first clause of what the part of the schema `node` is for."""
    texts = [node.get("description"), *(branch.get("description") for branch in _branches(node))]
    return next((text.partition(";")[0].rstrip(".") for text in texts if text), "")
