"""The whole job file: the sections about tables and machines, and the job that holds every section."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from pydantic import Field

from tamscore.config.method import Clusters, Features, Leakage, Potential, Quadrant
from tamscore.config.metrics import Metrics
from tamscore.config.portfolio import Portfolio
from tamscore.config.priority import Priority
from tamscore.config.report import Report
from tamscore.config.section import SectionSettings
from tamscore.config.settings import Settings
from tamscore.config.values import (  # noqa: TC001 - read at run time
    Column,
    ColumnList,
    Connection,
    Count,
    Factor,
    LocalPath,
    NotNegative,
    Positive,
    SchedulerAddress,
    Share,
    Storage,
    Text,
    VersionNumber,
    WrittenColumns,
)
from tamscore.config.wording import Currency, Names, Titles, WordMaps  # noqa: TC001 - read at run time
from tamscore.schema import InputLimits

_S = TypeVar("_S", bound=SectionSettings)


class Input(Settings):
    """The source of the market."""

    path: Storage | None = None
    """Parquet file, folder, glob pattern, Delta or Iceberg table; relative to the folder of the job file. Required
    without `sql`."""
    sql: Text | None = None
    """Query whose rows are the market, in place of `path`; each run executes it again."""
    connection: Connection | None = None
    """Database of `sql`: postgresql://USER@HOST/DATABASE, the path of a SQLite or DuckDB file, or env:NAME for an
    environment variable with either of them. Passwords come from the environment or ~/.pgpass."""
    version: VersionNumber | None = None
    """Version of a Delta table or snapshot of an Iceberg table to read; absent: the newest."""
    max_row_group_bytes: Count = InputLimits.row_group_bytes
    """Largest decoded size of a row group in bytes; files with larger row groups are refused before they are read."""
    max_gone_share: Share | None = None
    """Largest share of the accounts of the earlier run that may be gone; absent: 0.03, plus 0.01 per 30 days since
    then."""
    max_customer_change: NotNegative = 0.15
    """Largest change of the number of customers since the earlier run, as a share of that number, up or down."""
    max_sales_change: Factor | None = None
    """Largest factor, up or down, by which sum or median of sales may change; absent: 1.5 within 45 days, else 2."""

    @property
    def name(self) -> str:
        """The name of the market in messages: its path, or the key of its query."""
        return self.path or "input.sql"


class Columns(Settings):
    """The roles of the columns of the input."""

    account_id: Column = "account_id"
    """Column that identifies an account; its values are unique."""
    id_form: Literal["text", "crm18"] = "text"
    """How ids are compared: as texts, or CRM ids of 15 characters as equal to the same ids with their check suffix."""
    sales: Column = "sales"
    """Column with the account's sales from you in the window; net, in one currency."""
    party_type: Column | None = None
    """Column that separates end users from channel partners, which are never mixed. It holds end_user or channel, in
    any case, or words that [values] maps to them."""
    market_segment: Column | None = None
    """Column with a classical segment (industry, region, size band), whose ladder small clusters borrow from."""
    revenue: Column | None = None
    """Column with the account's own reported revenue, in the currency of sales; used to flag impossible sales."""
    name: Column | None = None
    """Column with the account's name, for display."""
    renewal_date: Column | None = None
    """Column with the end date of the account's contract, as dates or timestamps; used by [alerts]."""
    parent_id: Column | None = None
    """Column with the id of the account that owns this one, empty for none; used by [families]."""
    ultimate_parent_id: Column | None = None
    """Column with the id of the head of the account's family, in the table or not; it takes precedence over
    parent_id."""
    currency: Column | None = None
    """Column with the currency of the account's amounts: one currency for all accounts with sales, or a rate for
    each."""
    keep: ColumnList = ()
    """Columns copied to the scores, unchanged except for the replacements of [values] and [currency]."""


class Rows(Settings):
    """The treatment of rows with missing, duplicate or impossible values."""

    sales_missing: Literal["prospect", "reject", "error"] = "prospect"
    """Rows without sales: counted as prospects and flagged, rejected, or an error."""
    max_sales_missing_share: Share = 0.01
    """Largest share of the rows without sales; with more, the run stops."""
    duplicates: Literal["identical", "sum", "reject", "error"] = "identical"
    """Rows whose account id occurs more than once. identical: rows equal in all columns that the job reads count once,
    and all rows of an id that differ are rejected. sum: rows that differ only in sales are added up, others are
    rejected. reject: all of them are rejected. error: the run stops."""
    max_rejected_share: Share = 0.01
    """Largest share of rejected rows; with more, the run stops before scores are written. Copies of a row and rows that
    are added up do not count."""
    non_negative: ColumnList = ()
    """Numeric columns that cannot be negative; negative values are flagged and counted."""
    max_market_segments: Count = InputLimits.market_segments
    """Most different market segments; a column with more of them is an id rather than a segment."""


