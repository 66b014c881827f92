"""The earlier run with which a run is compared."""

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
    """Return the ledger of the output that holds a run, oldest entry first."""
    output = run.directory.output
    return history.entries(output, current_version(output))


def run_before(run: StoredRun, since: Location | None) -> StoredRun | None:
    """Return the run to compare with: the named one, else the one that this run replaced if it is still complete."""
    if since is not None:
        return open_run(since, beside=run.directory)
    earlier = version_before(run.directory)
    return None if earlier is None else open_run(earlier.path)
