"""The column contract: what a row must hold to be scored, why it is refused, and what comes out."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from tamscore.score_columns import OWN_COLUMNS
from tamscore.substitution import AS_IT_IS, SubstituteSums, Substitution

if TYPE_CHECKING:
    import pyarrow as pa

PARTY_TYPES = ("end_user", "channel")
SCORE_COLUMNS = tuple(column.name for column in OWN_COLUMNS)
"""The columns of the scores, in order; kept columns stand after the market segment, sections add their own."""
ALWAYS_WRITTEN = ("account_id", "party_type", "cluster", "sales", "priority")
"""The columns of the scores that every run writes, whatever `output.columns` says: later runs and pages need them."""
CORE_COLUMNS = (
    *("account_id", "name", "party_type", "market_segment", "cluster", "sales", "kind", "potential", "whitespace"),
    *("probability", "p_basis", "expected_value", "priority", "tier", "quadrant", "play"),
    *("suggested_role", "suggested_service_level", "role", "service_level", "person"),
    *("campaign_band", "campaign_id", "campaign_channel"),
)
"""The columns that `output.columns = "core"` writes, those of them that a job has, beside the kept ones."""
COVERAGE_COLUMNS = ("role", "service_level", "person", "hours")
"""The columns of a coverage: in the scores where the job has it made (all but hours), else joined by who reads them."""
FAMILY, FAMILY_TIER = "family_id", "family_tier"
"""The columns with the family of an account, by the id of its top account, and the tier of the family."""
COVERAGE_DETAILS = ("coverage_value", "coverage_owner", "coverage_shortfall")
"""Further columns of a coverage, which an export can have."""
POTENTIAL_HEAD = ("party_type", "cluster", "name", "support", "basis", "parent", "low_support")
"""What the potential table says of a cluster before its steps; each step has an interval from `low_…` to `high_…`."""
REASON_COLUMN = "reason"
"""The column that is added to rejected rows."""


class Reason(IntEnum):
    """Why a row is not scored; `SCORED` (0) means that it is."""

    SCORED = 0
    MISSING_ID = 1
    DUPLICATE_ID = 2
    SALES_MISSING = 3
    SALES_NOT_FINITE = 4
    PARTY_TYPE_UNKNOWN = 5
    FEATURE_NOT_FINITE = 6
    SALES_TOO_LARGE = 7
    DUPLICATE_ROW = 8
    ADDED_UP = 9

    @property
    def code(self) -> str:
        """The reason as it stands in files and messages, such as `duplicate_id`."""
        return self.name.lower()

    @property
    def is_harmless(self) -> bool:
        """Return whether another row of the account is there with all that the row says: an exact copy, or the sum."""
        return self in {Reason.DUPLICATE_ROW, Reason.ADDED_UP}


class Flag(IntFlag):
    """What is odd about a scored row, without keeping it from being scored."""

    SALES_MISSING = 1
    NEGATIVE_SALES = 2
    SALES_ABOVE_REVENUE = 4
    NEGATIVE_VALUE = 8

    @classmethod
    @cache
    def texts(cls) -> list[str]:
        """The text of every combination of flags, at the position of its value; '' where there is none."""
        return ["|".join(flag.name.lower() for flag in cls if value & flag and flag.name) for value in range(16)]


OBJECT_SCHEMES = ("s3://", "gs://", "abfs://", "abfss://")
"""The object stores that are read from and written to."""
POSTGRESQL_SCHEMES = ("postgresql://", "postgres://")
"""How the address of a PostgreSQL database begins."""
VARIABLE = "env:"
"""How a connection begins that names the environment variable which holds it."""
LONGEST_ID = 8_192
"""Bytes of an account id in UTF-8; what is longer is no id, and would be hashed eight bytes at a time for all rows."""
LONGEST_TEXT = 65_536
"""Bytes of a category, a market segment or a party type."""


@dataclass(frozen=True)
class InputLimits:
    """What an input may ask of a machine; a file that asks for more is refused before it is decoded."""

    row_group_bytes: int = 4 << 30
    market_segments: int = 10_000
    levels: int = 1_000


Stamp: TypeAlias = tuple[int, int | str]
"""The stamp that changes when a file is replaced: size, and time of last change (ns) or an object's entity tag."""


@dataclass(frozen=True)
class Constant:
    """A column with one value in all rows of a file, which comes from its path or its table; None for null.

    If a folder states it (`of_folder`) and the file has a column of that name too, the two must agree.
    """

    name: str
    kind: pa.DataType
    value: Any
    of_folder: bool = False


