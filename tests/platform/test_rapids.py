"""The GPU libraries themselves, installed in an environment of their own: every call of ours fits their signatures,
and without a driver the first touch of a device ends in one clear error, whichever library is touched first.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.platform import gpu_calls

pytestmark = [pytest.mark.platform, pytest.mark.slow]
ROOT = Path(__file__).parents[2]
EXTRA = "rapids-cu13"
CLASSES = (
    *("cupy.ndarray", "cudf.Series", "cupy.RawModule", "cupy.cuda.Stream", "cupy.cuda.MemoryAsyncPool"),
    *("pylibcudf.io.parquet.ParquetReaderOptionsBuilder", "pylibcudf.io.parquet.ParquetReaderOptions"),
    "pylibcudf.io.parquet.ChunkedParquetReader",
)
OURS = {
    "device",
    *("cuDeviceGet", "cuDeviceGetUuid_v2", "fit_scaler", "function", "has_blas", "peak"),
    *("at_home", "bit_length", "of", "product", "start_pool", "taken"),
}
"""What is called on values and is neither a method of Python's types nor of a GPU library."""
FIRST_TOUCH = {
    "CuPy": "import cupy; cupy.arange(3)",
    "cuDF": "import cudf; cudf.Series([1.0])",
    "RMM": "import rmm; rmm.mr.set_current_device_resource(rmm.mr.CudaAsyncMemoryResource())",
    "numba": "from numba import cuda; cuda.current_context()",
    "NVML": "import pynvml; pynvml.nvmlInit()",
    "Dask-CUDA": "from dask_cuda import LocalCUDACluster; LocalCUDACluster()",
}


@pytest.fixture(scope="session")
def python() -> Path:
    """The interpreter of an environment with the GPU extra, made once for each list of requirements; about 5 GB."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"][EXTRA]]
    digest = hashlib.sha256("\n".join((sys.version, *wanted)).encode()).hexdigest()[:12]
    home = Path(os.environ.get("TAMSCORE_RAPIDS_ENV") or Path(tempfile.gettempdir()) / f"tamscore-rapids-{digest}")
    if not (home / "complete").exists():
        uv = Path(sys.executable).with_name("uv")
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, home], check=True)
        subprocess.run([uv, "pip", "install", "--quiet", "--python", home / "bin/python", *wanted], check=True)
        (home / "complete").touch()
    return home / "bin/python"


def output(python: Path, *arguments: str, given: str = "") -> str:
    """What a program of that environment prints, with this source tree."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [python, *arguments], input=given, capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_list_of_calls_is_read_from_the_source():
    """A list that misses a call would prove nothing about it."""
    names = {call.name for call in gpu_calls.calls()}
    assert names >= {
        *("pylibcudf.io.parquet.ChunkedParquetReader", "cupy.RawModule", "cupy.argsort", "cupy.matmul"),
        *("cupy.cuda.set_allocator", "cupy.cuda.MemoryAsyncPool", "cudf.DataFrame.from_pylibcudf"),
        *("rmm.mr.CudaAsyncMemoryResource", "dask_cuda.LocalCUDACluster", "array_api_compat.cupy.searchsorted"),
    }
    assert gpu_calls.methods()["to_cupy"] == {"na_value"}


def test_every_call_fits_the_library_that_is_installed(python):
    calls = [(call.name, call.positional, call.keywords, call.where) for call in gpu_calls.calls()]
    methods = {name: sorted(keywords) for name, keywords in gpu_calls.methods().items() if not is_ours(name)}
    asked = json.dumps({"calls": calls, "methods": methods, "classes": CLASSES})
    wrong: dict[str, Any] = json.loads(output(python, str(Path(__file__).with_name("bind_calls.py")), given=asked))
    assert wrong == {}
    assert len(calls) > 60


def test_a_call_that_does_not_fit_is_found(python):
    calls = [("pylibcudf.io.parquet.ChunkedParquetReader", 1, ["limit"], "planted")]
    calls += [("cupy.no_such_thing", 1, [], "planted")]
    calls += [("cupy.stack", 1, ["axes"], "planted"), ("rmm.mr.CudaAsyncMemoryResource", 0, ["no_such"], "planted")]
    asked = json.dumps({"calls": calls, "methods": {"to_cupy": ["na_val"]}, "classes": CLASSES})
    wrong = json.loads(output(python, str(Path(__file__).with_name("bind_calls.py")), given=asked))
    assert {key.split()[-1] for key in wrong} >= {"cupy.no_such_thing", "cupy.stack", "to_cupy"}


def is_ours(method: str) -> bool:
    """Whether a method is one of Python's, NumPy's scalars' or this package's, not of a GPU library."""
    from tamscore.backend.cuda import CudaBackend
    from tamscore.backend.launch import Kernels

    return method in OURS or any(hasattr(one, method) for one in (CudaBackend, Kernels, list, str, Path))


@pytest.mark.parametrize("library", FIRST_TOUCH)
def test_without_a_driver_the_libraries_fail_each_in_its_own_way(python, library):
    """What the next test stands on: if one of them learns to work without a driver, look again."""
    if has_driver():
        pytest.skip("there is a driver here")
    code = f"try:\n    {FIRST_TOUCH[library].replace('; ', chr(10) + '    ')}\nexcept BaseException as error:\n    "
    code += "print(type(error).__name__)\nelse:\n    print('works')"
    assert output(python, "-c", code).strip() not in ("", "works")


TOUCHES = """
import sys, unittest.mock
import rmm, cupy, cudf
from tamscore import backend
from tamscore.backend import cuda_device
from tamscore.errors import DeviceError

def first(library):
    if library == "CuPy":
        return cupy.cuda.runtime.getDeviceCount()
    if library == "RMM":
        return rmm.mr.CudaAsyncMemoryResource()
    if library == "cuDF":
        return cudf.Series([1.0])
    from numba import cuda
    return cuda.current_context()

with unittest.mock.patch.object(cuda_device, "_device", lambda *_: first(sys.argv[1])):
    try:
        backend.load("cuda").put([1.0])
    except DeviceError as error:
        print(error.exit_code, error)
"""


@pytest.mark.parametrize("library", ["CuPy", "RMM", "cuDF", "numba"])
def test_whichever_library_is_touched_first_there_is_one_clear_error(python, library):
    if has_driver():
        pytest.skip("there is a driver here")
    said = output(python, "-c", TOUCHES, library)
    assert said.startswith("7 device = 'cuda': the GPU cannot be used: ")
    assert said.strip().endswith("or set device = 'cpu'")


@pytest.mark.parametrize("verb", ["put([1.0])", "xp", "memory()", "sync()"])
def test_every_verb_of_the_backend_comes_through_that_door(python, verb):
    if has_driver():
        pytest.skip("there is a driver here")
    code = f"from tamscore import backend, errors\ntry:\n    backend.load('cuda').{verb}\n"
    code += "except errors.DeviceError as error:\n    print(error)"
    assert "the GPU cannot be used: " in output(python, "-c", code)


def test_gpus_are_looked_for_without_importing_a_library(python):
    if has_driver():
        pytest.skip("there is a driver here")
    code = "from tamscore.engine import device; print(device.choose('auto')); print(device.find_backend())"
    said = output(python, "-c", code).splitlines()
    assert "no NVIDIA driver found (libcuda.so.1)" in said[0]
    assert said[1] == "None", "everything that the backend imports is there"


def has_driver() -> bool:
    """Whether this machine has an NVIDIA driver."""
    from tamscore.engine.device import find_driver

    return find_driver() is None
