"""What a first job for a table is made of, and what about it is in doubt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tamscore import job_file
from tamscore.errors import UsageError
from tamscore.first_job import names
from tamscore.first_job.features import ProposedFeatures, features_of
from tamscore.first_job.reading import sampled_table
from tamscore.first_job.requirements import NAMED, column_list, require_columns, require_outside, require_parts
from tamscore.first_job.roles import Role, roles_of
from tamscore.first_job.side_tables import SideSection, SideTables, sections_of
from tamscore.first_job.vocabulary import PERHAPS_ORDERS
from tamscore.questions.readiness import suspected_features
from tamscore.store.location import location

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tamscore.first_job.party_types import PartyTypes
    from tamscore.first_job.vocabulary import Part

_SUSPECTED = "tells customers from prospects: it looks like sales in disguise"
_PARTIAL = "not in all of the files"
_ROUNDS = 3
"""The guard is asked again without its suspects, so often at the most: one leak may hide another."""


@dataclass(frozen=True)
class Proposal:
    """A first job for a table: who plays which part, which columns are features, further sections.

    `path` is the table as the job file names it, `rows` are its rows, of which `sampled` were looked at.
    `missing_sales` is the share of those without sales.
    """

    path: str
    rows: int
    sampled: int
    roles: dict[Part, Role]
    party_types: PartyTypes | None
    features: ProposedFeatures
    missing_sales: float
    sections: tuple[SideSection, ...]
    output: str

    def column(self, part: Part) -> str | None:
        """Return the column of a part, None if no column plays it."""
        return self.roles[part].column if part in self.roles else None

    @property
    def doubts(self) -> Iterator[str]:
        """Yield what a person should look at, a sentence each."""
        for role in self.roles.values():
            if role.doubt:
                yield f"columns.{role.part} = {role.column!r}: {role.doubt}"
        if self.party_types and self.party_types.unknown:
            words = ", ".join(repr(word) if word else "missing ones" for word in self.party_types.unknown[:NAMED])
            yield f"party types {words} count as end users"
        if perhaps := [name for name in self.features.names if _may_follow_orders(name)]:
            yield f"features {column_list(perhaps)}: take out those that follow from what the account buys"
        for name, word in self.features.unread.items():
            among = f"with texts such as {word!r} among them" if word else "stored as texts"
            yield f"{name!r} holds numbers, {among}: no amounts to a run; empty these cells, or make it numbers"
        if self.missing_sales:
            yield f"{self.missing_sales:.1%} of the rows have no sales: they count as prospects"
        for section in self.sections:
            yield from (f"[{section.name}] {note}" for note in section.notes)


def _may_follow_orders(name: str) -> bool:
    """Return whether a feature may be about orders by its name, or has a name in letters that are not read."""
    return names.has_word(name, PERHAPS_ORDERS) or not names.words_of(name)


def propose(
    table: str,
    folder: Path,
    given: Mapping[str, str] | None = None,
    further: SideTables | None = None,
    output: str = "scores",
) -> Proposal:
    """Return a first job for a table, to be written to a job file in `folder`.

    `given` names the columns of parts that are known (sales = "Umsatz"), `further` more tables, `output` the folder of
    the scores. Raise UsageError with the option to add if no column can be an account's id or sales, or no column can
    be a feature; InputContractError if the table cannot be read, or is one of order lines.
    """
    require_outside(table, folder)
    read = sampled_table(table, "table")
    given = dict(given or {})
    require_columns(table, read, given)
    roles, words = roles_of(read.columns, given)
    require_parts(table, read, roles, given)
    taken = {role.column for role in roles.values()}
    described = {roles[part].column for part in ("market_segment", "revenue", "size") if part in roles}
    features = features_of(read.columns, taken, described)
    features = replace(features, left_out=features.left_out | dict.fromkeys(read.plan.partial, _PARTIAL))
    missing = next(column.missing_share for column in read.columns if column.name == roles["sales"].column)
    sections = sections_of(further or SideTables(), roles["account_id"].column, lambda path: _written(path, folder))
    first = Proposal(
        _written(table, folder), read.plan.rows, read.sampled, roles, words, features, missing, tuple(sections), output
    )
    return _without_suspects(first, folder)


def _written(path: str, folder: Path) -> str:
    """Return a path as a job file in a folder names it: relative if it lies inside."""
    where = location(path)
    if not isinstance(where, Path):
        return path
    inside = Path(path).absolute()
    try:
        return inside.relative_to(folder.absolute()).as_posix() or "."
    except ValueError:
        return str(inside)


def _without_suspects(first: Proposal, folder: Path) -> Proposal:
    """Return the proposal without features that the leakage guard would stop a run for."""
    from tamscore.first_job.job_text import tables_of
    from tamscore.scoring.context import plan_of

    proposal = first
    for _ in range(_ROUNDS):
        if not proposal.features.numeric and not proposal.features.categorical:
            out = "; ".join(f"{name!r} {reason}" for name, reason in [*proposal.features.left_out.items()][:NAMED])
            raise UsageError(
                f"{proposal.path}: found no column that says what an account is, such as employees or industry"
                f"{f'; left out: {out}' if out else ''}"
            )
        job = job_file.parse(tables_of(proposal, sections=False), "job", folder=folder, written=True)
        suspects = suspected_features(job, plan_of(job))
        if not suspects:
            break
        proposal = replace(proposal, features=proposal.features.without(suspects, _SUSPECTED))
    return proposal
