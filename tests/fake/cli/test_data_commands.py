"""data, alias, dataset, model and lineage, over an engine without Docker."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from localhai.testing import Canned

if TYPE_CHECKING:
    from conftest import CommandLine

SAID = {
    "valohai.alias": "best",
    "accuracy": 0.9,
    "valohai.dataset-versions": [{"uri": "dataset://weights/v1", "targeting_aliases": ["prod"], "valohai.tags": ["t"]}],
    "valohai.model-versions": [
        {"model_uri": "model://news/", "model_release_note": "first", "model_version_tags": ["x"]}
    ],
}


def canned(**said: Any) -> Canned:
    return Canned(files={"model.txt": b"weights", "model.txt.metadata.json": json.dumps(said).encode()})


def run_two(localhai: CommandLine) -> CommandLine:
    """A training that made a datum, an alias, a dataset version and a model version; an evaluation that used it."""
    localhai.engine.behave(canned(**SAID), step="train")
    localhai.engine.behave(Canned(files={"report.txt": b"good"}), step="evaluate")
    assert localhai("run", "train").code == 0
    assert localhai("run", "evaluate", "--model=dataset://weights/prod").code == 0
    return localhai


@pytest.fixture(scope="module")
def seen(shared: CommandLine) -> CommandLine:
    """They ran before: only for looking."""
    return run_two(shared)


@pytest.fixture
def ran(localhai: CommandLine) -> CommandLine:
    """They ran before: for changing."""
    return run_two(localhai)


def datum_id(ran: CommandLine, name: str) -> str:
    found: str = next(item["id"] for item in ran("data", "list", "--json").json if item["name"] == name)
    return found


def test_an_address_is_frozen_in_the_record(ran: CommandLine) -> None:
    model = datum_id(ran, "model.txt")
    execution = ran("execution", "info", "2", "--json").json
    assert [(item["name"], [file["uri"] for file in item["files"]]) for item in execution["inputs"]] == [
        ("model", [f"datum://{model}"])
    ]
    ran.engine.behave(canned(**{**SAID, "valohai.dataset-versions": ["dataset://weights/v2"]}), step="train")
    assert ran("run", "train").code == 0
    assert ran("rerun", "2").code == 0
    again = ran("execution", "info", "latest", "--json").json
    assert again["inputs"] == execution["inputs"]


def test_data_info_tells_where_it_comes_from_and_where_it_went(seen: CommandLine) -> None:
    found = seen("data", "info", "best", "--json").json
    assert found["name"] == "model.txt"
    assert found["made_by"] == {"counter": 1, "step": "train", "project": "newsroom"}
    assert found["versions"] == ["dataset://weights/v1", "model://news/v1"]
    assert [(use["counter"], use["step"], use["input"]) for use in found["uses"]] == [(2, "evaluate", "model")]

    text = seen("data", "info", f"datum://{found['id'][:-3]}").out
    for expected in ("model.txt", "#1 train of newsroom", "dataset://weights/v1", "evaluate", "accuracy", "0.9"):
        assert expected in text


def test_data_info_of_nothing_says_where_to_look(seen: CommandLine) -> None:
    answer = seen("data", "info", "no-such-thing")
    assert answer.code == 2
    assert "localhai data list" in answer.err


def test_aliases_are_made_moved_and_deleted_with_their_history(ran: CommandLine) -> None:
    model, report = datum_id(ran, "model.txt"), datum_id(ran, "report.txt")
    assert ran("alias", "create", "mine", model).code == 0
    refused = ran("alias", "create", "mine", report)
    assert refused.code == 2
    assert f"localhai alias update mine {report}" in refused.err
    moved = ran("alias", "update", "mine", report, "--json")
    assert (moved.json["name"], moved.json["datum"]["id"]) == ("mine", report)
    assert ran("alias", "update", "other", report).code == 2

    found = ran("alias", "info", "mine", "--json").json
    assert found["datum"]["id"] == report
    assert [item["datum"] for item in found["changes"]] == [report, model]
    assert "model.txt" in ran("alias", "info", "mine").out

    assert ran("alias", "delete", "mine", "unknown").code == 2
    assert ran("alias", "delete", "mine").code == 0
    assert [item["name"] for item in ran("alias", "list", "--json").json] == ["best"]
    assert "the alias was deleted" in ran("alias", "info", "mine").out
    assert ran("alias", "info", "never").code == 2


@pytest.mark.parametrize("name", ["a/b", "01a20cac-17ee-7df3-a595-c2ba42f6c284", " a"])
def test_a_name_that_no_input_could_use_is_no_alias(seen: CommandLine, name: str) -> None:
    assert seen("alias", "create", name, "best").code == 2


def test_datasets_are_listed_and_looked_into(seen: CommandLine) -> None:
    assert [(item["name"], item["versions"], item["latest"]) for item in seen("dataset", "list", "--json").json] == [
        ("weights", 1, "v1")
    ]
    assert "dataset://weights/v1" in seen("dataset", "list").out
    assert seen("dataset", "list", "--name", "nothing", "--json").json == []

    (listed,) = seen("dataset", "info", "weights", "--json").json
    for reference in ("weights/v1", "weights/prod", "dataset://weights/latest"):
        assert seen("dataset", "info", reference, "--json").json == listed
    assert (listed["aliases"], listed["tags"], [item["name"] for item in listed["files"]]) == (
        ["prod"],
        ["t"],
        ["model.txt"],
    )
    assert "prod" in seen("dataset", "info", "weights").out
    text = seen("dataset", "info", "weights/prod").out
    assert "#1 train" in text
    assert "model.txt" in text


def test_models_are_listed_and_looked_into(seen: CommandLine) -> None:
    assert [item["name"] for item in seen("model", "list", "--json").json] == ["news"]
    (listed,) = seen("model", "versions", "news", "--json").json
    assert (listed["name"], listed["release_note"], listed["tags"]) == ("v1", "first", ["x"])
    assert seen("model", "versions", "news", "--tag", "y", "--json").json == []
    for reference in ("1", "v1", "latest"):
        assert seen("model", "version", "news", reference, "--json").json == listed
    assert seen("model", "info", "news", "--json").json["versions"] == [listed]
    assert "first" in seen("model", "version", "news", "v1").out
    assert "model://news/v1" in seen("model", "info", "model://news").out


@pytest.mark.parametrize(
    ("command", "hint"),
    [
        (("dataset", "info", "nothing"), "known: weights"),
        (("dataset", "info", "weights/v9"), "known: v1, prod"),
        (("model", "info", "nothing"), "known: news"),
        (("model", "version", "news", "9"), "known: v1"),
    ],
)
def test_what_is_not_there_is_a_mistake_with_what_there_is(
    seen: CommandLine, command: tuple[str, ...], hint: str
) -> None:
    answer = seen(*command)
    assert answer.code == 2
    assert hint in answer.err


def test_lists_of_nothing_say_how_to_get_something(localhai: CommandLine) -> None:
    assert "valohai.dataset-versions" in localhai("dataset", "list").err
    assert "valohai.model-versions" in localhai("model", "list").err


def test_lineage_goes_both_ways(seen: CommandLine) -> None:
    text = seen("lineage", "best").out
    up, down = text.split("Used by")
    assert up.startswith("Made from\nmodel.txt datum://")
    assert "#1 train of newsroom, complete" in up
    assert "input model: #2 evaluate of newsroom, complete" in down
    assert "report.txt" in down
    assert "Used by" not in seen("lineage", "best", "--up").out
    assert "Made from" not in seen("lineage", "best", "--down").out

    graph = seen("lineage", datum_id(seen, "report.txt"), "--json").json
    assert [item["kind"] for item in graph["nodes"]] == ["datum", "datum", "execution", "execution"]
    assert len(graph["edges"]) == 3
    assert seen("lineage", "best", "--mermaid").out.startswith("flowchart TD\n")


def test_a_version_of_a_model_is_pending_until_somebody_judges_it(ran: CommandLine) -> None:
    assert ran("model", "version", "news", "1", "--json").json["status"] == "pending"
    assert "model://news/v1 is approved" in ran("model", "approve", "news", "latest").err
    assert [item["status"] for item in ran("model", "versions", "news", "-s", "approved", "--json").json] == [
        "approved"
    ]
    assert ran("model", "versions", "news", "--status", "pending", "--json").json == []
    judged = ran("model", "reject", "news", "v1", "--json").json
    assert (judged["status"], judged["release_note"], judged["tags"]) == ("rejected", "first", ["x"])
    assert "rejected" in ran("model", "version", "news", "1").out
    assert ran("model", "approve", "news", "7").code == 2


def test_a_model_is_described_in_markdown(seen: CommandLine) -> None:
    lines = seen("model", "describe", "news").out.splitlines()
    assert lines[0] == "# Model: news"
    assert "- **Latest:** model://news/v1 (pending)" in lines
    assert lines[-1].startswith("| 1 | pending | #1 train | x | model.txt | 20")
    assert "## Versions" not in seen("model", "describe", "news", "--no-versions").out
