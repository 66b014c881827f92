"""The CUDA backend without a GPU: which functions it calls, and that every call gives what NumPy gives."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import array_api_strict
import numpy as np

from tamscore.backend.namespace import Namespace
from tests.platform import gpu_calls


def test_clip_is_cupys_own_and_all_else_the_standards():
    """One kernel in place of 65: CuPy's `clip` keeps NaN and the sign of zero as NumPy's does."""
    cupy: Any = SimpleNamespace(clip=np.clip)
    xp = Namespace(array_api_strict, cupy)
    assert xp.clip is np.clip
    assert xp.take is array_api_strict.take
    values = np.array([-0.0, np.nan, 3.0])
    clipped = xp.clip(values, 0.0, 1.0)
    assert np.signbit(clipped[0])
    assert np.isnan(clipped[1])


def test_clip_is_called_with_its_bounds_in_place():
    """CuPy names the bounds `a_min` and `a_max`, the standard `min` and `max`: neither may be called by name."""
    clips = [call for call in gpu_calls.calls() if call.name == "cupy.clip" and call.positional >= 0]
    assert len(clips) > 5
    assert {(call.positional, call.keywords) for call in clips} == {(3, ())}
