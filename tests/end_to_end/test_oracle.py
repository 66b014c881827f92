"""A whole run against a slow and obvious reading of the method, written with plain Python numbers and lists.

The oracle takes the run's own clusters, and works out every account's money, ranks and quadrant again.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from math import ceil
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xxhash

from tests.end_to_end import market

LINES = {"p85": ("0.85", "0.90", "0.95"), "p80": ("0.80", "0.85", "0.90", "0.95")}
TOPS = {"max": "1", "p99": "0.99", "p99.5": "0.995", "next_step": "0.975"}
PLAYS = {
    "blue": ("expand", "account_manager", "high_touch"),
    "yellow": ("land_and_adopt", "hunter", "high_touch"),
    "orange": ("protect", "account_manager", "pooled"),
    "grey": ("deprioritise", "digital", "digital"),
    "teal": ("deprioritise", "digital", "digital"),
}
Row = dict[str, Any]


def at(values: list[float], share: str) -> float:
    """The value at a share of the sorted values: nearest rank, number ceil(share * n) counted from one."""
    return sorted(values)[max(ceil(Fraction(share) * len(values)), 1) - 1]


def buys(row: Row) -> bool:
    return row["sales"] is not None and row["sales"] > 0


def bought(rows: list[Row]) -> list[float]:
    return [row["sales"] for row in rows if buys(row)]


def ladder_of(values: list[float], preset: str, top: str) -> list[float]:
    return [at(values, share) for share in (*LINES[preset], TOPS[top])]


def parent_of(peers: list[Row], party: list[Row], enough: int) -> tuple[str, list[float]]:
    """The market segment that most of the cluster's accounts lie in, where enough customers are; else the party."""
    counts = Counter(row["market_segment"] for row in peers)
    most = min((name for name in counts if counts[name] == max(counts.values())), key=str)
    in_segment = bought([row for row in party if row["market_segment"] == most])
    if len(in_segment) >= enough:
        return most or "unknown", in_segment
    return party[0]["party_type"], bought(party)


def ladder(
    peers: list[Row], party: list[Row], preset: str, top: str, enough: int, lent: dict[str, list[float]]
) -> tuple[list[float], str]:
    """The cut values and the top step of a cluster, and what they are based on; thin clusters' own ones are `lent`."""
    mine = bought(peers)
    parent, theirs = parent_of(peers, party, enough)
    if len(mine) >= enough:
        return ladder_of(mine, preset, top), "cluster"
    if not theirs:
        return [], "none"
    if not mine:
        return ladder_of(theirs, preset, top), parent
    *cuts, highest = lent[peers[0]["cluster"]]
    assert highest == max(ladder_of(mine, preset, top)[-1], cuts[-1])
    assert cuts == sorted(cuts)
    return [*cuts, highest], "pooled"


def climb(sales: float | None, steps: list[float], boundary: str) -> tuple[float, int]:
    """Potential and step of an account: the first step that its sales do not pass; above a capped top its own sales."""
    own = sales or 0.0
    for number, step in enumerate(steps, 1):
        reached = own <= step if boundary == "at_or_below" else own < step or own <= 0
        if reached:
            return step, number
    return max(steps[-1], own), len(steps)


def grouped(rows: list[Row], name: str) -> dict[str, list[Row]]:
    return {value: [row for row in rows if row[name] == value] for value in {row[name] for row in rows}}


def valued(rows: list[Row], preset: str, top: str, enough: int, boundary: str, lent: dict[str, list[float]]) -> None:
    """Fill in the money of every account."""
    for party in grouped(rows, "party_type").values():
        for peers in grouped(party, "cluster").values():
            steps, basis = ladder(peers, party, preset, top, enough, lent)
            for row in peers:
                row["basis"], row["support"] = basis, len(bought(peers))
                row["kind"] = "expansion" if buys(row) else "acquisition"
                row["potential"], row["step"] = climb(row["sales"], steps, boundary)
                row["low_support"] = basis != "cluster" or len(bought(peers)) < needed(preset, top, row["step"])
                own = max(row["sales"] or 0.0, 0.0)
                row["whitespace"] = row["potential"] - own
                row["penetration"] = own / row["potential"]


