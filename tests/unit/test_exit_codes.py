"""The exit code that an error ends the program with: one table for the command line and for the metrics."""

from __future__ import annotations

import signal

import pytest
import typer

from tamscore import cli, errors
from tamscore.cli.failures import Stopped, exit_code

CODES = [
    (errors.JobFileError("a"), 2),
    (errors.InputContractError("a"), 3),
    (errors.GateError("a", gate="leakage"), 4),
    (errors.RetryableError("a"), 5),
    (errors.MemoryLimitError("a"), 6),
    (errors.DeviceError("a"), 7),
    (MemoryError(), 6),
    (FileNotFoundError("a"), 5),
    (BrokenPipeError(32, "Broken pipe"), 5),
    (KeyboardInterrupt(), 130),
    (Stopped(signal.SIGTERM), 143),
    (Stopped(signal.SIGHUP), 129),
    (ValueError("a"), 1),
]


@pytest.mark.parametrize(("error", "code"), CODES, ids=[f"{type(error).__name__} {code}" for error, code in CODES])
def test_every_error_has_the_exit_code_of_its_kind(error, code):
    assert exit_code(error) == code


@pytest.mark.parametrize("version", ["0.16.0", "0.27.1"])
def test_an_old_typer_is_refused_with_the_command_that_updates_it(monkeypatch, version):
    """Those versions turn every exit code into 1, with a traceback."""
    monkeypatch.delattr(typer, "TyperException")
    monkeypatch.setattr(typer, "__version__", version)
    with pytest.raises(
        SystemExit, match=rf"typer {version} is too old, expected 0\.27\.2; pip install 'typer>=0\.27\.2'"
    ):
        cli.main()


def fail(error):
    raise error


def test_refusals_are_raised_together_with_the_code_of_the_first():
    refusals = errors.Refusals()
    refusals.raise_all()
    for error in (errors.GateError("suspect", [{"a": 1}], gate="leakage"), errors.InputContractError("too few labels")):
        with refusals.gather():
            fail(error)
    with pytest.raises(errors.GateError) as caught:
        refusals.raise_all()
    assert str(caught.value) == "suspect\ntoo few labels"
    assert (caught.value.gate, caught.value.plan) == ("leakage", ({"a": 1},))


def test_a_single_refusal_is_raised_as_it_is_and_other_errors_are_not_gathered():
    refusals, error = errors.Refusals(), errors.InputContractError("no")
    with refusals.gather():
        fail(error)
    with pytest.raises(errors.InputContractError) as caught:
        refusals.raise_all()
    assert caught.value is error
    with pytest.raises(errors.RetryableError), refusals.gather():
        raise errors.RetryableError("later")
