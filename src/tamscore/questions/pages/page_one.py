"""The first page as blocks: one sheet to act on, each part with the anchor of the chapter with its evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tamscore.questions.pages.calling import anchor_of, chance_of
from tamscore.schema import PARTY_TYPES
from tamscore.view.blocks import Cell, Chapter, Point, Points, Text, Tile, Tiles, group, without_empty
from tamscore.view.words import HOLDERS, change, clean, count_text, money, money_text, share, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tamscore.questions.page_one import (
        ChangesSince,
        ClusterTrust,
        Drift,
        FigureChange,
        Hours,
        PageOne,
        Quality,
        Stake,
    )
    from tamscore.view.blocks import Block, Table

_ANCHOR, _TITLE = "page-one", "What to do first"
_MEASURES = {
    "accounts": "accounts",
    "customers": "customers",
    "sales": "sales",
    "expected_expansion": "expected from customers",
    "expected_acquisition": "expected from prospects",
}
_COUNTS = {"accounts", "customers"}
_HOW = {"propensity": "by who bought", "look_alike": "looks alike", "growth": "by who grew", "win_rate": "assumed"}
"""The basis of a probability in two words."""
_LONGEST, _OWNER = 36, 28
"""Most characters of names, so that all accounts fit on one sheet; longer names end in an ellipsis."""
_NAMED = 4
"""Most clusters, figures or roles named."""


def chapter(page: PageOne) -> Chapter:
    """Return the first page as a chapter."""
    return Chapter(_ANCHOR, _TITLE, _message(page), tuple(blocks(page)))


def blocks(page: PageOne) -> Iterator[Block]:
    """Yield the blocks of the first page."""
    currency = page.report["currency"]
    yield _stake(page)
    yield Text(ceiling(page))
    if page.call:
        yield _calls(page.call, currency)
    points = [_since(page.since, currency), _hours(page.hours)]
    yield Points(tuple(points), "What changed, and the hours")
    yield Points((_trust(page.trust), _quality(page.quality), _drift(page.drift)), "Three risks")


def _message(page: PageOne) -> str:
    """Return the main result in one sentence."""
    called = [_called_of(kind, page.stake[kind], page.report["currency"]) for kind in HOLDERS]
    name = " and ".join(text for text in called if text)
    if not name and not page.stake["expansion"].accounts:
        return "No account buys anything yet, so the potential of others is not known, and there is none to call first."
    if not name:
        return "Nothing is open with any account, so there is none to call first."
    return f"Call these {len(page.call)} accounts first: {name}."


def _called_of(kind: str, item: Stake, currency: str | None) -> str:
    """Return the expected value of the first accounts of a kind, "" without accounts."""
    if not item.called_accounts:
        return ""
    who = count_text(item.called_accounts, HOLDERS[kind])
    return who if item.called is None else f"{money_text(item.called, currency)} may be expected from {who}"


def _stake(page: PageOne) -> Tiles:
    """Return tiles of expected value by kind, never added up, and of the sales of customers that may leave."""
    currency = page.report["currency"]
    tiles = [_stake_of(kind, page.stake[kind], currency) for kind in HOLDERS]
    if page.leaving is not None:
        detail = f"of {count_text(page.leaving['accounts'], 'customer')} that may be leaving, a year"
        tiles.append(Tile("sales at risk", money_text(page.leaving["at_stake"], currency), detail, "alerts"))
    return Tiles(tuple(tiles))


def _stake_of(kind: str, item: Stake, currency: str | None) -> Tile:
    """Return the expected value of a kind, with its ceiling."""
    sells = f" that buy {money_text(item.sales, currency)}" if kind == "expansion" else ""
    detail = f"{count_text(item.accounts, HOLDERS[kind])}{sells}; ceiling {money_text(item.ceiling, currency)}"
    return Tile(f"expected from {HOLDERS[kind]}s", money_text(item.expected, currency), detail, "ranking")


def ceiling(page: PageOne) -> str:
    """Return what expected value and ceiling mean, and why the ceiling is no plan."""
    return (
        "Expected: how likely an account is won, times what its peers buy more. Ceiling: whitespace, the sum if every "
        f"account bought what {page.line.upper()} or the next step of its peers buys; no market gets there, so do not "
        "plan with it."
    )


def _calls(rows: Sequence[Mapping[str, Any]], currency: str | None) -> Table:
    """Return the table of first accounts in order of priority: name, reason, expected value, owner and next step."""
    parties = [party for party in PARTY_TYPES if any(row["party_type"] == party for row in rows)]
    groups = [[call(row, several=len(parties) > 1) for row in rows if row["party_type"] == party] for party in parties]
    columns = "priority:count|account:name|why/2|expected:money|owner:name/2|next step/2|type:code/2|id:id/3"
    note = "priority: what is open times how likely it is won, plus sales at risk"
    note += ", within each party type" if len(parties) > 1 else ""
    note += "; expected counts what peers buy on average, so it does not follow this order"
    text = f"{note}; amounts in {clean(currency)}" if currency else note
    return without_empty(group("Call first", columns, groups, text, link="ranking"))


def call(row: Mapping[str, Any], *, several: bool) -> list[Any]:
    """Return the cells of an account; its id only beside a name, its party type only if there are several."""
    name, key = row.get("name"), str(row["account_id"])
    return [
        row.get("priority") or row["rank"],
        Cell(_short(name or key), link=f"#{anchor_of(row)}"),
        _why(row),
        row.get("expected_value"),
        _short(row["person"], _OWNER) if row.get("person") else words(row.get("role") or row["suggested_role"]),
        _next_step(row),
        row["party_type"] if several else None,
        key if name else None,
    ]


def _why(row: Mapping[str, Any]) -> str:
    """Return whitespace, probability, sales and money at risk in few words."""
    if row["whitespace"] is None:
        return ""
    buys = f", buys {money(row['sales'])}" if row["sales"] is not None and row["sales"] > 0 else ""
    chance = chance_of(row) if row.get("p_basis") in _HOW else None
    likely = f"; {100 * chance:.2g}% likely ({_HOW[row['p_basis']]})" if chance is not None else ""
    at_risk = f"; {money(row['value_at_risk'])} at risk" if row.get("value_at_risk") else ""
    return f"{money(row['whitespace'])} open{buys}{likely}{at_risk}"


def _next_step(row: Mapping[str, Any]) -> str:
    """Return the play, and the product if one is known."""
    offer = f": {_short(row['next_offer'], _OWNER)}" if row.get("next_offer") else ""
    return f"{words(row['play'])}{offer}"


def _since(changes_since: ChangesSince | None, currency: str | None) -> Point:
    """Return the changes since another run."""
    if changes_since is None:
        return Point("Since the last run:", "there is no earlier run to compare with.", "moves")
    lead = f"Since {f'run {changes_since.run}' if changes_since.named else 'the run before'}:"
    moved = [_moved_text(measure, currency) for measure in changes_since.measures if measure.change]
    if changes_since.new is not None and changes_since.gone is not None:
        moved.append(f"{changes_since.new:,} accounts new, {changes_since.gone:,} gone")
    return Point(lead, f"{'; '.join(moved) or 'nothing changed'}.", "moves")


def _moved_text(figure_change: FigureChange, currency: str | None) -> str:
    """Return a figure and its change; counts with both numbers, since short amounts hide a change."""
    before, now = figure_change.before or 0.0, figure_change.now or 0.0
    text = f"{before:,.0f} to {now:,.0f}" if figure_change.what in _COUNTS else money_text(now, currency)
    return f"{_MEASURES[figure_change.what]} {text} ({change(before, now)})"


def _hours(rows: Sequence[Hours]) -> Point:
    """Return hours needed and hours there are, by role, those with the largest gap first."""
    if not rows:
        return Point("Hours:", "no coverage says who covers whom; tamscore coverage makes one.", "coverage")
    first = sorted(rows, key=lambda row: row.there - row.needed)[:_NAMED]
    items = [f"{words(row.role)} {row.needed:,.0f} needed, {row.there:,.0f} there" for row in first]
    more = f"; {len(rows) - _NAMED} more roles lack fewer" if len(rows) > _NAMED else ""
    return Point("Hours a year:", f"{'; '.join(items)}{more}.", "coverage")


def _trust(cluster_trust: ClusterTrust) -> Point:
    """Return how stable clusters are."""
    if cluster_trust.graded:
        text = (
            f"{cluster_trust.sound} of {count_text(cluster_trust.graded, 'cluster')} come out again when accounts are "
            "drawn anew"
        )
        text += f"; {_some(cluster_trust.unstable)} would not" if cluster_trust.unstable else ""
    else:
        where = (
            f"is reported in run {cluster_trust.model}, which fitted them"
            if cluster_trust.model
            else "was not asked for"
        )
        text = f"whether the {count_text(cluster_trust.clusters, 'cluster')} come out again {where}"
    thin = f"; {_some(cluster_trust.thin)} lean on customers of others" if cluster_trust.thin else ""
    return Point("Trust in clusters:", f"{text}{thin}.", "clusters")


def _quality(result: Quality) -> Point:
    """Return the quality of the data."""
    flags = max(result.flagged.items(), key=lambda item: item[1], default=None)
    most = f", most of all {words(flags[0])} ({flags[1]:,})" if flags else ""
    text = (
        f"{result.rejected:,} of {count_text(result.read, 'row')} rejected ({share(result.rejected, result.read)}), "
        f"{count_text(sum(result.flagged.values()), 'value')} marked{most}"
    )
    suspects = f"; {_some(result.suspects)} may be sales in disguise" if result.suspects else ""
    return Point("Data quality:", f"{text}{suspects}.", "quality")


def _drift(result: Drift) -> Point:
    """Return the drift of the market from the one that the model was fitted on."""
    parts = [f"limits of the input are broken: {', '.join(result.broken)}"] if result.broken else []
    if result.moved:
        parts.append(f"{_some(result.moved)} moved since the model was fitted")
    elif result.compared:
        parts.append(f"all {result.compared:,} figures are as they were when the model was fitted")
    else:
        parts.append("the model was fitted in this run, so there is nothing to drift from")
    return Point("Drift:", f"{'; '.join(parts)}.", "quality")


def _short(text: object, longest: int = _LONGEST) -> str:
    """Return a text cut to `longest` characters."""
    plain = clean(text)
    return plain if len(plain) <= longest else f"{plain[: longest - 1].rstrip()}…"


def _some(names: Sequence[str]) -> str:
    """Return the first of some names, and the number of further names."""
    first = ", ".join(map(clean, names[:_NAMED]))
    return f"{first} and {len(names) - _NAMED:,} more" if len(names) > _NAMED else first