def needed(preset: str, top: str, step: int) -> int:
    """So many customers an interval at 95 % of a step takes; under `max` that of the top is the last cut's."""
    shares = [*LINES[preset], LINES[preset][-1] if top == "max" else TOPS[top]]
    return ceil(float(np.log(0.025) / np.log(float(shares[step - 1]))))


def ranked(rows: list[Row], name: str) -> None:
    """Places by whitespace without what subtracting rounds, then potential; equals share the better one."""
    money = {id(row): (round(row["whitespace"], 6), row["potential"]) for row in rows}
    order = sorted(rows, key=lambda row: money[id(row)], reverse=True)
    places: dict[tuple[float, float], int] = {}
    for place, row in enumerate(order, 1):
        row[name] = places.setdefault(money[id(row)], place)


def expected_above(own: float, peers: list[Row], party: list[Row], enough: int) -> float:
    """By how much customers of the cluster buy more than an account on average; thin clusters borrow from parents."""
    mine, (_, theirs) = bought(peers), parent_of(peers, party, enough)
    each = [mean([max(sales - own, 0.0) for sales in group]) if group else 0.0 for group in (mine, theirs)]
    weight = min(len(mine) / enough, 1.0)
    return weight * each[0] + (1 - weight) * each[1]


def in_units(rows: list[Row], typical: dict[str, float]) -> list[Row]:
    """The rows with their sales as multiples of what accounts like them typically buy."""
    return [{**row, "sales": row["sales"] and row["sales"] / typical[row["account_id"]]} for row in rows]


def prioritised(rows: list[Row], enough: int, typical: dict[str, float]) -> None:
    """Probability, expected value, place and tier; places go by whitespace times probability, then by nearness."""
    for party in grouped(rows, "party_type").values():
        relative = in_units(party, typical)
        for cluster, peers in grouped(party, "cluster").items():
            own = [one for one in relative if one["cluster"] == cluster]
            for row, entry in zip(peers, own, strict=True):
                row["probability"], row["p_basis"] = (1.0 if buys(row) else 0.05), "win_rate"
                above = expected_above(max(entry["sales"] or 0.0, 0.0), own, relative, enough)
                row["expected"] = row["probability"] * typical[row["account_id"]] * above
                row["expected_value"] = round(row["expected"], 2)
        party.sort(key=place_in_party)
        for place, row in enumerate(party, 1):
            row["priority"] = place
        for mine in grouped(party, "kind").values():
            tiered(mine)


def place_in_party(row: Row) -> tuple[float, float, float, int]:
    value = row["whitespace"] * row["probability"]
    return -value, -row["probability"], row["distance"], hashed(row)


def hashed(row: Row) -> int:
    return xxhash.xxh3_64_intdigest(row["account_id"].encode())


def tiered(rows: list[Row]) -> None:
    """The first half of the expected value is A, up to 80 % B, up to 95 % C, within bounds on the accounts."""
    whole, ends = sum(row["expected"] for row in rows), [0]
    for share, least, most in zip((0.5, 0.8, 0.95), (0.01, 0.05, 0.2), (0.1, 0.3, 0.6), strict=True):
        counted = 0
        reached = 0.0
        for row in rows:
            reached += row["expected"]
            counted += 1
            if reached >= whole * share:
                break
        ends.append(max(ends[-1], min(max(counted, ceil(least * len(rows))), ceil(most * len(rows)))))
    for place, row in enumerate(rows, 1):
        row["priority_in_kind"] = place
        row["tier"] = "ABCD"[sum(place > end for end in ends[1:])]


def compared(rows: list[Row]) -> None:
    """The ratio to the median account of the cluster, and the message in two significant digits."""
    for peers in grouped(rows, "cluster").values():
        median = at([row["potential"] for row in peers], "0.5")
        for row in peers:
            row["relative_potential"] = row["potential"] / median
            row["relative_message"] = message(row["relative_potential"])


def message(ratio: float) -> str:
    if 1 / 1.15 < ratio < 1.15:
        return "about the same potential as the median account of its cluster"
    mantissa, exponent = f"{ratio:.1e}".split("e")
    shown = Fraction(mantissa) * Fraction(10) ** int(exponent)
    return f"{float(shown):.{max(1 - int(exponent), 0)}f}x the potential of the median account of its cluster"


