from __future__ import annotations

import shlex
import subprocess

import pytest
import valohai_yaml
from hypothesis import given
from hypothesis import strategies as st

from localhai.errors import ProjectError
from localhai.project.parameters import render, resolve


def step_with(command, *parameters, **more):
    step = {"name": "s", "image": "i", "command": command, "parameters": list(parameters), **more}
    return valohai_yaml.parse([{"step": step}]).steps["s"]


def line(parameter, value=None, command="{parameters}"):
    step = step_with(command, {"name": "x", **parameter})
    return render(step, resolve(step, {} if value is None else {"x": value}).rendered)[1]


@pytest.mark.parametrize(
    ("parameter", "value", "expected"),
    [
        ({"type": "integer"}, 3, "--x=3"),
        ({"type": "float", "default": 0.00001}, None, "--x=1e-05"),
        ({"pass-as": "-l {v}", "multiple": "repeat"}, ["a b", "c"], "-l 'a b' -l c"),
        ({"multiple": "separate", "multiple-separator": "-", "type": "integer"}, [1000, 500], "--x=1000-500"),
        ({"multiple": "separate"}, [], ""),
        ({"multiple": "repeat"}, [], ""),
        ({"type": "flag", "default": True}, None, "--x"),
        ({"type": "flag"}, True, "--x"),
        ({"type": "flag"}, False, ""),
        ({"type": "flag", "pass-as": "--p={v}"}, True, "--p=True"),
        ({"type": "flag", "pass-as": "--p={v}"}, False, ""),
        ({"type": "flag", "pass-false-as": "--g=no"}, False, "--g=no"),
        ({"type": "flag", "pass-false-as": "--g=no"}, True, ""),
        ({"type": "flag", "pass-true-as": "--a --b", "pass-as": "--never"}, True, "--a --b"),
        ({"pass-as": "--decoder-spec {v}"}, "two words", "--decoder-spec 'two words'"),
        ({"pass-as": '--q "{v}"'}, "a", "--q '\"a\"'"),
        ({"pass-as": "{name}:{value}"}, "a", "x:a"),
        ({"optional": True}, None, ""),
        ({}, "", "--x="),
        ({}, "it's", "'--x=it'\"'\"'s'"),
    ],
)
def test_one_parameter_on_the_command_line(parameter, value, expected):
    assert line(parameter, value) == expected


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("run {parameter:x} {parameter:x}", "run --x=1 --x=1"),
        ("run {parameter-value:x}", "run 1"),
        ("run {params}", "run --x=1"),
        ("echo ${HOME} {inputs} {foo} {parameter:y}", "echo ${HOME} {inputs} {foo} {parameter:y}"),
        ("run", "run"),
        (["  one  ", "", "   ", "two"], "one && two"),
        ("first\nsecond {parameter:x}\n", "first\nsecond --x=1"),
        (["#!/bin/sh -e\none", "two", "#!not"], "#!/bin/sh -e\none && two && #!not"),
        (["#!/usr/bin/env bash", "one"], "#!/usr/bin/env bash\none"),
        (["sleep 1 &", "one"], "sleep 1 & && one"),
    ],
)
def test_items_are_filled_and_joined(command, expected):
    step = step_with(command, {"name": "x", "default": 1})
    assert render(step, {"x": 1})[1] == expected


def test_blank_items_are_dropped():
    assert render(step_with(["", "a", " "]), {})[0] == ("a",)


def test_a_value_that_is_absent_leaves_its_value_placeholder():
    step = step_with("run {parameter:x} {parameter-value:x}", {"name": "x", "optional": True})
    assert render(step, {})[1] == "run  {parameter-value:x}"


def test_source_path_is_filled_only_where_there_is_one():
    assert render(step_with("run {source-path}", **{"source-path": "a b.py"}), {})[1] == "run 'a b.py'"
    assert render(step_with("run {source-path}"), {})[1] == "run {source-path}"


@pytest.mark.parametrize("template", ["--x={oops}", "--x={", "--x={v.nothing}", "--x={0}", "--x={v:d}"])
def test_a_template_that_cannot_be_filled_is_named(template):
    step = step_with("run {parameters}", {"name": "x", "pass-as": template})
    with pytest.raises(ProjectError, match="`pass-as` of parameter x cannot be filled") as raised:
        render(step, {"x": "text"})
    assert repr(template) in str(raised.value)
    assert raised.value.where == "step s"
    assert raised.value.hints == ("placeholders are {name}, {value} and {v}; write other braces twice: {{ }}",)


@pytest.mark.parametrize(("key", "value"), [("pass-true-as", True), ("pass-false-as", False)])
def test_a_template_of_a_flag_that_cannot_be_filled_is_named(key, value):
    step = step_with("run {parameters}", {"name": "x", "type": "flag", key: "--x={oops}"})
    with pytest.raises(ProjectError, match=r"cannot be filled: '--x=\{oops\}' \(KeyError\('oops'\)\)"):
        render(step, {"x": value})


def test_a_template_behind_a_parameter_without_a_value_is_looked_at():
    step = step_with("run {parameters}", {"name": "a", "optional": True}, {"name": "x", "pass-as": "{oops}"})
    with pytest.raises(ProjectError, match="parameter x"):
        render(step, {"x": "text"})


def test_several_defaults_of_a_single_parameter_are_named():
    step = step_with("run {parameters}", {"name": "x", "default": [1, 2]})
    with pytest.raises(ProjectError, match=r"^parameter x has several values but is not `multiple`") as raised:
        render(step, resolve(step, {}).rendered)
    assert raised.value.where == "step s"
    assert raised.value.hints == ("add `multiple: repeat` or `multiple: separate`, or give one default",)


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(st.lists(texts))
def test_any_text_reaches_the_program_as_it_is(values):
    step = step_with("{parameters}", {"name": "x", "multiple": "repeat", "optional": True, "pass-as": "-x {v}"})
    arguments = [word for value in values for word in ("-x", value)]
    script = render(step, {"x": values})[1] if values else ""
    assert shlex.split(script) == arguments


def test_the_script_runs_in_a_shell_as_one_file(tmp_path):
    nasty = "$HOME `id` \"q\" 'q' \\ ; & | > <\n* é"
    step = step_with(["cd /", "export A=1", 'printf "%s" "$PWD$A" {parameter-value:x}'], {"name": "x"})
    script = tmp_path / "script"
    script.write_text(render(step, {"x": nasty})[1])
    done = subprocess.run(["/bin/sh", script], capture_output=True, text=True, check=True)
    assert done.stdout == f"/1{nasty}"
