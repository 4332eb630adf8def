"""A sweep that is typed on the command line."""

from __future__ import annotations

from typing import Any

import pytest

from localhai.errors import UsageError
from localhai.tasks.typed import draws, grid, parameter_sets


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("lr=0.1,0.01", ("lr", "multiple", {"items": ["0.1", "0.01"]})),
        ("--lr=1", ("lr", "multiple", {"items": ["1"]})),
        (" lr =1:3", ("lr", "linear", {"start": 1, "end": 3})),
        ("lr=0.1:0.5:0.1", ("lr", "linear", {"start": 0.1, "end": 0.5, "step": 0.1})),
        ("lr=-1:+3:.5", ("lr", "linear", {"start": -1, "end": 3, "step": 0.5})),
        ("lr=1e-3:1.", ("lr", "linear", {"start": 0.001, "end": 1.0})),
        ("lr=1:2:3:4", ("lr", "multiple", {"items": ["1:2:3:4"]})),
        ("at=12:30h", ("at", "multiple", {"items": ["12:30h"]})),
        ("uri=s3://b/k,s3://b/l", ("uri", "multiple", {"items": ["s3://b/k", "s3://b/l"]})),
        ("text=a=b", ("text", "multiple", {"items": ["a=b"]})),
    ],
)
def test_a_grid(text: str, typed: Any) -> None:
    assert grid([text]) == [typed]
    if typed[1] == "linear":
        assert [type(value) for value in grid([text])[0][2].values()] == [type(value) for value in typed[2].values()]


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("lr=0.001:0.1", ("lr", "random", {"min": 0.001, "max": 0.1, "distribution": "uniform"})),
        ("lr=1:100:log", ("lr", "random", {"min": 1, "max": 100, "distribution": "loguniform"})),
        ("--kind=a,b", ("kind", "multiple", {"items": ["a", "b"]})),
        ("lr=1:2:3", ("lr", "multiple", {"items": ["1:2:3"]})),
        ("lr=5", ("lr", "multiple", {"items": ["5"]})),
        ("kind=a:log", ("kind", "multiple", {"items": ["a:log"]})),
    ],
)
def test_draws(text: str, typed: Any) -> None:
    assert draws([text]) == [typed]


@pytest.mark.parametrize("text", ["lr", "=1", " =1", "lr=", "lr= ", ""])
def test_what_names_no_values_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        grid([text])
    assert refused.value.message == f"--grid {text!r} is not NAME=VALUES"
    assert refused.value.hints == ("as --grid lr=0.1,0.01, or --grid lr=0.1:0.5:0.1 for start:end:step",)
    with pytest.raises(UsageError) as refused:
        draws([text])
    assert refused.value.message == f"--random {text!r} is not NAME=VALUES"
    assert refused.value.hints == (
        "as --random lr=0.001:0.1 for any number between, --random lr=0.001:0.1:log, or --random kind=a,b,c",
    )


def test_sets_of_a_file_lose_their_empty_cells() -> None:
    rows = [{"lr": 0, "kind": "", 3: "x"}, {"lr": None}, {}, {"lr": False}]
    assert parameter_sets(rows, "sets.csv") == [{"lr": 0, "3": "x"}, {"lr": False}]
    assert parameter_sets([], "sets.csv") == []


@pytest.mark.parametrize("rows", [{"lr": 1}, "lr", [1], [{"lr": 1}, []], None])
def test_what_holds_no_sets_is_refused(rows: Any) -> None:
    with pytest.raises(UsageError) as refused:
        parameter_sets(rows, "sets.yaml")
    assert (refused.value.message, refused.value.where) == ("sets.yaml holds no list of parameter sets", "sets.yaml")
    assert refused.value.hints == (
        'JSON or YAML: [{"lr": 0.1, "epochs": 5}, {"lr": 0.01, "epochs": 20}]',
        "or CSV with a header line",
    )