def of_kind(row: dict[str, Any]) -> str:
    """The quadrant whose play an account has: a prospect has that of low sales."""
    low = {"blue": "yellow", "orange": "grey"}
    colour: str = row["quadrant"]
    return colour if row["kind"] == "expansion" else low.get(colour, colour)


def quadrant_of(high_potential: bool, high_sales: bool) -> str:
    return {(True, True): "blue", (True, False): "yellow", (False, True): "orange", (False, False): "grey"}[
        high_potential, high_sales
    ]


def potential_limit(potentials: list[float], rules: Row) -> float:
    """At or above this, potential is high."""
    kind = rules.get("threshold", "percentile")
    if kind == "absolute":
        return float(rules["potential"])
    return at(potentials, "0.5" if kind == "median" else str(rules.get("potential", 0.8)))


def sales_limit(sales: list[float], rules: Row) -> float:
    kind = rules.get("threshold", "percentile")
    if kind == "absolute":
        return float(rules["sales"])
    return at(sales, "0.5" if kind == "median" else str(rules.get("sales", 0.8)))


def placed(rows: list[Row], rules: Row) -> None:
    """The quadrant of every account, or of its whole cluster; so many of all accounts where they are counted."""
    best = sorted(rows, key=lambda row: (-row["potential"], row["priority"], hashed(row)))
    counted = {row["account_id"] for row in best[: rules.get("capacity", 0)]}
    for mine in grouped(rows, "party_type").values():
        if rules.get("level") == "cluster":
            by_cluster(mine, rules)
            continue
        by_count = rules.get("threshold") == "capacity"
        high = None if by_count else potential_limit([row["potential"] for row in mine], rules)
        enough = sales_limit(bought(mine), rules)
        for row in mine:
            is_high = row["account_id"] in counted if high is None else row["potential"] >= high
            row["quadrant"] = quadrant_of(is_high, (row["sales"] or 0.0) >= enough)


def by_cluster(rows: list[Row], rules: Row) -> None:
    """Clusters by mean potential and mean sales an account; of the low ones the better half is teal."""
    means: dict[str, tuple[float, float]] = {}
    for cluster, peers in grouped(rows, "cluster").items():
        means[cluster] = (mean([row["potential"] for row in peers]), sum(bought(peers)) / len(peers))
    high = potential_limit([means[row["cluster"]][0] for row in rows], rules)
    enough = sales_limit([means[row["cluster"]][1] for row in rows], rules)
    placed_at = {c: quadrant_of(potential >= high, sales >= enough) for c, (potential, sales) in means.items()}
    low = [means[c][0] for c, name in placed_at.items() if name == "grey"]
    for c, name in placed_at.items():
        if name == "grey" and len(low) > 1 and means[c][0] > float(np.median(low)):
            placed_at[c] = "teal"
    for row in rows:
        row["quadrant"] = placed_at[row["cluster"]]


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def oracle(rows: list[Row], changes: Row, lent: dict[str, list[float]], typical: dict[str, float]) -> list[Row]:
    """The rows as they should come out, given their clusters, party types, market segments, sales and typical sales."""
    potential = changes.get("potential", {})
    names = ("account_id", "party_type", "market_segment", "cluster", "sales", "distance")
    listed_rows = [{name: row[name] for name in names} for row in rows]
    valued(
        listed_rows,
        potential.get("preset", "p85"),
        potential.get("top_step", "max"),
        potential.get("min_customers", 25),
        potential.get("boundary", "at_or_below"),
        lent,
    )
    ranked(listed_rows, "rank")
    for kind in ("expansion", "acquisition"):
        ranked([row for row in listed_rows if row["kind"] == kind], "rank_in_kind")
    compared(listed_rows)
    prioritised(listed_rows, potential.get("min_customers", 25), typical)
    placed(listed_rows, changes.get("quadrant", {}))
    for row in listed_rows:
        row["play"], row["suggested_role"], row["suggested_service_level"] = PLAYS[of_kind(row)]
    return listed_rows


