"""Columns as trees and lines take them: nothing missing is made up, nothing infinite gets through."""

from __future__ import annotations

import numpy as np
import pytest

from tamscore.sections.propensity import design
from tamscore.stages.prepare import Vocabulary

VALUES = np.array([1.0, 3.0, np.nan, 5.0, np.inf])
PLACES = (design.number("x", VALUES),)
CODES = np.array([0, 1, 2, 0, 0])


def made(backend):
    of = design.PropensityDesign(PLACES, (Vocabulary("kind", ("a",)),))
    raw = of.raw(backend.xp, {"x": backend.put(VALUES)}, {"kind": backend.put(CODES)})
    straight = of.straight(backend.xp, raw)
    return of, [backend.get(one) for one in raw], [backend.get(one) for one in straight]


def test_trees_get_raw_numbers_and_the_codes_of_categories(backend):
    of, raw, _ = made(backend)
    assert np.array_equal(raw[0], [1.0, 3.0, np.nan, 5.0, np.nan], equal_nan=True)
    assert raw[1].tolist() == CODES.tolist()
    assert len(raw) == 2
    assert of.levels == (0, 3)


def test_a_line_gets_numbers_at_scale_and_a_mark_for_what_is_missing(backend):
    of, _, straight = made(backend)
    spread = np.std([1.0, 3.0, 5.0])
    assert straight[0] == pytest.approx([-2 / spread, 0, 0, 2 / spread, 0])
    assert [one.tolist() for one in straight[1:4]] == [[1, 0, 0, 1, 1], [0, 1, 0, 0, 0], [0, 0, 1, 0, 0]]
    assert straight[-1].tolist() == [0, 0, 1, 0, 1]
    assert of.straight_sources == (0, 1, 1, 1, 0)
    assert len(of.straight_sources) == len(straight)


def test_skewed_numbers_are_taken_by_their_logarithm(rng):
    skewed, even = np.exp(rng.normal(5, 2, 4000)), rng.normal(0, 1, 4000)
    assert design.number("skewed", skewed).logarithm
    assert not design.number("even", even).logarithm
    one = design.number("skewed", skewed)
    assert design.straight(np, skewed, one).std() == pytest.approx(1.0)


@pytest.mark.parametrize("values", [np.full(5, np.nan), np.full(5, 3.0)])
def test_a_column_that_says_nothing_is_nought_everywhere(values):
    assert design.straight(np, values, design.number("x", values)).tolist() == [0.0] * 5
