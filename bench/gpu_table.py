"""What `bench.gpu` has found as a short table, with the share of the read-once floor that each pass reaches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.gpu_cases import Result


@dataclass(frozen=True)
class Goal:
    """What is to be reached: at least so much, or at most, of a figure that results give, None where they do not."""

    name: str
    bound: float
    at_least: bool
    figure: Callable[[list[Result]], float | None]

    def reached(self, figure: float) -> bool:
        """Whether a figure is as good as asked for."""
        return figure >= self.bound if self.at_least else figure <= self.bound


def seconds(results: list[Result], **wanted: Any) -> float | None:
    """Return the seconds of the newest result with these values; None where there is none."""
    own = [result for result in results if "seconds" in result and wanted.items() <= result.items()]
    return float(own[-1]["seconds"]) if own else None


def ratio(above: float | None, below: float | None) -> float | None:
    """Return one figure over another, None where one of them is not there."""
    return above / below if above is not None and below else None


def whole(kind: str, device: str) -> Callable[[list[Result]], float | None]:
    """Return what finds the seconds of a whole run of a kind on a device."""
    return lambda results: seconds(results, case="whole run", kind=kind, device=device)


def over_processors(kind: str) -> Callable[[list[Result]], float | None]:
    """Return what finds how much faster the device is in a whole run of a kind."""
    return lambda results: ratio(whole(kind, "cpu")(results), whole(kind, "device, warm")(results))


def fixed_cost(results: list[Result]) -> float | None:
    """Return the seconds that a run of few companies takes longer on the device."""
    there, here = whole("few companies", "device, warm")(results), whole("few companies", "cpu")(results)
    return None if there is None or here is None else there - here


def of_floor(case: str) -> Callable[[list[Result]], float | None]:
    """Return what finds the share of the time to read a block once, at the bandwidth that was measured, k = 11."""

    def share(results: list[Result]) -> float | None:
        copies = [result for result in results if result.get("case") == "copy" and "seconds" in result]
        taken = [result for result in results if result.get("case") == case and result.get("k") == 11]
        if not copies or not taken or "floor_bytes" not in taken[-1]:
            return None
        return float(taken[-1]["floor_bytes"] / copies[-1]["bytes_per_second"] / taken[-1]["seconds"])

    return share


def over_cuml(k: int) -> Callable[[list[Result]], float | None]:
    """Return what finds how much faster a Lloyd pass is than cuML's for k clusters."""
    return lambda results: ratio(
        seconds(results, case="peer", peer="cuML KMeans", k=k), seconds(results, case="lloyd pass", k=k)
    )


GOALS = (
    Goal("whole run of 3 million, warm, over the processors", 1.0, True, over_processors("default")),
    Goal("10 million, every row in the fit, k chosen, over the processors", 8.0, True, over_processors("every row")),
    Goal("seconds that starting takes beyond a run on processors", 1.5, False, fixed_cost),
    Goal("label, k = 11, share of the read-once floor", 0.8, True, of_floor("assign")),
    Goal("Lloyd pass, k = 11, share of the read-once floor", 0.65, True, of_floor("lloyd pass")),
    Goal("Lloyd pass over cuML's, k = 11", 1.5, True, over_cuml(11)),
    Goal("Lloyd pass over cuML's, k = 64", 1.0, True, over_cuml(64)),
    Goal(
        "seconds of preparing 3 million rows of 29 columns", 0.005, False, lambda found: seconds(found, case="prepare")
    ),
)
"""What a device is to show. The download of the lean extra, at most 0.5 GB, needs none."""


def goals(results: list[Result]) -> None:
    """Print each goal with the newest figure of all results of a file, rehearsals apart from measurements."""
    own = results[-1]["rehearsal"] if results else False
    same = [result for result in results if result["rehearsal"] == own]
    print(f"\n{'goal, of all calls in the file':64}{'asked':>10}{'found':>12}")
    for goal in GOALS:
        figure = goal.figure(same)
        asked = f"{'>=' if goal.at_least else '<='} {goal.bound:g}"
        found = "not measured" if figure is None else f"{figure:.4g}"
        verdict = "" if figure is None or own else "  reached" if goal.reached(figure) else "  missed"
        print(f"{goal.name:64}{asked:>10}{found:>13}{verdict}")


NAMES = ("case", "kind", "peer", "reader", "device", "devices", "kernel", "k", "rows")
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
        taken = f"{result['seconds']:.6f}" if "seconds" in result else ""
        share = f"{result['share_of_floor']:.0%}" if "share_of_floor" in result else ""
        ratio = theirs.get(result.get("k"), {}).get("seconds") if result["case"] == "lloyd pass" else None
        times = f"{ratio / result['seconds']:.1f}x" if ratio else ""
        answer = next((f"{key} {result[key]}" for key in ANSWERS if key in result), "")
        print(f"{name[:41]:42}{taken:>12}{share:>10}{times:>8}  {answer[-60:]}")
