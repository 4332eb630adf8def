from __future__ import annotations

import io
import os

import pytest

from localhai.cli.execution.streams import make_stream


class Terminal(io.TextIOWrapper):
    """A screen that remembers what was written."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)

    def isatty(self) -> bool:
        return True

    @property
    def text(self) -> str:
        self.flush()
        return self.buffer.getvalue().decode()  # type: ignore[attr-defined]


class Pipe(Terminal):
    def isatty(self) -> bool:
        return False


def feed(target: Terminal, *chunks: bytes, name: str = "", exact: bool = False) -> str:
    stream = make_stream(target, name, exact=exact)
    for chunk in chunks:
        stream.write(chunk)
    stream.end()
    stream.end()
    return target.text


def screen(text: str) -> list[str]:
    """What a terminal shows after all redrawing."""
    return [line.rsplit("\r\x1b[K", 1)[-1] for line in text.split("\n")]


def test_a_terminal_gets_whole_lines_behind_the_steps_name() -> None:
    assert screen(feed(Terminal(), b"on", b"e\ntwo\nthr", b"ee", name="train")) == [
        "train | one",
        "train | two",
        "train | three",
        "",
    ]


def test_a_redrawn_line_is_one_line_on_a_terminal() -> None:
    text = feed(Terminal(), b"\r 10%", b"\r 50%", b"\r100%\n", b"next\n", name="t")

    assert screen(text) == ["t | 100%", "t | next", ""]
    assert text.count("\n") == 2


def test_windows_line_ends_do_not_hide_a_line() -> None:
    assert screen(feed(Terminal(), b"one\r\n", b"two\r\n")) == ["one", "two", ""]


def test_bad_utf8_is_replaced_for_display_only() -> None:
    assert screen(feed(Terminal(), b"caf\xe9\n")) == ["caf\ufffd", ""]
    target = Pipe()
    make_stream(target, "", exact=True).write(b"caf\xe9\n")
    assert target.buffer.getvalue() == b"caf\xe9\n"  # type: ignore[attr-defined]


def test_a_pipe_gets_every_byte_when_exact() -> None:
    assert feed(Pipe(), b"\r1%", b"\r2%\nla", b"st", name="train", exact=True) == "\r1%\r2%\nlast"


def test_elsewhere_a_redrawn_line_is_its_last_state() -> None:
    assert feed(Pipe(), b"before\n 1%\r 2%", b"\r99%\nafter\nlast") == "before\n99%\nafter\nlast\n"


def test_a_reader_that_has_gone_stops_nothing() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    target = open(writing, "w", encoding="utf-8")  # noqa: SIM115 - closed below
    stream = make_stream(target, "", exact=True)

    stream.write(b"one\n")
    stream.write(b"two\n")

    target.close()


@pytest.mark.parametrize("variable", ["NO_COLOR", "TERM"])
def test_colour_can_be_refused(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    from localhai.cli import output

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    coloured = output.style("text", Terminal(), fg="red")
    monkeypatch.setenv(variable, "dumb")

    assert coloured == "\x1b[31mtext\x1b[0m"
    assert output.style("text", Terminal(), fg="red") == "text"
    assert output.style("text", Pipe(), fg="red") == "text"


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_terminal_obeys_nothing_of_a_step_however_its_bytes_are_cut(cut: int) -> None:
    data = "\x1b[32mok\x1b[0m\x1b]52;c;eA==\x07\x1bc\u202e\u009b2J\n".encode()
    text = feed(Terminal(), data[:cut], data[cut:], name="t")

    assert screen(text) == ["t | \x1b[32mok\x1b[0m\\x1b]52;c;eA==\\x07\\x1bc\\u202e\\u009b2J", ""]


def test_a_pipe_gets_the_bytes_of_a_step() -> None:
    assert feed(Pipe(), b"\x1b]52;c;eA==\x07\n", exact=True) == "\x1b]52;c;eA==\x07\n"
