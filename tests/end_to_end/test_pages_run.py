"""Every block of code of every page is run, on a small market, or stands below with the reason why it is not.

A page is run from top to bottom in a folder of its own, see `page_world`. Commands of tamscore run in this process, all
others, and those with a pipe, in a shell. Settings become a job that is run. What a page names and nobody has, such as
an account, has a stand-in. Public tables are there in a folder beside the repository, or chapters on them are left out.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

import tamscore
from jobs.trials import prepare
from tamscore.cli import app
from tests.end_to_end import page_world
from tests.end_to_end.page_blocks import ROOT, SHELL, Block, blocks_of, commands_of, every_block

NOT_RUN = {
    r"\. \S+/bin/activate": "changes the shell of the reader",
    r"python3 -m venv |pip ": "installs, builds or downloads packages; the job `install` of CI does",
    r"make ": "sets up or checks the checkout; that the target exists is checked here",
    r"pytest ": "is a part of the tests",
    r"docker |digest=|DATA=.* docker ": "needs Docker; tests/platform/test_images.py checks the files",
    r".*device=cuda|.*bench\.gpu": "needs a GPU, or minutes; tests/unit/test_gpu_bench.py runs a part",
    r"python .*bench[/ ]": "takes minutes, and packages of others",
    r"tamscore export .*(?:postgresql:|delta:s3:)|export PG": "needs a server; tests/platform/test_postgresql.py",
    r"spark-sql ": "needs Spark; tests/platform/test_spark.py has it",
}  # fmt: skip
"""Commands that are not run, by how they begin, each with the reason."""
NO_BLOCKS = {
    ("docs/object_storage.md", "toml"): "needs an object store; tests/faults/test_s3.py has one",
    ("docs/scores_elsewhere.md", "sql"): "needs Snowflake or BigQuery",
    ("docs/sources.md", "A query of a database"): "needs a server; tests/platform/test_postgresql.py has one",
}
"""Blocks that are not run, by page and language, each with the reason."""
ELSEWHERE = {
    ("docs/tutorial.md", ""): "test_tutorial.py",
    ("docs/families.md", "Practice on a public table"): "test_family_trial.py",
    ("docs/products.md", "A public table from end to end"): "test_trials.py",
}
"""Chapters that another test runs, on public tables, and compares with what the page says; "" for all chapters."""
BARE = {
    "README.md",
    "jobs/README.md",
    "docs/command_line.md",
    "docs/quick_start.md",
    "docs/rescoring.md",
    "docs/sources.md",
}
"""Pages that begin before there is a run."""
TRIAL = re.compile(r"jobs/trials/")
PUBLIC = all((prepare.RAW / name).is_dir() for name in ("irs_bmf", "online_retail", "cdnow", "crunchbase_2013"))
ENDS = {0, 10}
"""Exit codes of success, and of nothing to do."""


def reason(text: str) -> str | None:
    """Return the pattern of `NOT_RUN` that a command begins with, None if it is to be run."""
    return next((pattern for pattern in NOT_RUN if re.match(pattern, text)), None)


def left_out(block: Block) -> tuple[str, str] | None:
    """Return the mark of a block that is not run here, None if it is to be run."""
    marks = [(block.page, block.language), (block.page, block.chapter), (block.page, "")]
    return next((mark for mark in marks if mark in NO_BLOCKS or mark in ELSEWHERE), None)


BLOCKS = [*every_block()]
HERE = [block for block in BLOCKS if left_out(block) is None]


@pytest.fixture(scope="session")
def world(tmp_path_factory) -> page_world.World:
    return page_world.build(tmp_path_factory.mktemp("reader"), sys.executable)


@pytest.fixture(scope="session")
def trial_tables(tmp_path_factory) -> Path:
    """The tables that `python jobs/trials/prepare.py` writes, made by that command once a session."""
    folder: Path = tmp_path_factory.mktemp("trials") / "repository"
    shutil.copytree(
        ROOT / "jobs" / "trials", folder / "jobs" / "trials", ignore=shutil.ignore_patterns("tables", "scores")
    )
    (folder.parent / "shared").symlink_to(prepare.RAW.parent)
    subprocess.run([sys.executable, "jobs/trials/prepare.py"], cwd=folder, check=True, capture_output=True)
    return folder / "jobs" / "trials" / "tables"


@pytest.mark.parametrize("page", dict.fromkeys(block.page for block in HERE))
def test_a_page_runs_from_top_to_bottom(page, world, tmp_path, monkeypatch, request, capsys):
    folder = tmp_path / "reader"
    shutil.copytree(world.bare if page in BARE else world.scored, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv(
        "PATH", os.pathsep.join([str(world.programs), str(Path(sys.executable).parent), os.environ["PATH"]])
    )
    if any(TRIAL.search(block.text) for block in blocks_of(page)) and PUBLIC:
        shutil.copytree(request.getfixturevalue("trial_tables"), folder / "jobs" / "trials" / "tables")
    names: dict[str, Any] = {}
    blocks = sorted((block for block in blocks_of(page) if block in HERE), key=comes_last)
    for number, block in enumerate(blocks):
        if block.language in SHELL:
            for command in commands_of(block):
                run_command(command)
        elif block.language == "python":
            exec(compile(block.text, page, "exec"), names)  # noqa: S102 - our own page
        elif block.language == "yaml":
            require_metrics(block.text)
        elif block.language == "toml":
            run_settings(page_world.stand_in(block.text), f"settings-{number}")
        else:
            pytest.fail(f"{page}: nothing runs a block of {block.language!r}; put it into NO_BLOCKS with the reason")

    require_results(page, names, capsys.readouterr().out)


def require_results(page: str, names: dict[str, Any], printed: str) -> None:
    """Fail unless a page has left what it says."""
    if page in {"docs/quick_start.md", "docs/user_guide.md"}:
        assert Path("demo/report.html").stat().st_size > 100_000
    if page == "docs/python.md":
        assert names["small"].manifest["rows"]["scored"] > 0.9 * page_world.ROWS
        assert len(names["ladders"].labels) == 5
        assert "clusters.k" in printed


def comes_last(block: Block) -> bool:
    """Return whether a block needs what comes later: the reference names `lift` before the holdout that it is of."""
    return block.page == "docs/command_line.md" and block.text.startswith("tamscore lift ")


def run_command(text: str) -> None:
    """Run one command of a page, if it is to be run; fail with its output unless it ends well."""
    if text.startswith("make "):
        require_targets(shlex.split(text, comments=True)[1:])
    if reason(text) or (TRIAL.search(text) and (not PUBLIC or "prepare.py" in text)):
        return
    text = page_world.stand_in(text)
    words = shlex.split(text, comments=True)
    if words[0] == "tamscore" and not needs_shell(text):
        done = CliRunner().invoke(app, words[1:])
        assert done.exit_code in ENDS, f"{text}\n{done.output}"
    else:
        result = subprocess.run(["bash", "-ec", text], check=False, capture_output=True, text=True, timeout=120)
        assert result.returncode in ENDS, f"{text}\n{result.stdout}\n{result.stderr}"


def needs_shell(text: str) -> bool:
    """Return whether a command has a pipe, a redirection, or something else that only a shell does."""
    words = shlex.shlex(text, posix=True, punctuation_chars=True)
    words.whitespace_split = True
    return "$" in text or any(set(word) <= set("|><;&") for word in words)


def require_targets(words: list[str]) -> None:
    """Fail unless the Makefile has the targets that a page names."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    for word in words:
        assert re.search(rf"^{re.escape(word)}:", text, re.MULTILINE), f"make {word}: no such target"


