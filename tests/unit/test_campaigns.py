"""Every account has a campaign: the band it reaches, the first one where its size is unknown."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamscore import job_file
from tamscore.sections.campaigns.segments import Bands, band_codes
from tamscore.sections.campaigns.settings import Campaign
from tests.end_to_end import market

BANDS = Bands(("small", "large", "huge"), (0.0, 250.0, 5000.0))


def test_a_band_begins_at_its_limit():
    sizes = np.array([0.0, 249.9, 250.0, 4999.0, 5000.0, 1e12])
    names = [BANDS.names[code] for code in band_codes(sizes, BANDS)]
    assert names == ["small", "small", "large", "large", "huge", "huge"]


def test_unknown_and_impossible_sizes_get_the_first_band():
    assert band_codes(np.array([np.nan, -5.0, -np.inf]), BANDS).tolist() == [0, 0, 0]


def test_one_band_is_for_all():
    assert band_codes(np.array([-1.0, 10.0, np.nan]), Bands(("large",), (250.0,))).tolist() == [0, 0, 0]


@given(st.lists(st.floats(allow_nan=True), max_size=20), st.lists(st.floats(-1e6, 1e6), min_size=1, unique=True))
def test_the_band_is_the_last_whose_limit_is_reached(sizes, limits):
    bands = Bands(tuple(map(str, sorted(limits))), tuple(sorted(limits)))
    for size, code in zip(sizes, band_codes(np.array(sizes, float), bands), strict=True):
        reached = [i for i, limit in enumerate(bands.limits) if size >= limit]
        assert code == (reached[-1] if reached else 0)


@pytest.mark.parametrize(
    ("budget", "each", "contacts", "most"),
    [(10.0, 2.5, None, 4), (1e300, 1.0, None, None), (1.0, 1e-320, 5, 5), (1e300, 1e-320, None, None)],
)
def test_a_budget_for_more_than_any_list_holds_is_no_limit(budget, each, contacts, most):
    campaign = Campaign(channel="post", theme="price", budget=budget, cost_per_contact=each, contacts=contacts)
    assert campaign.most == most


def test_a_job_with_bands_of_its_own_can_be_read_again_as_it_was_stored():
    """The default map has campaigns of the default bands; those of bands that are not there are none of the job's."""
    settings = {"size": "x", "bands": {"small": 0.0, "large": 90.0}}
    job = market.job("in", "out", market.PLAIN | {"campaigns": settings})
    again = job_file.parse(job.model_dump(mode="json"), "job")
    assert again == job
    assert [*job.sections["campaigns"].map] == ["small", "large"]
