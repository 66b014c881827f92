"""Images without a container engine: built and entered by buildah, on a base that is made here."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parents[2]
BASE = "localhost/tamscore-base:ci"
STORAGE = ("--storage-driver", "overlay")


def buildah(*arguments: str, seconds: float = 900) -> str:
    """What buildah says on standard output; fails with all that it said."""
    command = ["buildah", *arguments[:1], *STORAGE, *arguments[1:]]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout.strip()


def base() -> str:
    """The base image, made where it is not there."""
    if BASE not in buildah("images", "--format", "{{.Name}}:{{.Tag}}").split():
        subprocess.run([str(ROOT / "tests" / "platform" / "base_image.sh"), BASE], check=True, timeout=600)
    return BASE


def build(file: str, tag: str, **variables: str) -> str:
    """The tag of an image that was built from a file of docker/."""
    chosen = {"BASE_IMAGE": base(), **variables}
    options = [part for name, value in chosen.items() for part in ("--build-arg", f"{name}={value}")]
    how = ("--isolation", "chroot", "--format", "docker", "--pull-never", "--quiet")
    buildah("bud", *how, *options, "--tag", tag, "--file", f"docker/{file}", ".")
    return tag


def configuration(image: str) -> dict[str, Any]:
    """What the image says of itself: user, entry point, environment."""
    image_config: dict[str, Any] = json.loads(buildah("inspect", "--type", "image", image))
    config: dict[str, Any] = image_config["Docker"]["config"]
    return config


def megabytes(image: str) -> float:
    """The size of an image with its base."""
    sizes = json.loads(buildah("images", "--json", image))
    return float(sizes[0]["sizeraw" if "sizeraw" in sizes[0] else "size"]) / 1e6


class Container:
    """A container of an image, entered by its own user; removed in the end."""

    def __init__(self, image: str, folder: Path) -> None:
        self._name = buildah("from", "--pull-never", image)
        self._folder, self._config = folder, configuration(image)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        buildah("rm", self._name)

    def command(self, *arguments: str, entry: list[str] | None = None) -> list[str]:
        """The command that runs the image's entry point, or another, with the folder at /data."""
        started = [*(self._config["Entrypoint"] if entry is None else entry), *arguments]
        mount = f"{self._folder}:/data:rw"
        return ["buildah", "run", *STORAGE, "--isolation", "chroot", "--volume", mount, self._name, "--", *started]

    def run(self, *arguments: str, entry: list[str] | None = None) -> subprocess.CompletedProcess[str]:
        command = self.command(*arguments, entry=entry)
        return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
