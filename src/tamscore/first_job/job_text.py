"""The job file of a proposal, with the reason for each choice beside it."""

from __future__ import annotations

import json
import re
import tomllib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tamscore.first_job.proposal import Proposal
    from tamscore.first_job.vocabulary import Part

_WIDTH = 44
"""Comments begin here where a line leaves room."""
_COLUMNS: tuple[Part, ...] = ("account_id", "sales", "name", "party_type", "market_segment", "revenue")
_NOTE = """\
# A first job for {path} ({rows:,} rows, of which {sampled:,} were looked at).
#
#   tamscore check THIS_FILE      what could keep it from running
#   tamscore run THIS_FILE        score all accounts
#   tamscore schema               every key that may stand here
"""


def tables_of(proposal: Proposal, *, sections: bool = True) -> dict[str, Any]:
    """Return the job of a proposal as tables, without further sections if they are not wanted."""
    return tomllib.loads(job_text(proposal, sections=sections))


def job_text(proposal: Proposal, *, sections: bool = True) -> str:
    """Return the job file (TOML) of a proposal."""
    parts = [
        _NOTE.format(path=_one_line(proposal.path), rows=proposal.rows, sampled=proposal.sampled),
        _section("input", [("path", proposal.path, "")]),
        _section("output", [("path", proposal.output, "each run gets a folder of its own below")]),
        _section("columns", _columns(proposal)),
        *_party_words(proposal),
        _section("rows", _rows(proposal)),
        _section("features", [("categorical", [*proposal.features.categorical], "")]),
        _section("features.numeric", _numeric(proposal)),
        _left_out(proposal.features.left_out),
        _section("clusters", [("k", "auto", "chosen by how well it tells held-out sales; or a number")]),
        *(_optional(proposal) if sections else ()),
    ]
    return "\n".join(part for part in parts if part)


def _section(name: str, lines: Iterable[tuple[str, Any, str]]) -> str:
    """Return a section of keys, values and comments; empty without a line."""
    body = "".join(_line(*parts) for parts in lines)
    return f"[{name}]\n{body}" if body else ""


def _line(key: str, value: Any, comment: str) -> str:
    """Return a line of a job file."""
    text = f"{_bare(key)} = {_toml(value)}"
    return f"{text:<{_WIDTH}} # {_one_line(comment)}\n" if comment else f"{text}\n"


def _bare(key: str) -> str:
    """Return a key, in quotes if it needs them."""
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _toml(key)


def _toml(value: Any) -> str:
    """Return a value as TOML writes it."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_bare(key)} = {_toml(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _one_line(text: str) -> str:
    """Return a comment that stays on its line."""
    return re.sub(r"[\x00-\x1f\x7f]+", " ", text)


def _columns(proposal: Proposal) -> Iterator[tuple[str, Any, str]]:
    """Yield the columns by the part they play."""
    for part in _COLUMNS:
        if part in proposal.roles:
            role = proposal.roles[part]
            yield part, role.column, f"{role.reason}; look: {role.doubt}" if role.doubt else role.reason
    if currency := proposal.roles.get("currency"):
        yield "currency", currency.column, currency.doubt or currency.reason
    if proposal.features.keep:
        yield "keep", [*proposal.features.keep], "copied to the scores, to filter by"


def _party_words(proposal: Proposal) -> list[str]:
    """Return the section of words for party types; empty if the table's are those of a job."""
    words = proposal.party_types
    if words is None or words.are_own:
        return []
    name = _bare(proposal.roles["party_type"].column)
    return [_section(f"values.{name}", ((text, read, "") for text, read in words.words.items()))]


def _rows(proposal: Proposal) -> Iterator[tuple[str, Any, str]]:
    """Yield what happens to rows with missing or impossible values."""
    share = proposal.missing_sales
    if share > 0.01:
        limit = min(1.0, round(share + 0.05, 2))
        yield "max_sales_missing_share", limit, f"{share:.1%} have no sales, and count as prospects"
    if proposal.features.non_negative:
        yield "non_negative", [*proposal.features.non_negative], "a negative value is flagged and counted"


def _numeric(proposal: Proposal) -> Iterator[tuple[str, Any, str]]:
    """Yield the numeric features with their scaling."""
    for name, scaled in proposal.features.numeric.items():
        value: Any = (
            {"scaling": scaled.scaling, "missing_indicator": True} if scaled.missing_indicator else scaled.scaling
        )
        yield name, value, scaled.reason


def _left_out(columns: Mapping[str, str]) -> str:
    """Return a comment that says which columns are no features, and why."""
    if not columns:
        return ""
    lines = "".join(f"#   {_one_line(name)}: {reason}\n" for name, reason in columns.items())
    return f"# No features, since potential must not repeat what an account buys, nor follow from names:\n{lines}"


def _optional(proposal: Proposal) -> Iterator[str]:
    """Yield the sections that the columns and the further tables are good for."""
    if size := proposal.column("size"):
        yield _section("campaigns", [("size", size, "size bands get a channel and a message each")])
    for side_section in proposal.sections:
        text = _section(side_section.name, ((key, value, "") for key, value in side_section.keys.items()))
        notes = "".join(f"# {_one_line(note)}\n" for note in side_section.notes)
        yield ("".join(f"# {row}\n" for row in text.splitlines()) if side_section.is_incomplete else text) + notes
