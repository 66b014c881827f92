"""A first job for a table: which column plays which part, how features are scaled, written as a job file.

The guesses rest on the names of columns in the languages of CRM exports, on their types and on their values. Each has a
reason, and what is in doubt is listed for a person to look at.
"""

from __future__ import annotations

from tamscore.first_job.job_text import job_text
from tamscore.first_job.proposal import Proposal, propose
from tamscore.first_job.recognition import is_table
from tamscore.first_job.side_tables import SideTables

__all__ = ["Proposal", "SideTables", "is_table", "job_text", "propose"]
