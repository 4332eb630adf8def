"""Every document is one that a strict parser takes, and says what was meant."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

import localhai
from localhai.system import strict_json

ANY_TEXT = st.text(st.characters(exclude_categories=()))
ANY_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT, inner),
    max_leaves=12,
)


@given(ANY_VALUE, st.booleans())
def test_a_strict_parser_takes_whatever_it_was(value: Any, as_ascii: bool) -> None:
    orjson.loads(strict_json.dumps(value, ascii=as_ascii).encode())


@given(st.recursive(st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(), st.lists))
def test_what_json_can_say_comes_back(value: Any) -> None:
    assert json.loads(strict_json.dumps(value)) == value


@pytest.mark.parametrize(("value", "word"), [("inf", "Infinity"), ("-inf", "-Infinity"), ("nan", "NaN")])
def test_numbers_that_json_cannot_write_are_words_that_float_reads(value: str, word: str) -> None:
    document = strict_json.dumps({"a": [float(value)], float(value): 1})
    assert json.loads(document) == {"a": [word], word: 1}
    assert repr(float(word)) == value


@pytest.mark.parametrize("as_ascii", [True, False])
def test_no_document_holds_half_a_character(as_ascii: bool) -> None:
    document = strict_json.dumps({"k\udce9": "\ud800 é 😀"}, ascii=as_ascii)
    assert json.loads(document) == {"k\\xe9": "\\ud800 é 😀"}
    assert document.isascii() is as_ascii


def test_what_is_no_json_value_is_asked_for() -> None:
    document = {"when": complex(1), "much": float("inf")}
    assert json.loads(strict_json.dumps(document, default=str)) == {"when": "(1+0j)", "much": "Infinity"}
    with pytest.raises(TypeError):
        strict_json.dumps(document)


def test_forms() -> None:
    assert strict_json.dumps({"b": 1, "a": [2]}, sort_keys=True, compact=True) == '{"a":[2],"b":1}'
    assert strict_json.dumps({"a": 1}, indent=2) == '{\n  "a": 1\n}'
    assert strict_json.encode("é", ascii=False) == '"é"'.encode()


def test_no_other_module_encodes_json_by_itself() -> None:
    """Two do: one carries paths to the engine as bytes, one prints what a step of a test would."""
    package = Path(localhai.__file__).parent
    allowed = {"system/strict_json.py", "containers/docker/transport.py", "testing/fake_valohai.py"}
    wild = re.compile(r"(?<!strict_)\bjson\.dumps?\(|orjson\.dumps\(|msgspec\.json\.encode")
    found = {path.relative_to(package).as_posix() for path in package.rglob("*.py") if wild.search(path.read_text())}
    assert found == allowed


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": [1, 0.5, None, True], "ä": "ü"}, '{"a":[1,0.5,null,true],"ä":"ü"}'),
        ({"nan": math.nan, "far": [math.inf, -math.inf]}, '{"nan":null,"far":[null,null]}'),
        ({"long": 2**70, "nan": math.nan}, f'{{"long":{2**70},"nan":null}}'),
        (["half \ud800", math.nan], '["half \\\\ud800",null]'),
        ({7: ("x",)}, '{"7":["x"]}'),
    ],
)
def test_the_quick_encoder_writes_strict_json_with_null_for_what_is_not_finite(value, expected):
    assert strict_json.quick(value).decode() == expected
