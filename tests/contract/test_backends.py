"""Every backend keeps the same contract."""

from __future__ import annotations

import numpy as np
import pytest

from tamscore import backend as backends
from tamscore.backend.host import HostBackend
from tamscore.errors import DeviceError
from tests.contract.backend_contract import BackendContract
from tests.fake_gpu import FakeGpu


class TestHost(BackendContract):
    backend_name = "host"


class TestFakeGpu(BackendContract):
    backend_name = "fake_gpu"

    def test_numpy_cannot_read_its_arrays(self):
        """Without this the fake would prove nothing."""
        array = FakeGpu().put(np.arange(3.0))
        for leak in (np.asarray, np.sum, lambda a: a + np.ones(3), lambda a: a * np.float64(2.0), len):
            with pytest.raises((RuntimeError, TypeError)):
                leak(array)

    def test_host_and_device_are_not_confused(self):
        fake = FakeGpu()
        with pytest.raises(TypeError, match="on a device already"):
            fake.put(fake.put(np.zeros(2)))
        with pytest.raises(TypeError, match="expected a device array"):
            fake.get(np.zeros(2))
        with pytest.raises(ValueError, match="no stage should have made one"):
            fake.get(fake.xp.zeros(2))


class TestEmulatedCuda(BackendContract):
    """The CUDA backend's own calls and the very text of its kernels, executed by the processor."""

    backend_name = "emulated"


@pytest.mark.gpu
class TestCuda(BackendContract):
    backend_name = "cuda"


def test_the_cpu_backend_is_made_once():
    assert isinstance(backends.load("cpu"), HostBackend)
    assert backends.load("cpu") is backends.load("cpu")


def test_an_unknown_backend_is_refused_with_a_remedy():
    with pytest.raises(DeviceError, match=r"device = 'tpu'.*set device = 'cpu'"):
        backends.load("tpu")
