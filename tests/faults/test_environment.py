"""The world around a run: clock, language, time zone, hash seed, secrets, root. None of it shows in the result."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tamscore
from tamscore.errors import JobFileError
from tamscore.job_file import parse
from tests.end_to_end import market

JOB = """
device = "cpu"
[input]
path = "market"
[columns]
party_type = "party_type"
market_segment = "segment"
name = "name"
[rows]
max_sales_missing_share = 0.5
[features]
numeric = {employees = "log_standard", growth = "standard"}
categorical = ["industry"]
[clusters]
k = {end_user = 4, channel = 2}
restarts = 3
[output]
path = "OUTPUT"
"""
AHEAD = """
import sys, time
shift = float(sys.argv.pop(1))
now, now_ns = time.time, time.time_ns
time.time, time.time_ns = lambda: now() + shift, lambda: now_ns() + int(shift * 1e9)
from tamscore.cli import main
main()
"""
YEAR_S = 366 * 24 * 3600
CANARY = "CANARY-7f3a91"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A market with names from many alphabets."""
    path = tmp_path_factory.mktemp("environment")
    table = market.accounts(600)
    names = [f"{('Iğdir', 'Straße', '株式会社', 'Ångström', 'ISTANBUL')[i % 5]} {i}" for i in range(600)]
    market.write(table.set_column(1, "name", [names]), path / "market", files=2)
    return path


def run(
    folder: Path, name: str, program: tuple[str, ...] = ("-m", "tamscore"), text: str = JOB, **variables: str
) -> Any:
    """The command line's run in a process of its own, with only those variables beside PATH and the package's place."""
    job = folder / f"{name}.toml"
    job.write_text(text.replace("OUTPUT", name), encoding="utf-8")
    keep = {key: os.environ[key] for key in ("PATH", "PYTHONPATH", "HOME") if key in os.environ}
    command = [sys.executable, *program, "run", str(job)]
    return subprocess.run(command, env=keep | variables, capture_output=True, check=False)


def result(folder: Path, name: str) -> dict[str, bytes]:
    """Every byte of the current version but for the manifest, which holds paths and times, and its sidecars."""
    version = json.loads((folder / name / "_CURRENT.json").read_text(encoding="utf-8"))["version"]
    root = folder / name / "versions" / version
    return {
        p.relative_to(root).as_posix(): p.read_bytes()
        for p in root.rglob("*")
        if p.is_file() and p.name != "manifest.json"
    }


@pytest.fixture(scope="module")
def reference(folder):
    done = run(folder, "reference", PYTHONHASHSEED="0", LC_ALL="C.UTF-8", TZ="UTC")
    assert done.returncode == 0, done.stderr.decode()
    return result(folder, "reference")


def has_locale(name: str) -> bool:
    return name in subprocess.run(["locale", "-a"], capture_output=True, text=True, check=False).stdout.split()


PLAIN = ("-m", "tamscore")
STRICT = ("-X", "warn_default_encoding", "-W", "error::EncodingWarning:tamscore", *PLAIN)
WORLDS: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "C19 C20 C23 a year ahead in Kathmandu": (
        ("-c", AHEAD, str(YEAR_S)),
        {"TZ": "Asia/Kathmandu", "PYTHONHASHSEED": "1"},
    ),
    "C19 C20 C23 a year behind in a zone that is none": (
        ("-c", AHEAD, str(-YEAR_S)),
        {"TZ": "Nowhere/Land", "PYTHONHASHSEED": "4294967295"},
    ),
    "C20 plain C, ASCII": (PLAIN, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
    "C20 encodings must be named": (STRICT, {}),
    "C20 Turkish": (PLAIN, {"LC_ALL": "tr_TR.utf8"}),
    "C20 German": (PLAIN, {"LC_ALL": "de_DE.utf8"}),
}


@pytest.mark.parametrize("world", WORLDS)
def test_the_world_does_not_show_in_the_result(folder, reference, world):
    """C19, C20, C23: another clock, language, time zone or hash seed: every file of the version has the same bytes."""
    program, variables = WORLDS[world]
    if "utf8" in variables.get("LC_ALL", "") and not has_locale(variables["LC_ALL"]):
        pytest.skip(f"the locale {variables['LC_ALL']} is not installed here")
    name = world.replace(" ", "_").replace(",", "")
    done = run(folder, name, program, **variables)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    assert result(folder, name) == reference


def test_the_age_of_the_input_does_not_show_in_the_result(folder, reference, tmp_path):
    """C19: files from the future, or from 1970, are the same files."""
    table_files = sorted((folder / "market").iterdir())
    (tmp_path / "market").mkdir()
    for i, file in enumerate(table_files):
        copy = tmp_path / "market" / file.name
        copy.write_bytes(file.read_bytes())
        os.utime(copy, (4e9 * i, 4e9 * i))
    assert run(tmp_path, "aged").returncode == 0
    assert result(tmp_path, "aged") == reference


CLOCKS = {"now", "today", "utcnow", "time", "time_ns", "ctime", "localtime", "gmtime"}
LOCALE = {"strcoll", "strxfrm", "setlocale"}


