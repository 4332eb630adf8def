from __future__ import annotations

import pytest
import valohai_yaml

from localhai.errors import UsageError
from localhai.project.parameters import resolve


def step_with(*parameters):
    return valohai_yaml.parse(
        [{"step": {"name": "s", "image": "i", "command": "c", "parameters": list(parameters)}}]
    ).steps["s"]


def value_of(parameter, value):
    return resolve(step_with({"name": "p", "optional": True, **parameter}), {"p": value}).values["p"]


@pytest.mark.parametrize(
    ("parameter", "given", "expected"),
    [
        ({"type": "integer"}, "5", 5),
        ({"type": "integer"}, -5, -5),
        ({"type": "float"}, "0.5", 0.5),
        ({"type": "float"}, 5, 5.0),
        ({"type": "float"}, "inf", "Infinity"),  # JSON has no number for it
        ({"type": "string"}, "a b", "a b"),
        ({"type": "string"}, "", ""),
        ({"type": "string"}, 5, "5"),
        ({"type": "string", "default": "x"}, True, "True"),
        ({}, 1, 1),
        ({}, 0.5, 0.5),
        ({}, True, True),
        ({}, "1", "1"),  # what is typed is text
        ({"multiple": "repeat"}, [1, "2", 0.5], [1, "2", 0.5]),
        ({"choices": [16, "32"]}, 16, 16),
        ({"choices": ["16", "32"]}, 16, 16),
        ({"choices": [16, 32]}, "16", "16"),
        ({"type": "flag"}, True, True),
        ({"type": "flag"}, 0, False),
        ({"type": "flag"}, "yes", True),
        ({"type": "flag"}, "False", False),
        ({"type": "integer", "multiple": "repeat"}, "7", [7]),
        ({"type": "integer", "multiple": "repeat"}, ["1", 2], [1, 2]),
        ({"type": "string", "multiple": "separate"}, [], []),
        ({"type": "integer", "choices": [1, 2]}, "2", 2),
        ({"type": "string", "choices": [16, 32]}, "16", "16"),
        ({"type": "string", "min": 3}, "a", "a"),  # limits that cannot be compared are skipped
        ({"type": "float", "max": 1}, "nan", "NaN"),
    ],
)
def test_explicit_values_are_cast_by_declared_type(parameter, given, expected):
    value = value_of(parameter, given)
    assert value == expected
    assert type(value) is type(expected) or parameter.get("max")


@pytest.mark.parametrize(
    ("parameter", "given", "says"),
    [
        ({"type": "integer"}, "5.3", "'5.3' is not an integer"),
        ({"type": "integer"}, True, "True is not an integer"),
        ({"type": "integer"}, "", "empty text is not an integer"),
        ({"type": "float"}, False, "False is not a number"),
        ({"type": "float"}, "0,5", "'0,5' is not a number"),
        ({"type": "flag"}, "maybe", "'maybe' is neither true nor false"),
        ({"type": "flag"}, 2, "2 is neither true nor false"),
        ({"type": "integer", "min": 1}, 0, "0 is less than the minimum 1"),
        ({"type": "float", "max": 1}, "1.5", "1.5 is more than the maximum 1"),
        ({"type": "string", "choices": ["a", "b"]}, "c", "'c' is not one of 'a', 'b'"),
        ({"type": "integer"}, [1, 2], "only a single value is allowed"),
        ({"type": "integer", "multiple": "repeat"}, [[1]], "inside a list is not allowed"),
        ({"type": "integer", "multiple": "repeat"}, ["1", "x"], "'x' is not an integer"),
    ],
)
def test_a_value_that_is_not_allowed_says_why(parameter, given, says):
    with pytest.raises(UsageError, match="parameter p: ") as raised:
        value_of(parameter, given)
    assert says in raised.value.message
    assert raised.value.hints[0].startswith("p: ")


def test_all_faults_come_at_once():
    step = step_with({"name": "a", "type": "integer"}, {"name": "b"}, {"name": "ok", "default": "x"})
    with pytest.raises(UsageError) as raised:
        resolve(step, {"a": "x"})
    assert "parameter a: 'x' is not an integer" in raised.value.message
    assert "parameter b needs a value: --b=..." in raised.value.message


def test_a_default_is_rendered_as_written_and_stored_as_declared():
    step = step_with(
        {"name": "lr", "type": "float", "default": 1},
        {"name": "tiny", "type": "float", "default": "1e-5"},
        {"name": "text", "type": "string", "default": 7},
        {"name": "odd", "type": "integer", "default": "many"},
    )
    resolved = resolve(step, {})
    assert dict(resolved.rendered) == {"lr": 1, "tiny": "1e-5", "text": 7, "odd": "many"}
    assert dict(resolved.values) == {"lr": 1.0, "tiny": 1e-5, "text": "7", "odd": "many"}
    assert type(resolved.values["lr"]) is float


def test_none_takes_a_default_away():
    resolved = resolve(step_with({"name": "a", "default": 1}, {"name": "b", "optional": True}), {"a": None})
    assert dict(resolved.values) == {}


def test_flags_take_their_defaults_as_vh_sends_them():
    step = step_with({"name": "on", "type": "flag", "default": True}, {"name": "bare", "type": "flag"})
    assert dict(resolve(step, {}).values) == {"on": True}
    assert dict(resolve(step, {}, flag_defaults=False).values) == {}


def test_values_stand_in_declaration_order():
    step = step_with({"name": "b", "default": "1"}, {"name": "a", "default": "2"})
    assert list(resolve(step, {"a": "x", "b": "y"}).values) == ["b", "a"]


def test_a_name_may_be_given_as_its_option():
    step = step_with({"name": "learning_rate", "type": "float"})
    assert resolve(step, {"learning-rate": "1"}).values["learning_rate"] == 1.0


def test_an_unknown_parameter_names_the_nearest_and_lists_all():
    step = step_with({"name": "epochs", "default": 1}, {"name": "seed", "default": 1})
    with pytest.raises(UsageError, match="there is no parameter 'epoch' in step s") as raised:
        resolve(step, {"epoch": 3})
    assert raised.value.hints == ("did you mean epochs?", "known parameters: epochs, seed")


@pytest.mark.parametrize(("default", "kept"), [(0, 0), (0.1, 0.1), (False, False), ("0", "0"), ([1, 2], [1, 2])])
def test_an_untyped_default_stays_what_it_is_and_its_command_line_too(default, kept):
    multiple = {"multiple": "repeat"} if isinstance(default, list) else {}
    step = step_with({"name": "p", "default": default, **multiple})
    resolved = resolve(step, {})
    assert resolved.values == {"p": kept}
    assert type(resolved.values["p"]) is type(kept)
    given = resolve(step, {"p": default})
    assert step.build_command(given.rendered) == step.build_command(resolved.rendered)
    assert step.parameters["p"].format_cli(given.rendered["p"]) == step.parameters["p"].format_cli(default)


def test_values_that_json_has_no_number_for_are_texts_and_the_command_has_them_as_before():
    given = step_with({"name": "a", "type": "float", "default": float("inf")})
    resolved = resolve(given, {})
    assert resolved.values["a"] == "Infinity"
    assert resolved.rendered["a"] == float("inf")
    assert resolve(given, {"a": "Infinity"}).rendered["a"] == float("inf")
