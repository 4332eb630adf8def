"""The graph of what was made from what, drawn; and read from records."""

from __future__ import annotations

import pytest

from localhai.executions.inspect.lineage import MOST_BRANCHES, Lineage, LineageEdge, LineageNode, trace
from localhai.records import DatumRecord, Records, new_id


def graph(root, *edges):
    found = Lineage(root)
    for source, target, *name in edges:
        for item in (source, target):
            kind = "execution" if item.startswith("#") else "datum"
            found.nodes[item] = LineageNode(item, kind, item)
        found.edges[LineageEdge(source, target, *name)] = None
    return found


CHAIN = graph(
    "model",
    ("raw", "#1", "data"),
    ("#1", "clean"),
    ("clean", "#2", "train"),
    ("clean", "#2", "test"),
    ("words", "#2", "words"),
    ("#2", "model"),
    ("model", "#3", "model"),
    ("#3", "report"),
    ("#3", "plot"),
)


def test_a_tree_up_shows_what_it_was_made_from():
    assert CHAIN.tree("up") == [
        "model",
        "└─ #2",
        "   ├─ input train: clean",
        "   │  └─ #1",
        "   │     └─ input data: raw",
        "   ├─ input test: clean (see above)",
        "   └─ input words: words",
    ]


def test_a_tree_down_shows_what_was_made_from_it():
    assert CHAIN.tree("down") == ["model", "└─ input model: #3", "   ├─ report", "   └─ plot"]


def test_long_lists_are_cut_and_say_so():
    many = graph("model", *((f"part-{number}", "#1", "data") for number in range(100)), ("#1", "model"))
    lines = many.tree("up")
    assert len(lines) == 2 + MOST_BRANCHES + 1
    assert lines[-1] == f"   └─ ... and {100 - MOST_BRANCHES} more"


def test_a_deep_lineage_is_drawn():
    links = [(f"d{number + 1}", f"#{number}", "in") for number in range(3000)]
    links += [(f"#{number}", f"d{number}") for number in range(3000)]
    assert len(graph("d0", *links).tree("up")) == 6001


def test_mermaid_shows_every_node_and_edge_and_survives_odd_names():
    odd = graph('say "hi" <b>&', ("a", "#1", "x"), ("#1", 'say "hi" <b>&'))
    assert odd.mermaid().splitlines() == [
        "flowchart TD",
        '    n0("a")',
        '    n1("say &quot;hi&quot; &lt;b>&amp;")',
        '    n2["#1"]',
        '    n0 -->|"x"| n2',
        "    n2 --> n1",
    ]


@pytest.fixture
def records(tmp_path):
    with Records.open(tmp_path) as opened:
        yield opened


@pytest.fixture
def run(records):
    """`run("train", inputs={"data": [datum]}, outputs=["model"])` gives the execution and its outputs."""
    project = records.projects.of_folder("/a", "news")

    def run(step, *, inputs, outputs):
        execution = records.executions.create(
            project.id, step=step, image="i", commit="abc", document={"image_digest": "sha256:1"}, owner=None
        )
        recorded = [{"name": name, "files": [{"uri": uri} for uri in uris]} for name, uris in inputs.items()]
        records.uses.record_inputs(execution.id, recorded)
        values = {"size": 1, "ctime": "2026-01-01T00:00:00Z", "uri": "/x", "md5": "", "sha1": "", "sha256": ""}
        data = [DatumRecord(id=new_id(), name=name, **values) for name in outputs]
        records.data.add(execution.id, data)
        return execution, records.data.of_executions([execution.id])

    return run


def test_a_lineage_is_read_both_ways_through_deleted_executions(records, run):
    _, (clean,) = run("clean", inputs={"data": ["s3://bucket/raw.csv"]}, outputs=["clean.csv"])
    training, (model, _) = run("train", inputs={"data": [f"datum://{clean.id}"]}, outputs=["model", "log"])
    _, (report,) = run("report", inputs={"model": [f"datum://{model.id}"]}, outputs=["report"])
    for status in ("queued", "started", "complete"):
        records.executions.transition(training.id, status)
    records.executions.delete(training.id)

    up = trace(records, report, ["up"]).to_dict()
    assert [item["label"].split(" ")[0] for item in up["nodes"] if item["kind"] == "datum"] == [
        "clean.csv",
        "model",
        "report",
    ]
    assert [item["id"] for item in up["nodes"] if item["kind"] == "source"] == ["s3://bucket/raw.csv"]
    assert [item.get("step") for item in up["nodes"] if item["kind"] == "execution"] == ["clean", None, "report"]
    assert {"source": clean.id, "target": training.id, "input": "data", "file": None} in up["edges"]

    down = trace(records, clean, ["down"])
    assert [line.strip(" └├─│").split(" ")[0] for line in down.tree("down")] == [
        "clean.csv",
        "input",
        "model",
        "input",
        "report",
        "log",
    ]
    assert len(trace(records, clean, ["down"], depth=1).nodes) == 4


def test_both_directions_are_one_graph(records, run):
    _, (clean,) = run("clean", inputs={}, outputs=["clean.csv"])
    _, (model,) = run("train", inputs={"data": [f"datum://{clean.id}"]}, outputs=["model"])
    run("report", inputs={"model": [f"datum://{model.id}"], "old": ["datum://unknown"]}, outputs=["report"])
    both = trace(records, model, ["up", "down"])
    assert len(both.tree("up")) == 4
    assert len(both.tree("down")) == 3
    assert len(both.nodes) == 6


def test_a_deployment_was_made_of_its_files(records, run):
    project = records.projects.of_folder("/a", "news")
    _, (clean,) = run("clean", inputs={}, outputs=["clean.csv"])
    _, (model, other) = run("train", inputs={"data": [f"datum://{clean.id}"]}, outputs=["model", "other"])
    file = {"path": "m", "uri": "/x", "size": 1, "md5": "", "sha1": "", "sha256": ""}
    files = [{"name": "model", "datum": model.id, **file}, {"name": "words", "datum": None, **file}]
    records.deployments.create_version(
        project.id,
        deployment="shop",
        commit="abc",
        endpoints=[("predict", {"definition": {"image": "i"}, "files": files})],
        name="v1",
        aliases=["live"],
    )
    down = trace(records, clean, ["down"])
    assert [line.strip(" └├─│") for line in down.tree("down") if "deployment" in line] == [
        "file predict.model: deployment shop/v1 of news (live)"
    ]
    assert {"source": model.id, "input": None, "file": "predict.model"}.items() <= down.to_dict()["edges"][-1].items()
    assert '|"predict.model"|' in down.mermaid()
    assert "deployment" not in str(trace(records, other, ["down"]).tree("down"))
