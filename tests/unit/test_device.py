"""The choice of a device: never a GPU that does not compute, never a silent fallback from "cuda"."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tamscore.backend import reader
from tamscore.engine import device, versions
from tamscore.engine.device import DeviceChoice, DeviceProblem, Probes, choose, detect
from tamscore.errors import DeviceError, UsageError

GPUS = ("NVIDIA H200", "NVIDIA H200")
BROKEN = DeviceProblem("it is broken", "mend it")


def fine():
    return None


def broken():
    return BROKEN


def never():
    raise AssertionError("asked although an earlier answer decided")


WORKING = Probes(fine, lambda: GPUS, fine, fine, fine, lambda _: False, lambda _: None)


def test_auto_and_cuda_take_gpus_that_pass_every_probe():
    assert choose("auto", WORKING) == DeviceChoice("cuda", "auto, 2 x NVIDIA H200 passed a test kernel", GPUS)
    assert choose("cuda", WORKING).gpus == GPUS


BROKEN_PROBES = [
    Probes(broken, never, never, never, never),
    Probes(fine, broken, never, never, never),
    Probes(fine, lambda: GPUS, broken, never, never),
    Probes(fine, lambda: GPUS, fine, broken, never),
    Probes(fine, lambda: GPUS, fine, fine, broken, lambda _: False, lambda _: never()),
]


@pytest.mark.parametrize("probes", BROKEN_PROBES)
def test_the_first_failing_probe_decides_and_later_ones_are_not_asked(probes):
    assert detect(probes) is BROKEN


@pytest.mark.parametrize("probes", BROKEN_PROBES)
def test_auto_falls_back_to_the_cpu_and_says_why(probes):
    assert choose("auto", probes) == DeviceChoice("cpu", "auto, since it is broken")


@pytest.mark.parametrize("probes", BROKEN_PROBES)
def test_cuda_is_refused_with_what_is_missing_and_what_to_do(probes):
    """F24: `cuda` never falls back to the CPU."""
    with pytest.raises(DeviceError, match=r"^device = 'cuda': it is broken; mend it$") as caught:
        choose("cuda", probes)
    assert caught.value.exit_code == 7


def test_a_test_kernel_that_was_passed_is_not_run_again_until_something_changes(monkeypatch, tmp_path):
    """Driver, libraries and GPUs count. Where the driver's version does not show, it is run each time."""
    driver, ran = "580.95", list[int]()
    monkeypatch.setenv("CUPY_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(versions, "driver_version", lambda: driver)

    def detected(gpus: tuple[str, ...] = GPUS) -> int:
        ran.clear()
        assert detect(Probes(fine, lambda: gpus, fine, fine, lambda: ran.append(1))) == gpus
        return len(ran)

    assert [detected(), detected(), detected(("NVIDIA L4",)), detected(("NVIDIA L4",))] == [1, 0, 1, 0]
    driver = "581.00"
    assert [detected(), detected()] == [1, 0]
    driver = "unknown"
    assert [detected(), detected()] == [1, 1]


def test_a_test_kernel_that_failed_is_run_again(monkeypatch, tmp_path):
    monkeypatch.setenv("CUPY_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(versions, "driver_version", lambda: "580.95")
    assert detect(Probes(fine, lambda: GPUS, fine, fine, broken)) is BROKEN
    assert list(tmp_path.iterdir()) == []


def test_workers_for_cpus_get_the_cpu_unless_asked_otherwise():
    never_asked = Probes(never, never, never, never, never)
    chosen = choose("auto", never_asked, kind="processes")
    assert (chosen.name, "engine.kind = 'processes'" in chosen.reason) == ("cpu", True)


def test_workers_for_gpus_are_not_started_where_none_works():
    """`auto` falls back for a device, not for workers that were asked for by name."""
    with pytest.raises(DeviceError, match=r"^engine.kind = 'cuda': it is broken; set engine.kind = 'local'"):
        choose("auto", BROKEN_PROBES[0], kind="cuda")
    assert choose("auto", WORKING, kind="cuda").name == "cuda"


@pytest.mark.parametrize("module", reader.LEAN)
def test_a_library_that_the_backend_imports_is_named_where_it_is_missing(monkeypatch, module):
    monkeypatch.setattr(device, "find_spec", lambda name: None if name == module else object())
    problem = device.find_backend()
    assert problem is not None
    assert problem.what == f"{reader.LEAN[module]} is not installed"


def test_cpu_asks_nobody():
    assert choose("cpu", Probes(never, never, never, never, never)) == DeviceChoice("cpu", "as asked")


def test_an_unknown_device_is_a_usage_error():
    with pytest.raises(UsageError, match="expected 'auto', 'cpu' or 'cuda', got 'gpu'"):
        choose("gpu", WORKING)  # type: ignore[arg-type]


def test_a_driver_that_cannot_be_loaded_is_named(monkeypatch):
    monkeypatch.setattr(device, "DRIVER", "libnothere.so.1")
    problem = device.find_driver()
    assert problem is not None
    assert "libnothere.so.1" in problem.what


def test_a_backend_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setattr(device, "BACKEND", "tamscore.backend.not_there")
    problem = device.find_backend()
    assert problem is not None
    assert problem.what == "the CUDA backend is not part of this version"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('print(\'{"gpus": ["A", "B"]}\')', ("A", "B")),
        ("print('{\"gpus\": []}')", "shows no GPU"),
        ('print(\'{"problem": "cuInit answers CUDA_ERROR_NO_DEVICE"}\')', "CUDA_ERROR_NO_DEVICE"),
        ("import sys; sys.exit('no such library')", "no such library"),
        ("import os; os.abort()", "status -6"),
        ("import time; time.sleep(60)", "no answer within 1 s"),
    ],
)
def test_whatever_the_driver_process_does_comes_back_as_names_or_a_problem(monkeypatch, code, expected):
    monkeypatch.setattr(device, "_ASK_DRIVER", code)
    monkeypatch.setattr(device, "TIMEOUT_S", 1 if "sleep" in code else 60)
    found = device.list_gpus()
    assert expected in (found.what if isinstance(found, DeviceProblem) else (found,))


