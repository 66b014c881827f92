"""The headline: which run it is, what became of the rows, and how much whitespace of each kind there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tamscore.questions.model_sources import input_since, since
from tamscore.view.blocks import Point, Points, Terms, Tile, Tiles
from tamscore.view.words import HOLDERS, count_text, money, money_text, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tamscore.questions.summary import Summary
    from tamscore.questions.tables import Sums


def about(summary: Summary) -> Terms:
    """Return the lines about the run itself, and about the cluster if the summary is of one."""
    return Terms(tuple(_about_lines(summary)))


def _about_lines(summary: Summary) -> Iterator[tuple[str, str]]:
    """Yield the names and values of `about`."""
    rows = summary.rows
    yield "run", summary.path
    yield "device", device(summary)
    if summary.model.get("source", "fitted") != "fitted":
        yield "model", since(summary.model)
    if summary.input_change:
        yield "input", input_since(summary.input_change)
    forgotten = f", {rows['forgotten']:,} forgotten" if rows.get("forgotten") else ""
    yield "rows", f"{rows['read']:,} read, {rows['scored']:,} scored, {_rejected_sentence(summary)}{forgotten}"
    if summary.coverage:
        yield "coverage", summary.coverage
    if any(rows["flagged"].values()):
        yield "flagged", _reasons(rows["flagged"])
    if summary.cluster is not None:
        cluster = summary.clusters[0]
        yield (
            "cluster",
            (
                f"{cluster.cluster} {cluster.name} ({words(cluster.party_type)}, "
                f"{count_text(cluster.accounts, 'account')})"
            ),
        )


def device(summary: Summary) -> str:
    """Return the device of a run, and why it was taken."""
    return f"{summary.device['name']}: {summary.device['reason']}"


def _rejected_sentence(summary: Summary) -> str:
    """Return how many rows were rejected, with the reasons in brackets."""
    counts = summary.rows["rejected"]
    why = _reasons(counts)
    return f"{sum(counts.values()):,} rejected{f' ({why})' if why else ''}"


def _reasons(counts: dict[str, int]) -> str:
    """Return counts by reason, without those that are zero."""
    return ", ".join(f"{words(name)} {count:,}" for name, count in counts.items() if count)


def totals(summary: Summary, changes: Mapping[str, str] | None = None) -> Tiles:
    """Return the accounts and the whitespace of each kind; `changes` says by kind how it changed since another run."""
    sums = summary.totals if summary.cluster is None else summary.clusters[0].kinds
    changed = changes or {}
    return Tiles(
        (
            _accounts(summary, sums),
            *(_whitespace(sums[kind], kind, changed.get(kind, ""), summary.currency) for kind in HOLDERS),
        )
    )


def _accounts(summary: Summary, sums: Mapping[str, Sums]) -> Tile:
    """Return how many accounts were scored, in the market or in the one cluster."""
    count = summary.rows["scored"] if summary.cluster is None else summary.clusters[0].accounts
    detail = ", ".join(f"{sums[kind].accounts:,} {noun}s" for kind, noun in HOLDERS.items())
    rest = f"; {sum(summary.rows['rejected'].values()):,} rejected" if summary.cluster is None else ""
    return Tile("accounts scored", f"{count:,}", f"{detail}{rest}")


def _whitespace(sums: Sums, kind: str, change: str, currency: str | None) -> Tile:
    """Return the whitespace of a kind, which is a ceiling, and how it changed."""
    sells = f"; sales {money(sums.sales)} of potential {money(sums.potential)}" if kind == "expansion" else ""
    detail = f"a ceiling: open with {count_text(sums.accounts, HOLDERS[kind])}{sells}{f'; {change}' if change else ''}"
    return Tile(f"{kind} whitespace", money_text(sums.whitespace, currency), detail)


def notices(texts: Iterable[str]) -> Points:
    """Return what the run had to say."""
    return Points(tuple(Point("", text) for text in texts), "Notices")
