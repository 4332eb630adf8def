"""The options of `vh pipeline`, as they are taken here, over the fake engine."""

import json

import pytest

STEP = {
    "name": "count",
    "parameters": [{"name": "n", "type": "integer", "default": 0}],
    "inputs": [{"name": "files", "optional": True}],
}
NODES = [{"name": "a", "step": "count"}, {"name": "b", "step": "count"}]


@pytest.fixture(autouse=True)
def written(pipelines):
    parameters = [{"name": "size", "targets": ["a.parameter.n"], "default": 3}]
    pipelines.write(NODES, [["a.output.*", "b.input.files"]], steps=[STEP], parameters=parameters)


def test_help_without_a_name_lists_the_pipelines(pipelines):
    shown = pipelines("run", "--help").stdout
    assert "--reuse" in shown
    assert shown.rstrip().endswith("Pipelines:\n  p  a, b")


def test_help_behind_a_name_shows_what_it_takes(pipelines):
    shown = pipelines("run", "p", "--help").stdout
    for line in ("--size  [3]", "Node a, step count:", "--a.n          [3]", "--b.n          [0]", "--b.files=URI"):
        assert line in shown
    assert "there is no pipeline 'nix'" in pipelines("run", "nix", "--help", code=2).stderr


@pytest.mark.parametrize(
    "words", [("--priority", "p"), ("--priority", "5", "p"), ("p", "--priority"), ("p", "--priority=2")]
)
def test_priority_is_taken_and_said(pipelines, words):
    assert "without effect on this machine: --priority" in pipelines("run", *words).stderr


def test_options_of_packaging_are_taken(pipelines):
    (pipelines.folder / ".gitignore").write_text("secret.txt\n")
    (pipelines.folder / "secret.txt").write_text("x")
    said = pipelines("run", "p", "--no-include-untracked").stderr
    assert "without effect here: --no-include-untracked" in said
    assert "without effect" not in pipelines("run", "p", "--include-untracked", "--no-git-packaging").stderr
    refused = pipelines("run", "p", "--adhoc", "--commit", "HEAD", code=2).stderr
    assert "--adhoc and --commit exclude each other" in refused


def test_an_environment_is_that_of_all_nodes_and_stays_for_a_rerun(pipelines):
    document = pipelines.run("--environment", "aws-gpu")
    assert environments(pipelines, document) == {"aws-gpu"}
    again = pipelines("rerun", "1", "--json").stdout
    assert environments(pipelines, json.loads(again)) == {"aws-gpu"}
    kept = pipelines("rerun", "1", "--from-failed").stderr
    assert "kept from pipeline #1: a, b" in kept


def environments(pipelines, document):
    records = pipelines.home.records
    return {
        pipelines.home.execution(records.executions.get(node["execution"]["id"]).id).to_dict()["environment"]
        for node in document["nodes"]
    }


def test_several_pipelines_are_stopped_and_none_is_no_trouble(pipelines):
    for _ in range(3):
        pipelines("run", "p", "--quiet")
    found = json.loads(pipelines("stop", "1-2", "=3", "--json").stdout)
    assert [(item["counter"], item["status"]) for item in found] == [(number, "complete") for number in (1, 2, 3)]
    assert "no pipeline is in progress" in pipelines("stop", "--all").stderr
    assert "no pipeline is in progress" in pipelines("stop", "all").stderr
    assert "name pipelines to stop, or say --all" in pipelines("stop", code=2).stderr
    assert "name pipelines to stop, or say --all" in pipelines("stop", "1", "--all", code=2).stderr
    assert "there are no pipelines 7-9" in pipelines("stop", "7-9", code=2).stderr
    assert "is no range" in pipelines("stop", "9-7", code=2).stderr


def test_a_list_of_ones_own(pipelines):
    pipelines("run", "p", "--quiet")
    pipelines("run", "p", "--quiet")
    listed = json.loads(pipelines("list", "--owned", "--json", "-n", "1").stdout)
    assert [item["counter"] for item in listed] == [2]
    assert "no deleted pipelines" in pipelines("list", "--deleted").stderr
    assert json.loads(pipelines("list", "--deleted", "--json").stdout) == []


def test_all_images_are_looked_at_before_the_first_node(pipelines):
    pipelines.engine.images = ["python:3.11-slim"]
    steps = [STEP, {"name": "far", "image": "lost/far:1"}, {"name": "near", "image": "lost/near:1-gpu"}]
    nodes = [{"name": "a", "step": "count"}, {"name": "b", "step": "far"}, {"name": "c", "step": "near"}]
    pipelines.write(nodes, [["a.output.*", "b.dependency.*"]], steps=steps)
    said = pipelines("run", "p", code=4).stderr
    assert "2 images cannot be had" in said
    assert "node b: there is no image lost/far:1" in said
    assert '"lost/near:1-gpu" = "lost/near:1"' in said
    assert json.loads(pipelines("list", "--json").stdout) == []
    table = '[images]\n"lost/*" = "python:3.11-slim"\n'
    (pipelines.folder / "localhai.toml").write_text(table)
    assert "complete" in pipelines("run", "p").stderr
