"""The section [coverage] of the job file: people, their hours, plans and owners of accounts."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import Field, field_validator, model_validator

from tamscore.config.section import SectionSettings
from tamscore.config.values import (
    OWNERS_WITHOUT_TABLE,
    Column,
    LocalPath,
    Owners,
    Positive,
    Share,
    Text,
)
from tamscore.substitution import plain_word

_WEEKLY_HOURS = 26.0
_MOST_PEOPLE = 100_000
"""Most people of a role in `team`."""
TABLES = ("people", "plans", "account_plans", "owners")
"""The keys that name tables."""

_Segment = Literal["blue", "A", "orange", "B", "yellow", "C", "grey", "teal", "D"]
_ServiceLevel = Literal["digital", "pooled", "high_touch"]


def default_team() -> dict[str, int]:
    """Return the team of the reference case: 42 people."""
    return {"account_manager": 16, "hunter": 10, "inside_sales": 8, "sdr": 5, "channel_partner": 3}


def _default_minimum() -> dict[_Segment, _ServiceLevel]:
    """Return the least service of quadrants and tiers: a person for large and loyal customers and for tier A."""
    return {"blue": "pooled", "A": "pooled", "orange": "pooled"}


class Coverage(SectionSettings):
    """Who covers whom, with the hours there are; a job with this section has the coverage in its scores."""

    people: LocalPath | None = None
    """Table of people (Parquet or CSV): person, role, hours; optional: regions and skills (a|b). Absent: team."""
    team: dict[Text, Annotated[int, Field(ge=0, le=_MOST_PEOPLE)]] = Field(default_factory=default_team)
    """Number of people in each role; used without a table of people."""
    hours_per_person: Positive = 1200.0
    """Hours of a person for accounts; used without a table of people, and for one person more or less. Default with
    hours_per = "week": 26."""
    hours_per: Literal["year", "week"] = "year"
    """Period of the hours of people, here and in the table: a year or a week."""
    weeks_per_year: Annotated[float, Field(gt=0, le=53)] = 46.0
    """Working weeks of a person in a year; they turn weekly hours into yearly hours."""
    ramp: Annotated[tuple[Share, ...], Field(strict=False, max_length=12)] = ()
    """Shares of the full hours that a new person has in each of the first months; used in the first year of a
    scenario."""
    plans: LocalPath | None = None
    """Table of touch plans: role, service_level, hours, expansion, acquisition, protection; optional limits:
    party_type, quadrant, kind, tier, market_segment, region, band. Absent: the default plans."""
    account_plans: LocalPath | None = None
    """Table of hours of single accounts, which replace those of the plans: account_id, role, hours; optional:
    service_level."""
    minimum_treatment: dict[_Segment, _ServiceLevel] = Field(default_factory=_default_minimum)
    """Least service level of accounts by quadrant or tier, as far as hours allow: pooled or high_touch. Accounts are
    served in the order blue, A, orange, B, yellow, C, grey, teal, D, then by priority. {}: no minimum."""
    measured: bool | None = None
    """Whether effects measured with holdouts replace the shares of the plans, see tamscore lift. Absent: they replace
    those of the default plans only."""
    owners: Owners = "last"
    """Owners of accounts today: "last" takes them from the newest coverage of an earlier version of the output; "none";
    or a table: account_id, person; optional: locked (true or false)."""
    min_match_share: Share = 0.5
    """Share of the rows of owners and account_plans that must name a scored account, and of the owners that must be
    people; coverage stops if fewer do."""
    max_moves: Annotated[int, Field(ge=0)] | None = None
    """Most accounts that may change owner; absent: no limit."""
    balance: Annotated[float, Field(gt=0, le=1)] | None = None
    """Most relative deviation of the accounts and expected value of a person from their share by hours in the role,
    such as 0.2 for a fifth, as far as exchanges of equal hours allow; absent: people are balanced by potential only."""
    families: Literal["one_owner", "free"] = "one_owner"
    """Coverage of families, if the scores have them: one_owner covers a family as a whole, with one person and the
    hours of one account; free covers its accounts one by one."""
    region: Column | None = None
    """Column of the scores with an account's region, see columns.keep; people serve the regions in their row."""
    skill: Column | None = None
    """Column of the scores with the skill that an account needs; the person must have it."""

    @model_validator(mode="before")
    @classmethod
    def _with_hours_of_a_week(cls, data: Any) -> Any:
        """Return the data with the default hours of a week if it counts in weeks and gives no hours."""
        weekly = isinstance(data, dict) and data.get("hours_per") == "week"
        return {"hours_per_person": _WEEKLY_HOURS, **data} if weekly else data

    @field_validator("team")
    @classmethod
    def _team_in_order(cls, team: dict[str, int]) -> dict[str, int]:
        """Return the team with the roles of the default team first, then by name: keys of a job file have no order."""
        known = [plain_word(role) for role in default_team()]
        place = {role: known.index(plain_word(role)) if plain_word(role) in known else len(known) for role in team}
        return {role: team[role] for role in sorted(team, key=lambda role: (place[role], plain_word(role), role))}

    @field_validator("minimum_treatment")
    @classmethod
    def _minimum_in_order(cls, minimum: dict[_Segment, _ServiceLevel]) -> dict[_Segment, _ServiceLevel]:
        """Return the least service in the order in which accounts are served."""
        return {name: minimum[name] for name in get_args(_Segment) if name in minimum}

    @property
    def yearly(self) -> float:
        """Return the factor that turns the given hours of people into hours a year."""
        return self.weeks_per_year if self.hours_per == "week" else 1.0

    @property
    def hours_of_one(self) -> float:
        """Hours a year of a person without other information."""
        return self.hours_per_person * self.yearly

    def tables_named(self) -> dict[str, str]:
        """Return the paths of the tables that are named, by key."""
        named = {key: getattr(self, key) for key in TABLES} | {"owners": self.owner_table}
        return {key: path for key, path in named.items() if path is not None}

    @property
    def owner_table(self) -> str | None:
        """The path of the table of owners, None without one."""
        return None if self.owners in OWNERS_WITHOUT_TABLE else self.owners

    @property
    def keeps_books(self) -> bool:
        """Return whether owners come from the last coverage."""
        return self.owners == OWNERS_WITHOUT_TABLE[0]
