"""JSON Schemas of what `--json` prints, made from its declarations."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tamscore.questions.outputs import OUTPUTS

if TYPE_CHECKING:
    from tamscore.questions.outputs.parts import Keys

_DRAFT = "https://json-schema.org/draft/2020-12/schema"


def output_schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON Schema of what each command prints with `--json`, by how it is called."""
    return {call: {"$schema": _DRAFT, "title": f"tamscore {call}", **schema_of(keys)} for call, keys in OUTPUTS.items()}


def schema_of(keys: Keys) -> dict[str, Any]:
    """Return the JSON Schema of an object, or of a list, with these keys."""
    root: dict[str, Any] = {}
    for path, text in keys.items():
        kind, meaning = text.split(": ", 1)
        _describe(_place(root, path), kind, meaning)
    return root


def _describe(node: dict[str, Any], kind: str, meaning: str) -> None:
    """Say in a node what type its value has and what it means; a list or an object keeps what is known of its parts."""
    node["description"] = meaning
    name = kind.removesuffix("?")
    if name != "any":
        text = "array" if name == "list" else name
        node["type"] = [text, "null"] if kind.endswith("?") else text


def _place(root: dict[str, Any], path: str) -> dict[str, Any]:
    """Return the node at a path, made with all that lead to it."""
    node = root
    for part in re.findall(r"\[\]|[^.\[]+", path):
        name = part.removesuffix("?")
        if part == "[]":
            node.setdefault("type", "array")
            node = node.setdefault("items", {})
        elif name == "*":
            node.setdefault("type", "object")
            node = node.setdefault("additionalProperties", {})
        else:
            node.setdefault("type", "object")
            if name not in node.setdefault("properties", {}) and not part.endswith("?"):
                node.setdefault("required", []).append(name)
            node = node["properties"].setdefault(name, {})
    return node
