"""The doctor's checks: true on this machine, and wrong where something is wrong."""

from __future__ import annotations

import re
import time
import tomllib
from pathlib import Path

import pytest

from tamscore.engine.device import DeviceProblem, Probes
from tamscore.questions import doctor, machine, packages

NO_GPU = Probes(driver=lambda: DeviceProblem("no driver", "get one"))
PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def by_name(checks):
    return {check.name: check for check in checks}


def test_floors_are_those_of_the_project_file():
    wanted = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["dependencies"]
    floors = {re.split(r"[<>=!~]", one)[0]: (re.findall(r">=([\d.]+)", one) or [""])[0] for one in wanted}
    assert floors == packages.FLOORS


def test_every_check_has_a_value_and_every_failed_one_a_remedy(tmp_path):
    for check in doctor.examine(tmp_path, NO_GPU):
        assert check.value
        assert check.ok or check.remedy


def test_an_examination_is_quick(tmp_path):
    begin = time.process_time()
    doctor.examine(tmp_path, NO_GPU)
    assert time.process_time() - begin < 3


def test_a_package_below_its_floor_or_missing_fails_with_the_command_that_mends_it():
    old = doctor.check_package("pyarrow", "9999.1")
    assert (old.ok, old.remedy) == (False, "pip install 'pyarrow>=9999.1'")
    gone = doctor.check_package("no-such-package", "")
    assert (gone.ok, gone.value, gone.remedy) == (False, "not installed", "pip install 'no-such-package'")
    assert doctor.check_package("pyarrow", "23.0.0").ok


def test_a_missing_optional_package_is_noted_but_not_wrong():
    check = doctor.check_optional("cuml", ("no-such-package",))
    assert check.ok
    assert "not installed" in check.value


@pytest.mark.parametrize(
    ("less", "more"),
    [("25.9", "26.0.0"), ("26", "26.0.1"), ("2025.12.1", "2026.1.0"), ("9.0", "10.0"), ("", "0.1")],
)
def test_versions_compare_as_numbers(less, more):
    assert packages.parts(less) < packages.parts(more)


def test_a_trailing_zero_or_suffix_does_not_change_a_version():
    assert packages.parts("26.0.0") == packages.parts("26") == packages.parts("26.0rc1")


def test_memory_is_read_in_bytes(tmp_path):
    table = tmp_path / "meminfo"
    table.write_text("MemTotal:  1000 kB\nMemFree: 1 kB\nMemAvailable: 400 kB\nHugePages_Total:  0\n")
    assert machine.memory(table) == (1_024_000, 409_600)


def test_the_smallest_limit_of_the_control_groups_around_the_process_counts(tmp_path):
    own = tmp_path / "own"
    own.write_text("0::/outer/inner\n")
    inner = tmp_path / "root" / "outer" / "inner"
    inner.mkdir(parents=True)
    (inner / "memory.max").write_text("max\n")
    (inner / "cpu.max").write_text("150000 100000\n")
    (inner.parent / "memory.max").write_text("2147483648\n")
    (inner.parent / "cpu.max").write_text("max 100000\n")
    assert machine.memory_limit(tmp_path / "root", own) == 2 << 30
    assert machine.cpu_quota(tmp_path / "root", own) == 1.5


def test_version_one_control_groups_are_read_and_their_no_limit_is_none(tmp_path):
    (tmp_path / "memory").mkdir()
    (tmp_path / "cpu").mkdir()
    limit = tmp_path / "memory" / "memory.limit_in_bytes"
    limit.write_text("9223372036854771712\n")
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("-1\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert machine.memory_limit(tmp_path, tmp_path / "none") is None
    assert machine.cpu_quota(tmp_path, tmp_path / "none") is None
    limit.write_text("1073741824\n")
    assert machine.memory_limit(tmp_path, tmp_path / "none") == 1 << 30


def test_too_little_memory_fails(monkeypatch):
    monkeypatch.setattr(machine, "memory", lambda: (8 << 30, 4 << 30))
    monkeypatch.setattr(machine, "memory_limit", lambda: 100 << 20)
    assert not doctor.check_memory().ok
    monkeypatch.setattr(machine, "memory_limit", lambda: None)
    assert doctor.check_memory().ok


def test_no_gpu_is_not_wrong_and_auto_says_why():
    checks = by_name(doctor.check_devices(NO_GPU))
    assert checks["gpus"].ok
    assert checks["device auto"].value == "cpu: auto, since no driver"


def test_gpus_that_cannot_be_used_are_shown_with_the_reason():
    probes = Probes(
        lambda: None, lambda: ("H200",), lambda: None, lambda: DeviceProblem("no backend", "wait"), lambda: None
    )
    checks = by_name(doctor.check_devices(probes))
    assert checks["gpus"].value == "H200, not usable: no backend"
    assert checks["gpus"].remedy == "wait"
    assert checks["device auto"].value.startswith("cpu: ")


def test_gpus_that_work_are_what_auto_takes():
    probes = Probes(lambda: None, lambda: ("H200",), lambda: None, lambda: None, lambda: None)
    assert by_name(doctor.check_devices(probes))["device auto"].value.startswith("cuda: auto, 1 x H200")


def test_an_output_folder_that_does_not_exist_yet_is_judged_by_its_parent_and_left_alone(tmp_path):
    output = tmp_path / "later" / "still later"
    assert all(check.ok for check in doctor.check_output(output))
    assert list(tmp_path.iterdir()) == []


def test_an_output_that_is_a_file_fails(tmp_path):
    file = tmp_path / "file"
    file.write_text("x")
    [check] = doctor.check_output(file)
    assert not check.ok


def test_an_output_that_cannot_be_written_fails_with_the_reason(monkeypatch, tmp_path):
    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.NamedTemporaryFile", refuse)
    [check] = doctor.check_output(tmp_path)
    assert not check.ok
    assert check.value.endswith("Permission denied")


def test_a_full_disk_fails(monkeypatch, tmp_path):
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 10 << 20}))
    assert not by_name(doctor.check_output(tmp_path))["disk"].ok
