"""What MkDocs does to the pages: it takes in those that lie beside `docs`, and makes their links those of the site."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from mkdocs.plugins import get_plugin_logger
from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
BESIDE = ("jobs/README.md", "docker/README.md", "CHANGELOG.md")
"""Pages from the top of the project; on the site they stand beside those of `docs`, under the same names."""
LINK = re.compile(r"(?<!\!)\[((?:[^\[\]]|\[[^\]]*\])+)\]\(([^)#\s:]*)(#[^)\s]*)?\)")
LOG = get_plugin_logger("pages")


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages that lie beside `docs`."""
    for name in BESIDE:
        files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 - named
    """Return the text with its links as they are on the site."""
    source = PurePosixPath(page.file.src_uri)
    folder = source.parent if page.file.src_uri in BESIDE else "docs" / source.parent
    return LINK.sub(lambda link: link_on_site(link, folder, source), markdown)


def link_on_site(link: re.Match[str], folder: PurePosixPath, source: PurePosixPath) -> str:
    """Return a link as it is on the site; the text alone for a file of the project that is no page."""
    text, target, anchor = link.group(1), link.group(2), link.group(3) or ""
    if not target:
        return link.group()
    place = (ROOT / folder / target).resolve()
    if not place.is_relative_to(ROOT) or not place.exists():
        LOG.warning("%s: no such file: %s", source, target)
        return link.group()
    name = place.relative_to(ROOT).as_posix()
    if name not in BESIDE and not name.startswith("docs/"):
        return text
    depth = "../" * (len(source.parts) - 1)
    return f"[{text}]({depth}{name.removeprefix('docs/')}{anchor})"