class Engine(Settings):
    """The processes and machines of a run."""

    kind: Literal["local", "processes", "cuda", "remote"] = "local"
    """Workers: in this process, in worker processes of this machine, in one process for each GPU, or on a Dask
    scheduler."""
    workers: Count | None = None
    """Number of workers; absent: one for each processor, or each GPU for kind = "cuda"."""
    scheduler: SchedulerAddress | None = None
    """Address of the Dask scheduler, tcp://HOST:PORT or tls://HOST:PORT; for kind = "remote" only."""
    allow_insecure_scheduler: bool = False
    """Join a scheduler on another machine over tcp://, where others on the network can read data and run code."""
    connect_timeout: Positive = 15.0
    """Seconds to wait for an answer of the scheduler."""
    stall_timeout: Positive = 300.0
    """Seconds without any finished piece of work after which the run stops; for processes, cuda and remote."""
    resident_share: Share = 0.5
    """Share of the devices' memory for rows that stay there between passes; other rows are read again for each pass."""
    worker_memory_gib: Positive | None = None
    """Memory limit of a worker process in GiB; absent: an equal share; for kind = "processes" or "cuda"."""
    scratch: LocalPath | None = None
    """Folder for what workers write to disk; absent: the system's temporary folder; for kind = "processes" or
    "cuda"."""


class Output(Settings):
    """The place and the columns of the scores."""

    path: Storage
    """Folder for the versions of the scores; relative to the folder of the job file."""
    columns: WrittenColumns = "all"
    """Columns of the scores that are written: "all", "core" (identity, cluster, amounts, play, and columns.keep), or a
    list. account_id, party_type, cluster, sales and priority are always written; a command that needs another column
    names it."""


class Job(Settings):
    """A job of tamscore: the input, the method, and the output.

    The model that checks a job file also has the sections of the registry, see `job_file.job_model`.
    """

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Device of the arithmetic: auto uses the GPUs that work, else the CPU; cuda never falls back to the CPU."""
    input: Input
    """The source of the market."""
    columns: Columns = Field(default_factory=Columns)
    """The roles of the columns of the input."""
    rows: Rows = Field(default_factory=Rows)
    """The treatment of rows with missing, duplicate or impossible values."""
    values: WordMaps = Field(default_factory=dict)
    """Replacements for words of the input, one table for each column: [values.partner] with Reseller = "channel".
    Capitals and blanks around a word do not matter, the empty word stands for a missing one, and words without an entry
    stay as they are."""
    names: Names = Field(default_factory=dict)
    """Names of clusters by id, such as E01 = "large plants", and of segments of segments.own by their text. A name
    stays with its id when the model is refreshed; a new model may give the id to another cluster, and the run reports
    that."""
    titles: Titles = Field(default_factory=dict)
    """Display names of columns, for names of clusters and export --titles: subsidiaries = "sites", or a table."""
    currency: Currency | None = None
    """Conversion of amounts to one currency; absent: all amounts are in one currency."""
    features: Features
    """The features by which accounts are compared; never their purchases."""
    leakage: Leakage = Field(default_factory=Leakage)
    """The guard against features that are sales in disguise."""
    clusters: Clusters
    """The clusters of peers."""
    potential: Potential = Field(default_factory=Potential)
    """The potential of an account, from its peers' sales."""
    quadrant: Quadrant = Field(default_factory=Quadrant)
    """The limits of high potential and high sales."""
    priority: Priority = Field(default_factory=Priority)
    """The order in which accounts are called: whitespace times probability."""
    portfolio: Portfolio = Field(default_factory=Portfolio)
    """The hours and costs of the accounts of each segment of the portfolio in a year."""
    engine: Engine = Field(default_factory=Engine)
    """The processes and machines of a run."""
    metrics: Metrics = Field(default_factory=Metrics)
    """The files for figures about a run."""
    report: Report = Field(default_factory=Report)
    """The head of the report: title, company, period and owner."""
    output: Output
    """The place and the columns of the scores."""

    @property
    def sections(self) -> dict[str, Any]:
        """Return the settings of the optional sections that the job has, by name, each of its own class."""
        there = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: section for name, section in there.items() if isinstance(section, SectionSettings)}

    def section(self, kind: type[_S]) -> _S:
        """Return the settings of a class; raise StopIteration if the job does not have that section."""
        return next(section for section in self.sections.values() if isinstance(section, kind))
