"""An import as the command does it, for tests that look at what comes of it."""

from __future__ import annotations

from tamscore.store.csv_import import inspect, require_destination, write


def import_csv(paths, destination, types=None, *, overwrite=False, progress=None, **options):
    """The report of an import: whether it may go there, `inspect`, `write`."""
    require_destination(destination, overwrite=overwrite)
    limits = {name: options.pop(name) for name in ("max_rejected_share", "row_group_rows") if name in options}
    plan = inspect(paths, types, progress=progress, **options)
    return write(plan, destination, overwrite=overwrite, progress=progress, **limits)
