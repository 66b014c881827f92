"""What `--json` prints, by command: each key with its type and what it means.

A key is a path: `.` leads into an object, `[]` into each item of a list, `*` stands for any name. A `?` behind a key
says that it may be absent, behind a type that the value may be null. An object without keys of its own is open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.questions.outputs.acting import CAMPAIGNS, COVERAGE, EXPORT, HOLDOUT, LIFT, LISTS
from tamscore.questions.outputs.keeping import FORGET, HISTORY, PRUNE
from tamscore.questions.outputs.making import BENCH, CHECK, GATE, IMPORT, INIT, MADE, OUTCOMES, SYNTH
from tamscore.questions.outputs.showing import ALERTS, BACKTEST, CONTRAST, DIFF, EXPLAIN, REPORT, SHOW, WHAT_IF

if TYPE_CHECKING:
    from tamscore.questions.outputs.parts import Keys

__all__ = ["OUTPUTS"]

OUTPUTS: dict[str, Keys] = {
    "run": MADE,
    "score": MADE,
    "refresh": MADE,
    "run, stopped at a gate": GATE,
    "check": CHECK,
    "init": INIT,
    "import": IMPORT,
    "synth": SYNTH,
    "synth --after": OUTCOMES,
    "show": SHOW,
    "explain": EXPLAIN,
    "explain --against": CONTRAST,
    "what-if": WHAT_IF,
    "diff": DIFF,
    "alerts": ALERTS,
    "coverage": COVERAGE,
    "backtest": BACKTEST,
    "lists": LISTS,
    "campaigns": CAMPAIGNS,
    "export": EXPORT,
    "report": REPORT,
    "holdout": HOLDOUT,
    "lift": LIFT,
    "history": HISTORY,
    "verify": {
        "versions": "integer: complete versions",
        "problems": "list: what is wrong",
        "problems[]": "string: a problem",
    },
    "pin": {
        "version": "string: key of the version",
        "pinned": "boolean: whether it is pinned now",
        "changed": "boolean: false where it was so already",
    },
    "rollback": {
        "current": "string: key of the version that counts now",
        "replaced": "string?: key of the version that counted before",
        "changed": "boolean: false where it was so already",
    },
    "prune": PRUNE,
    "forget": FORGET,
    "doctor": {
        "[].name": "string: what was looked at",
        "[].ok": "boolean: whether a run can live with it",
        "[].value": "string: what was found",
        "[].remedy": "string: what to do; empty where nothing is",
    },
    "bench": BENCH,
    "docs": {"*": "string: title of a page, by its name"},
    "docs PAGE": {"page": "string: name of the page", "text": "string: its text, in Markdown"},
    "template": {
        "template": "string: name of the template",
        "files": "list: files written",
        "files[]": "string: a file",
    },
}
"""What each command prints with `--json`, by how it is called."""
