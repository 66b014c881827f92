"""The types of values in a job file, narrower than text and number."""

from __future__ import annotations

import re
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import unquote

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from tamscore.placeholders import placeholder_in, remedy
from tamscore.schema import OBJECT_SCHEMES, POSTGRESQL_SCHEMES, VARIABLE
from tamscore.stages.scaling import Scaling

if TYPE_CHECKING:
    from pydantic import ValidationInfo

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.:-]*)://")
_TAKE_ADDRESSES = (
    *("input.path", "output.path", "propensity.label_table", "lifetime_value.orders", "products.path"),
    *("next_offer.path", "buying_roles.path"),
)
"""The keys that may hold an address of an object store."""
OWNERS_WITHOUT_TABLE = ("last", "none")
_OBJECT = re.compile(r"(?P<scheme>[a-z0-9]+)://(?P<user>[^/@]*@)?(?P<bucket>[^/@:?#]+)(?P<key>(/[^/?#]+)*)")
_SECRET = re.compile(r"passw|pwd=|://[^@]*:[^@]*@", re.IGNORECASE)
"""A pattern for passwords in the connection of a database."""
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SCHEDULER = re.compile(r"(tcp|tls)://[^\s/@]+:\d{1,5}")


def refusal(expected: str, hint: str = "") -> PydanticCustomError:
    """Return the error with the expected value and, in `hint`, the remedy."""
    return PydanticCustomError("refused", "expected {expected}", {"expected": expected, "hint": hint})


def _require_filled(path: str, info: ValidationInfo) -> None:
    """Raise an error if a path holds a placeholder; paths stored by a run are exempt, since they are final names."""
    context, name = info.context or {}, placeholder_in(path)
    if name and (context.get("written") or any(name in text for text in context.get("overrides", ()))):
        raise refusal("a path without placeholders", remedy(name))


def _without_scheme(path: str) -> str:
    scheme = _SCHEME.match(path)
    if scheme is None:
        return path
    if scheme[1].lower() != "file":
        known, taking = ", ".join(OBJECT_SCHEMES), ", ".join(_TAKE_ADDRESSES)
        raise refusal("a local path", f"copy the file here; {known} are taken by {taking} only")
    rest = unquote(path[scheme.end() :]).removeprefix("localhost")
    if not rest.startswith("/"):
        raise refusal("file:// followed by an absolute path", "write file:///data/market, or just the path")
    return rest


def _home() -> str:
    try:
        return str(Path.home())
    except RuntimeError:
        raise refusal("an absolute path", "there is no home directory here for ~ to stand for") from None


def _local_path(value: str, info: ValidationInfo) -> str:
    """Return the path made absolute: a worker may have another working directory than the client."""
    _require_filled(value, info)
    path = _without_scheme(value)
    if "\0" in path:
        raise refusal("a path without NUL characters")
    if "::" in path:
        raise refusal("a path without '::'", "chained addresses are not taken; name the file or folder itself")
    if path == "~" or path.startswith("~/"):
        return _home() + path[1:]
    return str((info.context or {}).get("folder", Path()) / path)


def _owners(value: str, info: ValidationInfo) -> str:
    """Return the word for the source of owners, or the path of a table of owners made absolute."""
    return value if value in OWNERS_WITHOUT_TABLE else _local_path(value, info)


def _last_without_value(value: object) -> object:
    return OWNERS_WITHOUT_TABLE[0] if value is None else value  # jobs of earlier versions hold null


def _address(value: str) -> str:
    """Return the address of a folder or object in one spelling: no slash at the end, the scheme in lower case."""
    scheme, _, rest = value.partition("://")
    text = f"{scheme.lower()}://{rest}".rstrip("/")
    result = _OBJECT.fullmatch(text)
    if "\0" in text or "::" in text or result is None:
        raise refusal("SCHEME://BUCKET/FOLDER", "endpoint, credentials and options come from the environment")
    if result["user"] and not result["scheme"].startswith("abfs"):
        raise refusal("an address without a user", "credentials come from the environment")
    if {".", ".."} & set(result["key"].split("/")):
        raise refusal("an address without '.' and '..'")
    return text


def _path_or_address(value: str, info: ValidationInfo) -> str:
    """Return the path made absolute, or the address of an object store unchanged."""
    scheme = _SCHEME.match(value)
    if scheme is None or scheme[1].lower() == "file":
        return _local_path(value, info)
    if f"{scheme[1].lower()}://" not in OBJECT_SCHEMES:
        raise refusal(f"a local path, or an address that begins with {', '.join(OBJECT_SCHEMES)}")
    _require_filled(value, info)
    return _address(value)


