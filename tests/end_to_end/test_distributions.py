"""What a wheel and a source distribution hold: pages, templates, and all that their links lead to."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tamscore import shipped
from tamscore.cli import app
from tamscore.cli.examples import EXAMPLES
from tamscore.errors import UsageError
from tamscore.package_digest import package_digest

ROOT = Path(__file__).parents[2]
ELSEWHERE = {"trials"}
"""What needs tables that no distribution holds."""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Provide the folders of an unpacked wheel and of an unpacked source distribution."""
    folder = tmp_path_factory.mktemp("built")
    build = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [wheel], [source] = folder.glob("*.whl"), folder.glob("*.tar.gz")
    shutil.unpack_archive(wheel, folder / "wheel", "zip")
    shutil.unpack_archive(source, folder, filter="data")
    return folder / "wheel", folder / source.name.removesuffix(".tar.gz")


def broken_links(folder: Path) -> list[str]:
    """Return the links of the pages below a folder that lead to nothing."""
    return [
        f"{page.relative_to(folder)}: {link}"
        for page in folder.rglob("*.md")
        for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if "://" not in link and link not in ELSEWHERE and not (page.parent / link).exists()
    ]


def test_links_of_pages_lead_somewhere_in_both(built):
    wheel, source = built
    assert broken_links(wheel / "tamscore" / "data") == []
    assert broken_links(source) == []
    (wheel / "page.md").write_text("[a](b.md#c)", encoding="utf-8")
    assert broken_links(wheel)[0] == "page.md: b.md"


def test_the_source_distribution_has_what_its_pages_and_images_begin_from(built):
    _, source = built
    for name in ("Makefile", "docker/cpu.Dockerfile", "bench/__main__.py", "locks/dev.txt", ".dockerignore"):
        assert (source / name).is_file(), name


def test_an_installed_wheel_prints_pages_and_writes_templates(built, tmp_path):
    """The package of the wheel in front of this one, which no file of the checkout lies beside."""
    wheel, _ = built
    environment = os.environ | {"PYTHONPATH": str(wheel)}

    def said(*arguments: str) -> str:
        command = [sys.executable, "-m", "tamscore", *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert said("docs", "quick_start") == (ROOT / "docs" / "quick_start.md").read_text(encoding="utf-8")
    said("template", "kubernetes", "deploy")
    written = {path.name: path.read_bytes() for path in (tmp_path / "deploy").iterdir()}
    assert written == {path.name: path.read_bytes() for path in (ROOT / "jobs" / "kubernetes").iterdir()}


def test_pages_and_templates_make_no_other_run(built):
    wheel, _ = built
    assert (wheel / "tamscore" / "data" / "docs" / "index.md").is_file()
    assert package_digest(wheel / "tamscore") == package_digest()


def test_each_page_that_a_help_names_is_there():
    assert {page for _, page in EXAMPLES.values()} <= set(shipped.pages())


def test_every_template_has_files_and_none_is_replaced_unasked(tmp_path):
    assert all(shipped.template_files(name) for name in shipped.TEMPLATES)
    call = CliRunner().invoke
    assert call(app, ("template", "laptop", str(tmp_path))).exit_code == 0
    (tmp_path / "laptop.toml").write_text("mine")
    refused = call(app, ("template", "laptop", str(tmp_path)))
    assert (refused.exit_code, "--overwrite" in refused.stderr) == (2, True)
    assert (tmp_path / "laptop.toml").read_text() == "mine"
    assert call(app, ("template", "laptop", str(tmp_path), "--overwrite")).exit_code == 0
    assert (tmp_path / "laptop.toml").read_bytes() == (ROOT / "jobs" / "laptop.toml").read_bytes()


@pytest.mark.parametrize("name", ["review", "review.md", "docs/review.md"])
def test_a_page_is_known_by_each_of_its_names(name):
    assert shipped.page_text(name).startswith("#")


def test_unknown_pages_and_templates_are_refused_with_those_that_there_are():
    with pytest.raises(UsageError, match=r"page 'x': expected one of .*quick_start"):
        shipped.page_text("x")
    with pytest.raises(UsageError, match=r"template '../x': expected one of laptop"):
        shipped.template_files("../x")
