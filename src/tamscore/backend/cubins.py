"""Kernels compiled ahead, so that no run waits for a compiler: a file for each generation of GPUs.

`python -m tamscore.backend.cubins` makes them, without a driver or a GPU; a wheel takes along what is there. A file is
named after the text that it was made of, so that one of another text is not found.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from tamscore.backend.launch import SOURCE

FOLDER = Path(__file__).with_name("cubins")
ARCHITECTURES = ((7, 5), (8, 0), (8, 6), (9, 0), (10, 0), (12, 0))
"""Compute capabilities that kernels are compiled for; they run on any with the same major number and a later minor."""


def cubin_name(source: str, capability: tuple[int, int]) -> str:
    """Return the name of the file of kernels of that text for a compute capability."""
    major, minor = capability
    return f"kernels-{hashlib.sha256(source.encode()).hexdigest()[:12]}.sm_{major}{minor}.cubin"


def find_cubin(source: str, capability: tuple[int, int], folder: Path = FOLDER) -> Path | None:
    """Return the file that a GPU of a compute capability can run, the latest of several; None if there is none."""
    fitting = [parts for parts in ARCHITECTURES if parts[0] == capability[0] and parts[1] <= capability[1]]
    paths = (folder / cubin_name(source, parts) for parts in reversed(fitting))
    return next((path for path in paths if path.is_file()), None)


def compile_cubin(source: str, capability: tuple[int, int], log: Any = None, **options: Any) -> bytes:
    """Return the kernels compiled for a compute capability; `log` takes what the compiler says."""
    from cuda.core import Program, ProgramOptions

    major, minor = capability
    program = Program(source, "c++", ProgramOptions(arch=f"sm_{major}{minor}", std="c++17", **options))
    return bytes(program.compile("cubin", logs=log).code)


def main() -> None:
    """Compile the kernels for every architecture; files of other texts go."""
    source = SOURCE.read_text(encoding="utf-8")
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.cubin"):
        path.unlink()
    for capability in ARCHITECTURES:
        (FOLDER / cubin_name(source, capability)).write_bytes(compile_cubin(source, capability))


if __name__ == "__main__":
    main()
