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
        ("linear", {"start": 1, "end": 2, "step": 0}, "never reaches"),
        ("linear", {"start": 1, "end": 2, "step": -1}, "lead away"),
        ("linear", {"start": 1}, "needs `end`"),
        ("linear", {"start": "1", "end": 2}, "not a number"),
        ("logspace", {"start": 1, "end": 2}, "needs `count`"),
        ("logspace", {"start": 1, "end": 2, "count": 2, "base": 0}, "base"),
        ("logspace", {"start": 1, "end": 1000, "count": 2}, "too large"),
        ("random", {"min": 2, "max": 1, "count": 2}, "more than its max"),
        ("random", {"min": 1, "max": 2, "count": 2, "distribution": "normal"}, "uniform and loguniform"),
        ("random", {"min": 0, "max": 2, "count": 2, "distribution": "loguniform"}, "above 0"),
        ("random", {"min": 1, "max": 2, "count": 0}, "above 0"),
        ("multiple", {}, "needs `items`"),
        ("wavy", {}, "known are single"),
    ],
)
def test_rules_that_cannot_be_meant_are_refused(style: str, rules: dict[str, object], message: str) -> None:
    with pytest.raises(RuleError, match=message):
        values(style, **rules)


@given(st.integers(-50, 50), st.integers(1, 40), st.integers(0, 60))
def test_a_linear_range_is_that_of_python(start: int, step: int, length: int) -> None:
    end = start + length
    assert values("linear", "integer", start=start, end=end, step=step) == list(range(start, end + 1, step))


def test_a_range_of_a_billion_values_costs_nothing() -> None:
    found = Variant("n", "linear", {"start": 0, "end": 10**9, "step": 1}, "integer").values(CHANCE())
    assert len(found) == 10**9 + 1
    assert found[-1] == 10**9
    assert list(found.probes()) == [0, 1, 10**9]
