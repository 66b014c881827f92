"""What is said of the two levels: which places customers better, whether it is in use, and the key to change."""

from __future__ import annotations

import pytest

from tamscore.questions.pages import level


def rows(losses, in_use="cluster"):
    return [
        {"party_type": "end_user", "level": name, "in_use": name == in_use, "loss": loss, "error": 0.01,
         "coverage": 0.85, "customers": 900}
        for name, loss in zip(("cluster", "account"), losses, strict=True)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("losses", "in_use", "said"),
    [
        ((0.4, 0.3), "cluster", '25% better than level cluster; set potential.level = "account"'),
        ((0.4, 0.3), "account", "25% better than level cluster and is in use"),
        ((0.3, 0.4), "account", '25% better than level account; set potential.level = "cluster"'),
        ((0.3, 0.301), "cluster", "both levels place customers equally well (+0.3%); level cluster is in use"),
        ((0.0, 0.0), "cluster", "equally well"),
    ],
)
def test_the_verdict_names_the_better_level_and_the_key(losses, in_use, said):
    assert said in level.verdict(rows(losses, in_use))


def test_levels_that_were_not_compared_are_not_shown():
    assert list(level.blocks([])) == []
    table, text = level.blocks(rows((0.4, 0.3)))
    assert [row[1] for row in table.words] == ["cluster *", "account"]
    assert text.text.startswith("end user: level account")
