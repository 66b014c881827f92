"""The record of a run in the text format of Prometheus: gauges, each family with its help, one sample a line."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.metrics.record import Record

HELP = {
    "info": "1, with what the run was made of as labels.",
    "exit_code": "Exit code of the last run; 0 is done.",
    "end_timestamp_seconds": "When the last run ended, in seconds since 1970.",
    "run_seconds": "Wall time of the last run.",
    "workers": "Workers that took part.",
    "stopped_in": "1 for the last stage that a failed run had begun.",
    "gate_closed": "1 where a person has to look before anything is published.",
    "relabelled_share": "Share of known accounts that change cluster.",
    "input_gone_share": "Share of the accounts of the run before that are gone.",
    "input_customers_ratio": "Customers now, divided by customers of the run before.",
    "input_sales_ratio": "Sales of customers now, divided by those of the run before.",
    "stage_seconds": "Wall time of a stage.",
    "stage_cpu_seconds": "CPU time of a stage in the process that runs the job.",
    "stage_rows": "Rows that a stage went through.",
    "stage_rows_per_second": "Rows that a stage went through in a second.",
    "peak_host_bytes": "Largest resident size of a process since it began.",
    "peak_device_bytes": "Most device memory that a process held at once; 0 without a device.",
    "rows": "Rows by what became of them.",
    "rejected_rows": "Rejected rows by reason.",
    "flagged_rows": "Scored rows that carry a flag.",
    "cluster_accounts": "Accounts of a cluster.",
}
_Sample = tuple[str, dict[str, str], float]


def text_of(record: Record) -> str:
    """Return the record as a text file for Prometheus; every sample names the output, which identifies the job."""
    lines = []
    order = list(HELP)
    samples = sorted(_samples_of(record), key=lambda sample: order.index(sample[0]))
    for name, family in groupby(samples, key=lambda sample: sample[0]):
        lines += [f"# HELP tamscore_{name} {HELP[name]}", f"# TYPE tamscore_{name} gauge"]
        for _, labels, value in family:
            result = ",".join(
                f'{key}="{_escape_label(text)}"' for key, text in {"output": record["output"], **labels}.items()
            )
            lines.append(f"tamscore_{name}{{{result}}} {float(value)!r}")
    return "\n".join([*lines, ""])


def _escape_label(text: str) -> str:
    """A label's value as it stands between quotes."""
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _samples_of(record: Record) -> Iterator[_Sample]:
    """Every figure of the record: its name, its labels, its value."""
    info = {"run": record["run"] or "", "version": record["tamscore"], "engine": record["engine"]}
    scores: dict[str, Any] = record["scores"] or {}
    yield "info", info | {key: scores[key] for key in ("device", "model") if key in scores}, 1
    yield "exit_code", {}, record["exit_code"]
    yield "end_timestamp_seconds", {}, record["ended"]
    yield "run_seconds", {}, record["seconds"]
    for name in ("workers", "relabelled_share", "input_gone_share", "input_customers_ratio", "input_sales_ratio"):
        if name in record["figures"]:
            yield name, {}, record["figures"][name]
    if record["stopped_in"] is not None:
        yield "stopped_in", {"stage": record["stopped_in"]}, 1
    for gate, closed in record["gates"].items():
        yield "gate_closed", {"gate": gate}, closed
    yield from _samples_of_stages(record)
    if scores:
        yield from _samples_of_scores(scores)


def _samples_of_stages(record: Record) -> Iterator[_Sample]:
    """Yield what each stage, and each process, took."""
    for stage in record["stages"]:
        for name, value in stage.items():
            if name != "stage":
                yield f"stage_{name}", {"stage": stage["stage"]}, value
    for process in record["memory"]:
        for kind in ("host", "device"):
            yield f"peak_{kind}_bytes", {"process": process["process"]}, process[f"{kind}_bytes"]


def _samples_of_scores(scores: Record) -> Iterator[_Sample]:
    """Yield what became of the rows, and how many accounts each cluster has."""
    rows = scores["rows"]
    counts = {"read": rows["read"], "scored": rows["scored"], "rejected": sum(rows["rejected"].values())}
    for state, count in counts.items():
        yield "rows", {"state": state}, count
    for name, label in (("rejected", "reason"), ("flagged", "flag")):
        for key, count in rows[name].items():
            yield f"{name}_rows", {label: key}, count
    for cluster in scores["clusters"]:
        yield "cluster_accounts", {key: cluster[key] for key in ("party_type", "cluster")}, cluster["accounts"]