def run_settings(text: str, output: str) -> None:
    """Run a job with the sections of a page in place of those of a plain one, and a coverage if they speak of one."""
    said = tomllib.loads(text)
    base = tomllib.loads(Path("my-job.toml").read_text(encoding="utf-8")) | {"output": {"path": output}}
    if isinstance(said.get("clusters", {}).get("k"), dict):
        base["columns"]["party_type"] = "party_type"
    if "families" in said:
        base["columns"]["parent_id"] = "parent_id"
    merged = base | {name: merged_section(base.get(name), section) for name, section in said.items()}
    run = tamscore.run(merged, overrides=['device="cpu"'])
    if "coverage" in said:
        done = CliRunner().invoke(app, ["coverage", output])
        assert done.exit_code == 0, done.output
    assert run.manifest["rows"]["scored"]


def require_metrics(rules: str) -> None:
    """Fail unless a run writes every metric that the alert rules of a page name."""
    expressions = [rule["expr"] for rule in yaml.safe_load(rules)]
    changed = ['input.path="data/next"', 'metrics.textfile="watched.prom"']
    tamscore.run("job.toml", overrides=changed, accept=True)  # beside the run before, which some metrics compare with
    written = set(re.findall(r"^(tamscore_\w+)", Path("watched.prom").read_text(encoding="utf-8"), re.MULTILINE))
    assert {name for text in expressions for name in re.findall(r"tamscore_\w+", text)} <= written


def merged_section(base: Any, section: Any) -> Any:
    """Return a section of a page over that of the plain job."""
    return base | section if isinstance(base, dict) and isinstance(section, dict) else section


def test_no_mark_is_left_over_and_each_names_a_test_that_is_there():
    commands = [command for block in HERE if block.language in SHELL for command in commands_of(block)]
    assert [pattern for pattern in NOT_RUN if not any(reason(text) == pattern for text in commands)] == []
    assert [mark for mark in {**NO_BLOCKS, **ELSEWHERE} if not any(left_out(block) == mark for block in BLOCKS)] == []
    assert {block.page for block in HERE} >= BARE
    for (page, _), name in ELSEWHERE.items():
        assert Path(page).name in (Path(__file__).parent / name).read_text(encoding="utf-8")
    for text in [*NOT_RUN.values(), *NO_BLOCKS.values()]:
        for file in re.findall(r"tests/[\w/]+\.py", text):
            assert (ROOT / file).is_file(), file


def test_most_of_what_pages_say_is_run():
    commands = [command for block in HERE if block.language in SHELL for command in commands_of(block)]
    assert sum(reason(command) is None for command in commands) > 0.75 * len(commands) > 90


@pytest.mark.parametrize(
    "text", ["tamscore scroe job.toml", "tamscore show nowhere", "no-such-program", "make nothing"]
)
def test_a_command_that_does_not_work_fails(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AssertionError):
        run_command(text)


def test_a_shell_is_taken_only_for_what_one_does():
    assert needs_shell("duckdb crm.duckdb -csv 'select 1' | tamscore run -")
    assert needs_shell('duckdb crm.db "$(tamscore sql scores)"')
    assert not needs_shell(
        "tamscore what-if scores --scenario 'a: b=c; d=e' --set potential.cut_lines='[0.8, 0.9]'  # it's"
    )