OPTIONS: dict[str, dict[str, Any]] = {
    "as it comes": {},
    "four cut lines": {"potential": {"preset": "p80"}},
    "strictly below": {"potential": {"boundary": "strictly_below"}},
    "capped at P99": {"potential": {"top_step": "p99"}},
    "capped at P99.5": {"potential": {"top_step": "p99.5", "preset": "p80"}},
    "capped at the next step": {"potential": {"top_step": "next_step", "boundary": "strictly_below"}},
    "many thin clusters": {"potential": {"min_customers": 120}},
    "few thin clusters, capped": {"potential": {"min_customers": 40, "top_step": "p99"}},
    "nobody in some clusters": {"clusters.k": {"end_user": 60, "channel": 12}},
    "medians": {"quadrant": {"threshold": "median"}},
    "other percentiles": {"quadrant": {"potential": 0.6, "sales": 0.3}},
    "amounts of money": {"quadrant": {"threshold": "absolute", "potential": 400.0, "sales": 70.0}},
    "capacity": {"quadrant": {"threshold": "capacity", "capacity": 150}},
    "no capacity": {"quadrant": {"threshold": "capacity", "capacity": 1}},
    "clusters in quadrants": {"quadrant": {"level": "cluster"}, "clusters.k": {"end_user": 9, "channel": 3}},
    "clusters about the median": {"quadrant": {"level": "cluster", "threshold": "median"}},
}


@pytest.fixture(scope="module")
def typical(tmp_path_factory):
    """What accounts like each typically buy, as a run at level account says; tests/unit/test_level.py has the truth.

    Neither clusters nor ladders nor limits touch it.
    """
    changes = {"potential": {"level": "account"}, "look_alike": {"enabled": False}}
    done = market.score(market.accounts(1500, seed=3), tmp_path_factory.mktemp("typical"), changes)
    return {row["account_id"]: row["typical_sales"] for row in market.scores(done).to_pylist()}


@pytest.mark.parametrize("changes", OPTIONS.values(), ids=OPTIONS.keys())
def test_every_number_of_every_account_is_what_the_method_says(tmp_path, changes, typical):
    done = market.score(market.accounts(1500, seed=3), tmp_path, changes | {"look_alike": {"enabled": False}})
    rows = market.scores(done).to_pylist()
    other = {"note", "distance", "margin", "flags", "potential_low", "potential_high"}
    names = [name for name in rows[0] if name not in other]
    wrong = {
        (name, row["account_id"]): (row[name], entry[name])
        for row, entry in zip(rows, oracle(rows, changes, pooled_ladders(done), typical), strict=True)
        for name in names
        if row[name] != entry[name]
    }
    assert not wrong, (Counter(name for name, _ in wrong), list(wrong.items())[:5])


def pooled_ladders(done: Any) -> dict[str, list[float]]:
    """The ladders of thin clusters as the run tells them; tests/unit/test_pooling.py holds them against the truth."""
    rows = pq.read_table(done.tables / "potential.parquet").to_pylist()
    steps = [name for name in rows[0] if name == "top" or name[1:].isdigit()]
    return {row["cluster"]: [row[step] for step in steps] for row in rows if row["basis"] == "pooled"}


@pytest.mark.parametrize("name", ["as it comes", "capped at P99", "many thin clusters", "nobody in some clusters"])
def test_intervals_hold_the_potential_and_end_at_sales_of_customers_where_support_allows(tmp_path, name):
    """And there are none where potential is an account's own sales, or the largest of its cluster."""
    done = market.score(market.accounts(3000, seed=3), tmp_path, OPTIONS[name])
    for row in market.scores(done).to_pylist():
        low, high = row["potential_low"], row["potential_high"]
        assert (low is None) == (high is None)
        if low is not None:
            assert low <= row["potential"] <= high
    capped = name == "capped at P99"
    rows = market.scores(done).to_pylist()
    sales = {cluster: set(bought(peers)) for cluster, peers in grouped(rows, "cluster").items()}
    own = [row for row in rows if not row["low_support"] and row["step"] < 4]
    assert own or name == "nobody in some clusters"
    assert all({row["potential_low"], row["potential_high"]} <= sales[row["cluster"]] for row in own)
    ends = [row["potential_low"] for row in rows if row["step"] == 4 and (not capped or row["whitespace"] == 0)]
    assert None in ends
    assert capped or set(ends) == {None}


