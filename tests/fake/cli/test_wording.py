"""What a person sees when something is wrong: nothing far-fetched, nothing out of line."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest

from localhai.cli.execution.screen import Screen


def test_a_typing_error_suggests_only_what_is_near(localhai: Any) -> None:
    answer = localhai("run", "train", "--epocs=3")
    assert answer.code == 2
    assert "did you mean epochs?" in answer.err
    assert "--project" not in answer.err


def test_a_mistyped_option_of_localhai_is_suggested_with_its_dashes(localhai: Any) -> None:
    answer = localhai("run", "train", "--enviroment=large")
    assert "or --environment?" in answer.err


@pytest.mark.parametrize("group", ["execution", "pipeline", "task", "deployment", "data"])
def test_a_group_alone_shows_its_commands(localhai: Any, group: str) -> None:
    answer = localhai(group)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith(f"Usage: localhai {group}")
    assert "list" in answer.out


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("quiet", "shown"), [(False, "train | done\n"), (True, "done\n")])
def test_quiet_output_is_the_steps_own_also_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, *, quiet: bool, shown: str
) -> None:
    screen = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", Terminal(screen, encoding="utf-8", write_through=True))
    seen = Screen("train", as_json=False, quiet=quiet, progress=False, prefix=True)
    seen.output("stdout", b"done\n")
    assert screen.getvalue().decode() == shown
