"""`--reuse=COUNTER|latest:glob,...`: what is taken, and why something cannot be."""

import json

import pytest

from localhai.errors import UsageError
from localhai.pipelines.resuming import parse_reuse
from localhai.testing import Canned

STEPS = [{"name": name} for name in ("make", "more", "fail")] + [{"name": "read", "inputs": [{"name": "files"}]}]
NODES = [{"name": name, "step": name} for name in ("make", "more", "read")]
EDGES = [["make.output.*", "read.input.files"]]


@pytest.fixture
def ran(pipelines):
    """A pipeline that has run once."""
    pipelines.engine.behave(Canned(files={"out.txt": "made"}))
    pipelines.engine.behave(Canned(exit_code=3), step="fail")
    pipelines.write(NODES, EDGES, steps=STEPS)
    pipelines.run("--jobs", "1")
    return pipelines


def executions(document):
    return {node["name"]: node["execution"]["counter"] for node in document["nodes"]}


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ("5:a", ("5", ("a",))),
        ("latest:a, b*", ("latest", ("a", "b*"))),
        (" #5 :a,,b,", ("#5", ("a", "b"))),
    ],
)
def test_a_pipeline_and_patterns_of_its_nodes(spec, found):
    assert parse_reuse(spec) == found


@pytest.mark.parametrize("spec", ["", "5", "5:", ":a", "5: , "])
def test_what_names_no_pipeline_or_no_nodes_is_refused(spec):
    with pytest.raises(UsageError, match="names no pipeline and its nodes"):
        parse_reuse(spec)


def test_what_is_named_is_taken_and_the_rest_runs(ran):
    document = ran.run("--jobs", "1", "--reuse=latest:ma*,more")
    assert executions(document) == {"make": 1, "more": 2, "read": 4}
    assert [node["reason"] for node in document["nodes"]] == ["reused", "reused", None]


def test_a_node_in_the_midst_is_taken_whatever_is_before_it(ran):
    assert executions(ran.run("--jobs", "1", "--reuse=1:read")) == {"make": 4, "more": 5, "read": 3}


def test_of_two_that_name_the_same_node_the_later_counts(ran):
    ran.run("--jobs", "1")
    assert executions(ran.run("--jobs", "1", "--reuse=1:*", "--reuse=2:more")) == {"make": 1, "more": 5, "read": 3}


def refused(ran, spec):
    result = ran("run", "p", "--json", f"--reuse={spec}", code=2)
    return json.loads(result.stdout)["error"]


def test_patterns_that_match_nothing_name_the_nodes(ran):
    error = refused(ran, "1:nix")
    assert "matches no node of pipeline p" in error["message"]
    assert error["hints"] == ["its nodes: make, more, read"]


def test_a_node_that_the_earlier_pipeline_did_not_have(ran):
    ran.write([*NODES, {"name": "late", "step": "make"}], EDGES, steps=STEPS)
    assert refused(ran, "1:*")["message"] == "pipeline #1 has no node late to reuse"


def test_a_node_that_failed(ran):
    ran.write([{"name": "make", "step": "fail"}], steps=STEPS)
    ran.run(code=1)
    error = refused(ran, "latest:make")
    assert "node make of pipeline #2 cannot be reused: it did not succeed" in error["message"]
    assert error["hints"] == ["it is error: localhai pipeline info 2"]


def test_a_node_whose_files_are_gone(ran):
    data = [
        output.id
        for output in ran.home.records.executions.get(ran.run("--jobs", "1")["nodes"][0]["execution"]["id"]).outputs
    ]
    ran.home.records.data.purge(data)
    assert "or its files are gone" in refused(ran, "2:make")["message"]
    assert executions(ran.run("--jobs", "1", "--reuse=1:make"))["make"] == 1


def test_nothing_runs_where_a_miss_fails(ran):
    assert executions(ran.run("--fail-on-cache-miss", "--jobs", "1")) == {"make": 1, "more": 2, "read": 3}
    missed = ran("run", "p", "--fail-on-cache-miss", "--jobs", "1", "--title", "later", code=0)
    assert "reused: execution #1" in missed.stderr
    ran.write(NODES, EDGES, steps=[{**step, "command": "another"} for step in STEPS])
    missed = ran("run", "p", "--fail-on-cache-miss", "--jobs", "1", code=5)
    assert "node make: error: not reused" in missed.stderr
    assert ran.home.records.executions.count() == 3


def test_a_task_node_that_would_run_fails_too(ran):
    rates = {"name": "rates", "step": "make", "parameters": []}
    ran.write([{"name": "sweep", "task": "rates"}], steps=STEPS, tasks=[rates])
    missed = ran("run", "p", "--fail-on-cache-miss", "--jobs", "1", code=5)
    assert "not reused" in missed.stderr
    assert ran.home.records.executions.count() == 3
