"""What every test may ask for: the backends, data kept beside the repository, repeatable properties."""

from __future__ import annotations

import ctypes
import signal
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import settings

from tamscore import backend as backends
from tests import json_outputs
from tests.fake_gpu import FakeGpu
from tests.frozen_host import FrozenHost

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.backend import Backend

settings.register_profile("repeatable", derandomize=True, database=None, deadline=None, max_examples=60)
settings.load_profile("repeatable")

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"

# A shell starts what runs in the background deaf to SIGINT, `nohup` deaf to SIGHUP, and so would be every program that
# a test starts.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def gpu_missing() -> str | None:
    """Why the tests marked `gpu` cannot run here, or None where they must."""
    if find_spec("tamscore.backend.cuda") is None:
        return "tamscore.backend.cuda is not part of this version"
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return "no NVIDIA driver here"
    return None


def make_backend(name: str) -> Backend:
    """The backend of a name; skips with the reason where it is CUDA and cannot be had."""
    if name == "fake_gpu":
        return FakeGpu()
    if name == "host":
        return FrozenHost()
    if name == "emulated":
        return emulated_cuda()
    if (reason := gpu_missing()) is not None:
        pytest.skip(reason)
    return backends.load("cuda")


def emulated_cuda() -> Backend:
    """The CUDA backend with its kernels on the processor; skips where there is no C++ compiler."""
    from tests import emulated

    if emulated.COMPILER is None:
        pytest.skip("no C++ compiler here")
    return emulated.EmulatedCuda()


@pytest.fixture(scope="session", params=["host", "fake_gpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def backend(request: pytest.FixtureRequest) -> Backend:
    """Each backend in turn."""
    return make_backend(request.param)


@pytest.fixture(scope="session", autouse=True)
def outputs_as_declared() -> Iterator[None]:
    """Every output of a command as JSON, in every test, is what is declared of it."""
    with pytest.MonkeyPatch.context() as patch:
        json_outputs.record_outputs(patch)
        yield


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20_240_607)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real tables and published vectors that may lie beside the repository."""
    if not SHARED_DATA.is_dir():
        pytest.skip("no folder shared/data beside the repository")
    return SHARED_DATA
