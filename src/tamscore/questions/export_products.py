"""Products of accounts on their way into a file: a row for each that an account owns, or that is open or offered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamscore.arrow import places_in
from tamscore.backend.host import HostBackend
from tamscore.engine.flow import LocalFlow
from tamscore.errors import InputContractError, UsageError
from tamscore.questions.diff_columns import MONEY, decimal
from tamscore.questions.export import KEY, VERSION
from tamscore.questions.export_file import put_tables
from tamscore.questions.export_rows import ExportCounts
from tamscore.scoring.by_cluster import CENTS
from tamscore.scoring.joining.product_table import table_of
from tamscore.scoring.product_sales import HELD_CELLS, AccountProducts, read_owned
from tamscore.sections.next_offer import stored_model as stored_offers
from tamscore.sections.next_offer.ownership import OwnedColumns
from tamscore.sections.next_offer.ownership_model import bins_of, scores_of
from tamscore.sections.products import stored_model
from tamscore.sections.products.open_products import open_cents
from tamscore.stages.draw import id_hash
from tamscore.stages.orders import places_of
from tamscore.store import commit, partitions
from tamscore.store.tables import account_ids

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tamscore.progress import Progress
    from tamscore.questions.export import Order
    from tamscore.questions.export_file import Target
    from tamscore.questions.stored import StoredRun
    from tamscore.scoring.joining.product_table import ProductTablePlan
    from tamscore.sections.next_offer.stored_model import KnownOffers
    from tamscore.sections.products.potential import ProductModel

_SECTION = "products"
_NEEDED = (KEY, "cluster", "product_whitespace")
_OFFER = "next_offer"


@dataclass(frozen=True)
class _RunProducts:
    """What a run knows of products: `names` (P,) and `family` (P,), None without families; their model by cluster.

    `owned` is what accounts own. `offers` are those of the run with the products that their model tells apart, None if
    it has learned no probabilities.
    """

    run: StoredRun
    names: pa.Array
    family: pa.Array | None
    model: ProductModel
    owned: AccountProducts
    offers: tuple[KnownOffers, OwnedColumns] | None

    @property
    def schema(self) -> pa.Schema:
        """The columns of the file."""
        texts = [KEY, "product", *(() if self.family is None else ("family",))]
        money = [(name, MONEY) for name in ("sales", "potential", "whitespace")]
        columns = [*((name, pa.string()) for name in texts), *money]
        return pa.schema([*columns, ("probability", pa.float64()), (VERSION, pa.string())])

    def rows(self, accounts: pa.Table) -> Iterator[pa.Table]:
        """Yield the rows of accounts (m,), a block of accounts at a time.

        Raise InputContractError if they do not add up to the whitespace by product of the scores.
        """
        ids = account_ids(accounts[KEY], self.run.id_form)
        place, label = places_of(self.owned, id_hash(ids), ids.take), self.run.codes(accounts["cluster"])
        most = max(HELD_CELLS // len(self.names), 1)
        for start in range(0, accounts.num_rows, most):
            here = slice(start, start + most)
            yield self.block(accounts.slice(start, most), place[here], label[here])

    def block(self, accounts: pa.Table, place: Any, label: Any) -> pa.Table:
        """Return the rows of accounts (m,) with their places (m,) among those that own something and clusters (m,)."""
        own = self.owned.cents(place, len(self.names))
        potential = self.model.cents[label]
        whitespace = open_cents(HostBackend().xp, own, potential, self.model.offered[label])
        self.require_sums(accounts, whitespace.sum(axis=1))
        text = (own >= 0) | (whitespace > 0)
        if _OFFER in accounts.column_names:
            offer = places_in(accounts[_OFFER], self.names)
            text[np.flatnonzero(offer >= 0), offer[offer >= 0]] = True
        row, product = np.nonzero(text)
        named = {"product": self.names} if self.family is None else {"product": self.names, "family": self.family}
        columns: dict[str, Any] = {
            KEY: accounts[KEY].take(pa.array(row)),
            **{name: texts.take(pa.array(product)) for name, texts in named.items()},
            "sales": _money(np.maximum(own[text], 0.0)),
            "potential": _money(potential[text]),
            "whitespace": _money(whitespace[text]),
            "probability": self.probability(place, label, own)[text],
            VERSION: pa.array([self.run.name] * len(row)),
        }
        columns["probability"] = pa.array(columns["probability"], mask=np.isnan(columns["probability"]))
        return pa.table(columns).cast(self.schema)

    def require_sums(self, accounts: pa.Table, cents: Any) -> None:
        """Raise InputContractError if whitespace (m,) in cents is not that of the scores of accounts."""
        other = np.flatnonzero(np.rint(accounts["product_whitespace"].to_numpy() * CENTS) != cents)
        if len(other):
            raise InputContractError(
                f"{self.run.directory.path}: account {accounts[KEY][int(other[0])].as_py()!r}: whitespace by product "
                f"comes to {cents[other[0]] / CENTS:,.2f}, expected {accounts['product_whitespace'][int(other[0])]} as "
                "in its scores; run the job again"
            )

    def probability(self, place: Any, label: Any, own: Any) -> Any:
        """Return the probability (m, P) that accounts own what they do not own, NaN where nobody has learned it."""
        full = np.full(own.shape, np.nan)
        if self.offers is None:
            return full
        known, columns = self.offers
        if known.model is not None:
            scores = scores_of(np, columns.matrix(place), label, known.model.weights)
            full[:, known.product] = known.model.probability[bins_of(np, scores)]
        full[own >= 0] = np.nan
        return full


def write(run: StoredRun, order: Order, target: Target, progress: Progress) -> ExportCounts:
    """Write the products of the accounts of a run that are looked at, and return how many rows there are.

    The file is there in full, or as it was before. Raise UsageError if the run has no products,
    InputContractError if the table of sales by product is not as the run has read it.
    """
    known, tally = _products_of(run, progress), ExportCounts()
    with progress.stage("export", run.manifest["rows"]["scored"]) as done:
        rows = _counted_rows(known, order, tally, done)
        commit.place_free(target.path, lambda file: put_tables(rows, known.schema, KEY, file, target))
    return tally


def _counted_rows(known: _RunProducts, order: Order, tally: ExportCounts, done: Any) -> Iterator[pa.Table]:
    """Yield the rows of the accounts that are looked at, and count both."""
    columns = [*_NEEDED, *((_OFFER,) if _OFFER in known.run.columns else ())]
    for accounts in order.read(known.run, columns):
        for rows in known.rows(accounts):
            tally.exported += rows.num_rows
            yield rows
        tally.accounts += accounts.num_rows
        done(accounts.num_rows)


def _products_of(run: StoredRun, progress: Progress) -> _RunProducts:
    """Return what a run knows of products, with what accounts own by the table that it has read."""
    pair = run.section(_SECTION)
    if pair is None:
        raise UsageError(f"{run.directory.path}: the run has no products; a job with [products] has")
    run.require(_NEEDED)
    described, where = pair[0], str(run.directory.model)
    names = pa.array(described["products"], pa.large_string())
    families = described.get("families")
    model = stored_model.parse(*pair, run.clusters, names, where, run.name)
    table = _table_as_read(run)
    with progress.stage("products", table.plan.rows):
        owned = read_owned(LocalFlow(), table, names)
    family = None if families is None else pa.array(families, names.type)
    return _RunProducts(run, names, family, model, owned, _offers_of(run, names, owned))


def _offers_of(run: StoredRun, names: pa.Array, owned: AccountProducts) -> tuple[KnownOffers, OwnedColumns] | None:
    """Return the offers of a run and the products that their model tells apart; None if it has no offers."""
    pair = run.section(stored_offers.NAME)
    if pair is None:
        return None
    known = stored_offers.parse(*pair, run.clusters, names, str(run.directory.model), run.name)
    return known, OwnedColumns.of(owned, len(names), known.product)


def _table_as_read(run: StoredRun) -> ProductTablePlan:
    """Return the table of sales by product of a run; raise InputContractError if it is not as the run has read it."""
    side = run.job.sections[_SECTION].tables(run.job.columns.account_id)["path"]
    key = f"{_SECTION}.path"
    plan = partitions.plan(side.path, side.columns, key)
    if plan.digest != run.manifest["inputs"]["tables"][key]["digest"]:
        raise InputContractError(
            f"{key}: {side.path} is not as run {run.name} has read it; put that table back, or run the job again"
        )
    return table_of(run.job, _SECTION, plan)


def _money(cents: Any) -> pa.Array:
    """Return cents (n,) as money, null where there is none."""
    return pc.if_else(
        pa.array(~np.isnan(cents)), decimal(np.nan_to_num(cents).astype(np.int64)), pa.scalar(None, MONEY)
    )
