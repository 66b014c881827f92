"""The settings of a job: one frozen model for each table of the job file; `job_file` reads them."""

from __future__ import annotations

from tamscore.config.job import Columns, Engine, Input, Job, Output, Rows
from tamscore.config.method import (
    PRESETS,
    Clusters,
    Features,
    Leakage,
    NumericFeature,
    Potential,
    Quadrant,
)
from tamscore.config.metrics import Metrics

__all__ = [
    "PRESETS",
    "Clusters",
    "Columns",
    "Engine",
    "Features",
    "Input",
    "Job",
    "Leakage",
    "Metrics",
    "NumericFeature",
    "Output",
    "Potential",
    "Quadrant",
    "Rows",
]
