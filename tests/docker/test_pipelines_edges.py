"""Pipelines on the real engine: every kind of edge, every value of on-error, actions, task nodes, other commits."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

pytestmark = pytest.mark.docker

IMAGE = "python:3.11-slim"
MAKE = {
    "name": "make",
    "image": IMAGE,
    "command": [
        "mkdir -p /valohai/outputs/deep",
        "echo {parameter-value:word} > /valohai/outputs/deep/{parameter-value:word}.txt",
        "echo model > /valohai/outputs/model.pb.gz",
        'echo \'{"loss": 0.25, "sizes": [1, 2]}\'',
        'test "$(ls /valohai/inputs/raw)" = seed.txt',
    ],
    "inputs": [{"name": "raw", "default": "file://SEED"}],
    "parameters": [{"name": "word", "type": "string", "default": "one"}],
    "environment-variables": [{"name": "MODE", "default": "fast"}],
}
SHOW = {
    "name": "show",
    "image": IMAGE,
    "command": [
        "for place in /valohai/inputs/*; do echo $(basename $place): $(ls $place); done",
        "echo word {parameter-value:word}, loss {parameter-value:loss}, mode $MODE",
    ],
    "inputs": [
        {"name": "texts", "optional": True},
        {"name": "model", "optional": True},
        {"name": "raw", "optional": True},
        {"name": "own", "default": "file://SEED"},
    ],
    "parameters": [
        {"name": "word", "type": "string", "default": "none"},
        {"name": "loss", "type": "float", "default": 9.5},
    ],
    "environment-variables": [{"name": "MODE", "optional": True}],
}
FAIL = {"name": "fail", "image": IMAGE, "command": ["echo half > /valohai/outputs/half.txt", "exit 3"]}


def write(bench: Any, *items: dict[str, Any]) -> None:
    seed = bench.tmp / "seed.txt"
    seed.write_text("seed\n")
    (bench.folder / "valohai.yaml").write_text(json.dumps(items).replace("SEED", str(seed)))


def pipeline(*nodes: dict[str, Any], edges: Any = (), **more: Any) -> dict[str, Any]:
    full = [{"type": "task" if "task" in node else "execution", **node} for node in nodes]
    return {"pipeline": {"name": "all", "nodes": full, "edges": list(edges), **more}}


def run(bench: Any, *words: str) -> tuple[dict[str, Any], list[str]]:
    """The pipeline's one JSON document, and the lines of its nodes."""
    call = bench.call("pipeline", "run", "all", "--json", *words)
    assert "Traceback" not in call.err
    document = json.loads(call.out)
    assert call.process.returncode == (0 if document["status"] == "complete" else 1), call.err
    return document, call.err.splitlines()


def statuses(document: dict[str, Any]) -> dict[str, str]:
    return {node["name"]: node["status"] for node in document["nodes"]}


def lines_of(node: str, lines: list[str]) -> list[str]:
    return [line.split("| ", 1)[1] for line in lines if line.startswith(node) and "| " in line]


def test_every_kind_of_edge_in_both_syntaxes(bench: Any) -> None:
    edges = [
        ["make.output.*.txt", "show.input.texts"],
        {"source": "make.output.model.pb.gz", "target": "show.input.model"},
        ["make.input.ra*", "show.input.raw"],
        {"source": "make.parameter.word", "target": "show.parameter.word", "configuration": {}},
        ["make.metadata.loss", "show.parameter.loss"],
        ["make.environment-variable.MODE", "show.environment-variable.MODE"],
        {"source": "show.dependency.*", "target": "last.dependency.*"},
        ["make.output.deep/*", "last.input.own"],
    ]
    last = {"name": "last", "step": "show", "edge-merge-mode": "append"}
    last["override"] = {"parameters": [{"name": "word", "default": "overridden"}]}
    parameters = [{"name": "word", "targets": ["make.parameter.word"], "default": "given"}]
    nodes = pipeline({"name": "make", "step": "make"}, {"name": "show", "step": "show"}, last, edges=edges)
    nodes["pipeline"]["parameters"] = parameters
    write(bench, {"step": MAKE}, {"step": SHOW}, nodes)
    document, lines = run(bench)
    assert statuses(document) == {"make": "complete", "show": "complete", "last": "complete"}
    assert lines_of("show", lines) == [
        "model: model.pb.gz",
        "own: seed.txt",
        "raw: seed.txt",
        "texts: given.txt",
        "word given, loss 0.25, mode fast",
    ]
    assert lines_of("last", lines) == ["own: given.txt seed.txt", "word overridden, loss 9.5, mode"]


def test_edges_replace_the_files_of_an_input_and_the_word_given_reaches_several_nodes(bench: Any) -> None:
    parameters = [{"name": "word", "targets": ["make.parameter.word", "show.parameter.word"], "default": "given"}]
    nodes = pipeline(
        {"name": "make", "step": "make"},
        {"name": "show", "step": "show"},
        edges=[["make.output.*.txt", "show.input.own"]],
        parameters=parameters,
    )
    write(bench, {"step": MAKE}, {"step": SHOW}, nodes)
    document, lines = run(bench, "--word=typed", "--jobs", "1")
    assert document["parameters"] == {"word": "typed"}
    assert lines_of("show", lines) == ["own: typed.txt", "word typed, loss 9.5, mode"]


