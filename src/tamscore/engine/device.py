"""The choice of the device: the GPUs that work, else the CPU, decided once and with a reason.

Without a driver, imports of RAPIDS succeed and fail at first use, each library in its own way. A process that has used
a GPU passes a broken state to its children. So this process uses no GPU: it looks up the driver's library, then child
processes initialize it and run a small kernel.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

from tamscore.backend.reader import Reader, ReadingWork, choose_reader
from tamscore.engine.probe_memory import has_passed, remember
from tamscore.errors import DeviceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tamscore.config import Engine

_Requested = Literal["auto", "cpu", "cuda"]

DRIVER = "libcuda.so.1"
BACKEND = "tamscore.backend.cuda"
_VISIBLE = "CUDA_VISIBLE_DEVICES"
TIMEOUT_S = 60
_INSTALL = "install one of the extras gpu-cu12, gpu-cu13, rapids-cu12, rapids-cu13 of tamscore, or set device = 'cpu'"
_ASK_DRIVER = """
import ctypes, json
cuda = ctypes.CDLL("libcuda.so.1")
def done(code, step):
    if code:
        name = ctypes.c_char_p()
        cuda.cuGetErrorName(code, ctypes.byref(name))
        print(json.dumps({"problem": f"{step} answers {(name.value or b'').decode() or code}"}))
        raise SystemExit
done(cuda.cuInit(0), "cuInit")
count = ctypes.c_int()
done(cuda.cuDeviceGetCount(ctypes.byref(count)), "cuDeviceGetCount")
names = []
for place in range(count.value):
    device, text = ctypes.c_int(), ctypes.create_string_buffer(256)
    done(cuda.cuDeviceGet(ctypes.byref(device), place), "cuDeviceGet")
    done(cuda.cuDeviceGetName(text, 256, device), "cuDeviceGetName")
    names.append(text.value.decode())
    context, memory, back = ctypes.c_void_p(), ctypes.c_uint64(), (ctypes.c_uint32 * 1000)()
    done(cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), device), "cuDevicePrimaryCtxRetain")
    done(cuda.cuCtxSetCurrent(context), "cuCtxSetCurrent")
    done(cuda.cuMemAlloc_v2(ctypes.byref(memory), ctypes.c_size_t(4000)), "cuMemAlloc")
    done(cuda.cuMemsetD32_v2(memory, ctypes.c_uint32(332833500), ctypes.c_size_t(1000)), "cuMemsetD32")
    done(cuda.cuMemcpyDtoH_v2(back, memory, ctypes.c_size_t(4000)), "cuMemcpyDtoH")
    if set(back) != {332833500}:
        print(json.dumps({"problem": f"GPU {place} gives back other numbers than were written"}))
        raise SystemExit
print(json.dumps({"gpus": names}))
"""
_RUN_KERNEL = """
import cupy
for place in range(cupy.cuda.runtime.getDeviceCount()):
    with cupy.cuda.Device(place):
        numbers = cupy.arange(1000, dtype=cupy.int64)
        total = int((numbers * numbers).sum())
        if total != 332833500:
            raise SystemExit(f"GPU {place} computes {total} where 332833500 is right")
