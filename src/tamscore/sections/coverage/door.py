"""What can be known of a coverage before there are scores: its tables, owners against people, hours against plans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.scoring.joining.lookup import explain, joined_parts, match_ids
from tamscore.sections.coverage.joining import SETTING, match_persons, unknown_owners
from tamscore.sections.coverage.names import name_list, with_roles
from tamscore.sections.coverage.plan_table import read_plans
from tamscore.sections.coverage.plans import DIGITAL, PARTNER
from tamscore.sections.coverage.reading import HOURS_OF_A_WEEK, owner_rows, read_people, read_table
from tamscore.sections.coverage.touches import NEEDED, READ
from tamscore.store import tables
from tamscore.store.sources.whole import encoding_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pyarrow as pa

    from tamscore.scoring.joining.lookup import KnownAccounts
    from tamscore.scoring.joining.match import Match
    from tamscore.sections.coverage.people import Person
    from tamscore.sections.coverage.plans import TouchPlan
    from tamscore.sections.coverage.settings import Coverage
    from tamscore.stages.folding import IdForm

_HOURS_OF_A_YEAR = 8_784


def doubts_before_scores(
    settings: Coverage, form: IdForm, known: Callable[[], KnownAccounts] | None = None
) -> list[str]:
    """Return notices about the tables of a coverage before there are scores.

    `known` are the accounts of the market; without it, ids are not compared. Raise InputContractError for problems that
    would stop the coverage after scoring, as far as they are known.
    """
    from tamscore.sections.coverage.question import team_of

    plans = with_roles(read_plans(settings), DIGITAL, PARTNER)
    people = team_of(settings, read_people(settings), plans)
    matches: list[Match] = []
    doubts = [*doubts_about_encoding(settings), *doubts_about_hours(settings, people, plans)]
    if (path := settings.owner_table) is not None:
        rows = owner_rows(path, form, people)
        matches.append(match_persons(settings, rows.names, rows.who, people))
        doubts += unknown_owners(path, rows.names, rows.who >= 0, people)
        matches += _match_known(settings, path, rows.ids, known)
    if settings.account_plans is not None:
        table = read_table(settings.account_plans, NEEDED, READ)
        matches += _match_known(settings, settings.account_plans, tables.account_ids(table["account_id"], form), known)
    return [*(match.notice for match in matches if match.is_noticed), *doubts]


def _match_known(
    settings: Coverage, path: str, ids: pa.Array, known: Callable[[], KnownAccounts] | None
) -> list[Match]:
    """Return the match of the ids of a table (n,) with the accounts of the market; nothing where these are unknown.

    Raise InputContractError if fewer than coverage.min_match_share met one.
    """
    if known is None:
        return []
    accounts = known()
    match, sample = joined_parts(path, "account_id", [match_ids(ids, accounts.hashes)])
    return [explain(match, sample, accounts).require(settings.min_match_share, SETTING)]


def doubts_about_encoding(settings: Coverage) -> Iterator[str]:
    """Yield which tables are in no UTF-8 and were read as Excel on Windows writes them."""
    for path in settings.tables_named().values():
        if (encoding := encoding_of(path)) != "utf-8":
            yield f"{path}: is not UTF-8 and was read as {encoding}; save it as UTF-8 if names look wrong"


def doubts_about_hours(settings: Coverage, people: Sequence[Person], plans: Sequence[TouchPlan]) -> Iterator[str]:
    """Yield what looks wrong about the hours of people: those of a week as those of a year, or too few for any plan."""
    where = settings.people or "coverage.team"
    hours = [person.hours for person in people if person.hours > 0]
    if people and not hours:
        yield f"{where}: nobody has any hours: all accounts are digital"
    if hours and settings.hours_per == "year" and max(hours) <= HOURS_OF_A_WEEK:
        yield (
            f'{where}: nobody has more than {max(hours):g} hours a year; set coverage.hours_per = "week" if these are '
            "hours of a week"
        )
    if many := [person.name for person in people if person.hours > _HOURS_OF_A_YEAR]:
        yield f"{where}: {name_list(many)}: more hours than a year has ({_HOURS_OF_A_YEAR:,}); check the unit"
    for role in dict.fromkeys(person.role for person in people):
        most = max(person.hours for person in people if person.role == role)
        least = min(plan.hours for plan in plans if plan.role == role)
        if 0 < most < least:
            yield f"{where}: nobody of role {role!r} has the {least:g} hours that its smallest plan takes of an account"
