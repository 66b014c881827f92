"""What a look at the data before a run has found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that the data say; `stops` if a run of the job ends with it (exit code 3)."""

    text: str
    stops: bool = False
