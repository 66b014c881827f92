"""Buying roles in whole runs: who is known at each account and who is missing, by contacts with messy ids and words."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tamscore import pipeline
from tamscore.cli import app
from tamscore.errors import InputContractError, JobFileError
from tamscore.progress import Progress
from tamscore.questions.lists import sentences
from tamscore.questions.pages.calling import priority_sentence
from tests.conftest import make_backend
from tests.end_to_end import market

WANTED = {"finance": ["CFO", "Head of Finance"], "user": [], "champion": ["sponsor"]}
TITLES = {"finance": "finance", " cfo ": "finance", "HEAD OF FINANCE": "finance", "User": "user", "Sponsor": "champion"}


def contacts_of(table: pa.Table, seed: int = 0) -> pa.Table:
    """Contacts of some accounts: ids with blanks around them, titles in several spellings, some of no wanted role."""
    random, titles = np.random.default_rng([seed, 31]), [*TITLES, "driver", None]
    rows = [
        (f" {account} " if random.random() < 0.2 else account, titles[int(random.integers(0, len(titles)))])
        for account in table["account_id"].to_pylist()
        for _ in range(int(random.integers(0, 4)))
    ]
    order = random.permutation(len(rows))
    return pa.table({name: [rows[i][at] for i in order] for at, name in enumerate(("account_id", "role"))})


def changes(folder, **more) -> dict[str, Any]:
    return {"buying_roles": {"path": str(folder / "contacts.parquet"), "wanted": WANTED, **more}}


@pytest.fixture(scope="module")
def known(tmp_path_factory) -> dict[str, Any]:
    """A market with contacts, its finished run, its scores, and by account the roles worked out again."""
    folder = tmp_path_factory.mktemp("roles")
    table = market.accounts(900)
    market.write(table, folder / "market")
    contacts = contacts_of(table)
    pq.write_table(contacts, folder / "contacts.parquet", row_group_size=300)
    done = market.run(folder / "market", folder / "scores", changes(folder))
    roles: dict[str, set[str]] = defaultdict(set)
    for row in contacts.to_pylist():
        roles[row["account_id"].strip()] |= {TITLES[row["role"]]} if row["role"] in TITLES else set()
    return {"folder": folder, "run": done, "scores": market.scores(done).to_pylist(), "roles": roles}


def record_of(done) -> dict[str, Any]:
    found: dict[str, Any] = (done.manifest() or {})["extras"]["buying_roles"]
    return found


def test_roles_present_and_missing_are_those_of_the_contacts(known):
    for row in known["scores"]:
        mine = known["roles"][row["account_id"]]
        assert row["buying_roles_present"] == "|".join(name for name in WANTED if name in mine)
        assert row["buying_roles_missing"] == "|".join(name for name in WANTED if name not in mine)


def test_the_run_counts_how_many_accounts_lack_each_role(known):
    record = record_of(known["run"])
    for row in record["roles"]:
        lacking = [one for one in known["scores"] if row["role"] not in known["roles"][one["account_id"]]]
        assert row["lack"] == len(lacking) == row["customers_lack"] + row["prospects_lack"]
        assert row["customers_lack"] == sum(one["kind"] == "expansion" for one in lacking)
        assert row["have"] + row["lack"] == len(known["scores"])
    assert record["complete"] == sum(not row["buying_roles_missing"] for row in known["scores"]) > 0
    page = " ".join(CliRunner().invoke(app, ["show", str(known["run"].output)]).stdout.split())
    assert "BUYING ROLES" in page
    assert f"{record['other']:,} have another role" in page


def test_missing_roles_are_a_reason_in_lists_and_explain(known):
    table = market.scores(known["run"])
    sentences_shown = sentences.priority_sentences(table).to_pylist()
    for text, row in zip(sentences_shown, table.to_pylist(), strict=True):
        missing = row["buying_roles_missing"]
        assert (f"no contact is {missing.replace('|', ' or ')}" in text) == bool(missing and text)
        assert ("no contact is" in priority_sentence(row)) == bool(missing and text)


def test_row_order_partitions_and_workers_change_no_byte(known, tmp_path):
    random = np.random.default_rng(4)
    table, contacts = (pq.read_table(known["folder"] / name) for name in ("market", "contacts.parquet"))
    path = market.write(table.take(random.permutation(table.num_rows)), tmp_path / "market", files=3)
    pq.write_table(contacts.take(random.permutation(len(contacts))), tmp_path / "contacts.parquet", row_group_size=99)
    again = market.run(path, tmp_path / "scores", {**changes(tmp_path), "engine.workers": 1})
    assert market.different(market.scores(again), market.scores(known["run"])) == []
    assert record_of(again) == record_of(known["run"])


def test_a_fake_gpu_gives_the_roles_of_the_host(known, tmp_path):
    job = market.job(known["folder"] / "market", tmp_path / "scores", changes(known["folder"]))
    there = pipeline.run(job, Progress(), make_backend("fake_gpu"))
    names = ["account_id", "buying_roles_present", "buying_roles_missing"]
    assert market.scores(there).select(names).equals(market.scores(known["run"]).select(names))


def test_contacts_of_strangers_and_words_that_stand_for_two_roles_are_refused(known, tmp_path):
    pq.write_table(pa.table({"account_id": ["x"] * 9, "role": ["user"] * 9}), tmp_path / "contacts.parquet")
    with pytest.raises(InputContractError, match="0 of 9 rows met an account"):
        market.run(known["folder"] / "market", tmp_path / "scores", changes(tmp_path))
    for wanted, word in (
        ({"a": ["CFO"], "b": ["cfo "]}, "it stands for 'a' too"),
        ({"a|b": []}, "a name without '|'"),
        ({}, "buying_roles.wanted"),
    ):
        with pytest.raises(JobFileError) as refused:
            market.job(known["folder"] / "market", tmp_path / "scores", changes(tmp_path, wanted=wanted))
        assert word in str(refused.value)


def test_no_contacts_at_all_mean_that_every_role_is_missing(known, tmp_path):
    pq.write_table(pq.read_table(known["folder"] / "contacts.parquet").slice(0, 0), tmp_path / "contacts.parquet")
    done = market.run(known["folder"] / "market", tmp_path / "scores", changes(tmp_path))
    assert {row["buying_roles_missing"] for row in market.scores(done).to_pylist()} == {"finance|user|champion"}
    assert record_of(done)["complete"] == 0
    assert sum("no contact is" in text for text in (done.manifest() or {})["notices"]) == len(WANTED)
