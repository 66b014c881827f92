"""How it was computed: versions, device, model, input, and how long each stage took."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.questions.model_sources import since
from tamscore.questions.pages.headline import device
from tamscore.view.blocks import Cell, Chapter, Terms, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.report.evidence import ReportData
    from tamscore.view.blocks import Block, Table


def chapter(data: ReportData, missing: Sequence[str]) -> Chapter:
    """Return the chapter; `missing` are the chapters left out, each with what would bring it."""
    blocks: list[Block] = [Terms(tuple(_terms(data))), _stages(data)]
    if missing:
        rows = [(what, rest) for text in missing for what, _, rest in [text.partition(": ")]]
        blocks.append(table("Not in this report", "what|why, and what to do", rows))
    return Chapter("method", "How it was computed", _message(data), tuple(blocks))


def _message(data: ReportData) -> str:
    """Return what it comes to, in one sentence."""
    seconds = sum(stage["seconds"] for stage in data.run.manifest["stages"])
    rows, device = data.summary.rows["read"], data.summary.device["name"]
    return f"{rows:,} rows in {seconds:,.1f} seconds on {device}; the same input and job give the same bytes again."


def _terms(data: ReportData) -> list[tuple[str, str]]:
    """Names and values."""
    manifest = data.run.manifest
    packages = ", ".join(f"{name} {number}" for name, number in sorted(manifest["packages"].items()))
    inputs = manifest["inputs"]
    model = manifest.get("model", {})
    fits = "; ".join(
        f"{party.replace('_', ' ')}: {fit['clusters']} clusters on {fit['rows']:,} rows"
        for party, fit in manifest["fit"].items()
    )
    return [
        ("run", data.run.name),
        *([("current since", data.at)] if data.at else []),
        ("tamscore", f"{manifest['tamscore']}, Python {manifest['python']}"),
        ("packages", packages),
        ("device", device(data.summary)),
        ("model", since(model)),
        ("fit", fits),
        ("cut lines", ", ".join(f"P{line * 100:g}" for line in data.run.job.potential.lines)),
        ("top step", data.run.job.potential.top_step),
        ("input", f"{len(inputs['files'])} files, digest {inputs['digest'][:16]}"),
    ]


def _stages(data: ReportData) -> Table:
    """Return how long each stage took."""
    times = data.run.manifest["stages"]
    longest = max((time["seconds"] for time in times), default=0.0) or 1.0
    rows = [(time["stage"], Cell(time["seconds"], time["seconds"] / longest), time["cpu_seconds"]) for time in times]
    return table("Stages", "stage|wall time, seconds:hundredths|CPU of this process, seconds:hundredths", rows)
