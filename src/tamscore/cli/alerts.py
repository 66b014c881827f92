"""`alerts`: who should be called now."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tamscore import terminal
from tamscore.cli.arguments import AsJson, Run, Since, file_option, run_compared_with

_To = Annotated[Path | None, file_option("--to", "FILE", "Write every alert to this Parquet file.")]
_Top = Annotated[int, typer.Option("--top", metavar="N", min=0, help="Alerts of each kind to list.")]


def alerts(run: Run, since: Since = None, to: _To = None, top: _Top = 10, as_json: AsJson = False) -> None:
    """List the accounts to call now.

    Lists customers that may leave, that left, or whose contract ends. Also lists accounts that may buy, by their own
    changes since the run that this one replaced.
    """
    from tamscore.progress import Progress
    from tamscore.questions import alerts_page
    from tamscore.questions.alerts import alerts_of
    from tamscore.questions.stored import open_run
    from tamscore.store import commit

    later = open_run(run)
    earlier = run_compared_with(later, since)
    with terminal.listening(as_json=as_json) as listener:
        run_alerts = alerts_of(later, earlier, Progress(listener))
        if to is not None:
            commit.sweep_beside(to)
            commit.place_parquet(run_alerts.table, to)
    if as_json:
        print(alerts_page.to_json(run_alerts, top))
    else:
        terminal.put_chapter(alerts_page.chapter(run_alerts, top))
