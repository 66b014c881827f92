"""The run that another one is told against."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.questions.stored import open_run
from tamscore.store import history
from tamscore.store.run_directory import current_version
from tamscore.store.versions import version_before

if TYPE_CHECKING:
    from tamscore.questions.stored import StoredRun
    from tamscore.store.location import Location


def ledger_of(run: StoredRun) -> list[history.LedgerEntry]:
    """Return the ledger of the output that a run lies in, oldest first."""
    output = run.directory.output
    return history.entries(output, current_version(output))


def run_before(run: StoredRun, since: Location | None) -> StoredRun | None:
    """Return the run to compare with: the one named, else the one that this run replaced, where it is still whole."""
    if since is not None:
        return open_run(since, beside=run.directory)
    earlier = version_before(run.directory)
    return None if earlier is None else open_run(earlier.path)
