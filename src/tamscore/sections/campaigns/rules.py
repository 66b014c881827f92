"""The rules that tie keys of `[campaigns]` together."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from tamscore.config.problems import NOTHING, Problem, dotted_place, nearest
from tamscore.score_columns import CUSTOMER_JOB
from tamscore.sections.campaigns.settings import slug
from tamscore.stages.priority import TIERS
from tamscore.stages.quadrant import ACCOUNT_PLAYS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.config.job import Columns
    from tamscore.config.problems import Place
    from tamscore.sections.campaigns.settings import Campaign, Campaigns

_MAP = ("campaigns", "map")
_FOUND = {"cluster": "clusters", "own_segment": "segments of your own", CUSTOMER_JOB: "customer jobs"}
"""Segments that nobody knows before a run, by what campaigns go by."""
_LEVELS: dict[str, tuple[str, ...]] = {"tier": TIERS, "play": ACCOUNT_PLAYS}
"""All segments that there are, where the job file need not say them."""


def _every_campaign(campaigns: Campaigns) -> Iterator[tuple[Place, Campaign]]:
    """Yield every campaign with its place in the job file."""
    yield from (((*_MAP, segment), campaign) for segment, campaign in campaigns.map.items())
    if campaigns.default is not None:
        yield ("campaigns", "default"), campaigns.default


def campaign_map_is_total(campaigns: Campaigns) -> Iterator[Problem]:
    """Yield the size bands without a campaign and, where nothing catches them, the sizes below every band."""
    bands = campaigns.bands
    if campaigns.by != "band":
        return
    if "map" in campaigns.model_fields_set:
        for band in (band for band in campaigns.map if band not in bands):
            yield Problem((*_MAP, band), f"one of the bands {', '.join(bands)}", band, nearest(band, bands))
    if campaigns.default is not None:
        return
    for band in (band for band in bands if band not in campaigns.map):
        hint = f"add [{dotted_place((*_MAP, band))}] or set campaigns.default"
        yield Problem((*_MAP, band), "a campaign for this band", hint=hint)
    if min(bands.values()) > 0:
        hint = "smaller accounts would have no campaign; set campaigns.default"
        yield Problem(("campaigns", "bands"), "one band that starts at 0", bands, hint)


def levels_have_campaigns(campaigns: Campaigns) -> Iterator[Problem]:
    """Yield the tiers or plays that there are not, and those without a campaign."""
    known = _LEVELS.get(campaigns.by, ())
    for name in (name for name in campaigns.map if known and name not in known):
        yield Problem((*_MAP, name), f"one of {', '.join(known)}", name, nearest(name, known))
    for name in (name for name in known if campaigns.default is None and name not in campaigns.map):
        hint = f"add [{dotted_place((*_MAP, name))}] or set campaigns.default"
        yield Problem((*_MAP, name), f"a campaign for this {campaigns.by}", hint=hint)


def bands_are_distinct(campaigns: Campaigns) -> Iterator[Problem]:
    """Yield the size bands that start where another one starts."""
    starts = Counter(campaigns.bands.values())
    for band, start in campaigns.bands.items():
        if starts[start] > 1:
            yield Problem(("campaigns", "bands", band), "a lower limit of its own", start)


def segments_of_campaigns_are_there(
    columns: Columns, campaigns: Campaigns, segments: Any, jobs: Any
) -> Iterator[Problem]:
    """Yield a problem if no key names the segments, or if it is unknown whether the map covers all of them."""
    if campaigns.by == "own_segment" and not (segments and segments.own):
        yield Problem(("segments", "own"), 'columns for campaigns.by = "own_segment"', NOTHING)
    if campaigns.by == CUSTOMER_JOB and jobs is None:
        yield Problem(("jobs",), f'a section [jobs] for campaigns.by = "{CUSTOMER_JOB}"', NOTHING)
    if campaigns.by == "market_segment" and columns.market_segment is None:
        hint = 'or take campaigns.by = "band" or "cluster"'
        yield Problem(("columns", "market_segment"), 'a column for campaigns.by = "market_segment"', NOTHING, hint)
    if campaigns.by in _FOUND and campaigns.default is None:
        hint = f"{_FOUND[campaigns.by]} are found by the run; new ones would have no campaign"
        yield Problem(("campaigns", "default"), f'a campaign for campaigns.by = "{campaigns.by}"', NOTHING, hint)


def campaign_ids_are_distinct(campaigns: Campaigns) -> Iterator[Problem]:
    """Yield the campaigns whose id stands for another one too."""
    taken: dict[str, Campaign] = {}
    for place, campaign in _every_campaign(campaigns):
        if campaign.id is not None and taken.setdefault(campaign.id, campaign) != campaign:
            hint = "the same id stands for another channel, theme or message"
            yield Problem((*place, "id"), "an id of its own", campaign.id, hint)


def budgets_pay_for_somebody(campaigns: Campaigns) -> Iterator[Problem]:
    """Yield the budgets that do not pay for one contact."""
    for place, campaign in _every_campaign(campaigns):
        if campaign.most == 0:
            yield Problem(
                (*place, "budget"), f"at least one cost_per_contact, {campaign.cost_per_contact:g}", campaign.budget
            )


def channels_are_distinct(campaigns: Campaigns) -> Iterator[Problem]:
    """Yield the channels whose lists would be files of the same name."""
    taken: dict[str, str] = {}
    for place, campaign in _every_campaign(campaigns):
        first = taken.setdefault(slug(campaign.channel), campaign.channel)
        if first != campaign.channel:
            yield Problem(
                (*place, "channel"), "one way to write each channel", campaign.channel, f"{first!r} stands there too"
            )
