"""What `bench.gpu` has found as a short table, with the share of the read-once floor that each pass reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.gpu_cases import Result

GOALS = {("assign", 8): 0.8, ("assign", 11): 0.8, ("lloyd pass", 11): 0.65}
"""Least shares of the read-once floor."""
NAMES = ("case", "peer", "reader", "device", "devices", "k", "rows")
ANSWERS = ("failed", "skipped", "agrees", "inertia", "checksum", "said")


def share_of_floor(results: list[Result], floor_bytes: int) -> None:
    """Add to each pass the share of the read-once floor that it reaches, at the bandwidth that was measured."""
    copies = [result["bytes_per_second"] for result in results if result["case"] == "copy" and "seconds" in result]
    for result in results:
        if copies and result["case"] in ("assign", "lloyd pass", "distances") and "seconds" in result:
            result["share_of_floor"] = floor_bytes / copies[-1] / result["seconds"]


def table(results: list[Result]) -> None:
    """Print what came out, one line a case."""
    theirs = {result["k"]: result for result in results if result.get("peer") == "cuML KMeans" and "seconds" in result}
    print(f"\n{'case':42}{'seconds':>12}{'of floor':>10}{'cuML':>8}  answer")
    for result in results:
        name = " ".join(str(result[key]) for key in NAMES if key in result)
        seconds = f"{result['seconds']:.6f}" if "seconds" in result else ""
        share = f"{result['share_of_floor']:.0%}" if "share_of_floor" in result else ""
        ratio = theirs.get(result.get("k"), {}).get("seconds") if result["case"] == "lloyd pass" else None
        times = f"{ratio / result['seconds']:.1f}x" if ratio else ""
        goal = GOALS.get((result["case"], result.get("k", 0)))
        answer = next((f"{key} {result[key]}" for key in ANSWERS if key in result), "")
        reached = "" if goal is None or not share else f" (goal {goal:.0%})"
        print(f"{name[:41]:42}{seconds:>12}{share:>10}{times:>8}  {answer[-60:]}{reached}")
