"""How to add an extra: by the way this copy was installed, since no other has to exist."""

from __future__ import annotations

import json
from importlib import metadata
from types import SimpleNamespace

import pytest

from tamscore.optional_packages import with_extra


@pytest.mark.parametrize(
    ("direct_url", "command"),
    [
        (
            {"url": "file:///opt/my%20tamscore", "dir_info": {"editable": True}},
            "pip install '/opt/my tamscore[report]'",
        ),
        (
            {"url": "file:///tmp/tamscore.whl", "archive_info": {}},
            "pip install 'tamscore[report] @ file:///tmp/tamscore.whl'",
        ),
        (None, "pip install 'tamscore[report]'"),
    ],
)
def test_the_command_installs_from_where_this_copy_came(monkeypatch, direct_url, command):
    distribution = SimpleNamespace(read_text=lambda _: direct_url and json.dumps(direct_url))
    monkeypatch.setattr(metadata, "distribution", lambda _: distribution)
    assert with_extra("report") == command
