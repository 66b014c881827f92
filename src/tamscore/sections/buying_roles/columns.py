"""Buying roles join the scores: which of the wanted ones somebody has at each account, and which nobody has."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tamscore.arrow import text_dictionary
from tamscore.scoring.score.sections import Findings
from tamscore.sections.buying_roles.contacts import ContactColumns, Contacts, read_contacts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tamscore.backend import Backend
    from tamscore.schema import InputColumns
    from tamscore.scoring.market import Market
    from tamscore.scoring.score.sections import ScoredRows
    from tamscore.sections.buying_roles.settings import BuyingRoles

_BETWEEN = "|"
_Counts = Counter[tuple[str, str]]
"""Accounts by kind and missing roles."""


@dataclass(frozen=True)
class _BuyingRolesState:
    """The state: the wanted roles in order, and which of them somebody has at each account with contacts."""

    columns: InputColumns
    wanted: tuple[str, ...]
    contacts: Contacts

    def score(self, rows: ScoredRows, backend: Backend) -> dict[str, pa.Array]:
        """Return the roles that somebody has, and those that nobody has, of the scored rows of a partition."""
        del backend
        present = self.present(rows)
        every = (1 << len(self.wanted)) - 1
        distinct, code = np.unique(present, return_inverse=True)
        return {
            "buying_roles_present": text_dictionary(code, [self.text(item) for item in distinct.tolist()]),
            "buying_roles_missing": text_dictionary(code, [self.text(every & ~item) for item in distinct.tolist()]),
        }

    def present(self, rows: ScoredRows) -> Any:
        """Return the roles (s,) that somebody has at the scored rows, a bit for each."""
        place = rows.places_in(self.contacts, self.columns.account_id, self.columns.id_form)
        return np.append(self.contacts.roles.astype(np.int64), 0)[place]

    def text(self, roles: int) -> str:
        """Return the names of some roles, a bit for each."""
        return _BETWEEN.join(name for place, name in enumerate(self.wanted) if roles >> place & 1)

    def count(self, scored: pa.Table) -> _Counts:
        """Return how many accounts of a part lack which roles, by kind."""
        names = ("kind", "buying_roles_missing")
        pairs = pa.table({name: scored[name].cast(pa.string()) for name in names})
        rows = pairs.group_by(names, use_threads=False).aggregate([([], "count_all")]).to_pylist()
        return Counter({(row["kind"], row["buying_roles_missing"]): row["count_all"] for row in rows})

    def findings(self, counts: Sequence[_Counts]) -> Findings:
        """Return how many accounts lack each role, and how many lack none."""
        total = sum(counts, _Counts())
        rows = [self.row(name, total) for name in self.wanted]
        complete = sum(count for (_, missing), count in total.items() if not missing)
        record = {"roles": rows, "complete": complete, "contacts": self.contacts.rows, "other": self.contacts.other}
        unseen = [row["role"] for row in rows if not row["have"]]
        notices = [f"no contact is {name!r}; name the ways to write it in buying_roles.wanted" for name in unseen]
        return Findings(record, {"buying_roles": pa.Table.from_pylist(rows)}, notices=tuple(notices))

    def row(self, name: str, total: _Counts) -> dict[str, Any]:
        """Return how many accounts have a role and how many lack it, by kind."""
        lacking: Counter[str] = Counter()
        for (kind, missing), count in total.items():
            lacking[kind] += count * (name in missing.split(_BETWEEN))
        lack = lacking.total()
        record = {"customers_lack": lacking["expansion"], "prospects_lack": lacking["acquisition"]}
        return {"role": name, "have": total.total() - lack, "lack": lack, **record}


def prepare(market: Market, settings: BuyingRoles) -> _BuyingRolesState:
    """Return the state, once all contacts were read."""
    run = market.run
    plan = run.plan.tables["buying_roles.path"]
    columns = ContactColumns(settings.account_id or run.columns.account_id, settings.role, run.columns.id_form)
    with run.progress.stage("contacts", plan.rows):
        contacts = Contacts.together(list(run.flow.map(read_contacts, plan.partitions, columns, settings.words)))
    return _BuyingRolesState(run.columns, tuple(settings.wanted), contacts)
