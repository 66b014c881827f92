"""One spoilt file at a time: it is taken, or refused with a message; anything else is a find."""

from __future__ import annotations

import resource
import sys
import traceback
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from xxhash import xxh3_128_hexdigest

from tamscore import job_file
from tamscore.backend.host import HostBackend
from tamscore.errors import InputContractError, JobFileError, MemoryLimitError
from tamscore.model import files as model
from tamscore.schema import InputColumns, InputLimits
from tamscore.scoring.census.partition import take_census
from tamscore.scoring.features import read_features
from tamscore.store import partitions, tables
from tamscore.store.commit import Placed
from tests.end_to_end import market
from tests.fuzz import cases

if TYPE_CHECKING:
    from collections.abc import Callable

COLUMNS = InputColumns(
    "id",
    "sales",
    party_type="party",
    market_segment="code",
    keep=("kept",),
    numeric=("x", "n"),
    categorical=("t",),
    limits=InputLimits(row_group_bytes=64 << 20),
)
MEMORY = 6 << 30
"""Address space of a process that checks; a file that makes it ask for more must be refused."""


def check_job(number: int, folder: Path) -> bool:
    """Whether a spoilt job file is taken; each problem of a refused one is a line of its own."""
    path = folder / "job.toml"
    path.write_bytes(cases.job_file(number))
    try:
        job_file.load(path)
    except JobFileError as error:
        problems = error.problems
    else:
        return True
    assert problems
    assert not any("\n" in problem for problem in problems)
    return False


def check_parquet(number: int, folder: Path) -> bool:
    """Whether a spoilt Parquet file is planned and read."""
    path = folder / "case.parquet"
    path.write_bytes(cases.parquet_file(number))
    try:
        for part in partitions.plan(str(path), COLUMNS).partitions:
            assert tables.read(part, COLUMNS.all, dictionary=["t"]).num_rows == part.rows
            take_census(part, COLUMNS, reject_missing_sales=False)
            read_features(part, COLUMNS, HostBackend())
    except (InputContractError, MemoryLimitError) as error:
        message = str(error)
    else:
        return True
    assert "case.parquet" in message
    return False


@cache
def good_model() -> tuple[dict[str, Any], bytes]:
    """The files of a model of a small run."""
    with TemporaryDirectory(prefix="tamscore-fuzz-") as folder:
        done = market.score(market.accounts(400), Path(folder))
        description, _ = model.read_raw(done.model)
        return description, (done.model / model.ARRAYS).read_bytes()


def check_model(number: int, folder: Path) -> bool:
    """Whether a spoilt model is read, though its hashes are right."""
    files = dict(zip((model.DESCRIPTION, model.ARRAYS), cases.model_files(number, *good_model()), strict=True))
    for name, data in files.items():
        (folder / name).write_bytes(data)
    listed = {f"model/{name}": Placed(len(data), xxh3_128_hexdigest(data)) for name, data in files.items()}
    try:
        model.read_model(folder, listed)
    except InputContractError:
        return False
    return True


KINDS: dict[str, Callable[[int, Path], bool]] = {
    "job": check_job,
    "parquet": check_parquet,
    "model": check_model,
}


def main(kind: str, first: int, last: int, folder: Path) -> None:
    """Check the cases of a kind, telling each on a line before (`? number`) and after (`+`, `-` or `! what`)."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for number in range(first, last):
        say(f"? {number}")
        try:
            say("+" if KINDS[kind](number, folder) else "-")
        except Exception:  # noqa: BLE001 - that is what is looked for
            say(f"! {traceback.format_exc()[-600:]!r}")


def say(line: str) -> None:
    """Tell the watcher."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
