from __future__ import annotations

import datetime as dt

import pytest
import valohai_yaml

from localhai.errors import UsageError
from localhai.project.parameters import fault, resolve, takes


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
        ({"type": "integer", "min": 1}, 1, 1),
        ({"type": "integer", "max": 1}, 1, 1),
        ({"type": "string", "max": 3}, "a", "a"),
        ({"type": "integer", "multiple": "repeat"}, (1, 2), [1, 2]),
        ({"type": "integer"}, "010", 10),
        ({"type": "integer"}, " 7 ", 7),
        ({"type": "flag"}, " T ", True),
        ({"type": "flag"}, "1", True),
        ({"type": "flag"}, "Y", True),
        ({"type": "flag"}, "true", True),
        ({"type": "flag"}, "on", True),
        ({"type": "flag"}, "off", False),
        ({"type": "flag"}, "0", False),
        ({"type": "flag"}, "f", False),
        ({"type": "flag"}, "NO", False),
        ({"type": "flag"}, "n", False),
        ({"type": "flag"}, 1.0, True),
        ({"type": "flag", "choices": ["x"]}, True, True),  # a flag has no limits
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
        ({"type": "integer", "multiple": "repeat"}, [[1]], "a list or mapping inside a list is not allowed: [1]"),
        ({"type": "integer", "multiple": "repeat"}, [(1,)], "a list or mapping inside a list is not allowed: (1,)"),
        (
            {"type": "string", "multiple": "repeat"},
            [{"a": 1}],
            "a list or mapping inside a list is not allowed: {'a': 1}",
        ),
        ({"type": "string"}, {"a": 1}, "a list or mapping inside a list is not allowed: {'a': 1}"),
        ({"type": "integer", "multiple": "repeat"}, ["1", "x"], "'x' is not an integer"),
        ({"type": "float"}, "", "empty text is not a number"),
        ({"type": "flag"}, "", "'' is neither true nor false"),
        ({"type": "integer", "choices": [1, 2]}, 3, "3 is not one of 1, 2"),
        ({"type": "integer", "min": 2, "max": 1}, 3, "3 is more than the maximum 1"),
    ],
)
def test_a_value_that_is_not_allowed_says_why(parameter, given, says):
    with pytest.raises(UsageError) as raised:
        value_of(parameter, given)
    assert raised.value.message == f"parameter p: {says}"
    assert raised.value.where == "step s"
    step = step_with({"name": "p", "optional": True, **parameter})
    assert raised.value.hints == (f"p: {takes(step.parameters['p'])}",)
    assert fault(step.parameters["p"], given) == says


def test_a_date_for_a_parameter_without_a_type_is_a_text():
    day = dt.date(2026, 11, 29)
    assert value_of({}, day) == "2026-11-29"
    step = step_with({"name": "p", "type": "integer", "multiple": "repeat", "default": [day]})
    assert resolve(step, {}).values == {"p": ["2026-11-29"]}


def test_a_value_that_is_allowed_has_no_fault():
    step = step_with({"name": "p", "type": "integer", "min": 1})
    assert fault(step.parameters["p"], "3") is None
    assert fault(step.parameters["p"], None) is None


@pytest.mark.parametrize(
    ("parameter", "said"),
    [
        ({"type": "integer"}, "integer"),
        ({"type": "float", "min": 0, "max": 1.5}, "float, min 0, max 1.5"),
        ({"type": "integer", "max": 0}, "integer, max 0"),
        ({"type": "string", "choices": ["a", 2]}, "string, one of a, 2"),
        ({"type": "integer", "multiple": "repeat", "min": 1}, "list of integer, min 1"),
        ({}, "string"),
    ],
)
def test_what_a_parameter_takes(parameter, said):
    assert takes(step_with({"name": "p", **parameter}).parameters["p"]) == said


def test_all_faults_come_at_once():
    step = step_with(
        {"name": "a", "type": "integer"},
        {"name": "b_c", "type": "float"},
        {"name": "ok", "default": "x"},
        {"name": "b"},
    )
    with pytest.raises(UsageError) as raised:
        resolve(step, {"a": "x"})
    assert raised.value.message == (
        "parameter a: 'x' is not an integer; parameter b_c needs a value: --b-c=...; parameter b needs a value: --b=..."
    )
    assert raised.value.where == "step s"
    assert raised.value.hints == ("a: integer", "b_c: float", "b: string")


def test_a_default_is_rendered_as_written_and_stored_as_declared():
    step = step_with(
        {"name": "lr", "type": "float", "default": 1},
        {"name": "tiny", "type": "float", "default": "1e-5"},
        {"name": "text", "type": "string", "default": 7},
        {"name": "odd", "type": "integer", "default": "many"},
        {"name": "odds", "type": "integer", "multiple": "repeat", "default": [1, "many", None, 0.5]},
        {"name": "several", "type": "integer", "multiple": "repeat", "default": ["1", 2]},
    )
    resolved = resolve(step, {})
    lists = {"odds": [1, "many", None, 0.5], "several": ["1", 2]}
    assert dict(resolved.rendered) == {"lr": 1, "tiny": "1e-5", "text": 7, "odd": "many", **lists}
    lists = {"odds": [1, "many", "None", 0.5], "several": [1, 2]}
    assert dict(resolved.values) == {"lr": 1.0, "tiny": 1e-5, "text": "7", "odd": "many", **lists}
    assert type(resolved.values["lr"]) is float


def test_none_takes_a_default_away():
    resolved = resolve(step_with({"name": "a", "default": 1}, {"name": "b", "optional": True}), {"a": None})
    assert dict(resolved.values) == {}
    assert dict(resolved.rendered) == {}


def test_flags_take_their_defaults_as_vh_sends_them():
    step = step_with({"name": "on", "type": "flag", "default": True}, {"name": "bare", "type": "flag"})
    assert dict(resolve(step, {}).values) == {"on": True}
    assert dict(resolve(step, {}, flag_defaults=False).values) == {}
    assert dict(resolve(step_with({"name": "a", "default": 1}), {}, flag_defaults=False).values) == {"a": 1}


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
