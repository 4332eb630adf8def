"""A page that is wrong does not pass: the tests of the documentation are tested."""

from __future__ import annotations

from pathlib import Path

import pytest
from pages import PAGES, blocks, commands, first_difference

CONSOLE = "```console\n$ localhai run x  # exits 4\nError: it is ... here\n...\n$ true\n```\n"


def test_commands_exit_codes_and_output_are_read(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Page\n\n{CONSOLE}")
    (block,) = blocks(page)
    first, second = commands(block)
    assert (first.text, first.exit_code, first.output) == ("localhai run x", 4, ("Error: it is ... here", "..."))
    assert (second.text, second.exit_code, second.output) == ("true", 0, ())


@pytest.mark.parametrize(
    ("shown", "written"),
    [
        (["a", "b"], ["a"]),
        (["a"], ["a", "b"]),
        (["a", "b"], ["b", "a"]),
        (["a ... c"], ["a b"]),
        (["...", "z"], ["a", "b"]),
        (["a", "...", "b", "..."], ["b", "a"]),
    ],
)
def test_other_output_than_shown_is_a_difference(shown: list[str], written: list[str]) -> None:
    assert first_difference(tuple(shown), written) is not None


@pytest.mark.parametrize(
    ("shown", "written"), [(["a ... c"], ["a b c"]), (["...", "z"], ["a", "z"]), (["a", "..."], ["a", "b", "c"])]
)
def test_output_as_shown_is_none(shown: list[str], written: list[str]) -> None:
    assert first_difference(tuple(shown), written) is None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_command_escapes(page: Path) -> None:
    """Commands stand in console blocks, which are run, or are left out for a reason."""
    for block in blocks(page):
        if block.language != "console":
            assert "$ localhai" not in block.text, f"{page.name}:{block.line}"
        if block.not_run is not None:
            assert len(block.not_run) > 10, f"{page.name}:{block.line} is left out without a reason"
