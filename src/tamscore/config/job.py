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
    """Where the market is read from."""

    path: Storage | None = None
    """Parquet file, folder, glob pattern, Delta or Iceberg table; relative to the folder of the job file. Required
    without `sql`."""
    sql: Text | None = None
    """Query whose rows are the market, in place of `path`; each run asks it again."""
    connection: Connection | None = None
    """Database of `sql`: postgresql://USER@HOST/DATABASE, the path of a SQLite or DuckDB file, or env:NAME for the
    environment variable that holds either. Passwords come from the environment or ~/.pgpass."""
    version: VersionNumber | None = None
    """Version of a Delta table or snapshot of an Iceberg table to read; absent: the newest."""
    max_row_group_bytes: Count = InputLimits.row_group_bytes
    """Most bytes that a row group may take up decoded; files with larger ones are refused unread."""
    max_gone_share: Share | None = None
    """Largest share of the accounts of the run before that may be gone; absent: 0.03, plus 0.01 per 30 days since."""
    max_customer_change: NotNegative = 0.15
    """Largest change of the number of customers since the run before, as a share of it, up or down."""
    max_sales_change: Factor | None = None
    """Largest factor, up or down, by which sum or median of sales may change; absent: 1.5 within 45 days, else 2."""

    @property
    def name(self) -> str:
        """Return how messages call the market: its path, or the key of its query."""
        return self.path or "input.sql"


class Columns(Settings):
    """Which columns of the input play which role."""

    account_id: Column = "account_id"
    """Column that identifies an account; unique."""
    id_form: Literal["text", "crm18"] = "text"
    """How ids are compared: as texts, or CRM ids of 15 characters like the same ids with their check suffix."""
    sales: Column = "sales"
    """Column with what the account spends with us in the window; net, one currency."""
    party_type: Column | None = None
    """Column that tells end users from channel partners, which are never mixed. It holds end_user or channel, in any
    case, or words that [values] maps to them."""
    market_segment: Column | None = None
    """Column with the classical segment (industry, region, size band) that small clusters fall back to."""
    revenue: Column | None = None
    """Column with the account's own reported revenue, in the currency of sales; used to flag impossible sales."""
    name: Column | None = None
    """Column with the account's name, for people to read."""
    renewal_date: Column | None = None
    """Column with the day on which the account's contract ends, dates or timestamps; [alerts] reads it."""
    parent_id: Column | None = None
    """Column with the id of the account that owns this one, empty for none; [families] reads it."""
    ultimate_parent_id: Column | None = None
    """Column with the id of the head of the account's family, in the table or not; it counts before parent_id."""
    currency: Column | None = None
    """Column with the currency of the account's amounts: one for all accounts with sales, or a rate for each."""
    keep: ColumnList = ()
    """Columns copied to the scores, unchanged but for what [values] and [currency] say."""


class Rows(Settings):
    """What happens to rows with missing, duplicate or impossible values."""

    sales_missing: Literal["prospect", "reject", "error"] = "prospect"
    """Rows without sales: taken as prospects and flagged, rejected, or an error."""
    max_sales_missing_share: Share = 0.01
    """The run stops where more than this share of the rows has no sales."""
    duplicates: Literal["identical", "sum", "reject", "error"] = "identical"
    """Rows whose account id stands more than once. identical: rows equal in all columns that the job reads count once,
    all rows of an id that differ are rejected. sum: rows that differ in sales only are added up, others are rejected.
    reject: all of them are rejected. error: the run stops."""
    max_rejected_share: Share = 0.01
    """The run stops before scores are written where more than this share of the rows is rejected. Copies of a row and
    rows that are added up do not count."""
    non_negative: ColumnList = ()
    """Numeric columns where a negative value is impossible; such values are flagged and counted."""
    max_market_segments: Count = InputLimits.market_segments
    """Most different market segments; a column with more of them is an id rather than a segment."""


