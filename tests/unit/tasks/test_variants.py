"""What styles and rules stand for (platform.md 8.2)."""

from __future__ import annotations

from functools import partial
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localhai.tasks.variants import RuleError, Variant

CHANCE = partial(Random, 1)


def values(style: str, kind: str = "float", **rules: object) -> list[object]:
    return list(Variant("lr", style, rules, kind).values(CHANCE()))


@pytest.mark.parametrize(
    ("style", "rules", "expected"),
    [
        ("single", {"value": 3}, [3]),
        ("multiple", {"items": [0.1, "a", True]}, [0.1, "a", True]),
        ("linear", {"start": 1, "end": 10, "step": 3}, [1, 4, 7, 10]),
        ("linear", {"start": 0.1, "end": 0.5, "step": 0.1}, [0.1, 0.2, 0.3, 0.4, 0.5]),
        ("linear", {"start": 1, "end": 2, "step": 0.4}, [1.0, 1.4, 1.8]),
        ("linear", {"start": 5, "end": 5, "step": 1}, [5]),
        ("linear", {"start": 5, "end": 5, "step": 0}, [5]),
        ("linear", {"start": 3, "end": 1, "step": -1}, [3, 2, 1]),
        ("linear", {"start": 1, "end": 3}, [1, 2, 3]),
        ("linear", {"start": 0, "end": 1, "count": 3}, [0.0, 0.5, 1.0]),
        ("linear", {"start": 0.4, "end": 2.6, "step": 1.1, "integerify": True}, [0, 2, 3]),
        ("logspace", {"start": 2, "end": 8, "count": 4, "base": 2}, [4.0, 16.0, 64.0, 256.0]),
        ("logspace", {"min": -2, "max": 0, "count": 3}, [0.01, 0.1, 1.0]),
        ("logspace", {"start": 2, "end": 9, "count": 1, "base": 2}, [4.0]),
        ("multiple", {"items": ["1", "2.5", "x"], "numberify": True}, [1, 2.5, "x"]),
    ],
)
def test_a_style_stands_for_its_values(style: str, rules: dict[str, object], expected: list[object]) -> None:
    assert values(style, **rules) == pytest.approx(expected) if style == "logspace" else expected
    assert values(style, **rules) == expected or style == "logspace"


def test_whole_numbers_are_integers_for_an_integer_parameter() -> None:
    found = values("logspace", "integer", start=2, end=4, count=3, base=2)
    assert found == [4, 8, 16]
    assert all(isinstance(value, int) for value in found)


def test_random_draws_stay_within_their_bounds_and_are_the_same_again() -> None:
    found = values("random", min=2, max=3, count=50)
    assert found == values("random", min=2, max=3, count=50)
    assert all(2 <= value <= 3 for value in found)  # type: ignore[operator]
    assert set(values("random", "integer", min=1, max=3, count=60)) == {1, 2, 3}


def test_loguniform_draws_are_as_often_small_as_large() -> None:
    found = values("random", min=1e-6, max=1, count=400, distribution="log-uniform")
    assert 140 < sum(value < 1e-3 for value in found) < 260  # type: ignore[operator]


@pytest.mark.parametrize(
    ("style", "rules", "message"),
    [
        ("linear", {"start": 1, "end": 2, "step": 0}, "has the step 0, which never reaches the end"),
        (
            "linear",
            {"start": 1, "end": 2, "step": -1},
            "goes from 1 to 2 by steps of -1, which lead away from the end",
        ),
        ("linear", {"start": 2, "end": 1, "step": 1}, "goes from 2 to 1 by steps of 1, which lead away from the end"),
        ("linear", {"start": 1}, "has the style linear, which needs `end` in its rules"),
        ("linear", {"start": "1", "end": 2}, "has the rule start: '1', which is not a number"),
        ("linear", {"start": True, "end": 2}, "has the rule start: True, which is not a number"),
        ("linear", {"start": 1, "end": float("inf")}, "has the rule end: inf, which is not a number"),
        ("linear", {"start": 1, "end": 2, "step": None}, "has the rule step: None, which is not a number"),
        (
            "linear",
            {"start": 1, "end": 2, "count": 1.5},
            "has the rule count: 1.5, which is not a whole number above 0",
        ),
        ("logspace", {"start": 1, "end": 2}, "has the style logspace, which needs `count` in its rules"),
        ("logspace", {"end": 2, "count": 2}, "has the style logspace, which needs `min` in its rules"),
        ("logspace", {"start": 2, "count": 2}, "has the style logspace, which needs `max` in its rules"),
        ("logspace", {"start": 1, "end": 2, "count": 2, "base": 0}, "has the base 0: it must be more than 0"),
        (
            "logspace",
            {"start": 1000, "end": 1, "count": 2},
            "has values that are too large: 10 to the power of 1000",
        ),
        ("random", {"min": 2, "max": 1, "count": 2}, "has a min of 2, which is more than its max of 1"),
        (
            "random",
            {"min": 1, "max": 2, "count": 2, "distribution": "normal"},
            "has the distribution 'normal': known are uniform and loguniform",
        ),
        (
            "random",
            {"min": 0, "max": 2, "count": 2, "distribution": "loguniform"},
            "is loguniform from 0: it can only begin above 0",
        ),
        ("random", {"min": 1.2, "max": 1.8, "integerify": True, "count": 1}, "has no integer between 1.2 and 1.8"),
        ("random", {"min": 1, "max": 2, "count": 0}, "has the rule count: 0, which is not a whole number above 0"),
        ("multiple", {}, "has the style multiple, which needs `items` in its rules"),
        ("single", {}, "has the style single, which needs `value` in its rules"),
        ("wavy", {}, "has the style 'wavy': known are single, multiple, linear, logspace, random"),
    ],
)
def test_rules_that_cannot_be_meant_are_refused(style: str, rules: dict[str, object], message: str) -> None:
    with pytest.raises(RuleError) as refused:
        values(style, **rules)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("style", "kind", "rules", "expected"),
    [
        ("multiple", "string", {"items": "one"}, ["one"]),
        (
            "multiple",
            "string",
            {"items": [" +1 ", "-2", "1e3", "inf", "1.0"], "numberify": True},
            [1, -2, 1000.0, float("inf"), 1.0],
        ),
        ("single", "integer", {"value": 2.0}, [2]),
        ("single", "integer", {"value": 2.5}, [2.5]),
        ("single", "float", {"value": 2.5, "integerify": True}, [2]),
        ("single", "float", {"value": 2.0}, [2.0]),
        ("single", "string", {"value": "2"}, ["2"]),
        ("linear", "integer", {"start": 0, "end": 4, "count": 3}, [0, 2, 4]),
        ("linear", "float", {"start": 3, "end": 9, "count": 1}, [3.0]),
        ("linear", "float", {"start": 3, "end": 1}, [3, 2, 1]),
        ("linear", "float", {"start": 1, "end": 3, "step": 2, "count": 7}, [1, 3]),
        ("logspace", "float", {"start": 0, "end": 2, "count": 3}, [1.0, 10.0, 100.0]),
        ("logspace", "float", {"start": 0, "end": 1, "count": 2, "base": 0.5}, [1.0, 0.5]),
        ("logspace", "float", {"start": 0, "end": 1, "count": 2, "base": 1}, [1.0, 1.0]),
        ("logspace", "float", {"start": 2, "min": 9, "end": 4, "max": 9, "count": 2, "base": 2}, [4.0, 16.0]),
    ],
)
def test_values_are_of_the_type_that_is_meant(
    style: str, kind: str, rules: dict[str, object], expected: list[object]
) -> None:
    found = values(style, kind, **rules)
    assert found == expected
    assert [type(value) for value in found] == [type(value) for value in expected] or style == "linear"


