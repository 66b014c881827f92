from __future__ import annotations

import io
import json
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table

from tamscore import terminal
from tamscore.progress import Progress
from tamscore.view.words import clean

PRINTABLE = st.text(st.characters().filter(str.isprintable))


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


class Broken(io.StringIO):
    """A pipe that nobody reads."""

    def write(self, text):
        raise BrokenPipeError

    flush = write  # type: ignore[assignment]


def work(listener):
    progress = Progress(listener)
    with progress.stage("census", 10) as done:
        done(4)
        done(6)
    progress.notice("two words")
    with progress.stage("potential"):
        pass
    with progress.stage("fit", 2) as done:
        done(2)


@given(PRINTABLE)
def test_an_event_line_splits_into_its_fields_as_a_shell_would(text):
    line = terminal.event_line("notice", {"text": text, "rows": 3})
    assert shlex.split(line) == ["notice", f"text={text}", "rows=3"]


@given(st.text())
def test_an_event_is_one_line_whatever_its_text(text):
    for line in (terminal.event_line("notice", {"text": text}), terminal.json_line("notice", {"text": text})):
        assert "\n" not in line
    assert json.loads(terminal.json_line("notice", {"text": text})) == {"event": "notice", "text": text}


def test_a_stream_that_is_no_terminal_gets_one_line_for_each_stage_with_what_was_done():
    stream = io.StringIO()
    with terminal.listening(stream=stream) as listener:
        work(listener)
    census, notice, potential, fit = (
        dict(map(key_value, shlex.split(line))) for line in stream.getvalue().splitlines()
    )
    assert (census["name"], census["rows"]) == ("census", "10")
    assert float(census["seconds"]) >= 0
    assert notice["text"] == "two words"
    assert potential.keys() == {"stage", "name", "seconds", "cpu_seconds"}
    assert fit["party_types"] == "2"


def key_value(word):
    return tuple(word.split("=", 1)) if "=" in word else (word, "")


def test_json_is_one_object_a_line_even_on_a_terminal():
    stream = Screen()
    with terminal.listening(as_json=True, stream=stream) as listener:
        work(listener)
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [event["event"] for event in events] == ["stage", "notice", "stage", "stage"]
    assert events[0]["rows"] == 10


def test_a_terminal_gets_bars_with_notices_above_them(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    stream = Screen()
    with terminal.listening(stream=stream) as listener:
        work(listener)
    text = stream.getvalue()
    assert "\x1b[" in text
    last = text[text.rindex("two words") :]
    assert "10/10 rows" in last
    assert "2/2 party types" in last
    assert text.index("two words") < text.rindex("census")


@pytest.mark.parametrize("term", ["dumb", "unknown"])
def test_a_terminal_that_cannot_move_its_cursor_gets_lines(monkeypatch, term):
    monkeypatch.setenv("TERM", term)
    stream = Screen()
    with terminal.listening(stream=stream) as listener:
        work(listener)
    assert "\x1b" not in stream.getvalue()
    assert len(stream.getvalue().splitlines()) == 4


def test_the_cursor_comes_back_when_the_work_fails(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    stream = Screen()
    with pytest.raises(ZeroDivisionError):
        fail_at_work(stream)
    hidden, shown = (stream.getvalue().rindex(f"\x1b[?25{code}") for code in "lh")
    assert shown > hidden


def fail_at_work(stream):
    with terminal.listening(stream=stream) as listener:
        work(listener)
        raise ZeroDivisionError


@pytest.mark.parametrize("name", ["inspect", "synth", "fit", "potential"])
def test_a_bar_takes_every_unit_and_a_stage_that_ends_before_its_total(monkeypatch, name):
    monkeypatch.setenv("TERM", "xterm")
    stream = Screen()
    with terminal.listening(stream=stream) as listener, Progress(listener).stage(name, 3_000_000) as done:
        done(1_500_000)
    shown = {"inspect": "1.5 MB/3.0 MB", "fit": "1,500,000/3,000,000 party types"}
    assert shown.get(name, "1,500,000/3,000,000 rows") in stream.getvalue()


def test_a_console_prints_texts_as_they_are():
    stream = io.StringIO()
    terminal.console(stream).print("[bold]x[/bold] :smile: [/]")
    assert stream.getvalue() == "[bold]x[/bold] :smile: [/]\n"


def test_a_broken_pipe_is_raised_for_the_command_line_to_deal_with():
    with pytest.raises(BrokenPipeError):
        terminal.console(Broken()).print("x")


def test_a_page_for_a_file_is_drawn_plainly_and_has_no_spaces_at_its_line_ends(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    widths: list[int | None] = []

    def page(width):
        widths.append(width)
        table = Table("a", "b", box=None)
        table.add_row("1" * 150, "")
        return table

    terminal.print_page(page)
    out = capsys.readouterr().out
    assert widths == [None]
    assert "1" * 150 in out
    assert all(line == line.rstrip() for line in out.splitlines())


@given(st.text())
def test_a_cleaned_text_cannot_steer_a_terminal_and_keeps_its_length(text):
    assert clean(text).isprintable()
    assert len(clean(text)) == len(text)