class Engine(Settings):
    """Where the work runs."""

    kind: Literal["local", "processes", "cuda", "remote"] = "local"
    """In this process, in worker processes of this machine, in one for each GPU, or on a Dask scheduler."""
    workers: Count | None = None
    """Number of workers; absent: as many as the machine has processors, or GPUs for kind = "cuda"."""
    scheduler: SchedulerAddress | None = None
    """Address of the Dask scheduler, tcp://HOST:PORT or tls://HOST:PORT; for kind = "remote" only."""
    allow_insecure_scheduler: bool = False
    """Join a scheduler on another machine over tcp://, where anybody on the network can read data and run code."""
    connect_timeout: Positive = 15.0
    """Seconds until a scheduler that does not answer is given up."""
    stall_timeout: Positive = 300.0
    """Seconds without any finished piece of work until the run is given up; for processes, cuda and remote."""
    resident_share: Share = 0.5
    """Share of the devices' memory that rows may stay in between passes; what is beyond is read again each time."""
    worker_memory_gib: Positive | None = None
    """Memory limit of a worker process in GiB, absent: an equal share; for kind = "processes" or "cuda"."""
    scratch: LocalPath | None = None
    """Folder for what workers put on disk, absent: the system's; for kind = "processes" or "cuda"."""


class Output(Settings):
    """Where the scores are written."""

    path: Storage
    """Folder for the versions of the scores; relative to the folder of the job file."""
    columns: WrittenColumns = "all"
    """Columns of the scores that are written: "all", "core" (who, where, how much, what to do, and columns.keep), or a
    list. account_id, party_type, cluster, sales and priority are always written; what needs others says so by name."""


class Job(Settings):
    """A job of tamscore: what is read, how it is scored, where the scores go.

    The model that checks a job file has the sections of the registry beside these, see `job_file.job_model`.
    """

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the arithmetic runs: auto takes the GPUs that work, else the CPU; cuda never falls back."""
    input: Input
    """Where the market is read from."""
    columns: Columns = Field(default_factory=Columns)
    """Which columns of the input play which role."""
    rows: Rows = Field(default_factory=Rows)
    """What happens to rows with missing, duplicate or impossible values."""
    values: WordMaps = Field(default_factory=dict)
    """Words of the input and what each is read as, one table a column: [values.partner] with Reseller = "channel".
    Capitals and blanks around a word do not matter, the empty word stands for missing ones, and words without an entry
    stay as they are."""
    names: Names = Field(default_factory=dict)
    """Names of clusters by id, such as E01 = "large plants", and of segments of segments.own by their text. A name
    stays with its id when the model is refreshed; a new model may give the id to others, and the run says so."""
    titles: Titles = Field(default_factory=dict)
    """How people call columns, for names of clusters and export --titles: subsidiaries = "sites", or a table."""
    currency: Currency | None = None
    """How amounts of several currencies become amounts of one; absent: all amounts are in one currency."""
    features: Features
    """What the accounts are compared by; never what they buy from us."""
    leakage: Leakage = Field(default_factory=Leakage)
    """When a feature is suspected to be sales in disguise, and what follows."""
    clusters: Clusters
    """How the clusters of peers are found."""
    potential: Potential = Field(default_factory=Potential)
    """How the potential of an account follows from its peers' sales."""
    quadrant: Quadrant = Field(default_factory=Quadrant)
    """Where high begins, for potential and for sales."""
    priority: Priority = Field(default_factory=Priority)
    """Who comes first: what is open times how likely it is."""
    portfolio: Portfolio = Field(default_factory=Portfolio)
    """What the accounts of each segment of the portfolio take in a year."""
    engine: Engine = Field(default_factory=Engine)
    """Where the work runs."""
    metrics: Metrics = Field(default_factory=Metrics)
    """Where figures about the run are left."""
    report: Report = Field(default_factory=Report)
    """What the report is called and who answers for it."""
    output: Output
    """Where the scores are written."""

    @property
    def sections(self) -> dict[str, Any]:
        """The settings of those sections of the registry that the job has, by name, each of its own class."""
        there = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: section for name, section in there.items() if isinstance(section, SectionSettings)}

    def section(self, kind: type[_S]) -> _S:
        """Return the settings of a class; raise StopIteration if the job does not have that section."""
        return next(section for section in self.sections.values() if isinstance(section, kind))
