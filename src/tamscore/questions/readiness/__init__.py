"""What the data say before a run: statistics in the footers, and the first steps of a run on a sample of the rows."""

from __future__ import annotations

from tamscore.questions.readiness.finding import Finding
from tamscore.questions.readiness.look import check_parts, suspected_features

__all__ = ["Finding", "check_parts", "suspected_features"]
