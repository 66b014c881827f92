"""An example of each command, and the page with more about it; the help ends with them."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[str, str]] = {
    "init": ("tamscore init crm-export.csv --to job.toml", "quick_start"),
    "run": ("tamscore run job.toml", "user_guide"),
    "score": ("tamscore score job.toml --model scores", "rescoring"),
    "refresh": ("tamscore refresh job.toml --from scores", "rescoring"),
    "check": ("tamscore check job.toml", "user_guide"),
    "show": ("tamscore show scores --top 20", "user_guide"),
    "report": ("tamscore report scores --to report.html", "reading_the_report"),
    "explain": ("tamscore explain scores C7400819343", "review"),
    "diff": ("tamscore diff scores/3fa9 scores", "review"),
    "what-if": ("tamscore what-if scores --set potential.top_step=p99", "review"),
    "backtest": ("tamscore backtest job.toml --realised sales_next_year", "backtests"),
    "coverage": ("tamscore coverage scores --people people.csv", "coverage"),
    "alerts": ("tamscore alerts scores --since scores/3fa9", "lifetime_value"),
    "export": ("tamscore export scores --since scores/3fa9 --to upsert.csv", "scores_elsewhere"),
    "sql": ("tamscore sql scores --dialect spark --view scores", "scores_elsewhere"),
    "lists": ("tamscore lists scores --to lists", "lists"),
    "holdout": ("tamscore holdout scores --of prospects --until 2027-03-31", "lift"),
    "lift": ("tamscore lift scores --outcomes won.csv", "lift"),
    "campaigns": ("tamscore campaigns scores --to campaigns", "coverage"),
    "verify": ("tamscore verify scores", "reliability"),
    "history": ("tamscore history scores", "operations"),
    "rollback": ("tamscore rollback scores", "operations"),
    "prune": ("tamscore prune scores --keep 8 --dry-run", "operations"),
    "pin": ("tamscore pin scores 3fa9", "operations"),
    "forget": ("tamscore forget scores C7400819343 --dry-run", "operations"),
    "import": ("tamscore import crm-export.csv market", "import"),
    "synth": ("tamscore synth demo --rows 300000", "quick_start"),
    "schema": ("tamscore schema", "job_file"),
    "docs": ("tamscore docs quick_start", "index"),
    "template": ("tamscore template kubernetes deploy", "operations"),
    "doctor": ("tamscore doctor", "operations"),
    "bench": ("tamscore bench --rows 1000000", "operations"),
}
"""A command line and a page of docs, by command."""


def epilog_of(command: str) -> str:
    """Return what the help of a command ends with."""
    example, page = EXAMPLES[command]
    return f"Example: {example}\n\nPage: docs/{page}.md (tamscore docs {page})"