@pytest.mark.parametrize(
    ("code", "expected"),
    [("pass", None), ("raise SystemExit('GPU 1 computes 7')", "GPU 1 computes 7"), ("import os; os.abort()", "-6")],
)
def test_a_kernel_that_fails_or_kills_its_process_is_a_problem(monkeypatch, code, expected):
    monkeypatch.setattr(device, "_RUN_KERNEL", code)
    problem = device.run_kernel()
    assert (expected or "") in (problem.what if problem else "")
    assert (problem is None) == (expected is None)


def test_each_slice_of_a_gpu_that_is_named_is_asked_for_alone(monkeypatch):
    """CUDA shows a process one slice (MIG) at most: without this two slices would count as one GPU."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-aaaa, MIG-bbbb")
    visible = "import json, os; visible = os.environ['CUDA_VISIBLE_DEVICES']; "
    monkeypatch.setattr(device, "_ASK_DRIVER", visible + "print(json.dumps({'gpus': [visible]}))")
    assert device.list_gpus() == ("MIG-aaaa", "MIG-bbbb")
    monkeypatch.setattr(device, "_RUN_KERNEL", visible + "raise SystemExit('bbbb' in visible)")
    assert isinstance(device.run_kernel(), DeviceProblem)
    monkeypatch.setattr(device, "_ASK_DRIVER", "print('{\"gpus\": []}')")
    found = device.list_gpus()
    assert "no GPU for MIG-aaaa" in (found.what if isinstance(found, DeviceProblem) else "")


def test_the_scripts_of_the_child_processes_are_valid_python():
    for script in (device._ASK_DRIVER, device._RUN_KERNEL):
        compile(script, "script", "exec")


def test_detection_imports_no_gpu_library():
    """A client that imports cuDF or CuPy before the cluster starts puts every worker on GPU 0."""
    code = (
        "import sys; from tamscore.engine.device import ask_nvml, find_backend, find_driver, list_gpus, run_kernel; "
        "[probe() for probe in (find_driver, list_gpus, ask_nvml, find_backend, run_kernel)]; "
        "print(sorted({'cupy', 'cudf', 'cuml', 'rmm'} & set(sys.modules)))"
    )
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
