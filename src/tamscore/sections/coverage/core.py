"""The core of a coverage: the accounts that choose hours at low prices. All others do without at any higher price."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tamscore.sections.coverage.alike import Alike, alike
from tamscore.sections.coverage.by_kind import on_host
from tamscore.sections.coverage.hour_price import Options, chosen, prices_of

if TYPE_CHECKING:
    from tamscore.backend import Backend


@dataclass(frozen=True)
class Core:
    """Accounts `rows` (n,) that choose hours at some prices, and what the others choose.

    `options` are those of the core, on the host, in order of id; `alike` the same by kind on the device, with all other
    accounts of a part as one, and `groups` says which kind each is. `content` (m,) int16 is the option that each
    account chooses at these prices, and `constant` what that is worth to those outside the core.
    """

    rows: Any
    options: Options
    groups: Alike
    alike: Options
    content: Any
    constant: float


def core_at(backend: Backend, options: Options, price: Any, parts: Any) -> Core:
    """The core at prices (r,) of hours, given parts (m,) of the accounts that are added up apart, None for one."""
    prices, count = prices_of(backend, options, price), 1 if parts is None else int(parts.max(initial=0)) + 1
    content, keep, constant = np.empty(options.accounts, np.int16), [], np.zeros(count)
    for block in options.blocks(backend):
        choice, worth = (backend.get(part) for part in chosen(backend.xp, block.value, block.hours, prices))
        here = slice(block.start, block.start + len(choice))
        takes = backend.get(block.hours)[choice, np.arange(len(choice))] > 0
        content[here] = choice
        keep.append(block.start + np.flatnonzero(takes))
        of = np.zeros(len(choice), np.int64) if parts is None else parts[here]
        constant += np.bincount(of[~takes], worth[~takes], count)
    rows = np.concatenate(keep)
    value, hours = (on_host(backend, numbers)[:, rows] for numbers in (options.value, options.hours))
    core = Options(value, hours, options.role, options.names)
    groups = alike(value, hours)
    of = np.zeros(len(rows), np.int64) if parts is None else parts[rows]
    by_kind = _with_others(backend, core, groups, of, constant)
    return Core(rows, core, groups, by_kind, content, float(constant.sum()))


def _with_others(backend: Backend, core: Options, groups: Alike, parts: Any, constant: Any) -> Options:
    """One account of each kind of the core, part by part, and one more in each part for those outside of the core.

    That takes no hours and is worth `constant` (c,).
    """
    order = groups.first[np.argsort(parts[groups.first], kind="stable")]
    size = groups.size[np.argsort(parts[groups.first], kind="stable")].astype(np.float64)
    ends = np.cumsum(np.bincount(parts[order], minlength=len(constant)))
    value = np.insert(core.value[:, order], ends, -np.inf, axis=1)
    last = ends + np.arange(len(ends))
    value[0, last] = constant
    hours = np.insert(core.hours[:, order], ends, 0.0, axis=1)
    size = np.insert(size, ends, 1.0)
    starts = (0, *(last[:-1] + 1).tolist())
    return Options(backend.put(value), backend.put(hours), core.role, core.names, backend.put(size), starts)
