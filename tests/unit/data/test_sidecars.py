"""What a step says of its outputs: read from JSON, and said in words where it cannot be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from localhai.data.sidecars import (
    DatasetVersion,
    ModelVersion,
    OutputProperties,
    interpret,
    parse_properties_file,
    parse_sidecar,
)

DATASET, MODEL = "valohai.dataset-versions", "valohai.model-versions"


def of(data: dict[str, Any]) -> tuple[OutputProperties, list[str]]:
    """The properties, and what was said on the way."""
    said: list[str] = []
    return interpret(data, said.append), said


def test_reserved_keys_become_types_and_others_stay_as_written() -> None:
    data = {
        "valohai.tags": ["a", "b", "a"],
        "valohai.alias": "best",
        DATASET: ["dataset://d/v1"],
        MODEL: "model://m/",
        "valohai.other": 1,
        "mine": {"deep": [1]},
    }
    assert of(data) == (
        OutputProperties(
            tags=("a", "b"),
            alias="best",
            dataset_versions=(DatasetVersion("dataset://d/v1"),),
            model_versions=(ModelVersion("model://m/"),),
            properties={"valohai.other": 1, "mine": {"deep": [1]}},
            written=data,
        ),
        [],
    )
    assert of({}) == (OutputProperties(), [])


@pytest.mark.parametrize(
    ("data", "tags", "said"),
    [
        ({"valohai.tags": "one"}, ("one",), []),
        ({"valohai.tags": None}, (), []),
        ({"valohai.tags": []}, (), []),
        ({"valohai.tags": 3}, (), ["valohai.tags must be a list of texts, not a number: left out"]),
        ({"valohai.tags": {"a": 1}}, (), ["valohai.tags must be a list of texts, not an object: left out"]),
        ({"valohai.tags": True}, (), ["valohai.tags must be a list of texts, not true or false: left out"]),
        ({"valohai.tags": ["a", 1, "b"]}, ("a", "b"), ["valohai.tags must hold texts only: the others are left out"]),
        ({"valohai.tags": ["a", ""]}, ("a",), ["valohai.tags must hold texts only: the others are left out"]),
        ({"valohai.tags": ["a", "a"]}, ("a",), []),
    ],
)
def test_tags(data: dict[str, Any], tags: tuple[str, ...], said: list[str]) -> None:
    found, heard = of(data)
    assert (found.tags, heard) == (tags, said)


@pytest.mark.parametrize(
    ("value", "kind"), [(["a"], "a list"), (1, "a number"), (1.5, "a number"), (False, "true or false"), ("", "a text")]
)
def test_an_alias_is_one_text(value: Any, kind: str) -> None:
    found, said = of({"valohai.alias": value})
    assert (found.alias, said) == (None, [f"valohai.alias must be one text, not {kind}: left out"])
    assert of({"valohai.alias": None}) == (OutputProperties(written={"valohai.alias": None}), [])


def test_all_that_can_be_said_of_a_dataset_version() -> None:
    whole = {
        "uri": "dataset://d/v2",
        "from": "dataset://d/v1",
        "start_fresh": True,
        "exclude": ["x"],
        "targeting_aliases": "prod",
        "packaging": True,
        "valohai.tags": ["t"],
    }
    expected = DatasetVersion("dataset://d/v2", "dataset://d/v1", True, ("x",), ("prod",), True, ("t",))
    found, said = of({DATASET: [whole, {"uri": "dataset://d/v3", "start_fresh": "yes", "packaging": 1}]})
    assert (found.dataset_versions, said) == ((expected, DatasetVersion("dataset://d/v3")), [])


def test_all_that_can_be_said_of_a_model_version() -> None:
    whole = {"model_uri": "model://m/v2", "model_version_tags": ["t"], "model_release_note": "better"}
    found, said = of({MODEL: [whole, {"model_uri": "model://m"}]})
    assert (found.model_versions, said) == (
        (ModelVersion("model://m/v2", ("t",), "better"), ModelVersion("model://m")),
        [],
    )


@pytest.mark.parametrize("key", ["from", "exclude", "targeting_aliases", "valohai.tags"])
def test_a_part_of_a_dataset_version_that_is_wrong_is_named_and_the_rest_counts(key: str) -> None:
    found, said = of({DATASET: {"uri": "dataset://d/v1", key: 1}})
    assert found.dataset_versions == (DatasetVersion("dataset://d/v1"),)
    assert len(said) == 1
    assert said[0].startswith(f"{key} must be ")


@pytest.mark.parametrize("key", ["model_version_tags", "model_release_note"])
def test_a_part_of_a_model_version_that_is_wrong_is_named_and_the_rest_counts(key: str) -> None:
    found, said = of({MODEL: {"model_uri": "model://m/", key: 1}})
    assert found.model_versions == (ModelVersion("model://m/"),)
    assert len(said) == 1
    assert said[0].startswith(f"{key} must be ")


@pytest.mark.parametrize(
    "address",
    ["dataset://", "dataset:///v1", "dataset://d", "dataset://d/", "dataset://d/v/x", "model://d/v1", "d/v1", 1],
)
def test_what_is_no_dataset_version_is_left_out_and_those_beside_it_are_not(address: Any) -> None:
    found, said = of({DATASET: [address if address != 1 else {"uri": 1}, "dataset://d/v1"]})
    assert found.dataset_versions == (DatasetVersion("dataset://d/v1"),)
    assert said == [f"{DATASET}: dataset://NAME/VERSION is needed, not {address!r}: left out"]


@pytest.mark.parametrize("address", ["model://", "model:///v1", "dataset://m/v1", "m", None])
def test_what_is_no_model_version_is_left_out_and_those_beside_it_are_not(address: Any) -> None:
    found, said = of({MODEL: [address or {}, "model://m/v1"]})
    assert found.model_versions == (ModelVersion("model://m/v1"),)
    assert said == [f"{MODEL}: model://NAME/ is needed, not {address!r}: left out"]


@pytest.mark.parametrize("key", [DATASET, MODEL])
def test_a_version_is_a_text_or_an_object(key: str) -> None:
    assert of({key: [3, None]})[1] == [
        f"{key}: a text or an object is needed, not a number: left out",
        f"{key}: a text or an object is needed, not null: left out",
    ]
    assert of({key: None})[1] == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[1]", "the file must hold one JSON object, not a list"),
        (b"null", "the file must hold one JSON object, not null"),
        (b'"x"', "the file must hold one JSON object, not a text"),
        (b"{", "the file is not JSON: "),
        (b"[" * 100_000, "the file is not JSON: "),
    ],
)
def test_a_sidecar_that_is_no_object_is_said(content: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{said}"):
        parse_sidecar(content)


def test_a_sidecar_is_cleaned_of_what_is_no_text() -> None:
    assert parse_sidecar(b'{"a": "x\\u0000y\\ud800"}')["a"].encode()


def test_the_file_of_properties() -> None:
    lines = [
        {"file": "a.txt", "metadata": {"x": 1, "y": 1}},
        "",
        {"file": "/valohai/outputs/sub/../b.txt", "metadata": {}},
        {"file": "a.txt", "metadata": {"y": 2}},
        {"file": 1, "metadata": {}},
        {"file": "c", "metadata": []},
        {"file": "d"},
        [],
    ]
    content = "\n".join(json.dumps(line) if line != "" else "  " for line in lines)
    said: list[str] = []
    assert parse_properties_file(content.encode(), said.append) == {"a.txt": {"x": 1, "y": 2}, "b.txt": {}}
    needed = '"file" must be a text and "metadata" an object'
    assert said == [
        *(f"valohai.metadata.jsonl, line {number}: {needed}" for number in (5, 6, 7)),
        "valohai.metadata.jsonl, line 8: the line must hold one JSON object, not a list",
    ]
