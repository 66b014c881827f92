"""The first accounts in the order of priority, as they are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.arrow import plain_table
from tamscore.schema import PARTY_TYPES
from tamscore.store import contents

if TYPE_CHECKING:
    import pyarrow as pa

    from tamscore.questions.roles import RoleColumns
    from tamscore.store.run_directory import RunDirectory

_ACCOUNT = (
    "priority", "priority_in_kind", "tier", "probability", "p_basis", "expected_value",
    "rank", "account_id", "name", "party_type", "cluster", "kind", "sales", "potential", "whitespace",
    "basis", "support", "low_support", "potential_low", "potential_high",
    "relative_potential", "relative_message", "quadrant", "play", "suggested_role", "role", "person", "next_offer",
)  # fmt: skip
"""What is shown of an account, as far as the run has it; all of these have to be in the scores that a job keeps."""
_IF_THERE = ("value_at_risk",)
"""What is shown, too, and may be left out."""


def best_accounts(directory: RunDirectory, roles: RoleColumns, count: int, cluster: str | None) -> list[dict[str, Any]]:
    """The first accounts in the order of priority, of the whole market or of one cluster, and who covers them.

    Each party type has an order of its own: where there are several, its accounts stand together, end users first.
    Those that the run has listed are taken from its list, more of them from the scores; UsageError if these lack what
    is shown.
    """
    import pyarrow as pa

    listed = contents.whole(directory.tables / "top_accounts.parquet")
    if cluster is None and count <= listed.num_rows:
        result = _shown_columns(listed, roles).slice(0, count)
    else:
        left_out = (directory.manifest() or {}).get("left_out", ())
        contents.require_columns(str(directory.path), {*_ACCOUNT} - {*left_out}, _ACCOUNT if count else ())
        parts = directory.parts() if count else []
        best = [_first(_shown_columns(contents.whole(part), roles, cluster), count) for part in parts]
        result = _first(pa.concat_tables(best), count) if best else _shown_columns(listed, roles).slice(0, 0)
    rows: list[dict[str, Any]] = result.to_pylist()
    return sorted(rows, key=lambda row: PARTY_TYPES.index(row["party_type"]))


def _shown_columns(accounts: pa.Table, roles: RoleColumns, cluster: str | None = None) -> pa.Table:
    """Return what is shown of the accounts, of one cluster or all, with texts as texts."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if cluster is not None:
        accounts = accounts.filter(pc.equal(accounts["cluster"].cast(pa.string()), cluster))
    return plain_table(roles.join(accounts, [name for name in (*_ACCOUNT, *_IF_THERE) if roles.has(name, accounts)]))


def _first(accounts: pa.Table, count: int) -> pa.Table:
    """The first accounts in the order of priority, then account id; by rank where a run has no priority yet."""
    order = "priority" if "priority" in accounts.column_names else "rank"
    return accounts.sort_by([(order, "ascending"), ("account_id", "ascending")]).slice(0, count)
