"""Customer jobs join the scores: the job of each account, how it is known, and what to say about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.arrow import nullable, nullable_dictionary
from tamscore.scoring.features import stream_features
from tamscore.sections.jobs.look_alike import likeliest
from tamscore.sections.jobs.record import count_by_key, findings

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from tamscore.backend import Backend
    from tamscore.schema import InputColumns
    from tamscore.scoring.party_model import PartyModel
    from tamscore.scoring.score.sections import Findings, ScoredRows
    from tamscore.sections.jobs.grouping import KnownJobs
    from tamscore.sections.jobs.messages import Messages
    from tamscore.sections.jobs.party import PartyJobs

_PLACES = 4
_BASES = ("products", "look_alike")


@dataclass(frozen=True)
class JobsState:
    """The state: names (C,) of the mixes' columns, jobs and model of each party type, customers with a known job.

    Jobs are numbered through the party types; `source` says where they come from.
    """

    columns: InputColumns
    mixes: tuple[str, ...]
    parties: tuple[PartyJobs | None, ...]
    models: tuple[PartyModel, ...]
    known: KnownJobs
    messages: Messages
    source: dict[str, Any]

    @property
    def names(self) -> list[str]:
        """The names of all customer jobs by number; two party types may share one."""
        return [name for party in self.parties if party is not None for name in party.names]

    @property
    def first(self) -> dict[str, int]:
        """The number of the first customer job of each party type that has any."""
        record, number = {}, 0
        for party in self.parties:
            if party is not None:
                record[party.party_type] = number
                number += len(party)
        return record

    def score(self, rows: ScoredRows, backend: Backend) -> dict[str, pa.Array]:
        """Return the columns of the scored rows of a partition."""
        job = self.known_of(rows)
        basis, chance = np.where(job >= 0, 0, -1), np.where(job >= 0, 1.0, np.nan)
        self.fill_in(rows, backend, job, basis, chance)
        return {
            "customer_job": _texts(job, self.names),
            "customer_job_probability": nullable(np.round(chance, _PLACES)),
            "customer_job_basis": nullable_dictionary(basis, _BASES),
            "customer_job_proposition": _texts(job, self.messages.propositions),
            "customer_job_theme": _texts(job, self.messages.themes),
        }

    def known_of(self, rows: ScoredRows) -> Any:
        """Return the customer job (s,) of the scored rows whose product mix is known, -1 for the others."""
        place = rows.places_in(self.known, self.columns.account_id, self.columns.id_form)
        return np.append(self.known.job.astype(np.int64), -1)[place]

    def fill_in(self, rows: ScoredRows, backend: Backend, job: Any, basis: Any, chance: Any) -> None:
        """Write the most likely job of scored rows without one, if features predict it, and its probability."""
        party, asked = rows.part.party[rows.at], []
        for jobs, model in zip(self.parties, self.models, strict=True):
            code = model.encoding.party
            if jobs is not None and len(jobs) == 1:
                at = np.flatnonzero((job < 0) & (party == code))
                job[at], basis[at], chance[at] = self.first[jobs.party_type], 1, 1.0
            elif jobs is not None and jobs.learned is not None:
                asked.append((code, self.first[jobs.party_type], model, jobs.learned))
        at = np.flatnonzero((job < 0) & np.isin(party, [code for code, *_ in asked]))
        pieces = stream_features(rows.part.partition, self.columns, backend, rows.at[at]) if len(at) else ()
        for piece in pieces:
            here = at[piece.here]
            for code, first, model, learned in asked:
                mine = np.flatnonzero(party[here] == code)
                result, likely = likeliest(backend, model.space, learned, piece.raw(mine, model.encoding, backend))
                job[here[mine]], basis[here[mine]], chance[here[mine]] = first + result, 1, likely

    def count(self, scored: pa.Table) -> Any:
        """Return what a part of the scores comes to by customer job."""
        return count_by_key(scored)

    def findings(self, counts: Sequence[Any]) -> Findings:
        """Return the table of customer jobs, what they are made of, and the model for later runs."""
        return findings(self, counts)


def _texts(job: Any, names: Sequence[str]) -> pa.DictionaryArray:
    """Return the text (s,) of each row's customer job; null for none, and for an empty text."""
    distinct = list(dict.fromkeys(name for name in names if name))
    place = np.array([*(distinct.index(name) if name else -1 for name in names), -1], np.int64)
    return nullable_dictionary(place[job], distinct)
