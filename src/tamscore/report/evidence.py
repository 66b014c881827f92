"""The data of a report: the tables of a run, the records beside the run, and the run before it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tamscore.questions import named_accounts, summary, tables
from tamscore.questions.earlier_run import ledger_of, run_before
from tamscore.questions.named_accounts import NamedAccounts
from tamscore.report.changes import changes_between
from tamscore.sections import SECTIONS
from tamscore.store import records
from tamscore.store.holdouts import lifts
from tamscore.store.run_directory import COVERAGE, RECORDS

if TYPE_CHECKING:
    from tamscore.progress import Progress
    from tamscore.questions.page_one import PageOne
    from tamscore.questions.stored import StoredRun
    from tamscore.questions.summary import Summary
    from tamscore.report.changes import Changed
    from tamscore.store.location import Location

Row = dict[str, Any]


@dataclass(frozen=True)
class ReportData:
    """All data that chapters read; a field is None or empty if the run does not have it.

    `ranking` holds the best accounts of each kind, `plays` and `portfolio` accounts by play and by segment. `at` is
    the time in the ledger at which the run took effect. `changed` compares with the run before, or with a named run.
    `input_change` is the comparison of inputs that the run itself made, `later` the newest records about the finished
    run by section, and `lifts` the results of holdouts that were measured with this run.
    """

    run: StoredRun
    summary: Summary
    at: str | None
    quality: tuple[Row, ...]
    steps: tuple[Row, ...]
    map: tuple[Row, ...]
    ranking: tuple[Row, ...]
    plays: tuple[Row, ...] = ()
    portfolio: tuple[Row, ...] = ()
    alerts: tuple[Row, ...] = ()
    changed: Changed | None = None
    input_change: Row | None = None
    later: dict[str, Row] = field(default_factory=dict)
    named: NamedAccounts = field(default_factory=NamedAccounts)
    lifts: tuple[Row, ...] = ()

    @property
    def page_one(self) -> PageOne:
        """Return the content of the first page, which every summary of a whole market has."""
        if self.summary.page_one is None:
            raise ValueError("the summary of one cluster has no first page")
        return self.summary.page_one

    def with_heading(self, head: dict[str, str | None]) -> ReportData:
        """Return the data with another [report]."""
        return replace(self, summary=replace(self.summary, page_one=replace(self.page_one, report=head)))

    @property
    def is_anything_open(self) -> bool:
        """Return whether any account could buy more than it does, or sales are at risk."""
        return any(sums.whitespace for sums in self.summary.totals.values()) or bool(self.page_one.call)

    @property
    def currency(self) -> str | None:
        """The currency of the amounts, if the job names it."""
        return self.summary.currency

    @property
    def sections(self) -> dict[str, Row]:
        """The record of each section of the registry that has one, with the first accounts if there are any."""
        record = {**self.summary.records, **self.run.manifest.get("extras", {}), **self.later}
        firsts = {"alerts": self.alerts, "propensity": self.named.focus}
        return {**record, **{name: {**record[name], "first": rows} for name, rows in firsts.items() if name in record}}


def gather(
    run: StoredRun, since: Location | None, progress: Progress, *, compare: bool = True, accounts: bool = True
) -> ReportData:
    """Return the data of a report on a run; compare it with the run `since`, else with the one it replaced.

    Without `compare` there is no comparison. Without `accounts`, as on the first page, accounts are not compared.
    """
    directory = run.directory
    with progress.stage("read"):
        text = summary.load(directory.path, top=0, plan=run.plan, since=since, compare=compare)
        quality, steps = (tuple(tables.table(directory, name)) for name in ("quality", "steps"))
        names = ("map", "top_by_kind", "plays", "portfolio", "alert_lists")
        seen, best, plays, portfolio, alerts = (tables.optional_table(directory, name) for name in names)
    mine = [entry.at for entry in ledger_of(run) if entry.version == run.name and entry.action == "run"]
    earlier = run_before(run, since) if compare and accounts else None
    against = f"run {earlier.name}" if earlier and since is not None else "the run before"
    return ReportData(
        run,
        text,
        mine[-1] if mine else None,
        quality,
        steps,
        seen,
        best,
        plays,
        portfolio,
        alerts,
        changes_between(earlier, run, against, progress) if earlier else None,
        run.manifest.get("input_change") if compare else None,
        later_answers(run),
        named_accounts.gather(run, progress) if accounts else NamedAccounts(),
        tuple(lift for lift in lifts(directory.output) if lift["run"] == run.name),
    )


def later_answers(run: StoredRun) -> dict[str, Row]:
    """Return the newest record of each section that a command computed for the finished run, and of its coverage."""
    directory = run.directory
    asked = {name: section.folder for name, section in SECTIONS.items() if section.folder}
    row = {
        name: newest(directory.output, folder, directory.run_key)
        for name, folder in asked.items()
        if folder != COVERAGE
    }
    plan = {} if run.roles.plan is None else {"coverage": run.roles.plan.record}
    return {name: record for name, record in {**row, **plan}.items() if record is not None}


def newest(output: Location, kind: str, run: str) -> Row | None:
    """Return the newest record of a kind about a run from the folder beside it, None if there is none.

    Raise InputContractError that names the file if one of them was changed.
    """
    folder = output / kind
    if not folder.is_dir():
        return None
    files = [item / RECORDS[kind] for item in folder.iterdir() if (item / RECORDS[kind]).is_file()]
    files.sort(key=lambda file: (file.stat().st_mtime_ns, str(file)))
    mine = [record for file in files if (record := records.read(file)).get("run") == run]
    return mine[-1] if mine else None