@dataclass(frozen=True)
class Piece:
    """Neighbouring row groups of one file, and its stamp when it was planned.

    `copy` is the Parquet file that its rows are read from, None where `path` is Parquet itself. `constants` are columns
    that stand in no file, or not as they are to be read.
    """

    path: str
    row_groups: tuple[int, ...]
    rows: int
    stamp: Stamp | None = None
    copy: str | None = None
    constants: tuple[Constant, ...] = ()

    @property
    def file(self) -> str:
        """The Parquet file that its rows are read from."""
        return self.copy or self.path

    @property
    def where(self) -> str:
        """Return how messages name it."""
        return self.path if self.copy else f"{self.path}: row groups {self.row_groups}"


@dataclass(frozen=True)
class Partition:
    """Neighbouring row groups, of one file or of several small ones: the unit that is read, scored and written.

    `max_bytes` is what its columns may take up in memory. `substitution` and `sums` say what is read in place of what
    its files hold.
    """

    index: int
    pieces: tuple[Piece, ...]
    max_bytes: int = InputLimits.row_group_bytes
    substitution: Substitution = AS_IT_IS
    sums: SubstituteSums | None = field(default=None, compare=False)

    @property
    def rows(self) -> int:
        """The number of rows of all pieces."""
        return sum(piece.rows for piece in self.pieces)

    @property
    def path(self) -> str:
        """The first of its files."""
        return self.pieces[0].path

    @property
    def where(self) -> str:
        """Return how messages name it."""
        files = len(self.pieces)
        return self.pieces[0].where if files == 1 else f"{files} files from {self.path} to {self.pieces[-1].path}"


@dataclass(frozen=True)
class Copies:
    """Where copies of tables that cannot be read as they lie are kept: in an output, or None for a temporary folder.

    An output that is not there yet is made if `make` says so. `far` says that workers on other machines read them.
    """

    output: str | None = None
    make: bool = False
    far: bool = False


@dataclass(frozen=True)
class InputColumns:
    """The input columns by the part they play, `None` where the job has no such column; and what they may ask for.

    `more_numbers`, `more_texts` and `more` are those that only sections with rooms of their own ask for, `more_scored`
    those of them that the scores are made of. `currency`
    tells the currency of each row's amounts, `renewal_date` when a contract ends, `parents` which accounts own a row's
    account, the next and the last; `substitution` says what is read in
    place of what the columns hold; `id_form` says how account ids are compared, see `folding.fold_ids`. `dates` are
    those of the columns that a CSV file must have dates in; `copies` says where copies of the table are kept. A further
    table without amounts has "" for `sales`.
    """

    account_id: str
    sales: str
    party_type: str | None = None
    market_segment: str | None = None
    revenue: str | None = None
    name: str | None = None
    non_negative: tuple[str, ...] = ()
    more_scored: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    numeric: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    more_numbers: tuple[str, ...] = ()
    more_texts: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    limits: InputLimits = InputLimits()
    currency: str | None = None
    substitution: Substitution = AS_IT_IS
    id_form: Literal["text", "crm18"] = "text"
    dates: tuple[str, ...] = ()
    copies: Copies = Copies()
    renewal_date: str | None = None
    parents: tuple[str, ...] = ()

    @property
    def numbers(self) -> tuple[str, ...]:
        """Columns that must hold numbers, each once, in a fixed order."""
        optional = (self.revenue,) if self.revenue else ()
        sales = (self.sales,) if self.sales else ()
        return tuple(dict.fromkeys((*sales, *optional, *self.non_negative, *self.numeric, *self.more_numbers)))

    @property
    def texts(self) -> tuple[str, ...]:
        """Columns that are compared as text, each once, in a fixed order."""
        optional = tuple(name for name in (self.party_type, self.market_segment, self.currency) if name)
        return tuple(dict.fromkeys((*optional, *self.categorical, *self.more_texts)))

    @property
    def all(self) -> tuple[str, ...]:
        """Every column that the run reads, each once."""
        named = tuple(name for name in (self.name, self.renewal_date) if name)
        named += self.parents
        return tuple(dict.fromkeys((self.account_id, *named, *self.numbers, *self.texts, *self.keep, *self.more)))

    @property
    def scored(self) -> tuple[str, ...]:
        """The columns that the scores are made of once every account has its cluster: all but the features."""
        optional = (self.market_segment, self.party_type, self.name, self.revenue, self.renewal_date, *self.more_scored)
        roles = tuple(name for name in optional if name)
        return tuple(dict.fromkeys((self.account_id, self.sales, *roles, *self.non_negative, *self.keep)))


@dataclass(frozen=True)
class EveryColumn(InputColumns):
    """All columns of a table in the types that it has: what a first look reads, before any has a part."""

    account_id: str = ""
    sales: str = ""

    @property
    def numbers(self) -> tuple[str, ...]:
        """No column has to hold numbers."""
        return ()

    @property
    def texts(self) -> tuple[str, ...]:
        """No column has to hold texts."""
        return ()

    @property
    def all(self) -> tuple[str, ...]:
        """No column has to be there."""
        return ()
