"""`docs` and `template`: what comes with the package to read, and to begin from."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Annotated

import typer

from tamscore.cli.arguments import AsJson, Overwrite, new_path
from tamscore.errors import UsageError


def docs(
    page: Annotated[str | None, typer.Argument(metavar="[PAGE]", help="A page, such as quick_start.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print a page of the documentation, or list all pages."""
    from tamscore import shipped

    if page is not None:
        text = shipped.page_text(page)
        print(json.dumps({"page": page, "text": text}, ensure_ascii=False) if as_json else text, end="\n" * as_json)
        return
    titles = {name: shipped.title_of(path) for name, path in shipped.pages().items()}
    if as_json:
        print(json.dumps(titles, indent=1, ensure_ascii=False))
        return
    width = max(map(len, titles))
    for name, title in titles.items():
        print(f"{name:<{width}}  {title}")
    print("next: tamscore docs PAGE")


def template(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="laptop, gpu, kubernetes, slurm, airflow or airflow-kubernetes."),
    ],
    to: Annotated[
        Path | None,
        typer.Argument(metavar="[DIR]", help="The folder to write to; default: the current one.", parser=new_path),
    ] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Write a job file, or what a scheduler needs, from a template."""
    from tamscore import shipped
    from tamscore.store import commit

    folder = to or Path()
    files = {folder / file: content for file, content in shipped.template_files(name).items()}
    if there := [str(path) for path in files if path.exists() and not overwrite]:
        raise UsageError(f"{', '.join(there)}: there already; name another folder, or add --overwrite")
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in files.items():
        commit.sweep_beside(path)
        commit.place_bytes(content, path)
    if as_json:
        print(json.dumps({"template": name, "files": [str(path.absolute()) for path in files]}, indent=1))
    else:
        print("\n".join(f"wrote {shlex.quote(str(path))}" for path in files))
