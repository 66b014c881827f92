"""Whether two programs come to the same results: scores, tables, models and pages of three jobs."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

from tamscore.synthetic import Month, write_market

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SECTIONS = """
[propensity]
label = "bought"
label_table = "truth"
feature_cutoff = "2025-12-31"
label_start = "2026-01-01"
label_end = "2026-06-30"

[coverage]
team = { account_manager = 2, hunter = 1 }
"""
JOBS = {
    "plain": (
        "run {first}/plain.toml",
        "show {scores} --json",
        "what-if {scores} --set potential.preset=p80 --json",
    ),
    "every section": (
        "run {first}/every.toml",
        "show {scores} --json",
        "coverage {scores} --json",
        "campaigns {scores} --json",
        "alerts {scores} --json",
        "explain {scores} {account} --json",
        "backtest {first}/every.toml --realised wallet --table {first}/truth --json",
        "report {scores} --output {output}/report.html",
    ),
    "frozen score": (
        "run {first}/plain.toml",
        "score {later}/plain.toml",
        "show {scores} --json",
        "explain {scores} {account} --json",
        "export {scores} --to {output}/export.csv",
        "refresh {later}/every.toml --from {scores} --accept",
        "show {scores} --json",
        "report {scores} --output {output}/report.html",
    ),
}
"""What a program is asked for each job, in this order."""
OF_A_JOB = {"run", "score", "refresh", "backtest"}
VOLATILE = {"seconds", "cpu_seconds", "stages", "peak_bytes", "manifest_sha256", "digest", "xxh3", "files", "limits"}
"""Keys whose values differ from run to run, or repeat what is compared anyway."""
UNCOMPARED = {"_lock", "_history.jsonl"}
KEY = re.compile(r"\b[0-9a-f]{16}\b")
TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2})?\S*|\d+\.\d+ s(econds)?\b|--share:[\d.]+")


def write_jobs(folder: Path, rows: int, seed: int) -> dict[str, str]:
    """Write a market of two months with its job files; return the places that commands name."""
    places = {"first": str(folder / "first"), "later": str(folder / "later")}
    for month, name in enumerate(places, 1):
        write_market(folder / name, rows, seed, orders=True, month=Month(month))
        text = (folder / name / "job.toml").read_text(encoding="utf-8")
        (folder / name / "plain.toml").write_text(text.split("\n[lifetime_value]")[0], encoding="utf-8")
        (folder / name / "every.toml").write_text(text + SECTIONS, encoding="utf-8")
    return places | {"account": account_of([folder / name / "market" for name in places])}


def account_of(markets: list[Path]) -> str:
    """Return an account that has sales in every market."""
    import pyarrow.compute as pc
    import pyarrow.dataset as ds

    buyers = [
        set(ds.dataset(market).to_table(columns=["account_id"], filter=pc.field("sales") > 0)["account_id"].to_pylist())
        for market in markets
    ]
    return str(min(set.intersection(*buyers)))


def results(program: str, job: str, output: Path, places: dict[str, str]) -> dict[str, str]:
    """Return the hash of every page and file that a program makes of a job, by name.

    Raise CalledProcessError where a command fails.
    """
    scores = output / "scores"
    places = places | {"scores": str(scores), "output": str(output)}
    hashes: dict[str, str] = {}
    for place, line in enumerate(JOBS[job]):
        words = [program, *line.format_map(places).split()]
        if words[1] in OF_A_JOB:
            words += ["--set", f"output.path={scores}"]
        printed = subprocess.run(words, check=True, capture_output=True, text=True).stdout
        if "--json" in words:
            hashes[f"{place}: {words[1]}"] = digest(steady(printed.encode(), ".json", output))
    return hashes | dict(files_of(output))


def files_of(output: Path) -> Iterator[tuple[str, str]]:
    """Yield name and hash of every file of an output; keys count within their folder, in the order of their making."""
    files = (path for path in output.rglob("*") if path.is_file() and path.name not in UNCOMPARED)
    keys: dict[str, dict[str, str]] = {}
    for path in sorted(files, key=lambda path: path.stat().st_mtime_ns):
        name = str(path.relative_to(output))
        if found := KEY.search(name):
            known = keys.setdefault(name[: found.start()], {})
            name = name.replace(found[0], known.setdefault(found[0], f"KEY{len(known)}"))
        yield name, digest(steady(path.read_bytes(), path.suffix, output))


def steady(content: bytes, ending: str, output: Path) -> bytes:
    """Return a file's content without what differs from run to run: keys of versions, times, the output's own place."""
    if ending not in {".json", ".html", ".csv"}:
        return content
    text = content.decode().replace(str(output), "OUTPUT")
    if ending == ".json":
        text = json.dumps(without(json.loads(text), VOLATILE), indent=1)
    return TIME.sub("TIME", KEY.sub("KEY", text)).encode()


def without(value: Any, keys: set[str]) -> Any:
    """Return a JSON value without some keys, wherever they stand."""
    if isinstance(value, dict):
        return {key: without(each, keys) for key, each in value.items() if key not in keys}
    return [without(each, keys) for each in value] if isinstance(value, list) else value


def digest(content: bytes) -> str:
    """Return a short hash of the content."""
    return hashlib.sha256(content).hexdigest()[:12]


def same_results(
    folder: Path, rows: int, seed: int, programs: dict[str, str], jobs: Sequence[str] = tuple(JOBS)
) -> Iterator[dict[str, Any]]:
    """Yield for each job how many results two programs have in common, and the names of those that differ."""
    places = write_jobs(folder, rows, seed)
    for job in jobs:
        ours, theirs = (
            results(program, job, folder / name / job.replace(" ", "_"), places) for name, program in programs.items()
        )
        differ = sorted(name for name in ours | theirs if ours.get(name) != theirs.get(name))
        yield {"job": job, "results": len(ours), "same": len(ours | theirs) - len(differ), "differ": differ}