@pytest.mark.parametrize(
    ("on_error", "after", "beside", "whole"),
    [
        ("stop-all", "stopped", "stopped", "error"),
        ("stop-next", "stopped", "complete", "error"),
        ("continue", "complete", "complete", "complete"),
        ("retry", "stopped", "stopped", "error"),
    ],
)
def test_on_error_of_an_execution(bench: Any, on_error: str, after: str, beside: str, whole: str) -> None:
    nodes = pipeline(
        {"name": "fail", "step": "fail", "on-error": on_error},
        {"name": "after", "step": "show"},
        {"name": "beside", "step": "show"},
        edges=[["fail.output.*", "after.input.texts"]],
    )
    write(bench, {"step": FAIL}, {"step": SHOW}, nodes)
    document, lines = run(bench, "--jobs", "1")
    # with one job, `beside` waits behind the failing node: stop-all and retry end it before it starts
    assert statuses(document)["fail"] == "error"
    assert (statuses(document)["after"], document["status"]) == (after, whole)
    if on_error != "retry":
        assert statuses(document)["beside"] == beside
    if on_error == "continue":
        assert "texts: half.txt" in lines_of("after", lines)
    tries = sum("of step fail" in line for line in lines)
    assert tries == (3 if on_error == "retry" else 1)


@pytest.mark.parametrize(
    ("on_error", "after", "beside", "whole"),
    [
        ("stop-all", "stopped", "stopped", "error"),
        ("stop-next", "stopped", "complete", "error"),
        ("continue", "complete", "complete", "complete"),
        ("retry", "stopped", "complete", "error"),  # it waits its turn behind what came first
    ],
)
def test_on_error_of_a_task_and_the_files_of_its_executions(
    bench: Any, on_error: str, after: str, beside: str, whole: str
) -> None:
    half = {
        "name": "half",
        "image": IMAGE,
        "command": [
            "echo {parameter-value:n} > /valohai/outputs/{parameter-value:n}.txt",
            "test {parameter-value:n} != 2",
        ],
        "parameters": [{"name": "n", "type": "integer", "default": 0}],
    }
    rules = {"name": "n", "style": "multiple", "rules": {"items": [1, 2, 3]}}
    task = {"name": "sweep", "step": "half", "type": "grid_search", "parameters": [rules]}
    nodes = pipeline(
        {"name": "sweep", "task": "sweep", "on-error": on_error},
        {"name": "after", "step": "show"},
        {"name": "beside", "step": "show"},
        edges=[["sweep.output.*.txt", "after.input.texts"]],
    )
    write(bench, {"step": half}, {"step": SHOW}, {"task": task}, nodes)
    document, lines = run(bench, "--jobs", "1")
    sweep = document["nodes"][0]
    assert (sweep["status"], sweep["task"]["status"]) == ("error", "error")
    assert (statuses(document)["after"], statuses(document)["beside"]) == (after, beside)
    assert document["status"] == whole
    assert sweep["task"]["counter"] == (3 if on_error == "retry" else 1)  # each try is a task of its own
    if after == "complete":
        assert "texts: 1.txt 3.txt" in lines_of("after", lines)


def test_a_list_of_metadata_is_one_execution_of_a_task_for_each_item(bench: Any) -> None:
    count = {
        "name": "count",
        "image": IMAGE,
        "command": "echo size {parameter-value:size}",
        "parameters": [{"name": "size", "type": "integer"}],
    }
    nodes = pipeline(
        {"name": "make", "step": "make"},
        {"name": "count", "type": "task", "step": "count"},
        edges=[["make.metadata.sizes", "count.parameter.size"]],
    )
    write(bench, {"step": MAKE}, {"step": count}, nodes)
    document, lines = run(bench)
    assert document["status"] == "complete", lines
    assert sorted(lines_of("count", lines)) == ["size 1", "size 2"]


@pytest.mark.parametrize(
    ("action", "whole", "after"),
    [
        ({"when": "node-complete", "if": "metadata.loss < 0.5", "then": "stop-pipeline"}, "stopped", "stopped"),
        ({"when": "node-complete", "if": "metadata.loss > 0.5", "then": "stop-pipeline"}, "complete", "complete"),
        ({"when": "node-complete", "if": "parameter.word == 'one'", "then": "error-pipeline"}, "error", "stopped"),
        ({"when": ["node-complete", "node-error"], "then": ["noop"]}, "complete", "complete"),
    ],
)
def test_actions(bench: Any, action: dict[str, Any], whole: str, after: str) -> None:
    nodes = pipeline(
        {"name": "make", "step": "make", "actions": [action]},
        {"name": "show", "step": "show"},
        edges=[["make.output.*.txt", "show.input.texts"]],
    )
    write(bench, {"step": MAKE}, {"step": SHOW}, nodes)
    document, _ = run(bench)
    assert (document["status"], statuses(document)["show"]) == (whole, after)


def test_a_node_of_another_commit(bench: Any) -> None:
    def git(*words: str) -> str:
        who = ("-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
        done = subprocess.run(["git", *who, *words], cwd=bench.folder, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init", "--quiet", "--initial-branch=main")
    step = {"name": "say", "image": IMAGE, "command": "cat word.txt"}
    write(bench, {"step": step})
    (bench.folder / "word.txt").write_text("old\n")
    git("add", "--all")
    git("commit", "--quiet", "--message", "old")
    commit = git("rev-parse", "HEAD")
    (bench.folder / "word.txt").write_text("new\n")
    nodes = pipeline({"name": "then", "step": "say", "commit": commit}, {"name": "now", "step": "say"})
    write(bench, {"step": step}, nodes)
    document, lines = run(bench)
    assert document["status"] == "complete"
    assert (lines_of("then", lines), lines_of("now", lines)) == (["old"], ["new"])
