"""Value proposition and campaign theme of each customer job, as the job file gives them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tamscore.substitution import fold_word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tamscore.sections.jobs.party import PartyJobs
    from tamscore.sections.jobs.settings import JobMessage


@dataclass(frozen=True)
class Messages:
    """What is said of each customer job through the party types (k,), "" for nothing; keys that stand for none."""

    propositions: tuple[str, ...]
    themes: tuple[str, ...]
    unused: tuple[str, ...]


def messages_of(parties: Sequence[PartyJobs | None], messages: Mapping[str, JobMessage]) -> Messages:
    """Return the message of each customer job: that of its name, else of the first leading product that has one.

    Names are compared after trimming and without capitals.
    """
    by_name = {fold_word(key): key for key in messages}
    keys = [
        next(
            (
                by_name[word]
                for word in map(fold_word, (name, *(product.product for product in leading)))
                if word in by_name
            ),
            None,
        )
        for party in parties
        if party is not None
        for name, leading in zip(party.names, party.leading, strict=True)
    ]
    items = [None if key is None else messages[key] for key in keys]
    propositions, themes = (
        tuple((message and getattr(message, what)) or "" for message in items) for what in ("proposition", "theme")
    )
    return Messages(propositions, themes, tuple(key for key in messages if key not in keys))
