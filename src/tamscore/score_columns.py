"""The columns of the scores: what each holds, in which unit, and when it is null."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["number", "money", "share", "text", "truth", "date"]


@dataclass(frozen=True)
class ScoreColumn:
    """A column of the scores: its name, its kind, what it says, and when it is null; never if that is empty."""

    name: str
    kind: Kind
    meaning: str
    null_when: str = ""


CUSTOMER_JOB = "customer_job"
"""The column of customer jobs, which segments and campaigns may go by."""
_INPUT_LACKS_IT = "the input has none"
_NO_LADDER = "the account's ladder has no interval"
_NO_CUSTOMERS = "no account of its party type buys"
OWN_COLUMNS = (
    ScoreColumn("account_id", "text", "the account, as in the input; unique"),
    ScoreColumn("name", "text", "the account's name; where columns.name is", _INPUT_LACKS_IT),
    ScoreColumn("party_type", "text", "end_user or channel"),
    ScoreColumn("market_segment", "text", "the classical segment; where columns.market_segment is", _INPUT_LACKS_IT),
    ScoreColumn("cluster", "text", "cluster of peers: E01 … for end users, C01 … for channel, the largest first"),
    ScoreColumn("distance", "number", "distance to the own center, in standard deviations"),
    ScoreColumn(
        "margin",
        "number",
        "how much farther the second center is, in standard deviations; below 0 if the account is held in its cluster",
        "its party type has one cluster",
    ),
    ScoreColumn("sales", "money", "net sales in the window", "the input has none: the account counts as a prospect"),
    ScoreColumn("kind", "text", "expansion for customers, acquisition for prospects"),
    ScoreColumn(
        "typical_sales",
        "money",
        "what an account with these features typically buys; where potential.level is account",
        _NO_CUSTOMERS,
    ),
    ScoreColumn("potential", "money", "what the account could spend in the window", _NO_CUSTOMERS),
    ScoreColumn("whitespace", "money", "potential that is still open", _NO_CUSTOMERS),
    ScoreColumn("penetration", "share", "sales as a share of potential", _NO_CUSTOMERS),
    ScoreColumn("step", "number", "number of the step of the ladder that is the potential, from 1"),
    ScoreColumn(
        "relative_potential", "number", "ratio of potential to that of the cluster's median account", _NO_CUSTOMERS
    ),
    ScoreColumn("relative_message", "text", "the same in words"),
    ScoreColumn("basis", "text", "where the ladder comes from: the cluster, or what it borrows from"),
    ScoreColumn("support", "number", "customers behind the ladder"),
    ScoreColumn("low_support", "truth", "whether these are too few for an interval of their own"),
    ScoreColumn("potential_low", "money", "lower end of the interval of the cut value", _NO_LADDER),
    ScoreColumn("potential_high", "money", "upper end of the interval of the cut value", _NO_LADDER),
    ScoreColumn("rank", "number", "place by whitespace among all accounts, from 1"),
    ScoreColumn("rank_in_kind", "number", "place by whitespace among those of its kind, from 1"),
    ScoreColumn("probability", "share", "how likely the account is won"),
    ScoreColumn("p_basis", "text", "how that is known: a label, look-alikes, or an assumed rate"),
    ScoreColumn(
        "expected_value", "money", "probability times what customers like it buy more on average", _NO_CUSTOMERS
    ),
    ScoreColumn("priority", "number", "place by whitespace times probability in the party type, from 1"),
    ScoreColumn("priority_in_kind", "number", "the same within its kind"),
    ScoreColumn("tier", "text", "A to D by priority"),
    ScoreColumn("quadrant", "text", "blue, yellow, orange or grey, by potential and sales; teal for channel"),
    ScoreColumn("play", "text", "what to do: protect, grow, win, nurture and others"),
    ScoreColumn("suggested_role", "text", "who does it, as the quadrant suggests"),
    ScoreColumn("suggested_service_level", "text", "how closely, as the quadrant suggests"),
    ScoreColumn("flags", "text", "what is odd about the row, joined by a bar; empty if nothing is"),
)
"""The columns of every run, in order; kept columns stand after the market segment, sections add their own."""
ROLE_COLUMNS = (
    ScoreColumn("role", "text", "who covers the account; where the job has [coverage]"),
    ScoreColumn("service_level", "text", "how closely; where the job has [coverage]"),
    ScoreColumn("person", "text", "who that is; where the job has [coverage]", "nobody covers it in person"),
)
"""The columns of a coverage that the scores hold."""
