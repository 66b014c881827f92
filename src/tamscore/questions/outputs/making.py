"""What commands print that make scores, or what scores are made of."""

from __future__ import annotations

from tamscore.questions.outputs.parts import DEVICE, INPUT_CHANGE, JOINED, ROWS, SUMS, under

MADE = {
    "run": "string: key of the version",
    "done": "boolean: false where this very run was there already",
    "path": "string: folder of the version",
    "current": "string: the file that says which version counts",
    "seconds": "number: seconds it took",
    **DEVICE,
    "model": "object: where the model comes from",
    "model.source": "string: `fitted`, `scored` with an earlier model, or `refreshed`",
    "model.run?": "string: key of the version whose model it is",
    "model.*": "any: more about that model",
    "input_change": "object?: how the input differs from that of the version before; null for a first one",
    **under("input_change", INPUT_CHANGE),
    "rows": "object: what became of the rows",
    **under("rows", ROWS),
    "totals": "object: sums by kind, `expansion` and `acquisition`",
    "totals.*": "object: sums of a kind",
    **under("totals.*", SUMS),
    "joins": "list?: tables that were joined",
    **under("joins[]", JOINED),
    "notices": "list: what a person should know",
    "notices[]": "string: a notice",
}
GATE = {
    "done": "boolean: false",
    "gate": "string: `input_change` or `relabelled_share`",
    "input_change?": "object: how the input differs from that of the version before",
    **under("input_change", INPUT_CHANGE),
    "plan?": "list: what would become of the clusters, one row an event",
    "plan[]": "object: columns of the table `events`",
}
CHECK = {
    "ready": "boolean: whether a run can start",
    "facts": "object: what was found, lines by topic",
    "facts.*": "list: lines of a topic",
    "facts.*[]": "string: a line",
    "notices": "list: what to look at",
    "notices[]": "string: a notice",
    "problems": "list: what stops a run",
    "problems[].text": "string: the message",
    "problems[].exit_code": "integer: what the run would end with",
}
INIT = {
    "job": "string: the job file written",
    "table": "string: the table it is for",
    "rows": "integer: rows looked at",
    "columns": "object: columns chosen, by part",
    "columns.*.part": "string: the part, such as sales",
    "columns.*.column": "string: the column",
    "columns.*.reason": "string: why this one",
    "columns.*.doubt": "string: what is in doubt; empty where nothing is",
    "features": "object: features, by column",
    "features.*.scaling": "string: how it is scaled",
    "features.*.reason": "string: why so",
    "features.*.missing_indicator": "boolean: whether missing values are a feature too",
    "categories": "list: features that are categories",
    "categories[]": "string: a column",
    "left_out": "object: columns left out, with the reason",
    "left_out.*": "string: the reason",
    "doubts": "list: what a person should look at",
    "doubts[]": "string: a doubt",
    "before_a_run": "list: what would stop a run",
    "before_a_run[]": "string: a problem",
}
IMPORT = {
    "rows": "integer: rows written",
    "rejected": "integer: rows rejected",
    "columns": "list: columns, in order",
    "columns[].name": "string: name of the column",
    "columns[].type": "string: its Arrow type",
    "columns[].why": "string: why this type",
    "columns[].filled": "integer: rows with a value",
    "columns[].empty": "integer: rows without one",
    "columns[].bad": "integer: rows whose text is no value of the type",
    "files": "list: files written",
    "files[]": "string: a file",
    "rejected_file": "string?: where rejected rows lie",
}
SYNTH = {
    "rows": "integer: accounts made",
    "market": "string: folder of the market",
    "job": "string: job file for it",
}
OUTCOMES = {
    "outcomes": "string: the table written",
    "buyers": "integer: accounts that bought",
}
BENCH = {
    "rows": "integer: accounts scored",
    "device": "string: `cpu` or `cuda`",
    "seconds": "number: seconds it took",
    "cpu_seconds": "number: seconds of all processors",
    "rows_per_second": "number: accounts a second",
    "peak_bytes": "integer?: most memory of a process",
    "floor_cpu_seconds": "number?: seconds of all processors to read and write alone",
    "device_bytes": "integer?: memory that a GPU would need",
    "stages": "list: stages",
    "stages[].stage": "string: stage",
    "stages[].seconds": "number: seconds",
    "stages[].cpu_seconds": "number: seconds of all processors",
    "stages[].done": "integer?: rows that it handled",
    "seconds_at": "object: seconds expected for larger markets, by accounts",
    "seconds_at.*": "number: seconds",
}
