"""`export --by`: a row a family, or a row for each product of an account, in place of a row an account."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Literal

from tamscore import terminal
from tamscore.errors import UsageError
from tamscore.view.words import count_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tamscore.progress import Progress
    from tamscore.questions.export import Order
    from tamscore.questions.export_file import Target
    from tamscore.questions.export_rows import ExportCounts
    from tamscore.questions.export_tables import TableTarget
    from tamscore.questions.stored import StoredRun

_Others = Literal["family", "product"]
_NOUNS = {"family": "families", "product": "products"}
_WHY = {"family": "whose rows are sums", "product": "whose columns are fixed"}


def export_by(
    run: StoredRun, to: Target | TableTarget, by: _Others, order: Order, *, overwrite: bool, as_json: bool
) -> None:
    """Write the families or products of a run to a file, record it, and print how many rows there are."""
    from tamscore.progress import Progress
    from tamscore.questions.export_file import Target
    from tamscore.store.handed_out import not_handed_out, require_free

    if not isinstance(to, Target) or to.is_passed_on or to.folder:
        raise UsageError(f"--by: expected a file for {_NOUNS[by]}; name one that ends in .csv or .parquet")
    to.require_format()
    require_free(run.directory, "export", to.path, overwrite=overwrite)
    with terminal.listening(as_json=as_json) as listener:
        progress = Progress(listener)
        with not_handed_out(run.directory, "export", to.path, progress):
            tally = _writer_of(by)(run, order, to, progress)
    counts = {name: value for name, value in asdict(tally).items() if name != "met"}
    counts |= {"unmatched": [], "joined": None, "file": str(to.path)}
    text = (
        f"{count_text(tally.exported, 'row')} of {_NOUNS[by]} with {count_text(tally.accounts, 'account')} in {to.path}"
    )
    print(json.dumps(counts, ensure_ascii=False) if as_json else text)


def _writer_of(by: _Others) -> Callable[[StoredRun, Order, Target, Progress], ExportCounts]:
    """Return what writes families or products."""
    if by == "product":
        from tamscore.questions import export_products

        return export_products.write
    from tamscore.questions import export_families

    return lambda run, _, target, progress: export_families.write(run, target, progress)


def guard(to: Target | TableTarget, *, no_guard: bool, bom: bool) -> Target | TableTarget:
    """Return a file with the options of CSV; a table as it is."""
    from tamscore.questions.export_file import Target

    return replace(to, is_guarded=not no_guard, bom=bom) if isinstance(to, Target) else to


def require_accounts(by: _Others, options: Mapping[str, Any]) -> None:
    """Raise UsageError if an option was given that only rows of accounts have a use for."""
    free = {"--bom", "--no-guard", *(("--only",) if by == "product" else ())}
    if given := [name for name in options if options[name] and name not in free]:
        raise UsageError(f"{given[0]}: expected no such option with --by {by}, {_WHY[by]}; leave it out")
