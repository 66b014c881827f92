"""Coverage of a finished run by 42 people of 1,200 hours: the choice of roles, beside new solutions, and all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.measure import clock, peak_megabytes

if TYPE_CHECKING:
    from pathlib import Path

    from tamscore.questions.stored import StoredRun
    from tamscore.sections.coverage.task import Task


def task_of_run(run: StoredRun) -> Task:
    """What there is to do with the default plans and team, where no account is owed anything."""
    from tamscore.sections.coverage.question import read_question
    from tamscore.sections.coverage.settings import Coverage

    return read_question(run, Coverage(minimum_treatment={})).task


def role_choice(output: Path, people: bool = True) -> dict[str, Any]:  # noqa: FBT001, FBT002 - a switch of a case
    """The choice of roles alone; with `people`, what one more of each role is said to bring against a new solution."""
    import numpy as np

    from tamscore import backend
    from tamscore.questions.stored import open_run
    from tamscore.sections.coverage.choice import choose
    from tamscore.sections.coverage.people import Owners
    from tamscore.sections.coverage.placing import options_of, search_of
    from tamscore.sections.coverage.plans import values_of

    host, task = backend.load("cpu"), task_of_run(open_run(output))
    nobody = Owners(np.full(len(task.accounts), -1), np.zeros(len(task.accounts), bool))
    is_open = task.is_open(nobody)
    options = options_of(task, values_of(task.plans, task.accounts, is_open), task.open_options(nobody, is_open))
    with clock() as spent:
        search = search_of(host, task, options)
        found = choose(host, options, task.limits, search)
    peak = peak_megabytes()
    errors = {}
    for r in np.flatnonzero(np.isfinite(task.limits)) if people else ():
        limits = task.limits + 1200.0 * (np.arange(len(task.limits)) == r)
        solved = choose(host, options, limits).value - found.value
        errors[task.roles[r]] = (search.bound(limits).value - found.bound) / solved - 1
    flag = bool((found.hours <= task.limits * (1 + 1e-9)).all())
    figures = {"gap": found.gap, "rounds": found.rounds, "value": round(found.value, 2), "within_hours": flag}
    return {"rows": len(task.accounts), **spent, "peak_mb": peak, **figures, "one_more_error": errors}


def whole(output: Path) -> dict[str, Any]:
    """The whole command: read, choose, name people, compare with simple rules, write."""
    from tamscore import backend
    from tamscore.progress import Progress
    from tamscore.questions.stored import open_run
    from tamscore.sections.coverage.cover import cover
    from tamscore.sections.coverage.settings import Coverage

    with clock() as spent:
        found = cover(open_run(output), Coverage(), backend.load("cpu"), Progress())
    rules = {one.rule: round(one.value, 2) for one in found.rules}
    return {"rows": found.accounts, **spent, "peak_mb": peak_megabytes(), "gap": found.certificate.gap, "value": rules}


def owned(output: Path, moves: int = 200) -> dict[str, Any]:
    """A year later: accounts have owners, a fifth of them others than would be best, some are locked, few may move."""
    import numpy as np

    from tamscore import backend
    from tamscore.questions.stored import open_run
    from tamscore.sections.coverage.people import Owners
    from tamscore.sections.coverage.placing import move, place_all

    host, task = backend.load("cpu"), task_of_run(open_run(output))
    nobody = Owners(np.full(len(task.accounts), -1), np.zeros(len(task.accounts), bool))
    person = place_all(host, task, nobody, None).person.copy()
    random = np.random.default_rng(0)
    has = np.flatnonzero(person >= 0)
    drawn = random.random(len(has))
    other = has[drawn < 0.2]
    person[other] = random.permutation(person[other])
    locked = np.zeros(len(person), bool)
    locked[has[drawn > 0.95]] = True
    owners = Owners(person, locked)
    with clock() as spent:
        found = place_all(host, task, owners, moves)
    each = found.offer.hours[found.plan, np.arange(len(person))]
    used = np.bincount(found.person[found.person >= 0], each[found.person >= 0], len(task.people))
    free = place_all(host, task, owners, None)
    figures = {
        "accounts_with_owner": len(has),
        "locked": int(locked.sum()),
        "locks_kept": bool((found.person[locked] == person[locked]).all()),
        "most_hours_used": float((used / [one.hours for one in task.people]).max()),
        "max_moves": moves,
        "moves": int(move(owners, found.person).sum()),
        "moves_without_limit": int(move(owners, free.person).sum()),
    }
    worth = {"value": round(found.value, 2), "value_without_limit": round(free.value, 2)}
    gaps = {"gap": 1 - found.value / found.choice.bound, "gap_before_refill": 1 - found.before / found.choice.bound}
    return {"rows": len(task.accounts), **spent, **figures, **worth, **gaps}


def regional(output: Path) -> dict[str, Any]:
    """The whole command where each of 17 people serves 8 countries, and 300 accounts have plans of their own.

    The run has kept the column `country`.
    """
    from tempfile import TemporaryDirectory

    import numpy as np
    import pyarrow as pa
    from pyarrow import parquet

    from tamscore import backend
    from tamscore.progress import Progress
    from tamscore.questions.stored import open_run
    from tamscore.sections.coverage.cover import cover
    from tamscore.sections.coverage.settings import Coverage

    run, random = open_run(output), np.random.default_rng(3)
    accounts = pa.concat_tables(run.read(["account_id", "country"])).sort_by("account_id")
    countries = sorted(filter(None, accounts["country"].unique().to_pylist()))
    team = {"account_manager": 7, "hunter": 4, "inside_sales": 3, "sdr": 2, "channel_partner": 1}
    roles = [role for role, count in team.items() for _ in range(count)]
    people = [
        {
            "person": f"{role} {i}",
            "role": role,
            "hours": 1200.0,
            "regions": "|".join(random.choice(countries, 8, False)),
        }
        for i, role in enumerate(roles)
    ]
    some = accounts["account_id"].take(random.choice(len(accounts), 300, replace=False)).to_pylist()
    own = [{"account_id": name, "role": roles[i % 14], "hours": 5.0 + i % 30} for i, name in enumerate(some)]
    with TemporaryDirectory() as folder:
        paths = {"people": f"{folder}/people.parquet", "account_plans": f"{folder}/own.parquet"}
        for path, rows in zip(paths.values(), (people, own), strict=True):
            parquet.write_table(pa.Table.from_pylist(rows), path)
        with clock() as spent:
            found = cover(run, Coverage.model_validate({"region": "country", **paths}), backend.load("cpu"), Progress())
    figures = {
        "value": round(found.certificate.value, 2),
        "gap": found.certificate.gap,
        "naming": found.certificate.naming,
    }
    return {"rows": found.accounts, **spent, "peak_mb": peak_megabytes(), **figures}
