"""`export --by family`: a row a family in place of a row an account."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from tamscore import terminal
from tamscore.errors import UsageError
from tamscore.view.words import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tamscore.insight.export_file import Target
    from tamscore.insight.export_tables import TableTarget
    from tamscore.insight.stored import StoredRun


def export_by_family(
    run: StoredRun, to: Target | TableTarget, *, no_guard: bool, bom: bool, overwrite: bool, as_json: bool
) -> None:
    """Write the families of a run to a file, record it, and print how many there are."""
    from tamscore.insight import export_families
    from tamscore.insight.export_file import Target
    from tamscore.progress import Progress
    from tamscore.store.handed_out import noted, require_free

    if not isinstance(to, Target) or to.passed_on:
        raise UsageError("--by: expected a file for families; name one that ends in .csv or .parquet")
    target = replace(to, guarded=not no_guard, bom=bom)
    require_free(run.directory, "export", target.path, overwrite=overwrite)
    with terminal.listening(as_json=as_json) as listener:
        progress = Progress(listener)
        with noted(run.directory, "export", target.path, progress):
            tally = export_families.write(run, target, progress)
    counts = {name: value for name, value in asdict(tally).items() if name != "met"}
    counts |= {"unmatched": [], "joined": None, "file": str(target.path)}
    text = f"{counted(tally.exported, 'row')} of families with {counted(tally.accounts, 'account')} in {target.path}"
    print(json.dumps(counts, ensure_ascii=False) if as_json else text)


def require_accounts(options: Mapping[str, Any]) -> None:
    """Raise UsageError if an option was given that chooses accounts or their fields."""
    if given := [name for name in options if options[name] and name not in {"--bom", "--no-guard"}]:
        raise UsageError(f"{given[0]}: expected no such option with --by family, whose rows are sums; leave it out")
