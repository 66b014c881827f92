"""Campaigns of a finished run: whom each reaches by which channel, and a list of accounts for every channel."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from tamscore.errors import UsageError
from tamscore.questions import export_file
from tamscore.questions.beside_run import with_marks
from tamscore.questions.export import order_of, with_role
from tamscore.questions.tables import optional_table
from tamscore.scoring.score.parts import MEASURES
from tamscore.scoring.tables.plain import money
from tamscore.sections.campaigns.columns import campaign_sums
from tamscore.sections.campaigns.settings import slug
from tamscore.store.handed_out import not_handed_out, note, require_free_files
from tamscore.store.holdouts import MARK_COLUMN, Controls

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tamscore.progress import Progress
    from tamscore.questions.stored import StoredRun

_COMMAND, _CHANNEL = "campaigns", "campaign_channel"
_FIELDS = (
    *("name", "campaign_id", _CHANNEL, "campaign_theme", "campaign_message", "cluster", "kind", "whitespace"),
    *("quadrant", "play", "role", "person", MARK_COLUMN),
)
"""The fields of a list where none are asked for; those that the run has."""


@dataclass(frozen=True)
class ChannelList:
    """The list of a channel: its file, how many accounts stand in it, and how many of an earlier list have left.

    `emptied` and `cleared` count values that are gone, as in a `Tally`.
    """

    channel: str
    file: str
    accounts: int
    gone: int
    emptied: int = 0
    cleared: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Lists:
    """What the lists of all channels are to hold: fields, only what changed `since` a run; `like` says their form."""

    folder: Path
    fields: Sequence[str]
    since: StoredRun | None
    like: export_file.Target


def _campaigns_of_run(run: StoredRun) -> tuple[dict[str, Any], ...]:
    """The campaigns of a run by kind of whitespace; raise UsageError if it has none."""
    rows = optional_table(run.directory, "campaigns")
    if not rows:
        raise UsageError(
            f"run {run.name}: no campaigns; name campaigns.size or set campaigns.by, and run the job again"
        )
    return rows


def reached_by_campaigns(run: StoredRun) -> tuple[dict[str, Any], ...]:
    """Return the campaigns of a run by kind of whitespace, without the controls of holdouts; UsageError if it has none.

    If there are controls, each row has their number as `controls`.
    """
    import pyarrow as pa

    rows, controls = _campaigns_of_run(run), Controls.of(run.directory.output, run.id_form)
    if not len(controls):
        return rows
    columns = ("account_id", "campaign_id", "kind", *MEASURES[1:])
    run.require(columns)
    held: dict[Any, Any] = {}
    for part in run.read(columns):
        for key, sums in campaign_sums(part.filter(pa.array(controls.among(part["account_id"])))).items():
            held[key] = held.get(key, 0.0) + sums
    return tuple(_without(row, held.get((row["campaign_id"], row["kind"]))) for row in rows)


def _without(row: dict[str, Any], held: Any) -> dict[str, Any]:
    """Return the row of a campaign without some accounts, given their sums (4,); None stands for no accounts."""
    if held is None:
        return {**row, "controls": 0}
    rest = money([row[name] - sums for name, sums in zip(MEASURES, held.tolist(), strict=True)])
    return {**row, **dict(zip(MEASURES, rest, strict=True)), "controls": int(held[0])}


def write_lists(run: StoredRun, lists: Lists, progress: Progress, *, overwrite: bool = False) -> list[ChannelList]:
    """A file for each channel with the accounts that it reaches, in the order of the campaigns; see `export_file`.

    The folder and each file are recorded as handed out. Raise UsageError if one of them is there, is no list of these
    scores or was changed since, and is not to be overwritten.
    """
    targets = {
        channel: replace(lists.like, path=lists.folder / f"{slug(channel)}{lists.like.path.suffix}")
        for channel in dict.fromkeys(row["channel"] for row in _campaigns_of_run(run))
    }
    files = [target.path for target in targets.values()]
    require_free_files(run.directory, _COMMAND, lists.folder, files, overwrite=overwrite)
    run, since = with_marks(run), lists.since and with_marks(lists.since, run)
    fields = lists.fields or [name for name in with_role(_FIELDS, run) if name in run.columns]
    order = order_of(run, fields, {}, date.min)  # without overrides no day counts
    lists.like.require_format()
    note(run.directory, _COMMAND, lists.folder, progress)
    lists.folder.mkdir(parents=True, exist_ok=True)
    written = []
    for channel, target in targets.items():
        only = replace(order, only=(_CHANNEL, channel), limited=True)
        with not_handed_out(run.directory, _COMMAND, target.path, progress):
            tally = export_file.write(run, since, only, target, progress)
        written.append(ChannelList(channel, str(target.path), tally.exported, tally.gone, tally.emptied, tally.cleared))
    return written


def record(rows: Sequence[dict[str, Any]], written: Sequence[ChannelList]) -> dict[str, Any]:
    """Campaigns and lists as JSON holds them."""
    return {"campaigns": list(rows), "lists": [asdict(channel_list) for channel_list in written]}