"""


@dataclass(frozen=True)
class DeviceChoice:
    """The device of a run, the reason, and the names of the GPUs that will compute (none on a CPU).

    `reader` reads for the GPUs; None on a CPU, and before the size of the input is known.
    """

    name: Literal["cpu", "cuda"]
    reason: str
    gpus: tuple[str, ...] = ()
    reader: Reader | None = None

    @property
    def is_fed_by_rapids(self) -> bool:
        """Whether the reader is the full one."""
        return self.reader is not None and self.reader.name == "full"

    def choose_reader(self, rows: int, columns: int, processors: int) -> DeviceChoice:
        """Return the choice with the reader that costs less for so many rows and columns on a host of `processors`."""
        if self.name != "cuda":
            return self
        work = ReadingWork(rows * columns, processors / max(1, len(self.gpus)))
        return replace(self, reader=choose_reader(find_spec, work))


def decoding_processors(engine: Engine) -> int:
    """Return the number of this host's processors that decode for all GPUs together: those of a run's threads."""
    here = len(os.sched_getaffinity(0))
    return min(here, engine.workers or here) if engine.kind == "local" else here


@dataclass(frozen=True)
class DeviceProblem:
    """The reason why GPUs cannot be used, and what to do about it."""

    what: str
    remedy: str


def find_driver() -> DeviceProblem | None:
    """Return the problem if the driver's library cannot be loaded, else None."""
    import ctypes

    try:
        ctypes.CDLL(DRIVER)
    except OSError:
        return DeviceProblem(f"no NVIDIA driver found ({DRIVER})", "set device = 'cpu', or run on a GPU node")
    return None


def list_gpus() -> tuple[str, ...] | DeviceProblem:
    """Return the names of the GPUs that the driver shows to child processes, or the problem if there are none.

    A process sees at most one slice of a GPU (MIG), so each named slice gets its own child process.
    """
    names: list[str] = []
    for slice_of_gpu in _slices_of_gpus():
        shown = _names_shown(slice_of_gpu)
        if isinstance(shown, DeviceProblem):
            return shown
        names += shown
    return tuple(names)


def _slices_of_gpus() -> tuple[str | None, ...]:
    """Return the UUIDs of the slices of GPUs (MIG) that CUDA_VISIBLE_DEVICES names; one None if it names none."""
    named = [name.strip() for name in os.environ.get(_VISIBLE, "").split(",")]
    return tuple(named) if all(name.startswith("MIG-") for name in named) else (None,)


def _names_shown(slice_of_gpu: str | None) -> tuple[str, ...] | DeviceProblem:
    """Return the names of the GPUs, or of the slice of one, that the driver shows to a child process."""
    remedy = "look at nvidia-smi and CUDA_VISIBLE_DEVICES, or set device = 'cpu'"
    done = _child("-I", "-S", "-c", _ASK_DRIVER, visible=slice_of_gpu)
    if isinstance(done, str):
        return DeviceProblem(f"the NVIDIA driver does not start: {done}", remedy)
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        return DeviceProblem(f"the NVIDIA driver does not start: {_last_line(done)}", remedy)
    if "problem" in answer:
        return DeviceProblem(f"the NVIDIA driver does not start: {answer['problem']}", remedy)
    none = f"the NVIDIA driver shows no GPU{f' for {slice_of_gpu}' if slice_of_gpu else ''}"
    return tuple(answer["gpus"]) or DeviceProblem(none, remedy)


def ask_nvml() -> DeviceProblem | None:
    """Return the problem that the management library reports; None if it counts GPUs or is not installed."""
    if find_spec("pynvml") is None:
        return None
    import pynvml

    try:
        pynvml.nvmlInit()
        count = pynvml.nvmlDeviceGetCount()
        pynvml.nvmlShutdown()
    except pynvml.NVMLError as error:
        return DeviceProblem(
            f"NVML fails: {error}", "reload the NVIDIA driver or restart the node, or set device = 'cpu'"
        )
    return None if count else DeviceProblem("NVML counts no GPU", "look at nvidia-smi, or set device = 'cpu'")


def find_backend() -> DeviceProblem | None:
    """Return a problem if this version has no CUDA backend, or if a package that it imports is not installed."""
    if find_spec(BACKEND) is None:
        return DeviceProblem("the CUDA backend is not part of this version", "set device = 'cpu'")
    missing = choose_reader(find_spec).missing
    return DeviceProblem(f"{missing[0]} is not installed", _INSTALL) if missing else None


