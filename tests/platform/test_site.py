"""The documentation builds as a site: no dead link, no page without a place, nothing fetched by a reader's browser."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.platform

ROOT = Path(__file__).parents[2]
MKDOCS = ROOT / ".venv-site" / "bin" / "mkdocs"
WITHOUT_NETWORK = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "NO_MKDOCS_2_WARNING": "1"}


def build(root: Path, target: Path) -> subprocess.CompletedProcess[str]:
    """Build the site of a tree strictly, without a network; `--quiet` would count no warning."""
    call: list[str | Path] = [MKDOCS, "build", "--strict", "--site-dir", target]
    environment = {**os.environ, **WITHOUT_NETWORK}
    return subprocess.run(call, cwd=root, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_the_site_builds_without_a_warning_and_asks_nothing_from_elsewhere(tmp_path):
    done = build(ROOT, tmp_path / "site")
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    pages = [*(tmp_path / "site").rglob("*.html")]
    assert len(pages) > 30
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert not re.findall(r"<(?:script|img|iframe)[^>]*src=.?https?:|<link[^>]*href=.?https?:", text), page


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[text](nowhere.md)", "no such file: nowhere.md"),
        ("[text](method.md#no-such-heading)", "no-such-heading"),
        ("[text](../bench/nowhere.py)", "no such file: ../bench/nowhere.py"),
    ],
)
def test_a_dead_link_fails(text, complaint, tmp_path):
    done = build_with(tmp_path, "quick_start", text)
    assert done.returncode == 1
    assert complaint in done.stdout + done.stderr


def test_a_page_without_a_place_in_the_site_fails(tmp_path):
    done = build_with(tmp_path, "stray", "# A page that no page leads to")
    assert done.returncode == 1
    assert "stray.md" in done.stdout + done.stderr


def build_with(tmp_path: Path, page: str, text: str) -> subprocess.CompletedProcess[str]:
    """Build the site of a copy of the pages, with a text at the end of one of them, or with a new one."""
    for name in ("docs", "jobs", "docker", "bench"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("tables", "scores"))
    for name in ("mkdocs.yml", "CHANGELOG.md"):
        shutil.copy(ROOT / name, tmp_path / name)
    with (tmp_path / "docs" / f"{page}.md").open("a", encoding="utf-8") as stream:
        stream.write(f"\n{text}\n")
    return build(tmp_path, tmp_path / "site")
