"""A scheduler that dies while a run is in any of its stages, those that need no worker among them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from distributed import Client

from tamscore import pipeline
from tamscore.errors import RetryableError
from tamscore.progress import Listener, Progress
from tamscore.sections.propensity import learning
from tests.end_to_end import market
from tests.faults import everything
from tests.faults.clusters import BUSY_S, wait_until
from tests.faults.forked import forked_cluster

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.forked import Forked

STAGES = (
    "census",
    "match",
    "label_counts",
    "sample",
    "guard",
    "fit",
    "assign",
    "potential",
    "labels",
    "training rows",
    "propensity",
    "orders",
    "worth",
    "customer jobs",
    "contacts",
    "products",
    "next offer",
    "foretell",
    "priority",
    "score",
)
"""The stages of a run with every optional section; later ones need no worker."""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small partitions, and a short search in the one stage that takes long."""
    monkeypatch.setattr("tamscore.store.partitions.PARTITION_ROWS", everything.ROWS // everything.FILES)
    monkeypatch.setattr(learning, "MOST_TREES", 10)
    monkeypatch.setattr(learning, "TREE_COUNTS", (4, 10))


@pytest.fixture(scope="module")
def market_with_all(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("everything")
    return folder, everything.build(folder)


class At(Listener):
    """Notes the stages that begin, and at one of them kills the scheduler."""

    def __init__(self, stage: str, theirs: Forked, *, gives_up: bool) -> None:
        self.stage, self.theirs, self.gives_up, self.begun = stage, theirs, gives_up, list[str]()

    def begin(self, stage: str, total: int | None) -> None:
        del total
        self.begun.append(stage)
        if stage == self.stage:
            self.kill()

    def kill(self) -> None:
        """Kill it; if asked, wait until the client has tried in vain to connect again, and has closed itself."""
        clients: list[Any] = [client for client in Client._instances if client.status == "running"]
        for client in clients:
            client._timeout = 0.2
        self.theirs.scheduler.kill()
        self.theirs.scheduler.join()
        if self.gives_up:
            assert clients
            assert wait_until(lambda: all(client.status == "closed" for client in clients), 60)


def job(folder: Path, output: Path, changes: dict[str, Any], theirs: Forked) -> Any:
    remote = {"kind": "remote", "scheduler": theirs.address, "connect_timeout": 15 + BUSY_S}
    return market.job(folder / "market", output, changes | {"engine": remote})


AT_ONCE = [("census", False), ("fit", False), ("propensity", False), ("orders", False)]


@pytest.mark.parametrize(("stage", "gives_up"), [*((stage, True) for stage in STAGES), *AT_ONCE])
def test_a_scheduler_that_dies_in_any_stage_ends_the_run_as_retryable(market_with_all, tmp_path, stage, gives_up):
    """F16: exit code 5 that names the scheduler, whatever the run was about; nothing of it is visible."""
    folder, changes = market_with_all
    with forked_cluster() as theirs:
        listener = At(stage, theirs, gives_up=gives_up)
        with pytest.raises(RetryableError, match=r"the scheduler at tcp://127.* was lost.*run again") as caught:
            pipeline.run(job(folder, tmp_path / "scores", changes, theirs), Progress(listener))
    assert theirs.address in str(caught.value)
    assert caught.value.exit_code == 5
    assert listener.begun[: STAGES.index(stage) + 1] == list(STAGES[: STAGES.index(stage) + 1])
    assert not list((tmp_path / "scores").rglob("manifest.json"))


def test_a_run_on_a_cluster_of_others_has_these_stages(market_with_all, tmp_path):
    """F16: one that is added here must be tried, too; a scheduler that dies after the last one changes nothing."""
    folder, changes = market_with_all
    with forked_cluster() as theirs:
        listener = At("none", theirs, gives_up=True)
        end = Progress(listener)
        notice = end.notice

        def kill_at_the_first_remark(text: str) -> None:
            if listener.begun == list(STAGES) and theirs.scheduler.is_alive():
                listener.kill()
            notice(text)

        end.notice = kill_at_the_first_remark  # type: ignore[method-assign]
        done = pipeline.run(job(folder, tmp_path / "scores", changes, theirs), end)
        assert not theirs.scheduler.is_alive()
    assert listener.begun == list(STAGES)
    assert done.is_complete()
