"""A backtest for readers: deciles with their growth, contenders with their losses."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from tamscore.sections.backtest.figure import RANKINGS, growth
from tamscore.sections.backtest.pairs import FEWEST
from tamscore.sections.backtest.result import record as record_of
from tamscore.view.blocks import Block, Cell, Chapter, Table, Terms, group, table
from tamscore.view.words import count_text, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tamscore.sections.backtest.result import BacktestResult

_Record = dict[str, Any]
_NOTE = "growth: sales afterwards less sales, with its 95 % interval; by random ranking: accounts in random order"


def answer(result: BacktestResult) -> Chapter:
    """Return the command's answer: where the tables lie, how the later sales matched accounts, and the chapter."""
    text = chapter(record_of(result))
    lines = [("backtest", result.path), ("afterwards", f"{result.realised}, not known of {result.unknown:,} accounts")]
    lines += [("joined", result.joined.notice)] if result.joined is not None else []
    lines.append(("result", text.message))
    return Chapter(text.anchor, "", "", (Terms(tuple(lines)), *text.blocks))


def chapter(record: _Record) -> Chapter:
    """Return the chapter on a backtest."""
    kinds: dict[str, dict[str, list[_Record]]] = {}
    for row in record["tenths"]:
        kinds.setdefault(row["kind"], {}).setdefault(row["ranked_by"], []).append(row)
    blocks: list[Block] = [_neighbours(record["pairs"])] if record.get("pairs") else []
    blocks += [growth(kind, by, _tenths(kind, by)) for kind, by in kinds.items()]
    parties = groupby(record["losses"], lambda row: row["party_type"])
    blocks += [_losses(party, list(rows)) for party, rows in parties]
    return Chapter("backtest", "What came of it", _message(record), tuple(blocks))


_VERDICTS = {
    "yes": "potential says more than size does",
    "no": "the difference may be chance",
    "opposite": "the higher potential bought less",
    "too few": f"too few customers for a verdict, {FEWEST} are needed",
}


def _neighbours(rows: Sequence[_Record]) -> Table:
    """Return the table of customers with equal sales: which of them bought more later, by party type."""
    columns = (
        "party type:code|customers:count|pairs:count|higher potential bought more:permille|±:permille|"
        "rank correlation at equal sales:hundredths/2|verdict"
    )
    names = ("party_type", "customers", "pairs", "share", "half_width", "partial")
    cells = [(*(row[name] for name in names), _VERDICTS[row["verdict"]]) for row in rows]
    note = "neighbours by sales whose potential differs; 50% says nothing"
    return table("Customers of equal sales: who buys more later", columns, cells, note)


def _pairs_message(record: _Record) -> str:
    """Return the result for customers with equal sales, a sentence for each party type that has a verdict."""
    items = []
    for row in record.get("pairs") or ():
        if row["verdict"] != "too few":
            share = f"{row['share']:.1%} ± {row['half_width']:.1%}"
            head = f"Of two {words(row['party_type'])} customers of equal sales"
            text = f"the one with the higher potential bought more in {share} of the pairs"
            items.append(f"{head} {text}: {_VERDICTS[row['verdict']]}. ")
    return "".join(items)


def _message(record: _Record) -> str:
    """Return the main result in a few sentences, customers of equal sales first."""
    kinds = []
    for kind, value in record["rank_correlation"].items():
        known = "not known" if value is None else f"{value:+.2f}"
        kinds.append(f"{known} over {count_text(record['accounts'][kind], 'account')} of {kind}")
    return f"{_pairs_message(record)}Whitespace and growth afterwards: rank correlation {' and '.join(kinds)}."


def _tenths(kind: str, by: dict[str, list[_Record]]) -> Table:
    """Return the deciles of a kind by whitespace, with the growth of the same decile of each other ranking."""
    others = [name for name in by if name != "whitespace"]
    columns = (
        "decile:count|accounts:count/2|whitespace:money/2|sales:money/3|afterwards:money/3|median:money/3|grew:share/2|"
        "growth:money|growth from:money|growth to:money"
    )
    ranked = [RANKINGS[name] for name in others]
    columns += "".join(f"|by {name}:money/2|{name} from:money/3|{name} to:money/3" for name in ranked)
    largest = max(row["growth"] for row in by["whitespace"])
    names = ("tenth", "accounts", "whitespace", "sales", "realised", "median_growth", "grew")
    rows = [
        (
            *(row[name] for name in names),
            Cell(row["growth"], max(row["growth"], 0.0) / largest if largest > 0 else None),
            *_ends(row)[1:],
            *(value for name in others for value in _ends(by[name][at])),
        )
        for at, row in enumerate(by["whitespace"])
    ]
    return table(f"{kind}: whitespace against growth", columns, rows, _NOTE, folded=True)


def _ends(row: _Record) -> list[float]:
    """Return the growth of a decile and the ends of its interval."""
    return [row[name] for name in ("growth", "growth_low", "growth_high")]


def _losses(party: str, rows: Sequence[_Record]) -> Table:
    """Return the losses of all contenders by cut line, and the share by which they are below the method's loss."""
    groups = [list(_lines(list(same))) for _, same in groupby(rows, lambda row: row["line"])]
    note = f"{count_text(rows[0]['customers'], 'customer')}, five folds, pinball loss of log sales"
    columns = "cut line|contender|loss:number|below clusters:change|from:change/2|to:change/2"
    return group(f"The price of simplicity: {words(party)}", columns, groups, note, folded=True)


def _lines(rows: Sequence[_Record]) -> Iterator[tuple[Any, ...]]:
    """Yield the contenders at one cut line, the method first."""
    for row in rows:
        gain = [None] * 3 if row is rows[0] else [row[name] for name in ("below_method", "low", "high")]
        yield f"P{row['line'] * 100:g}", row["contender"], f"{row['loss']:.4f}", *gain
