"""The strongest reasons come first, with their direction, in words."""

from __future__ import annotations

import numpy as np

from tamscore.sections.propensity import reasons
from tamscore.sections.propensity.design import Number, PropensityDesign
from tamscore.stages.prepare import Vocabulary

NAMES = [("size low", "size high"), ("country = DE", "country = FR"), ("age low", "age high"), ("kind = a",)]


def reasons_of(backend, added, states):
    put = [backend.put(np.array(one, np.float64)) for one in added], [backend.put(np.array(one)) for one in states]
    found = reasons.strongest(backend.xp, *put, reasons.offsets_of(NAMES), 3)
    code, texts = reasons.texts([backend.get(one) for one in found], NAMES)
    return [texts[place] for place in code]


def test_reasons_stand_in_order_of_their_size_with_their_direction(backend):
    added = [[0.2, 0.0, -3.0], [-0.5, 0.01, 0.1], [0.1, 0.0, 0.3], [0.06, 0.04, 0.0]]
    states = [[0, 0, 1], [1, 0, 0], [1, 0, 0], [0, 0, 0]]
    assert reasons_of(backend, added, states) == [
        "- country = FR; + size low; + age high",
        "",
        "- size high; + age low; + country = DE",
    ]


def test_of_equal_reasons_the_first_column_comes_first(backend):
    assert reasons_of(backend, [[0.5], [0.5], [-0.5], [0.5]], [[0], [0], [0], [0]]) == [
        "+ size low; + country = DE; - age low",
    ]


def test_what_is_faint_is_no_reason(backend):
    assert reasons_of(backend, [[0.049], [0.05], [0.0], [0.0]], [[0], [0], [0], [0]]) == ["+ country = DE"]


def test_values_are_called_what_a_person_would_call_them(backend):
    xp = backend.xp
    number = Number("size", logarithm=False, center=0.0, spread=1.0, low=1.0, high=2.0)
    design = PropensityDesign((number,), (Vocabulary("country", ("DE",)),))
    raw = [backend.put(np.array([1.0, 1.5, 2.0, 2.5, np.nan])), backend.put(np.array([0, 1, 2, 0, 0]))]
    found = [backend.get(one) for one in design.states(xp, raw)]
    names = [[names[place] for place in one] for names, one in zip(design.state_names, found, strict=True)]
    assert names[0] == ["size low", "size middling", "size middling", "size high", "size missing"]
    assert names[1] == ["country = DE", "country = other", "country = unknown", "country = DE", "country = DE"]