def test_the_options_reach_every_branch_of_the_oracle(tmp_path):
    """The cases above hold pooled, borrowed and own ladders, all five quadrants, and capped accounts; or prove less."""
    seen: set[str] = set()
    for name in ("nobody in some clusters", "clusters in quadrants", "capped at P99"):
        table = market.scores(market.score(market.accounts(1500, seed=3), tmp_path / name, OPTIONS[name]))
        seen |= set(table["basis"].to_pylist()) | set(table["quadrant"].to_pylist())
        own = zip(table["potential"].to_pylist(), table["sales"].to_pylist(), table["step"].to_pylist(), strict=True)
        if name == "capped at P99" and any(p == s and step == 4 for p, s, step in own):
            seen.add("capped")
    assert seen >= {"cluster", "pooled", "blue", "yellow", "orange", "grey", "teal", "capped"}
    assert seen & {*market.INDUSTRIES, "end_user", "channel", "unknown"}


def test_ladders_in_the_tables_are_those_of_numpy(tmp_path):
    """The cut values of every well-supported cluster equal numpy.quantile(method="inverted_cdf") to the bit."""
    done = market.score(market.accounts(1500, seed=3), tmp_path)
    table = market.scores(done).to_pylist()
    ladders = pq.read_table(done.tables / "potential.parquet").to_pylist()
    assert {row["cluster"] for row in ladders} == {row["cluster"] for row in table}
    for row in ladders:
        mine = bought([other for other in table if other["cluster"] == row["cluster"]])
        assert row["support"] == len(mine)
        values = [row[name] for name in ("p85", "p90", "p95", "top")]
        assert row["distinct_steps"] == len(set(values))
        if row["basis"] == "cluster":
            assert values == np.quantile(mine, [0.85, 0.9, 0.95, 1.0], method="inverted_cdf").tolist()


def test_one_to_a_hundred_gives_the_golden_ladder(tmp_path):
    """Sales 1 to 100 in one cluster give values 85, 90, 95, 100 to 85, 5, 5, 5 accounts."""
    random = np.random.default_rng(0)
    table = pa.table(
        {
            "account_id": [f"G{i}" for i in range(100)],
            "sales": random.permutation(np.arange(1.0, 101.0)),
            "x": random.standard_normal(100),
            "y": random.standard_normal(100),
            "party": ["end_user"] * 100,
        }
    )
    changes = market.PLAIN | {"columns": {"party_type": "party"}, "clusters.k": {"end_user": 1}}
    scored = market.scores(market.score(table, tmp_path, changes))
    assert Counter(scored["potential"].to_pylist()) == {85.0: 85, 90.0: 5, 95.0: 5, 100.0: 5}


def test_eleven_clusters_under_three_cut_lines_have_at_most_44_potentials(tmp_path):
    changes = {"clusters.k": {"end_user": 11, "channel": 2}, "potential": {"min_customers": 1}}
    scored = market.scores(market.score(market.accounts(3000, seed=4), tmp_path, changes)).to_pylist()
    assert len({row["potential"] for row in scored if row["party_type"] == "end_user"}) <= 44
    steps = Counter((row["cluster"], row["step"]) for row in scored if row["party_type"] == "end_user")
    assert len({cluster for cluster, _ in steps}) == 11
    assert len(steps) > 33


def test_potential_scales_with_sales_and_the_best_account_has_no_whitespace(tmp_path):
    """All sales times 8 (exact in floats): all potentials and whitespaces times 8; laws of the method hold in both."""
    table = market.accounts(1500, seed=5)
    larger = table.set_column(
        table.column_names.index("sales"),
        "sales",
        pa.array([None if s is None else 8.0 * s for s in table["sales"].to_pylist()]),
    )
    changes = {"potential": {"min_customers": 1}}
    one = market.scores(market.score(table, tmp_path / "one", changes)).to_pylist()
    other = market.scores(market.score(larger, tmp_path / "other", changes)).to_pylist()
    for a, b in zip(one, other, strict=True):
        assert (8.0 * a["potential"], 8.0 * a["whitespace"]) == (b["potential"], b["whitespace"])
        assert (a["cluster"], a["step"], a["rank"], a["quadrant"]) == (
            b["cluster"],
            b["step"],
            b["rank"],
            b["quadrant"],
        )
        assert a["potential"] >= (a["sales"] or 0.0)
        assert a["whitespace"] >= 0
        assert 0 <= a["penetration"] <= 1
    for cluster in {row["cluster"] for row in one}:
        best = max((row for row in one if row["cluster"] == cluster), key=lambda row: row["sales"] or 0.0)
        assert best["whitespace"] == 0


