"""The rules that tie keys of `[clusters]` and `[quadrant]` together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.config.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.config.job import Columns
    from tamscore.config.method import Clusters, Quadrant
    from tamscore.config.problems import Place


def clusters_fit_their_rows(clusters: Clusters) -> Iterator[Problem]:
    """Yield the cluster counts that exceed the rows the centers are sought in."""
    limit = clusters.seed_rows if clusters.fit_rows == "all" else min(clusters.seed_rows, clusters.fit_rows)
    k = clusters.k
    wanted: dict[Place, Any] = (
        {("clusters", "k", party_type): item for party_type, item in k.items()}
        if isinstance(k, dict)
        else {("clusters", "k"): k}
    )
    if "auto" in wanted.values():
        wanted = {("clusters", "k_range", 1): clusters.k_range[1], **wanted}
    for place, count in wanted.items():
        if count != "auto" and count > limit:
            hint = "raise clusters.seed_rows and clusters.fit_rows"
            yield Problem(place, f"at most {limit} clusters", count, hint)


def k_table_needs_party_type(columns: Columns, clusters: Clusters) -> Iterator[Problem]:
    """Yield a problem if k differs by party type but no column holds the party type."""
    if isinstance(clusters.k, dict) and columns.party_type is None:
        yield Problem(("clusters", "k"), "an integer", clusters.k, "a table needs columns.party_type")


def quadrant_matches_threshold(quadrant: Quadrant) -> Iterator[Problem]:
    """Yield the thresholds that are missing, out of range, or without effect."""
    needed = {
        "percentile": ("potential", "sales"),
        "absolute": ("potential", "sales"),
        "capacity": ("sales", "capacity"),
    }
    threshold = quadrant.threshold
    for key in ("potential", "sales", "capacity"):
        place, value = ("quadrant", key), getattr(quadrant, key)
        if key not in needed.get(threshold, ()) and value is not None:
            yield Problem(place, f'no value for threshold = "{threshold}"', value, f"remove {key}")
        elif key in needed.get(threshold, ()) and value is None:
            yield Problem(place, f'a number for threshold = "{threshold}"')
        elif value is not None and key != "capacity" and threshold != "absolute" and not 0 < value < 1:
            hint = 'for an amount of money set threshold = "absolute"'
            yield Problem(place, "a percentile > 0 and < 1", value, hint)
