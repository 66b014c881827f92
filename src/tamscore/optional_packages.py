"""How to add an extra to this copy of the program, by the way it was installed."""

from __future__ import annotations

import json
from importlib import metadata
from urllib.parse import urlparse
from urllib.request import url2pathname


def with_extra(extra: str) -> str:
    """Return the command that installs an extra, from where this copy came if that is known."""
    return f"pip install '{_requirement(extra)}'"


def _requirement(extra: str) -> str:
    """Return the copy that is installed, with an extra, as pip takes it."""
    try:
        model_source = json.loads(metadata.distribution("tamscore").read_text("direct_url.json") or "{}")
    except (metadata.PackageNotFoundError, ValueError):
        model_source = {}
    url = model_source.get("url", "")
    if url.startswith("file:") and "dir_info" in model_source:
        return f"{url2pathname(urlparse(url).path)}[{extra}]"
    return f"tamscore[{extra}] @ {url}" if url else f"tamscore[{extra}]"
