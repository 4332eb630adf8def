"""Whatever localhai writes passes the one function that keeps terminals from obeying text of containers."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import pytest

import localhai.cli
from localhai.cli import failures, output
from localhai.errors import LocalhaiError

CLI = Path(localhai.cli.__file__).parent
WRITE_THEMSELVES = {"output.py", "table.py", "execution/streams.py", "execution/logs.py"}
HOSTILE = "\x1b]0;t\x07\u202e\u009b2J"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_only_few_modules_write_to_streams_themselves() -> None:
    found = {
        path.relative_to(CLI).as_posix()
        for path in CLI.rglob("*.py")
        if re.search(
            r"\b(target|stream|out|stdout|stderr)\.write(lines)?\(|^\s+print\(", path.read_text(), re.MULTILINE
        )
    }
    constant = {"execution/metadata.py"}  # brackets
    assert found <= WRITE_THEMSELVES | constant


@pytest.mark.parametrize(
    "say",
    [
        output.emit,
        output.say,
        output.hint,
        lambda text: output.emit_json({"a": text}),
        lambda text: failures._say(LocalhaiError(text, hints=[text])),
    ],
)
def test_what_localhai_says_of_a_step_cannot_steer_a_terminal(say: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    screens = Terminal(), Terminal()
    monkeypatch.setattr(sys, "stdout", screens[0])
    monkeypatch.setattr(sys, "stderr", screens[1])
    say(HOSTILE)  # type: ignore[operator]
    shown = screens[0].getvalue() + screens[1].getvalue()
    assert "\\u202e" in shown
    assert not re.search("[\x07\x1b\u202e\u009b]", shown)
