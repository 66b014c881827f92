"""The section of the job file that says where the metrics of a run are left."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from tamscore.config.settings import Settings
from tamscore.config.values import LocalPath, refusal


def _prom(path: str) -> str:
    if not path.endswith(".prom"):
        raise refusal("a file name that ends in .prom", "node_exporter passes over all others")
    return path


class Metrics(Settings):
    """Where figures about a run are left, however it ended; no score depends on it."""

    textfile: Annotated[LocalPath, AfterValidator(_prom)] | None = None
    """File NAME.prom in Prometheus text format, replaced whole by every run, for node_exporter to collect."""
    folder: LocalPath | None = None
    """Folder that keeps one JSON file a run, named by its key, and the last one as latest.json."""
