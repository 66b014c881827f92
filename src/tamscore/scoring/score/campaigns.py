"""Campaigns of the rows of a partition, and whether every segment that lives has one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import float_column, text_dictionary
from tamscore.errors import JobFileError
from tamscore.stages.campaigns import Campaign, CampaignMap, band_codes

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from tamscore.schema import InputColumns
    from tamscore.scoring.census.part_rows import PartRows

TOLD = ("id", "channel", "theme", "message")
NOBODY = Campaign("", "", "", "")
"""What stands at rows of segments without a campaign; they are rejected rows, or the run had been stopped."""
SUMMED = ("sales", "potential", "whitespace")
"""The columns of money that are added up, by campaign as by cluster."""
LISTED = 5
"""So many segments are named where there are more without a campaign."""


def check_live(campaigns: CampaignMap, parts: Sequence[PartRows]) -> None:
    """Nothing, where every market segment has a campaign; JobFileError that names those that have none else."""
    if campaigns.by != "market_segment":
        return
    live = {segment for part in parts for segment in part.segments}
    lost = sorted("" if segment is None else segment for segment in live if campaigns.of(segment) is None)
    if lost:
        names = ", ".join(repr(name) if name else "accounts without one" for name in lost[:LISTED])
        more = f" and {len(lost) - LISTED:,} more" if len(lost) > LISTED else ""
        raise JobFileError(
            f"campaigns.map: expected a campaign for every market segment, got none for {names}{more}; "
            "add them, or set campaigns.default"
        )


def campaign_columns(
    table: pa.Table, columns: InputColumns, campaigns: CampaignMap, cluster: Any, clusters: Sequence[str]
) -> dict[str, Any]:
    """Size band and campaign of every row, by the number (m,) of its cluster where campaigns go by that.

    There are no campaigns where they go by size and no column tells it.
    """
    out: dict[str, Any] = {}
    segments: Sequence[str | None]
    if columns.size:
        band = band_codes(float_column(table[columns.size]), campaigns.bands)
        out["campaign_band"] = text_dictionary(band, campaigns.bands.names)
    if campaigns.by == "cluster":
        codes, segments = cluster, clusters
    elif campaigns.by == "market_segment":
        codes, segments = levels(table[columns.market_segment])
    elif columns.size:
        codes, segments = band, campaigns.bands.names
    else:
        return out
    said = [campaigns.of(segment) or NOBODY for segment in segments]
    return out | {f"campaign_{name}": text_dictionary(codes, [getattr(one, name) for one in said]) for name in TOLD}


def levels(column: pa.ChunkedArray) -> tuple[Any, list[str | None]]:
    """The code (m,) of every text of a column, and the texts by code; no text is None."""
    import pyarrow as pa

    whole = column.combine_chunks()
    if not pa.types.is_dictionary(whole.type) or whole.null_count:
        whole = whole.cast(pa.string()).dictionary_encode(null_encoding="encode")
    return whole.indices.to_numpy(), whole.dictionary.to_pylist()


def campaign_sums(scored: pa.Table) -> dict[tuple[str | None, str | None], Any]:
    """Accounts, sales, potential and whitespace (4,) of scored rows by campaign and kind; empty without campaigns."""
    if "campaign_id" not in scored.column_names or not scored.num_rows:
        return {}
    (name, names), (kind, kinds) = (levels(scored[key]) for key in ("campaign_id", "kind"))
    place, size = name.astype(np.int64) * len(kinds) + kind, len(names) * len(kinds)
    money = (amounts(scored[column]) for column in SUMMED)
    sums = np.stack([np.bincount(place, each, size) for each in (None, *money)], axis=1)
    return {(names[at // len(kinds)], kinds[at % len(kinds)]): sums[at] for at in np.flatnonzero(sums[:, 0]).tolist()}


def amounts(column: pa.ChunkedArray) -> Any:
    """A column of money (m,), with 0 where there is none."""
    return float_column(column.fill_null(0.0) if column.null_count else column)