def test_a_range_is_a_sequence() -> None:
    found = Variant("n", "linear", {"start": 2, "end": 8, "step": 2}, "integer").values(CHANCE())
    assert (len(found), found[0], found[-1], found[3]) == (4, 2, 8, 8)
    assert found[1:3] == [4, 6]
    assert found[::-1] == [8, 6, 4, 2]
    assert list(found.probes()) == [2, 4, 8]
    assert found.index(6) == 2
    for beyond in (4, -5):
        with pytest.raises(IndexError):
            found[beyond]
    assert list(Variant("n", "linear", {"start": 2, "end": 2}, "integer").values(CHANCE()).probes()) == [2]
    assert list(Variant("n", "linear", {"start": 2, "end": 3}, "integer").values(CHANCE()).probes()) == [2, 3]


def test_decimals_are_exact_however_far() -> None:
    found = values("linear", start=0.1, end=0.7, step=0.1)
    assert found == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
    assert all(isinstance(value, float) for value in values("linear", start=0, end=2, step=0.5))
    assert len(values("linear", start=0, end=1, step=1 / 3)) == 4  # a third is written short of one


@pytest.mark.parametrize(
    ("rules", "kind", "probes"),
    [
        ({"min": 0.5, "max": 3.5}, "float", [0.5, 3.5]),
        ({"min": 0.5, "max": 3.5}, "integer", [1, 3]),
        ({"min": 2, "max": 2}, "float", [2, 2]),
        ({"min": 2, "max": 2}, "integer", [2, 2]),
        ({"min": 0.001, "max": 1, "distribution": "Log_Uniform"}, "float", [0.001, 1]),
    ],
)
def test_a_span_is_known_by_its_ends(rules: dict[str, object], kind: str, probes: list[float]) -> None:
    domain = Variant("n", "random", rules, kind).domain()
    assert list(domain.probes()) == probes
    assert all(probes[0] <= domain.draw(CHANCE()) <= probes[1] for _ in range(50))


def test_logarithmic_draws_of_integers_are_whole() -> None:
    domain = Variant("n", "random", {"min": 1, "max": 1000, "distribution": "loguniform"}, "integer").domain()
    chance = CHANCE()
    found = [domain.draw(chance) for _ in range(200)]
    assert all(isinstance(value, int) and 1 <= value <= 1000 for value in found)
    assert 60 < sum(value < 32 for value in found) < 140


def test_a_draw_from_a_list_is_any_of_it() -> None:
    domain = Variant("n", "multiple", {"items": ["a", "b", "c"]}).domain()
    chance = CHANCE()
    assert {domain.draw(chance) for _ in range(50)} == {"a", "b", "c"}


@given(st.integers(-50, 50), st.integers(1, 40), st.integers(0, 60))
def test_a_linear_range_is_that_of_python(start: int, step: int, length: int) -> None:
    end = start + length
    assert values("linear", "integer", start=start, end=end, step=step) == list(range(start, end + 1, step))


def test_a_range_of_a_billion_values_costs_nothing() -> None:
    found = Variant("n", "linear", {"start": 0, "end": 10**9, "step": 1}, "integer").values(CHANCE())
    assert len(found) == 10**9 + 1
    assert found[-1] == 10**9
    assert list(found.probes()) == [0, 1, 10**9]
