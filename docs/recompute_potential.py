"""Recompute accounts' potentials from the scores of a run, by the definition and without tamscore.

    python docs/recompute_potential.py scores/versions/3fa9c0d1e2b34a56 --accounts 1000

Everything is read from the run's own files: peers and what customers spend from scores/, the rules from manifest.json.
Ladders that lean on others, or are frozen from an earlier run, are taken from model/; every other one is made anew.
At level account, typical sales are taken from scores/. Exits with 1 where a potential differs.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

PRESETS = {"p85": (0.85, 0.90, 0.95), "p80": (0.80, 0.85, 0.90, 0.95)}
CAPS = {"p99": 0.99, "p99.5": 0.995}
SLACK = 1.0 + 2.0**-51  # sales over typical sales, times typical sales, may fall short of sales by a rounding


class Ladder(NamedTuple):
    """The steps of a cluster: amounts; at level account (`cents`) multiples of typical sales, none worth over `cap`."""

    steps: np.ndarray
    cap: float
    cents: float | None


def shares(rules: dict) -> list[float]:
    """The shares of customers at which the steps of a ladder are taken, the top step last."""
    lines = rules["cut_lines"] or PRESETS[rules["preset"]]
    top = {"max": 1.0, "next_step": (1.0 + lines[-1]) / 2, **CAPS}[rules["top_step"]]
    return [*lines, max(top, lines[-1])]


def potential(row: dict, ladder: Ladder, rules: dict) -> float | None:
    """The lowest step that sales do not exceed (or lie below); above a capped top the sales themselves."""
    sold = max(row["sales"] or 0.0, 0.0)
    if np.isnan(ladder.steps).any():
        return None
    typical = row["typical_sales"] if ladder.cents else 1.0
    strictly, over = rules["boundary"] == "strictly_below" and sold > 0, sold / typical
    reached = [step for step in ladder.steps[:-1] if (step > over if strictly else step >= over)]
    value = reached[0] if reached else ladder.steps[-1]
    if ladder.cents:  # rounded down to cents, but for the cap
        whole = typical * value
        rounded = np.floor(whole * (ladder.cents * SLACK)) / ladder.cents
        value = ladder.cap if whole * SLACK >= ladder.cap else min(rounded, ladder.cap)
    return max(float(value), sold)


def read(run: Path) -> pa.Table:
    """The scores of a run: what its potentials follow from."""
    parts = sorted((run / "scores").glob("part-*.parquet"))
    columns = ["account_id", "cluster", "sales", "potential"]
    columns += [name for name in pq.read_schema(parts[0]).names if name == "typical_sales"]
    return pa.concat_tables([pq.read_table(part, columns=columns) for part in parts]).unify_dictionaries()


def arrays(path: Path) -> dict[str, np.ndarray]:
    """The float64 arrays of a safetensors file: the size of a JSON header, the header, the bytes that it describes."""
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    content = {name: one for name, one in json.loads(data[8:start]).items() if one.get("dtype") == "F64"}
    ends = {name: [start + offset for offset in one["data_offsets"]] for name, one in content.items()}
    return {name: np.frombuffer(data[slice(*ends[name])], "<f8").reshape(content[name]["shape"]) for name in content}


def ladders(run: Path, scores: pa.Table, rules: dict, *, frozen: bool) -> dict[str, Ladder]:
    """The ladder of every cluster: made anew from its customers; as stored where it leans on others or is frozen."""
    stored, found = arrays(run / "model" / "arrays.safetensors"), {}
    cluster, sales = np.array(scores["cluster"].to_pylist()), scores["sales"].to_numpy()
    for party in json.loads((run / "model" / "model.json").read_text(encoding="utf-8"))["parties"]:
        name, cents = party["party_type"], party["ladder"].get("cents")
        steps = stored[f"{name}.account_multiples" if cents else f"{name}.cut_values"]
        for c, (one, basis) in enumerate(zip(party["clusters"], party["ladder"]["basis"], strict=True)):
            if frozen or basis not in {"cluster", "account"}:
                found[one["id"]] = Ladder(steps[c], stored[f"{name}.account_cap"][c] if cents else np.inf, cents)
            else:
                here = (cluster == one["id"]) & (sales > 0)
                over = sales[here] / scores["typical_sales"].to_numpy()[here] if cents else sales[here]
                nearest_rank = np.quantile(over, shares(rules), method="inverted_cdf")  # each is of some customer
                found[one["id"]] = Ladder(nearest_rank, sales[here].max(), cents)
    return found


def main() -> int:
    """Recompute, compare, tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="the folder of one version of an output")
    parser.add_argument("--accounts", type=int, default=1000, help="how many accounts, drawn at random")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    manifest = json.loads((asked.run / "manifest.json").read_text(encoding="utf-8"))
    rules, frozen = manifest["job"]["potential"], manifest["model"].get("ladders") == "frozen"
    scores = read(asked.run)
    ladder_of = ladders(asked.run, scores, rules, frozen=frozen)
    drawn = np.random.default_rng(asked.seed).permutation(scores.num_rows)[: asked.accounts]
    wrong = 0
    for row in scores.take(np.sort(drawn)).to_pylist():
        found = potential(row, ladder_of[row["cluster"]], rules)
        if found != row["potential"]:
            wrong += 1
            print(f"{row['account_id']}: stored {row['potential']}, recomputed {found}")
    print(f"{len(drawn) - wrong} of {len(drawn)} potentials are what their definition gives")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
