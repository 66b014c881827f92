"""Warnings about a result that a person should know before acting on it, and the sums behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.scoring.fit.party_fit import NO_REFERENCE
from tamscore.stages import top_step
from tamscore.stages.diagnose import tied_share
from tamscore.stages.potential import OF_ACCOUNT, OF_CLUSTER, median_of, top_share
from tamscore.stages.prepare import nearest_rank

if TYPE_CHECKING:
    from tamscore.scoring.arguments import LadderRules, QuadrantRules
    from tamscore.scoring.fit.party_fit import Reference
    from tamscore.scoring.potential import PartyMarket
    from tamscore.stages.quadrant import QuadrantLimits

_TOP_HEAVY = 0.5
"""Share of the expansion whitespace at the top step from which a warning is due."""
_CROWDED = 1.5
"""Accounts at or above the limit, as a multiple of the accounts asked for, from which a warning is due."""
_BANDED = 0.5
"""Least share of customers with tied sales, and of customers on ladders with merged steps, for sales in bands."""
_FEWER = 0.5
"""Least share of the customers behind frozen ladders that the input must have for reliable expected values."""
_SMALLEST = 1.0
"""Median sale below which rounding to cents removes more than half a percent."""
_LISTED = 6
"""Most clusters named in one warning."""


def market_warnings(
    market: PartyMarket,
    limits: QuadrantLimits,
    ladder: LadderRules,
    rules: QuadrantRules,
    reference: Reference = NO_REFERENCE,
) -> list[str]:
    """Return all warnings on one party type; `reference` is what it keeps of an earlier model."""
    if not market.sales.support.sum():
        return [_nobody_buys(reference)]
    items = [
        _below_cents(market),
        fewer_today(market, reference),
        band(market, ladder),
        _alone(market),
        thin(market, ladder.min_customers, reference),
        top_heavy(market, ladder, reference),
    ]
    if not rules.by_cluster:
        items.append(crowd(market, limits, rules, reference))
    return [text for text in items if text]


def _nobody_buys(reference: Reference) -> str:
    """Return a warning for a party type without customers, which has potential only on ladders of an earlier run."""
    if reference.table is None or np.isnan(reference.table.values).all():
        return "no account has sales above 0, so there is no potential to tell"
    return "no account has sales above 0: every potential is that of the earlier run's ladders"


def by_step(market: PartyMarket) -> Any:
    """Return accounts and whitespace (steps, 2) of the prospects, then of the customers: (2, steps, 2)."""
    standing, steps = market.standing, market.table.values.shape[1]
    step, sums = standing.customer_step - 1, np.zeros((2, steps, 2))
    sums[0, 0] = standing.prospects.sum(), standing.acquisition.sum()
    sums[1, :, 0] = np.bincount(step, minlength=steps)
    sums[1, :, 1] = np.bincount(step, weights=np.nan_to_num(standing.customer_whitespace), minlength=steps)
    return sums


def _alone(market: PartyMarket) -> str:
    """Return a warning if there are no prospects."""
    everyone = not market.standing.prospects.sum()
    return "every account is a customer: all whitespace is expansion, none is acquisition" if everyone else ""


def _below_cents(market: PartyMarket) -> str:
    """Return a warning if sales are so small that rounding to cents matters."""
    median = median_of(market.sales.sales)
    if median >= _SMALLEST:
        return ""
    return (
        f"half of the customers buy {_amount(median)} or less, but tables, expected value and lifetime value have "
        "money "
        "to the hundredth: give sales in a smaller unit, such as thousands in place of millions"
    )


def fewer_today(market: PartyMarket, reference: Reference) -> str:
    """Return a warning if ladders come from an earlier run with far more customers than the input has."""
    today, then = market.sales.support.sum(), 0 if reference.table is None else reference.table.support.sum()
    if today >= _FEWER * then:
        return ""
    return (
        f"potential rests on ladders of the earlier run's {then:,} customers, but expected value on the {today:,} of "
        "this input: score a list of prospects together with the market that they are compared with"
    )


def band(market: PartyMarket, ladder: LadderRules) -> str:
    """Return a warning if sales come in bands: few different amounts, and ladder steps that coincide.

    At level account, where each account has its own steps, the check uses the ladders of level cluster.
    """
    sales, table = market.sales.sales, market.table
    merged = _merged_ladders(market, ladder)
    if table.account is None:
        merged &= table.distinct < table.values.shape[1]
    tied = tied_share(sales)
    if tied < _BANDED or market.sales.support[merged].sum() < _BANDED * len(sales):
        return ""
    amounts, counts = np.unique(sales, return_counts=True)
    steps = "steps of level cluster coincide" if table.account else "steps coincide"
    return (
        f"sales come in bands: {tied:.0%} of the customers share their amount with others, {counts.max():,} have "
        f"{_amount(amounts[np.argmax(counts)])}, and {steps} in {np.count_nonzero(merged)} of {len(merged)} "
        "ladders; potential tells no more than the bands do, give exact sales if there are any"
    )


def _amount(money: float) -> str:
    """Return money with cents, or with six significant digits below 1."""
    return f"{money:,.2f}" if money >= 1 else f"{money:.6g}"


def _merged_ladders(market: PartyMarket, ladder: LadderRules) -> Any:
    """Return which clusters (k,) have customers of equal sales at different steps of their ladder.

    In small clusters one customer may make several steps; these do not count as bands.
    """
    shares = (*ladder.lines, top_share(ladder.lines, ladder.top_step))
    items = [market.sales.of(c) for c in range(market.sales.groups)]
    ranks = [sorted({nearest_rank(len(sales), share) for share in shares}) if len(sales) else [] for sales in items]
    merged = [bool((np.diff(sales[at]) == 0).any()) for sales, at in zip(items, ranks, strict=True)]
    return np.array(merged, bool)


def thin(market: PartyMarket, min_customers: int, reference: Reference = NO_REFERENCE) -> str:
    """Return a warning on clusters that have, or had in the earlier run, too few customers for a table of their own."""
    items = [c for c, basis in enumerate(market.table.basis) if basis not in {OF_CLUSTER, OF_ACCOUNT}]
    if not items:
        return ""
    standing = market.standing
    acquisition = standing.acquisition
    share = acquisition[items].sum() / acquisition.sum() if acquisition.sum() > 0 else 0.0
    ids = market.model.ids
    has, have, then = ("has", "have", "") if reference.table is None else ("had", "had", " in the earlier run")
    named = ", ".join(f"{ids[c]} {has} {market.table.support[c]}" for c in items[:_LISTED])
    more = f" and {len(items) - _LISTED} more" if len(items) > _LISTED else ""
    return (
        f"{len(items)} of {standing.clusters} clusters {have} fewer than {min_customers} customers{then} "
        f"({named}{more}); they lean on their parent, and hold {share:.0%} of the acquisition whitespace"
    )


def top_heavy(market: PartyMarket, ladder: LadderRules, reference: Reference = NO_REFERENCE) -> str:
    """Return a warning if most expansion whitespace is that of the largest customers, and what a cap leaves of it.

    With ladders of an earlier run the share under a cap is not known.
    """
    accounts, held = by_step(market)[1].T
    share = held[-1] / held.sum() if held.sum() > 0 else 0.0
    if ladder.top_step != "max" or share < _TOP_HEAVY:
        return ""
    head = (
        f"{share:.0%} of the expansion whitespace lies with the {accounts[-1]:,.0f} customers above the last cut line, "
        "which are measured against the largest of their cluster"
    )
    if reference.table is not None:
        return f"{head} in the earlier run"
    audits = top_step.audit(market.sales, market.table, ladder.boundary, ladder.top_step)
    capped = next(audit.whitespace.sum() for audit in audits if audit.top_step == "p99")
    return f"{head}; potential.top_step = 'p99' would leave {capped / held.sum():.0%} of it"


def crowd(
    market: PartyMarket, limits: QuadrantLimits, rules: QuadrantRules, reference: Reference = NO_REFERENCE
) -> str:
    """Return a warning if more accounts are high than asked for: many share one potential, or the limit is outdated."""
    standing = market.standing
    potential = np.append(standing.customer_potential, standing.prospect_potential)
    counts = np.append(np.ones(len(standing.customer_potential)), standing.prospects)
    high, total = counts[potential >= limits.potential].sum(), counts.sum()
    if rules.threshold not in {"percentile", "median"} or high <= _CROWDED * (1 - rules.potential) * total:
        return ""
    head = f"high potential: {high / total:.0%} of the accounts, not {1 - rules.potential:.0%}, since "
    here = counts[potential == limits.potential].sum()
    if reference.limits is not None and high - here > (1 - rules.potential) * total:
        return (
            f"{head}the limit of {_amount(limits.potential)} is that of the earlier run; if the market has grown, "
            "score "
            "it with --fresh-cut-lines, or refresh the model"
        )
    new_model = "" if reference.limits is None else " with --fresh-cut-lines"
    return (
        f"{head}{here:,.0f} share the limit of {_amount(limits.potential)}; quadrant.threshold = 'capacity'{new_model} "
        "takes as many as can be covered"
    )
