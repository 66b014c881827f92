"""`python -m bench.gpu_instructions`: what the hot loops of the kernels ask of a GPU, counted in the compiled code.

A model, no measurement: instructions of the innermost loops by the unit that executes them, the clocks that the
busiest unit of a multiprocessor needs for a row, and so the share of the read-once floor that a pass can reach at most.
Needs the compiler and the disassembler of CUDA (packages nvidia-cuda-nvrtc, nvidia-cuda-nvdisasm), no driver, no GPU.
"""

from __future__ import annotations

import re
import subprocess
import sysconfig
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from bench.measure import record
from tamscore.backend import cubins, launch

HERE = (9, 0)
FEATURES = 32
MEMORY, CONVERSION, FLOAT64 = ("LDS", "LDG", "STS", "REDG"), ("F2I", "F2F"), ("DFMA", "DADD", "DMUL", "DSETP")
UNITS = {MEMORY: 1.0, CONVERSION: 2.0, FLOAT64: 0.5}
"""Clocks of a multiprocessor for a warp's instruction that fewer units than four schedulers execute (capability 9)."""
SECTION = re.compile(r"\s*\.section\s+\.text\.(\w+)")
LABEL = re.compile(r"(\.L_x_\d+):")
INSTRUCTION = re.compile(r"\s*/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+\s+)?([A-Z][A-Z0-9_]*)(.*)")


@dataclass(frozen=True)
class Gpu:
    """A GPU by its data sheet: multiprocessors, clocks a second, bytes a second of which a copy reaches about 0.85."""

    name: str
    processors: int
    clock: float
    bandwidth: float


GPUS = (Gpu("H200", 132, 1.785e9, 4.8e12), Gpu("H100 SXM", 132, 1.785e9, 3.35e12))


@dataclass(frozen=True)
class Loop:
    """The instructions of an innermost loop by name."""

    instructions: Counter[str]

    @property
    def length(self) -> int:
        """How many instructions a turn has at most: those that are stepped over count too."""
        return self.instructions.total()

    @property
    def clocks(self) -> float:
        """The clocks of a multiprocessor that a warp's turn takes from the busiest of its units."""
        busy = (clocks * sum(self.instructions[name] for name in names) for names, clocks in UNITS.items())
        return max(self.length / 4, *busy)


def disassembler() -> Path | None:
    """Return the disassembler of the package, None where it is not installed."""
    found = sorted(Path(sysconfig.get_path("purelib")).glob("nvidia/*/bin/nvdisasm"))
    return found[0] if found else None


def disassembled(code: bytes) -> str:
    """Return the assembler text of compiled kernels."""
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(code)
        file.flush()
        command = [str(disassembler()), "--print-code", file.name]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def innermost_loops(text: str) -> dict[str, list[Loop]]:
    """Return the innermost loops of each kernel of an assembler text, in order."""
    found: dict[str, list[Loop]] = {}
    for part in re.split(r"(?=^\s*\.section\s+\.text\.)", text, flags=re.MULTILINE):
        if name := SECTION.match(part):
            found[name[1]] = loops_of(part)
    return found


def loops_of(part: str) -> list[Loop]:
    """Return the innermost loops of one kernel: what lies between a branch back and its target, and holds no other."""
    places: dict[str, int] = {}
    names, spans = list[str](), list[tuple[int, int]]()
    for line in part.splitlines():
        if label := LABEL.match(line):
            places[label[1]] = len(names)
        elif instruction := INSTRUCTION.match(line):
            target = re.search(r"(\.L_x_\d+)", instruction[2])
            names.append(instruction[1])
            if instruction[1] == "BRA" and target and target[1] in places and places[target[1]] < len(names) - 1:
                spans.append((places[target[1]], len(names)))
    inner = [one for one in spans if not any(one != o and one[0] <= o[0] and o[1] <= one[1] for o in spans)]
    return [Loop(Counter(names[start:stop])) for start, stop in inner]


def score_loop(loops: list[Loop]) -> Loop:
    """Return the loop over features in which scores grow."""
    return max(loops, key=lambda loop: loop.instructions["FFMA"])


def add_loop(loops: list[Loop]) -> Loop:
    """Return the loop over rows in which sums grow: it turns numbers into integers, and multiplies nothing."""
    return max((one for one in loops if not one.instructions["FFMA"]), key=lambda one: one.instructions["F2I"])


def per_row(loop: Loop, turns: float) -> tuple[float, float]:
    """Return instructions and clocks of a warp for each of its 32 lanes' rows, where a row takes so many turns."""
    return loop.length * turns, loop.clocks * turns


def counts(source: str, capability: tuple[int, int] = HERE, width: int = 12) -> dict[str, tuple[float, float]]:
    """Return instructions and clocks a row of FEATURES features, of a multiprocessor, by part of the work."""
    code = cubins.compile_cubin(source, capability, define_macro=f"ONLY={width}")
    found = innermost_loops(disassembled(code))
    label, sums = found[f"label_{width}"], found[f"accumulate_{width}"]
    score, added = score_loop(label), add_loop(sums)
    (prepare,) = found["prepare"]
    small = found.get(f"accumulate_small_{width}", sums)
    return {
        "prepare": per_row(prepare, FEATURES / 32),
        "label": per_row(score, turns_of(score)),
        "score for sums": per_row(score_loop(sums), turns_of(score_loop(sums))),
        "score, small tile": per_row(score_loop(small), turns_of(score_loop(small))),
        "add": per_row(added, 1 / added.instructions["F2I"]),  # a lane for each feature, one row at a time
    }


def turns_of(score: Loop) -> float:
    """Return how many turns of a loop in which scores grow a row takes: each turn reads a value of each of its rows."""
    return FEATURES / score.instructions["LDG"] / 32


def share_of_floor(clocks: float, gpu: Gpu) -> float:
    """Return the share of the time to read a row once that so many clocks a row leave at most."""
    floor = 4 * FEATURES / (0.85 * gpu.bandwidth)
    return min(1.0, floor / (clocks / (gpu.processors * gpu.clock)))


def main() -> None:
    """Count, model and record."""
    found = counts(launch.SOURCE.read_text(encoding="utf-8"))
    passes = {"label": found["label"][1], "lloyd pass": found["score for sums"][1] + found["add"][1]}
    shares = {gpu.name: {name: round(share_of_floor(each, gpu), 3) for name, each in passes.items()} for gpu in GPUS}
    by_part = {name: {"instructions": round(each[0], 2), "clocks": round(each[1], 2)} for name, each in found.items()}
    model = {"model": "hot loops alone", "k": 11, "features": FEATURES, "row": by_part, "most": shares}
    record("gpu_instructions", model)


if __name__ == "__main__":
    main()
