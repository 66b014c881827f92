"""`check`: a look at everything that could keep a job from running."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from tamscore import terminal
from tamscore.cli.arguments import AsJson, JobFile, Overrides, place
from tamscore.cli.run import near
from tamscore.errors import TamscoreError, UsageError
from tamscore.view.blocks import Chapter, Terms
from tamscore.view.words import count_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tamscore.config import Job
    from tamscore.engine.device import DeviceChoice
    from tamscore.store.location import Location
    from tamscore.store.partitions import Plan

_Found = TypeVar("_Found")
_Line = tuple[str, str]
_ROLES = ("account_id", "sales", "party_type", "market_segment", "revenue", "name")


def check(job: JobFile, overrides: Overrides = None, as_json: AsJson = False) -> None:
    """Find the problems that would stop a job.

    Reads the job file, the footers of all input files, and a sample of their rows; says which device would compute,
    what would be read, what the data look like and where the results would go. Computes and writes nothing.
    """
    from tamscore import job_file, sealed_roles
    from tamscore.engine import device
    from tamscore.family_runs import accounts_job
    from tamscore.questions.readiness import check_parts

    loaded = job_file.load(job, overrides or ())
    problems: list[TamscoreError] = []
    choice = attempt(problems, lambda: device.choose(loaded.device, kind=loaded.engine.kind))
    accounts = accounts_job(loaded)
    plan = plan_found(problems, accounts)
    capacity = attempt(problems, lambda: _space_for(place(loaded.output.path)))
    lines = [*_device_lines(loaded, choice), ("job", near(job.absolute())), *_method_lines(accounts, plan)]
    lines += _family_lines(loaded, accounts)
    lines += _output_lines(loaded, choice, plan, capacity)
    lines += _later_commands(loaded)
    doubts = attempt(problems, lambda: sealed_roles.check_early(loaded)) or []
    findings = [] if plan is None else attempt(problems, lambda: check_parts(accounts, plan)) or []
    problems += [finding.refusal(finding.text) for finding in findings if finding.stops]
    notes = [*(finding.text for finding in findings if not finding.stops), *doubts]
    if as_json:
        print(json.dumps(_as_record(lines, notes, problems), ensure_ascii=False))
    else:
        terms = Terms((*lines, *(("look at", text) for text in notes)))
        terminal.put_chapter(Chapter("check", "", "", (terms,)))
    if problems:
        raise type(problems[0])("\n".join(map(str, problems)))
    if not as_json:
        print("ready to run; nothing was computed")


def plan_found(problems: list[TamscoreError], job: Job) -> Plan | None:
    """The plan of the market with those of its further tables; None with every problem kept if one has any."""
    from tamscore.scoring.context import columns_read, tables_of
    from tamscore.store import partitions

    market = attempt(problems, lambda: partitions.market(job.input, columns_read(job)))
    record: dict[str, Plan] = {}
    for key, side in tables_of(job).items():
        table = attempt(problems, partial(partitions.plan, side.path, side.columns, key))
        if table is None:
            market = None
        else:
            record[key] = table
    return market and replace(market, tables=record)


def _family_lines(job: Job, accounts: Job) -> Iterator[_Line]:
    """Where the accounts are scored, if families are the rows of the job; what is read and looked at is theirs."""
    if accounts is not job:
        yield "families", f"scored as rows, after a run of the accounts into {near(place(accounts.output.path))}"


def _later_commands(job: Job) -> Iterator[_Line]:
    """Yield what would keep commands about the finished run from working; no score needs it."""
    from tamscore.sections import SECTIONS

    for name in job.sections:
        problems: list[TamscoreError] = []
        for look in SECTIONS[name].later_checks(job):
            attempt(problems, look)
        yield from ((name, f"{problem}; no score needs it, tamscore {name} will") for problem in problems)


def _as_record(lines: Iterable[_Line], notes: list[str], problems: list[TamscoreError]) -> dict[str, Any]:
    """The whole page for machines: facts by name, what to look at, problems with the exit code of each."""
    facts: dict[str, list[str]] = {}
    name = ""
    for record, text in lines:
        name = record or name
        facts.setdefault(name, []).append(text)
    problem_records = [{"text": str(problem), "exit_code": problem.exit_code} for problem in problems]
    return {"ready": not problems, "facts": facts, "notices": notes, "problems": problem_records}


def attempt(problems: list[TamscoreError], ask: Callable[[], _Found]) -> _Found | None:
    """The answer, or None where there is a problem, which is kept: the other questions are asked too."""
    try:
        return ask()
    except TamscoreError as error:
        problems.append(error)
        return None


def _device_lines(job: Job, choice: DeviceChoice | None) -> Iterator[_Line]:
    """The device of the job, and what `auto` would choose."""
    from tamscore.engine import device

    if choice is not None:
        yield "device", f"{choice.name}: {choice.reason}"
    if job.device != "auto":
        auto = device.choose("auto")
        name = "device" if choice is None else ""
        yield name, f"auto would choose {auto.name}, {auto.reason.removeprefix('auto, ')}"


def _method_lines(job: Job, plan: Plan | None) -> Iterator[_Line]:
    """Yield what is read, and what is done with it."""
    if plan is not None:
        yield from _input_lines(job, plan)
    features = job.features
    scalings = Counter(feature.scaling for feature in features.numeric.values())
    of_each = ", ".join(f"{count} {scaling}" for scaling, count in scalings.most_common())
    numeric = f"{len(features.numeric)} numeric" + (f" ({of_each})" if of_each else "")
    yield "features", f"{numeric}, {len(features.categorical)} categorical"
    k = job.clusters.k
    clusters = ", ".join(f"{count} {party}" for party, count in k.items()) if isinstance(k, dict) else f"{k}"
    yield "clusters", f"{clusters}; fitted on {_fit_rows(job, plan)}"
    steps = ", ".join(f"P{line * 100:g}" for line in job.potential.lines)
    yield "potential", f"{steps}, top {job.potential.top_step}; pooled below {job.potential.min_customers} customers"


def _input_lines(job: Job, plan: Plan) -> Iterator[_Line]:
    """The files, what was passed over, and the columns by the part they play."""
    from tamscore.scoring.context import columns_read

    files, partitions = count_text(len(plan.files), "file"), count_text(len(plan.partitions), "partition")
    yield "input", f"{near(place(job.input.name))}: {plan.rows:,} rows in {files}, {partitions}"
    yield from (("", text) for text in plan.notices)
    columns = columns_read(job)
    yield "columns", f"{len(columns.all)} of {len(plan.schema.names)} are read"
    roles = {role: [getattr(columns, role)] for role in _ROLES}
    roles |= {name: section.scored() for name, section in job.sections.items()}
    for role, named in roles.items():
        yield from (("", f"{role:<15}{name} ({plan.schema.field(name).type})") for name in named if name)
    if columns.keep:
        yield "", f"{'keep':<15}{', '.join(columns.keep)}"
    for name, table in plan.tables.items():
        yield name, f"{near(place(table.files[0]))}: {table.rows:,} rows in {count_text(len(table.files), 'file')}"
        yield from (("", text) for text in table.notices)


def _fit_rows(job: Job, plan: Plan | None) -> str:
    """Return how many rows the centers are fitted on."""
    wanted = job.clusters.fit_rows
    if wanted == "all" or (plan is not None and plan.rows <= wanted):
        return "every row"
    return f"a sample of {wanted:,} rows"


def _space_for(output: Location) -> list[str]:
    """Return what a person should know about the output folder; raise UsageError if nothing can be written there."""
    from tamscore.questions.doctor import check_output
    from tamscore.store.objects.path import ObjectPath

    if isinstance(output, ObjectPath):
        output.is_dir()  # asks the store, which may refuse
        return []
    checks = check_output(output)
    for entry in checks:
        if entry.name == "output" and not entry.ok:
            raise UsageError(f"output.path: {entry.value}; {entry.remedy}")
    return [f"{item.value}{'' if item.ok else f'; {item.remedy}'}" for item in checks if item.name != "output"]


def _output_lines(
    job: Job, choice: DeviceChoice | None, plan: Plan | None, capacity: list[str] | None
) -> Iterator[_Line]:
    """Yield where the results would go, and whether they are there already."""
    from tamscore import backend, run_place
    from tamscore.scoring.model_source import NewModel

    if choice is None or plan is None:
        yield "output", near(place(job.output.path))
    else:
        directory = run_place.place_of(job, plan, backend.load(choice.name), NewModel()).directory
        done = " (this very run is there: nothing to do)" if directory.manifest() is not None else ""
        yield "output", f"{near(directory.path)}{done}"
    for text in capacity or ():
        yield "", text
