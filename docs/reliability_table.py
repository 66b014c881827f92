"""Writes the table of `docs/reliability.md`: every case, its promise, and the tests whose docstrings begin with its id.

`python docs/reliability_table.py` rewrites the page between its marks; `--check` says whether it is up to date.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "reliability.md"
MARKS = ("<!-- cases -->", "<!-- end of cases -->")
IDS = re.compile(r"^((?:[FSIVC]\d\d(?:(?:-|\u2013)[FSIVC]?\d\d)?(?:, | and |/)?)+)")

CASES = {
    "F01": "a worker is killed at 10, 50, 90 %",
    "F02": "a worker is killed between writing and telling",
    "F03": "all workers are killed at once",
    "F04": "workers are killed at random",
    "F05": "the main process is killed at every step",
    "F06": "several crashes in a row",
    "F07": "SIGTERM",
    "F08": "SIGINT, SIGHUP",
    "F09": "a second signal while ending",
    "F10": "orphans after the main process is killed",
    "F11": "a task that kills its worker each time",
    "F12": "passing input/output errors",
    "F13": "a frozen worker",
    "F14": "a frozen worker wakes after its task was redone",
    "F15": "the scheduler cannot be reached",
    "F16": "the scheduler dies during the run",
    "F17": "all workers are gone for good",
    "F18": "a worker exceeds its memory",
    "F19": "memory runs out inside a task",
    "F20": "results exceed memory and spill",
    "F21": "the spill disk is full",
    "F22": "no permission on the scratch folder",
    "F23": "versions of client and workers differ",
    "F24": "a GPU is asked for where there is none",
    "F25": "the GPU runs out of memory",
    "F26": "two runs, one output",
    "F27": "two runs, one output, on an object store",
    "F28": "a commit whose answer is lost",
    "F29": "too few open files, processes, ports, or too little space for workers",
    "F30": "workers die or hang while they start",
    "F31": "a client of a cluster of others is killed",
    "F32": "work on rows that another worker keeps",
    "F41": "standard output or error closed, full, or not read",
    "F51": "a run that ended early is started again",
    "S01": "the output disk is full",
    "S02": "any write call fails",
    "S03": "a limit on file size",
    "S04": "a limit on open files",
    "S05": "a read-only output",
    "S06": "killed while a table is written",
    "S07": "an exception inside a Parquet writer",
    "S08": "a killed upload to an object store",
    "S09": "renames on an object store",
    "S10": "power is lost",
    "S11": "a part is deleted, added, swapped",
    "S12": "a bit flips in a part",
    "S13": "a torn pointer or manifest",
    "S14": "an input is replaced during the run",
    "S15": "an input is added after planning",
    "S16": "other files among the inputs",
    "S17": "a link in the place of a part",
    "S18": "the input inside the output, or the other way round",
    "S19": "stale temporary files",
    "S41": "killed exports, lists, reports",
    "S51": "checkpoints that are damaged or of another run",
    "S42": "an import of several files is killed at every step",
    "S43": "two imports of one target at once",
    "S20": "a bit flips in a complete version",
    "S21": "a damaged version is run again",
    "S22": "the pointer is torn after a rollback",
    "S23": "files that cannot be read, links in a circle, manifests of another shape",
    "S24": "a command writes beside a run, a rollback or a prune",
    "S25": "a rollback is repeated",
    "S26": "a prune is killed at every step",
    "S27": "versions that are still needed",
    "S28": "an account is forgotten",
    "S29": "a version that accounts have left is run again, or put back",
    "S30": "a forget is killed at every step",
    "I01": "a file of zero bytes",
    "I02": "a truncated file",
    "I03": "a damaged page, with checksum",
    "I04": "a damaged page, without checksum",
    "I05": "a garbled footer",
    "I06": "known hostile files",
    "I07": "a decompression bomb",
    "I08": "files and row groups without rows",
    "I09": "an empty folder",
    "I10": "a column missing in a later file",
    "I11": "a column missing in the first file",
    "I12": "a column spelt in another case",
    "I13": "whole numbers in one file, fractions in another",
    "I14": "numbers as text",
    "I15": "two columns of one name",
    "I16": "a column without type or values",
    "I17": "bytes that are no UTF-8",
    "I18": "ids beyond 64-bit integers",
    "I19": "giant strings, a million levels",
    "I20": "values that look like paths",
    "I21": "encrypted files and other formats",
    "I22": "ten thousand tiny files",
    "V01": "NaN in a feature",
    "V02": "infinity in a feature",
    "V03": "1e308",
    "V04": "beyond float32",
    "V05": "large numbers that hardly vary",
    "V06": "a constant column",
    "V07": "all rows alike",
    "V08": "more clusters than rows",
    "V09": "more clusters than different rows",
    "V10": "a cluster nobody buys in",
    "V11": "a cluster with one customer",
    "V12": "all sales zero",
    "V13": "negative sales",
    "V14": "percentiles where values are missing",
    "V15": "duplicate ids",
    "V16": "null ids",
    "V17": "another order of batches",
    "V18": "other numbers of workers",
    "V41": "texts that are formulas, in CSV",
    "V42": "values that became empty, in upserts",
    "C01": "a typo in any key",
    "C02": "wrong types and extremes",
    "C03": "a key twice",
    "C04": "values that other formats misread",
    "C05": "tags and bombs of other formats",
    "C06": "NaN and infinity in the job file",
    "C07": "odd paths and schemes",
    "C08": "Dask preloads from the environment",
    "C09": "a pickle offered as a model",
    "C10": "a damaged model",
    "C11": "a model with impossible numbers",
    "C12": "features in another order",
    "C13": "features missing or added",
    "C14": "a model of another format",
    "C15": "a model made under other settings",
    "C16": "an edited manifest",
    "C17": "listening sockets",
    "C18": "encrypted schedulers",
    "C19": "a wrong clock",
    "C20": "other locales and time zones",
    "C21": "secrets in settings or messages",
    "C22": "running as root",
    "C23": "another hash seed",
    "C41": "what libraries say, with JSON logs",
    "C42": "placeholders in paths that nobody filled in",
    "C43": "a file of the package or a GPU library is another one",
}

PROMISES = {
    "F01": "same bytes; only tasks under way are done again",
    "F02": "same bytes, every row once",
    "F03": "same bytes",
    "F04": "same bytes",
    "F05": "old result whole; the next run resumes to the same bytes",
    "F06": "as F05",
    "F07": "exit 143 within 10 s, no process left, resumable",
    "F08": "exit 130, 129; as F07",
    "F09": "ends at once with 128 + signal; resumable",
    "F10": "none after 10 s",
    "F11": "refused, its input named; no other task blamed",
    "F12": "tried again; same bytes",
    "F13": "its work is done elsewhere; same bytes",
    "F14": "nothing changes any more",
    "F15": "exit 5 within `engine.connect_timeout`, address named",
    "F16": "exit 5 from any stage, address named; resumable",
    "F17": "exit 5 within `engine.stall_timeout`",
    "F18": "exit 6 with file, partition and limit",
    "F19": "exit 6 with its partition",
    "F20": "same result from disk",
    "F21": "exit 5 within `engine.stall_timeout`, folder named",
    "F22": "exit 2 or 5 before any process starts",
    "F23": "refused before any work, versions named",
    "F24": "exit 7, no silent fallback",
    "F25": "smaller blocks, same bytes; exit 6 when one row is too much",
    "F26": "one writes, the other gets exit 5 and the holder's name",
    "F27": "one commits; the others get exit 5 and the holder's name; a dead holder is followed",
    "F28": "looked up: done, or exit 5 and nothing removed",
    "F29": "exit 5 in time, with what is short and what to do",
    "F30": "exit 5 within three minutes, no process left",
    "F31": "what it shared is dropped everywhere; what others share stays",
    "F32": "the work goes to the rows",
    "F41": "the work goes on and keeps its exit code; 5 where an answer cannot be written",
    "F51": "census, model, assignment, committed parts are not computed again; same bytes",
    "S01": "exit 5, old result whole; resumes when there is room",
    "S02": "exit 5, nothing visible",
    "S03": "exit 5, old result whole",
    "S04": "needs fewer than eight files",
    "S05": "exit 2 before any compute",
    "S06": "nothing visible",
    "S07": "nothing visible",
    "S08": "nothing visible, no upload left open",
    "S09": "never done",
    "S10": "old or new result whole; resumable",
    "S11": "found by `verify`; readers refuse where a part is gone",
    "S12": "found by `verify`; rebuilt by a resume",
    "S13": "the ledger says which version is current; a torn manifest is refused, and written again by a run",
    "S14": "exit 3, file named",
    "S15": "not read",
    "S16": "passed over, listed in the manifest",
    "S17": "never written through",
    "S18": "exit 2",
    "S19": "swept by the holder of the lock; checkpoints by the next complete run, or `prune`",
    "S41": "swept by the next command that writes there; files under way stay",
    "S51": "not used, computed again, file named",
    "S42": "old or new folder as a whole",
    "S43": "one after the other; what the last leaves is whole; without `--overwrite` the second is refused",
    "S20": "every reader refuses with exit 3 and the file, or gives the same answer",
    "S21": "found by hash, rebuilt to the same bytes",
    "S22": "the ledger decides; never the version that was rolled back from",
    "S23": "exit 2 or 3 with the name; 5 where the disk fails; never taken for torn",
    "S24": "nothing of it is swept",
    "S25": "exit 0, nothing changes",
    "S26": "each version whole or gone; the next command removes the rest",
    "S27": "kept by `prune`: current, pinned, base of a kept one, young",
    "S28": "no file of the output holds its id; all else is what it was",
    "S29": "nothing to do; exit 3 where that would bring them back",
    "S30": "each version old or new for every reader; the next command finishes or removes the rest",
    "I01": "exit 3, file named",
    "I02": "exit 3, file named",
    "I03": "exit 3, file named",
    "I04": "found where it breaks the encoding; another run key else",
    "I05": "exit 3, or a table; never a crash",
    "I06": "exit 3, or a table; never a crash",
    "I07": "exit 3 from metadata, before decoding",
    "I08": "passed over; counts are right",
    "I09": "exit 2",
    "I10": "exit 3, file and column named",
    "I11": "exit 3, file and column named",
    "I12": "exit 3 with the likely name",
    "I13": "numbers widen; ids and copied columns must agree",
    "I14": "exit 3, cast it",
    "I15": "exit 3",
    "I16": "exit 3, or an empty column by its part",
    "I17": "exit 3, column named",
    "I18": "ids stay exact",
    "I19": "exit 3 above a limit, in bounded memory",
    "I20": "values never name a file",
    "I21": "exit 3 with what it is",
    "I22": "bounded memory, few parts",
    "V01": "median or rejected by rule, counted",
    "V02": "rejected, counted",
    "V03": "rejected, counted",
    "V04": "rejected, counted",
    "V05": "variance in double precision",
    "V06": "scale 1, noted",
    "V07": "one cluster in effect, noted",
    "V08": "refused with the number of rows",
    "V09": "fewer clusters, noted",
    "V10": "the party type's potential, or none; never infinite",
    "V11": "defined, flagged by its support",
    "V12": "defined, never infinite",
    "V13": "scored, flagged, counted",
    "V14": "of the customers there are; flagged",
    "V15": "rejected or refused by rule, counted exactly",
    "V16": "rejected, counted",
    "V17": "same bytes",
    "V18": "same bytes",
    "V41": "no cell starts a formula; every text can be had back",
    "V42": "counted by field; cleared with `--null`",
    "C01": "exit 2 with a suggestion",
    "C02": "exit 2, all at once",
    "C03": "exit 2 with the line",
    "C04": "never misread: TOML",
    "C05": "exit 2",
    "C06": "exit 2",
    "C07": "exit 2; known schemes only",
    "C08": "refused, never run",
    "C09": "refused by content, never opened",
    "C10": "refused",
    "C11": "refused, contradiction named",
    "C12": "refused by name",
    "C13": "refused by name",
    "C14": "refused",
    "C15": "refused by section",
    "C16": "refused by every reader and by a run; found by `verify`",
    "C17": "loopback only",
    "C18": "TLS, or a word that it is not",
    "C19": "same bytes",
    "C20": "same bytes",
    "C21": "written nowhere, not repeated",
    "C22": "not needed; the image does not",
    "C23": "same bytes",
    "C41": "every line of standard error is one record",
    "C42": "exit 2, placeholder named; odd names stay allowed",
    "C43": "the digest of the package is another one; the manifest names the libraries of the GPU",
}
"""What is promised for each case; exit codes as in the README."""

LIMITS = {
    "I04": "kept; a change that decodes is not seen as damage",
    "F25": "kept, on a device that is pretended",
    "F27": "kept on S3; not tried on Google and Azure",
    "F28": "kept on S3; not tried on Google and Azure",
    "S10": "kept in a model of a disk; no plug was pulled",
    "C22": "kept; the image itself is checked by its text",
}
"""Outcomes that are less than the promise kept in a test of the real thing."""


def tested() -> dict[str, list[str]]:
    """The tests of every case, as `file::test`."""
    found: dict[str, list[str]] = {}
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for case in cases_of(ast.get_docstring(node) or ""):
                    found.setdefault(case, []).append(f"{file.stem}::{node.name}")
    return found


def cases_of(docstring: str) -> Iterator[str]:
    """The ids that a docstring begins with, ranges spelt out."""
    match = IDS.match(docstring)
    for first, last in re.findall(r"([FSIVC]\d\d)(?:(?:-|\u2013)[FSIVC]?(\d\d))?", match[1] if match else ""):
        for number in range(int(first[1:]), int(last or first[1:]) + 1):
            yield f"{first[0]}{number:02d}"


def table() -> str:
    """The table in Markdown; a case without a test is open, and says so."""
    tests = tested()
    lines = ["| id | case | promise | outcome | tests |", "| --- | --- | --- | --- | --- |"]
    for case, name in CASES.items():
        shown = "<br>".join(f"`{test}`" for test in tests.get(case, [])) or "**none yet**"
        tables = LIMITS.get(case, "kept") if case in tests else "**open**"
        lines.append(f"| {case} | {name} | {PROMISES[case]} | {tables} | {shown} |")
    return "\n".join(lines)


def main() -> int:
    """Rewrite the page, or check it."""
    page = PAGE.read_text(encoding="utf-8")
    before, after = page.split(MARKS[0])[0], page.split(MARKS[1])[1]
    wanted = f"{before}{MARKS[0]}\n{table()}\n{MARKS[1]}{after}"
    if "--check" not in sys.argv:
        PAGE.write_text(wanted, encoding="utf-8")
    return int(page != wanted) if "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