def _connection(value: str, info: ValidationInfo) -> str:
    """Return the place of a database without a password: an address, an environment variable, or an absolute path."""
    if _SECRET.search(unquote(value)):
        hint = "it comes from PGPASSWORD or ~/.pgpass; or name the variable that holds the whole address, as env:NAME"
        raise refusal("a connection without a password", hint)
    if value.startswith(VARIABLE):
        if _VARIABLE_NAME.fullmatch(value.removeprefix(VARIABLE)) is None:
            raise refusal(f"{VARIABLE}NAME with the name of an environment variable")
        return value
    if value.startswith(POSTGRESQL_SCHEMES):
        return value
    if _SCHEME.match(value) and not value.startswith("file:"):
        raise refusal("postgresql://USER@HOST/DATABASE, env:NAME, or the path of a SQLite or DuckDB file")
    return _local_path(value, info)


def _increasing(values: tuple[float, ...]) -> tuple[float, ...]:
    if any(low >= high for low, high in pairwise(values)):
        raise refusal("strictly increasing numbers")
    return values


def _increasing_counts(values: tuple[int, int]) -> tuple[int, int]:
    if values[0] >= values[1]:
        raise refusal("two increasing integers")
    return values


def _scheduler(value: str) -> str:
    if _SCHEDULER.fullmatch(value) is None or not 0 < int(value.rpartition(":")[2]) < 2**16:
        raise refusal("tcp://HOST:PORT or tls://HOST:PORT")
    return value


def _day(value: object) -> object:
    """Return the day in a text of the order year, month, day; other types unchanged."""
    try:
        result = date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        result = value
    if isinstance(result, datetime) or not isinstance(result, date):
        raise refusal("a date such as 2026-01-31")
    return result


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _kind_of_winsorise(value: object) -> str | None:
    if isinstance(value, list | tuple):
        return "limits"
    return "off" if value is False else None


def _kind_of_k(value: object) -> str | None:
    if isinstance(value, dict):
        return "by party type"
    return _kind_of_count(value)


def _kind_of_count(value: object) -> str | None:
    if _is_integer(value):
        return "one"
    return "auto" if value == "auto" else None


def _kind_of_fit_rows(value: object) -> str | None:
    if _is_integer(value):
        return "sample"
    return "all" if value == "all" else None


def _kind_of_columns(value: object) -> str | None:
    if isinstance(value, list | tuple):
        return "list"
    return "preset" if isinstance(value, str) else None


def _scaling_alone(value: object) -> object:
    return {"scaling": value} if isinstance(value, str) else value


Text = Annotated[str, Field(min_length=1)]
Column = Annotated[str, Field(min_length=1)]
ColumnList = Annotated[tuple[Column, ...], Field(strict=False)]
WrittenColumns = Annotated[
    Annotated[Literal["all", "core"], Tag("preset")]
    | Annotated[tuple[Column, ...], Field(strict=False, min_length=1), Tag("list")],
    Discriminator(_kind_of_columns),
]
LocalPath = Annotated[str, Field(min_length=1), AfterValidator(_local_path)]
Owners = Annotated[str, Field(min_length=1), AfterValidator(_owners), BeforeValidator(_last_without_value)]
Storage = Annotated[str, Field(min_length=1), AfterValidator(_path_or_address)]
Connection = Annotated[str, Field(min_length=1), AfterValidator(_connection)]
SchedulerAddress = Annotated[str, AfterValidator(_scheduler)]
Day = Annotated[date, BeforeValidator(_day)]
Share = Annotated[float, Field(ge=0, le=1)]
OpenShare = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Factor = Annotated[float, Field(ge=1)]
Count = Annotated[int, Field(ge=1)]
VersionNumber = Annotated[int, Field(ge=0)]
CutLines = Annotated[tuple[OpenShare, ...], Field(strict=False, min_length=1), AfterValidator(_increasing)]
ProbabilityPair = Annotated[tuple[OpenShare, OpenShare], Field(strict=False), AfterValidator(_increasing)]
ThreeShares = Annotated[tuple[OpenShare, OpenShare, OpenShare], Field(strict=False), AfterValidator(_increasing)]
_Limits = Annotated[tuple[Share, Share], Field(strict=False), AfterValidator(_increasing)]
Winsorise = Annotated[
    Annotated[_Limits, Tag("limits")] | Annotated[Literal[False], Tag("off")],
    Discriminator(_kind_of_winsorise),
]
PartyClusterCount = Annotated[
    Annotated[Count, Tag("one")] | Annotated[Literal["auto"], Tag("auto")], Discriminator(_kind_of_count)
]
ClusterCount = Annotated[
    Annotated[int, Field(ge=2), Tag("one")]
    | Annotated[Literal["auto"], Tag("auto")]
    | Annotated[dict[Text, PartyClusterCount], Field(min_length=1), Tag("by party type")],
    Discriminator(_kind_of_k),
]
ClusterRange = Annotated[tuple[Count, Count], Field(strict=False), AfterValidator(_increasing_counts)]
FitRows = Annotated[
    Annotated[int, Field(ge=1000), Tag("sample")] | Annotated[Literal["all"], Tag("all")],
    Discriminator(_kind_of_fit_rows),
]


def or_scaling_alone(feature: Any) -> BeforeValidator:
    """Return the validator that turns the name of a scaling into a table of the model `feature`."""
    return BeforeValidator(_scaling_alone, json_schema_input_type=Scaling | feature)