def test_no_module_asks_the_calendar_or_the_locale():
    """C19, C20: but for timers, which measure spans and decide nothing; `find` compares files with files.

    The ledger says when a version came to count, `prune` counts days, overrides expire on a day, logs and metrics tell
    when things were, copies that nobody read for a day may go, `lift` warns whoever looks early: none of it changes a
    run.
    """
    found = []
    for path in Path(tamscore.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                owner = node.func.value.id if isinstance(node.func.value, ast.Name) else ""
                if (owner in {"time", "datetime", "date"} and node.func.attr in CLOCKS) or node.func.attr in LOCALE:
                    found.append(f"{path.name}: {owner}.{node.func.attr}")
    texts = [
        "copies.py: time.time",
        "copies.py: time.time_ns",
        "export.py: datetime.now",
        "history.py: datetime.now",
        "lift.py: datetime.now",
        "logs.py: datetime.now",
        "prune.py: datetime.now",
        "record.py: time.time",
    ]
    assert sorted(found) == texts


def test_no_benchmark_hides_a_package_from_scripts_beside_it():
    """A script run by its path finds the modules of its folder before all others, under their plain names."""
    folder = Path(__file__).parents[2] / "bench"
    names = [path.stem for path in folder.glob("*.py") if not path.stem.startswith("__")]
    assert "race" in names
    assert [name for name in names if importlib.util.find_spec(name)] == []


SECRETS = {
    "AWS_SECRET_ACCESS_KEY": CANARY,
    "AWS_SESSION_TOKEN": CANARY,
    "AZURE_STORAGE_KEY": CANARY,
    "HTTPS_PROXY": f"http://user:{CANARY}@proxy.invalid:3128",
    "DATABASE_URL": f"postgresql://user:{CANARY}@db.invalid/crm",
    "TAMSCORE_DEBUG": "1",
}


def written(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


@pytest.mark.parametrize("kind", ["good", "bad table", "bad job"])
def test_secrets_of_the_environment_are_written_nowhere(tmp_path, kind):
    """C21: neither in the output nor in what is said, be the run good, refused, or shown with its traceback."""
    market.write(market.accounts(400), tmp_path / "market")
    if kind == "bad table":
        (tmp_path / "market" / "part-9.parquet").write_bytes(b"PAR1 not really")
    text = JOB.replace('"market"', f'"https://user:{CANARY}@host.invalid/market"') if kind == "bad job" else JOB
    done = run(tmp_path, "scores", PLAIN, text, **SECRETS)
    (tmp_path / "scores.toml").unlink()
    assert done.returncode == {"good": 0, "bad table": 3, "bad job": 2}[kind]
    assert CANARY.encode() not in done.stdout + done.stderr
    assert CANARY.encode() not in written(tmp_path)


ADDRESSES = [
    f"s3://key:{CANARY}@bucket/market",
    f"https://account.example/market?sig={CANARY}&se=2026",
    f"abfs://fs@account.example/market?token={CANARY}",
    f"file://user:{CANARY}@host/market",
    f"filecache::https://u:{CANARY}@host/market",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_secrets_in_addresses_are_not_repeated_in_messages(address):
    """C21: an address is refused with its credentials replaced by ***; so is an override that holds one."""
    job = {
        "input": {"path": address},
        "features": {"categorical": ["a"]},
        "clusters": {"k": 2},
        "output": {"path": "o"},
    }
    with pytest.raises(JobFileError, match=r"input\.path: .*\*\*\*") as caught:
        parse(job)
    assert CANARY not in str(caught.value)
    with pytest.raises(JobFileError) as caught:
        parse(job | {"input": {"path": "market"}}, overrides=[f"input.path={address}", f"nonsense {address}"])
    assert CANARY not in str(caught.value)
    with pytest.raises(JobFileError) as caught:
        parse(f'[input]\npath = "{address}')
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("address", [f"tls://user:{CANARY}@host:8786", f"tcp://{CANARY}@host:8786"])
def test_a_scheduler_address_holds_no_credentials(address):
    """C21: refused, since the job stands in the manifest; and not repeated."""
    engine = {"kind": "remote", "scheduler": address}
    with pytest.raises(JobFileError, match=r"engine\.scheduler") as caught:
        parse(
            {
                "input": {"path": "m"},
                "features": {"categorical": ["a"]},
                "clusters": {"k": 2},
                "output": {"path": "o"},
                "engine": engine,
            }
        )
    assert CANARY not in str(caught.value)


def test_the_image_does_not_run_as_root():
    """C22: the image names a user by number; on a machine, `doctor` tells root that it is not needed."""
    image = (Path(__file__).parents[2] / "docker" / "cpu.Dockerfile").read_text(encoding="utf-8")
    users = [line.split()[1] for line in image.splitlines() if line.startswith("USER ")]
    assert users
    assert users[-1].split(":")[0].isdigit()
    assert int(users[-1].split(":")[0]) > 0


@pytest.mark.parametrize(("uid", "is_reported"), [(0, True), (10001, False)])
def test_doctor_tells_root_that_it_is_not_needed(monkeypatch, uid, is_reported):
    """C22: a remark, no refusal: files of root are in the way of the next user."""
    from tamscore.questions import doctor

    monkeypatch.setattr(os, "geteuid", lambda: uid)
    check = doctor.check_user()
    assert ("root" in check.value) is is_reported
    assert check.ok
