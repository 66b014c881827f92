"""The section of the job file about the files for metrics of a run."""

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
    """The files for figures about a run, however it ended; no score depends on them."""

    textfile: Annotated[LocalPath, AfterValidator(_prom)] | None = None
    """File NAME.prom in Prometheus text format, replaced as a whole by every run, for node_exporter to collect."""
    folder: LocalPath | None = None
    """Folder for one JSON file a run, named by its key, and latest.json for the last run."""