def test_party_types_never_mix(tmp_path):
    """What channel accounts are and buy changes nothing of any end user's scores but the rank among all accounts."""
    table = market.accounts(1500, seed=6)
    channel = np.array(table["party_type"].to_pylist()) == "channel"
    for name, change in (("sales", lambda s: s * 7 + 1), ("employees", lambda e: e + 9), ("growth", lambda g: g * 3)):
        values = table[name].to_pylist()
        new = [v if v is None or not c else change(v) for v, c in zip(values, channel, strict=True)]
        table_of = pa.array(new, table[name].type)
        changed = table.set_column(table.column_names.index(name), name, table_of)
        one = end_users(market.score(table, tmp_path / name / "one"))
        other = end_users(market.score(changed, tmp_path / name / "other"))
        assert set(market.different(one, other)) <= {"rank", "rank_in_kind"}
        assert one.num_rows == np.count_nonzero(~channel)


def end_users(done: Any) -> pa.Table:
    table = market.scores(done)
    return table.filter(pa.array([party == "end_user" for party in table["party_type"].to_pylist()]))


def test_a_party_type_without_a_number_of_clusters_gets_one(tmp_path):
    scored = market.scores(market.score(market.accounts(600), tmp_path, {"clusters.k": {"end_user": 3}})).to_pylist()
    assert {row["cluster"] for row in scored if row["party_type"] == "channel"} == {"C01"}
    assert {row["cluster"] for row in scored if row["party_type"] == "end_user"} == {"E01", "E02", "E03"}


BANDS = {"size": "employees", "bands": {"tiny": 0, "middle": 100, "huge": 2000}}
MAP = {name: {"channel": f"to {name}", "theme": f"for {name}"} for name in BANDS["bands"]}


@pytest.mark.parametrize(
    ("campaigns", "unknown", "expected"),
    [
        (BANDS | {"map": MAP}, "tiny", {"tiny": "to tiny", "middle": "to middle", "huge": "to huge"}),
        (
            BANDS | {"map": {"middle": MAP["middle"]}, "default": {"channel": "letter", "theme": "all"}},
            "default",
            {"default": "letter", "tiny": "letter", "middle": "to middle", "huge": "letter"},
        ),
    ],
    ids=["total", "with a default"],
)
def test_every_account_gets_the_campaign_of_its_size_band(tmp_path, campaigns, unknown, expected):
    """A band begins at its lower limit; an account of unknown size gets the default, or else the first band."""
    table = market.accounts(600).set_column(4, "employees", pa.array([None, 0, 99, 100, 101, 1999, 2000, 10**9] * 75))
    done = market.score(table, tmp_path, {"campaigns": campaigns, "columns.keep": ["employees"]})
    bands = {None: unknown, 0: "tiny", 99: "tiny", 100: "middle", 101: "middle", 1999: "middle"}
    for row in market.scores(done).to_pylist():
        band = bands.get(row["employees"], "huge")
        assert (row["campaign_band"], row["campaign_channel"]) == (band, expected[band])


def test_accounts_below_every_band_get_the_default_campaign(tmp_path):
    """A default exists to catch them: they must not be treated as if they were of the first band."""
    campaigns = {
        "size": "employees",
        "bands": {"large": 100},
        "map": {"large": {"channel": "to large", "theme": "t"}},
        "default": {"channel": "letter", "theme": "all"},
    }
    table = market.accounts(600).set_column(4, "employees", pa.array([7, 100, 5000] * 200))
    done = market.score(table, tmp_path, {"campaigns": campaigns, "columns.keep": ["employees"]})
    for row in market.scores(done).to_pylist():
        assert row["campaign_channel"] == ("letter" if row["employees"] < 100 else "to large")