def run_kernel() -> DeviceProblem | None:
    """Return why a small kernel in a child process failed on one of the GPUs; None if it ran on all."""
    for slice_of_gpu in _slices_of_gpus():
        done = _child("-P", "-c", _RUN_KERNEL, visible=slice_of_gpu)
        if isinstance(done, str):
            return DeviceProblem(f"a test kernel fails: {done}", "set device = 'cpu'")
        if done.returncode:
            remedy = "check that CuPy and the driver fit, " + _INSTALL
            return DeviceProblem(f"a test kernel fails: {_last_line(done)}", remedy)
    return None


@dataclass(frozen=True)
class Probes:
    """The checks before a GPU is used, cheapest first; tests replace them."""

    driver: Callable[[], DeviceProblem | None] = find_driver
    gpus: Callable[[], tuple[str, ...] | DeviceProblem] = list_gpus
    nvml: Callable[[], DeviceProblem | None] = ask_nvml
    backend: Callable[[], DeviceProblem | None] = find_backend
    kernel: Callable[[], DeviceProblem | None] = run_kernel
    passed: Callable[[tuple[str, ...]], bool] = has_passed
    remember: Callable[[tuple[str, ...]], None] = remember


def detect(probes: Probes | None = None) -> tuple[str, ...] | DeviceProblem:
    """Return the names of the GPUs that can compute, or the first problem."""
    ask = probes or Probes()
    problem = ask.driver()
    gpus = problem or ask.gpus()
    if isinstance(gpus, DeviceProblem):
        return gpus
    problem = ask.nvml() or ask.backend()
    if problem or ask.passed(gpus):
        return problem or gpus
    problem = ask.kernel()
    if problem is None:
        ask.remember(gpus)
    return problem or gpus


def choose(requested: _Requested, probes: Probes | None = None, kind: str = "local") -> DeviceChoice:
    """Return the device to use; the reason completes a line such as "device cpu: …".

    "cpu" checks nothing. "auto" takes the GPUs that work, else the CPU; it takes the CPU for an engine whose `kind` is
    "processes". Raise DeviceError with the problem if no GPU works and the device or the engine's `kind` is "cuda".
    """
    if requested not in {"auto", "cpu", "cuda"}:
        raise UsageError(f"device: expected 'auto', 'cpu' or 'cuda', got {requested!r}")
    if requested == "cpu":
        return DeviceChoice("cpu", "as asked")
    if requested == "auto" and kind == "processes":
        return DeviceChoice("cpu", "auto, since engine.kind = 'processes' starts workers for CPUs, 'cuda' for GPUs")
    problem = detect(probes)
    if not isinstance(problem, DeviceProblem):
        return DeviceChoice("cuda", f"{'as asked' if requested == 'cuda' else 'auto'}, {_counted(problem)}", problem)
    if requested == "cuda":
        raise DeviceError(f"device = 'cuda': {problem.what}; {problem.remedy}")
    if kind == "cuda":
        raise DeviceError(
            f"engine.kind = 'cuda': {problem.what}; set engine.kind = 'local' or 'processes', or run on a GPU node"
        )
    return DeviceChoice("cpu", f"auto, since {problem.what}")


def _counted(gpus: tuple[str, ...]) -> str:
    kinds = ", ".join(f"{gpus.count(name)} x {name}" for name in dict.fromkeys(gpus))
    return f"{kinds} passed a test kernel"


def _child(*arguments: str, visible: str | None = None) -> subprocess.CompletedProcess[str] | str:
    """Return the finished child process, or why there is none; `visible` names the only GPU that it sees."""
    environment = {**os.environ, **({_VISIBLE: visible} if visible else {})}
    how: dict[str, Any] = {"capture_output": True, "text": True, "timeout": TIMEOUT_S, "env": environment}
    try:
        return subprocess.run([sys.executable, *arguments], check=False, **how)  # noqa: S603 - our own constant text
    except subprocess.TimeoutExpired:
        return f"no answer within {TIMEOUT_S} s"
    except OSError as error:
        return str(error)


def _last_line(done: subprocess.CompletedProcess[str]) -> str:
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"the child process ended with status {done.returncode}"
