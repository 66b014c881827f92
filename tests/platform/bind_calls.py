"""Runs where the GPU libraries are installed: reads calls as JSON, prints those that the libraries would not take."""

from __future__ import annotations

import importlib
import inspect
import json
import sys
from typing import Any


def found(name: str) -> Any:
    """What a full name stands for; AttributeError or ImportError where there is no such thing."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            value = importlib.import_module(".".join(parts[:end]))
        except ImportError:
            if end == 1:
                raise
            continue
        for part in parts[end:]:
            value = getattr(value, part)
        return value
    raise AttributeError(name)


def problem(value: Any, positional: int, keywords: list[str]) -> str | None:
    """Why something would not take so many arguments and these names, None where it would or does not tell."""
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return unsigned(value, positional, keywords)
    try:
        if positional < 0:
            signature.bind_partial(**dict.fromkeys(keywords))
        else:
            signature.bind(*[None] * positional, **dict.fromkeys(keywords))
    except TypeError as error:
        return f"{error}; it takes {signature}"
    return None


def unsigned(value: Any, positional: int, keywords: list[str]) -> str | None:
    """The same of compiled functions: by what they say of themselves, the number of operands, or their description."""
    if hasattr(value, "nin") and positional > value.nin + value.nout:
        return f"takes {value.nin} operands, given {positional}"
    text = f"{getattr(value, '__doc__', '')} {getattr(getattr(value, '__init__', None), '__doc__', '')}"
    missing = [name for name in keywords if name not in text]
    return f"says nothing of {missing}" if missing else None


def main() -> None:
    """Answer for every call: null, or what is wrong with it."""
    wrong = {}
    asked = json.load(sys.stdin)
    for name, positional, keywords, where in asked["calls"]:
        try:
            said = problem(found(name), positional, keywords)
        except (AttributeError, ImportError) as error:
            said = f"{type(error).__name__}: {error}"
        if said:
            wrong[f"{where}: {name}"] = said
    classes = [found(name) for name in asked["classes"]]
    for method, keywords in asked["methods"].items():
        owners = [owner for owner in classes if hasattr(owner, method)]
        problems = [problem(getattr(owner, method), -1, keywords) for owner in owners]
        if not owners or all(problems):
            wrong[f"method {method}"] = str(problems or "no class has it")
    json.dump(wrong, sys.stdout)


main()
