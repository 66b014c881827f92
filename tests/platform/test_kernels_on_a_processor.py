"""The contract of the CUDA backend with its kernels on the processor, where a compiler is required to be there."""

from __future__ import annotations

import pytest

from tests import emulated
from tests.contract.backend_contract import BackendContract

pytestmark = pytest.mark.platform


def test_there_is_a_compiler():
    assert emulated.COMPILER is not None


class TestEmulatedCuda(BackendContract):
    backend_name = "emulated"
