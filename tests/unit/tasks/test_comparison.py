"""The table of a task: its rows, and in which order they stand."""

from __future__ import annotations

from typing import Any

import pytest

from localhai.tasks.comparison import best_first, by_column, metadata_keys, row
from localhai.tasks.plan import Target


def entry(number: int, metadata: dict[str, Any] | None = None, **parameters: Any) -> dict[str, Any]:
    execution = {
        "id": f"id-{number}",
        "counter": 10 + number,
        "status": "complete",
        "duration": None if number == 2 else 5.0 - number,
        "parameters": {"lr": 0.1, **parameters},
        "metadata": metadata or {},
        "more": 1,
    }
    return row(number, execution, ["kind", "size", "absent"])


def order(rows: list[dict[str, Any]]) -> list[int]:
    return [found["number"] for found in rows]


@pytest.fixture
def rows() -> list[dict[str, Any]]:
    return [
        entry(0, {"loss": 0.5, "size": 1}, kind="b", size=9),
        entry(1, {"loss": "0.2"}, kind="a"),
        entry(2, {"acc": 1}, size=3),
        entry(3, {"loss": "none"}, kind=7),
        entry(4, {"loss": 0.9, "acc": None}, kind="a"),
    ]


def test_a_row_has_what_varies(rows: list[dict[str, Any]]) -> None:
    assert rows[0] == {
        "number": 0,
        "id": "id-0",
        "counter": 10,
        "status": "complete",
        "duration": 5.0,
        "parameters": {"kind": "b", "size": 9},
        "metadata": {"loss": 0.5, "size": 1},
    }
    assert rows[2]["parameters"] == {"size": 3}


def test_keys_stand_as_they_first_come(rows: list[dict[str, Any]]) -> None:
    assert metadata_keys(rows) == ["loss", "size", "acc"]
    assert metadata_keys([]) == []


@pytest.mark.parametrize(
    ("column", "numbers"),
    [
        ("loss", [1, 0, 4, 3, 2]),
        ("-loss", [3, 4, 0, 1, 2]),
        ("kind", [3, 1, 4, 0, 2]),
        ("-kind", [0, 1, 4, 3, 2]),
        ("size", [0, 2, 1, 3, 4]),  # metadata before parameters
        ("duration", [4, 3, 1, 0, 2]),
        ("-counter", [4, 3, 2, 1, 0]),
        ("id", [0, 1, 2, 3, 4]),
    ],
)
def test_rows_are_sorted_by_a_column(rows: list[dict[str, Any]], column: str, numbers: list[int]) -> None:
    assert order(by_column(rows, column)) == numbers


@pytest.mark.parametrize("column", ["nothing", "-nothing", "more", "metadata"])
def test_a_column_that_no_row_has_is_refused_with_those_there_are(rows: list[dict[str, Any]], column: str) -> None:
    with pytest.raises(KeyError) as refused:
        by_column(rows, column)
    assert refused.value.args == ("counter, status, duration, kind, size, loss, size, acc",)
    assert by_column([], column) == []


def test_the_nearest_to_the_target_comes_first(rows: list[dict[str, Any]]) -> None:
    assert order(best_first(rows, Target("loss", 0.6))) == [0, 4, 1, 2, 3]
    assert order(best_first(rows, Target("loss", 0.1))) == [1, 0, 4, 2, 3]
    assert order(best_first(rows, Target("absent", 0.1))) == [0, 1, 2, 3, 4]


def test_of_a_target_without_a_value_the_smallest_comes_first(rows: list[dict[str, Any]]) -> None:
    assert order(best_first(rows, Target("loss"))) == [1, 0, 4, 3, 2]
    assert order(best_first(rows, Target("absent"))) == [0, 1, 2, 3, 4]


def test_texts_stand_by_their_letters_and_numbers_by_their_size() -> None:
    mixed = [entry(0, {"k": "b"}), entry(1, {"k": "10"}), entry(2, {"k": 9}), entry(3, {"k": "a"}), entry(4, {"k": -1})]
    assert order(by_column(mixed, "k")) == [4, 2, 1, 3, 0]
