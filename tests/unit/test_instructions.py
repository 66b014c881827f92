"""What the hot loops of the kernels ask of a GPU stays within a budget, counted in the compiled code without a GPU."""

from __future__ import annotations

from collections import Counter

import pytest

from bench import gpu_instructions
from bench.gpu_instructions import GPUS, Loop, counts, innermost_loops, share_of_floor
from tamscore.backend import launch

SOURCE = launch.SOURCE.read_text(encoding="utf-8")
BUDGETS = {
    "prepare": (250, 63),
    "label": (17.2, 4.35),
    "score for sums": (20.5, 5.2),
    "score, small tile": (22.8, 5.7),
    "add": (5.5, 2.1),
}
"""Instructions and clocks of a multiprocessor for a row of 32 features and 11 centers, on capability 9.0."""
TEXT = """
\t.section\t.text.label_12,"ax",@progbits
.L_x_1:
        /*0000*/                   LDG R1, [R2] ;
.L_x_2:
        /*0010*/              @!P0 FFMA R3, R1, R4, R3 ;
        /*0020*/               @P0 BRA `(.L_x_2) ;
        /*0030*/                   BRA `(.L_x_1) ;
.L_x_3:
        /*0040*/                   BRA `(.L_x_3) ;
"""


def needs_disassembler() -> None:
    if gpu_instructions.disassembler() is None:
        pytest.skip("no nvdisasm here")


def test_loops_are_read_from_the_assembler_text():
    """The innermost alone; a kernel's last branch, to itself, is none."""
    (loop,) = innermost_loops(TEXT)["label_12"]
    assert loop.instructions == {"FFMA": 1, "BRA": 1}


def test_the_busiest_unit_of_a_multiprocessor_decides():
    """Four schedulers share what is plain; memory and conversions have fewer units."""
    assert Loop(Counter({"FFMA": 80})).clocks == 20
    assert Loop(Counter({"FFMA": 8, "LDS": 8, "F2I": 8})).clocks == 16
    assert share_of_floor(1000.0, GPUS[0]) < share_of_floor(10.0, GPUS[0]) <= 1.0


@pytest.fixture(scope="module")
def shipped() -> dict[str, tuple[float, float]]:
    needs_disassembler()
    return counts(SOURCE)


def test_the_hot_loops_stay_within_their_budgets(shipped):
    for part, (instructions, clocks) in BUDGETS.items():
        assert shipped[part][0] <= instructions, part
        assert shipped[part][1] <= clocks, part


def test_an_instruction_more_in_a_hot_loop_costs_time_in_the_model(shipped):
    line = "norm[r] += value[r] * value[r];"
    assert SOURCE.count(line) == 1
    more = counts(SOURCE.replace(line, f"{line} norm[r] = fminf(norm[r], value[r] * 3.0f);"))
    assert more["label"][0] > BUDGETS["label"][0]
    assert more["label"][1] > shipped["label"][1]
