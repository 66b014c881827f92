"""How to add an extra: by the way this copy was installed, since no other has to exist."""

from __future__ import annotations

import json
from importlib import metadata
from types import SimpleNamespace

import pytest

from tamscore.optional_packages import with_extra


@pytest.mark.parametrize(
    ("origin", "command"),
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
def test_the_command_installs_from_where_this_copy_came(monkeypatch, origin, command):
    distribution = SimpleNamespace(read_text=lambda _: origin and json.dumps(origin))
    monkeypatch.setattr(metadata, "distribution", lambda _: distribution)
    assert with_extra("report") == command
