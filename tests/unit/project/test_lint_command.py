"""`localhai lint`, and problems as they are printed."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from localhai.cli.lint import lint_command
from localhai.errors import Position, Problem, ProjectError
from localhai.project.sentences import render_problems

GOOD = "- step: {name: train, image: busybox, command: date}\n"
WARNED = GOOD + GOOD
BAD = "- step:\n    name: train\n    image: busybox\n    command: 8\n"


@pytest.fixture
def lint(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*args, **files):
        for name, text in files.items():
            (tmp_path / f"{name}.yaml").write_text(text)
        return CliRunner().invoke(lint_command, args)

    return run


def test_clean(lint):
    result = lint(valohai=GOOD)
    assert (result.exit_code, result.output) == (0, "valohai.yaml: no problems\n")


def test_errors_exit_with_3_and_show_the_line(lint):
    result = lint(valohai=BAD)
    assert result.exit_code == 3
    assert result.output.splitlines() == [
        "valohai.yaml:4:14: error: command must be text or a list of texts, not the number 8",
        "        command: 8",
        "                 ^",
        "valohai.yaml: 1 error",
    ]


def test_warnings_exit_with_0_unless_strict(lint):
    assert lint(valohai=WARNED).exit_code == 0
    strict = lint("--strict", valohai=WARNED)
    assert strict.exit_code == 3
    assert "valohai.yaml: 1 error" in strict.output


def test_several_files_make_one_json_document(lint):
    result = lint("--json", "good.yaml", "bad.yaml", "missing.yaml", good=GOOD, bad=BAD)
    document = json.loads(result.output)
    assert result.exit_code == 3
    assert (document["valid"], document["errors"], document["warnings"], document["hints"]) == (False, 2, 0, 0)
    assert [file["file"] for file in document["files"]] == ["good.yaml", "bad.yaml", "missing.yaml"]
    assert [file["valid"] for file in document["files"]] == [True, False, False]
    first = document["problems"][0]
    assert first["code"] == "wrong-type"
    assert first["position"] == {"file": "bad.yaml", "line": 4, "column": 14, "source": "    command: 8"}


def test_no_file_anywhere_is_a_project_error(lint):
    result = lint()
    assert isinstance(result.exception, ProjectError)


def problem(source, column, message="no"):
    return Problem("warning", message, "code", Position("f", 1, column, source), "do this")


def test_caret_stands_under_wide_characters():
    _, source, caret, hint = render_problems([problem("日本 x", 4)]).splitlines()
    assert (source, caret, hint) == ("    日本 x", "         ^", "    hint: do this")


def test_long_lines_are_cut_around_the_place():
    _, source, caret, _ = render_problems([problem("a" * 300 + "X" + "b" * 300, 301)]).splitlines()
    assert len(source) < 130
    assert source[caret.index("^")] == "X"


def test_a_file_cannot_colour_the_terminal():
    printed = render_problems([problem("\x1b[31mred", 1, "says \x1b[0m")])
    assert "\x1b" not in printed


def test_markup_keeps_brackets_of_the_file():
    from rich.console import Console

    console = Console(width=200)
    with console.capture() as captured:
        console.print(render_problems([problem("[bold]x[/bold]", 7)], markup=True))
    assert "[bold]x[/bold]" in captured.get()


def test_without_a_place_there_is_only_the_message():
    assert render_problems([Problem("error", "no", "code")]) == "error: no"
