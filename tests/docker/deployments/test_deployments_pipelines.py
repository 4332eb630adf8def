"""Deployment nodes of pipelines on the real engine: files come by edges, ids go on, what is made can be served."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest

pytestmark = pytest.mark.docker

IMAGE = "python:3.11-slim"
TRAIN = {
    "name": "train",
    "image": IMAGE,
    "command": ["mkdir /valohai/outputs/deep", "echo weights > /valohai/outputs/deep/model.v1.pkl"],
}
TELL = {
    "name": "tell",
    "image": IMAGE,
    "command": "echo deployment {parameter-value:id} version {parameter-value:version}",
    "parameters": [{"name": "id", "type": "string"}, {"name": "version", "type": "string"}],
}
FILES = {"files": [{"name": "model", "path": "model.txt"}]}
NODE = {
    "name": "deploy",
    "type": "deployment",
    "deployment": "shop",
    "endpoints": ["greet"],
    "aliases": ["production", "newest"],
}
TO_FILE = ["train.output.deep/*.pkl", "deploy.file.greet.model"]


def pipeline(*edges: Any, nodes: tuple[dict[str, Any], ...] = (), **deploy: Any) -> tuple[dict[str, Any], ...]:
    train = {"name": "train", "type": "execution", "step": "train"}
    own = {"name": "all", "nodes": [train, {**NODE, **deploy}, *nodes], "edges": list(edges)}
    return {"step": TRAIN}, {"step": TELL}, {"pipeline": own}


def run(bench: Any, *words: str, code: int = 0) -> tuple[dict[str, Any], str]:
    call = bench.call("pipeline", "run", "all", "--json", *words)
    assert "Traceback" not in call.err
    assert call.process.returncode == code, call.err
    return json.loads(call.out), call.err


def test_a_node_makes_a_version_of_the_files_that_edges_bring(deployments, ask) -> None:
    tell = {"name": "tell", "type": "execution", "step": "tell"}
    edges = [TO_FILE, ["deploy.deployment.id", "tell.parameter.id"]]
    edges += [["deploy.deployment.version_id", "tell.parameter.version"]]
    deployments.greet(**FILES)
    endpoint = json.loads((deployments.folder / "valohai.yaml").read_text())[0]["endpoint"]
    deployments.write(endpoint, more=(*pipeline(*edges, nodes=(tell,)), {"deployment": {"name": "shop"}}))
    document, err = run(deployments.bench)

    version = deployments.version("production")
    assert [node["status"] for node in document["nodes"]] == ["complete"] * 3
    assert f"deployment {version['deployment']['id']} version {version['id']}" in err
    assert (version["deployment"]["name"], version["aliases"]) == ("shop", ["newest", "production"])
    assert version["endpoints"][0]["status"] == "built"
    file = version["endpoints"][0]["files"][0]
    assert (file["path"], file["size"], file["uri"].split(":")[0]) == ("model.txt", 8, "datum")
    assert f"deployment run --version {version['name']}" in err

    served, url = deployments.serve("--version", "shop/production")
    assert "the image was built before" in served.err
    assert json.loads(ask(url)[1])["files"] == {"model.txt": "weights\n"}
    served.signal(signal.SIGINT)
    assert served.code() == 130

    first = version["id"]
    run(deployments.bench)
    assert deployments.version("production")["id"] != first  # the alias has moved on
    assert deployments.version(first)["aliases"] == []


def test_a_build_that_fails_fails_the_node_and_a_rerun_keeps_the_rest(deployments) -> None:
    deployments.greet(**FILES)
    endpoint = json.loads((deployments.folder / "valohai.yaml").read_text())[0]["endpoint"]
    bench = deployments.bench
    (deployments.folder / "requirements.txt").write_text("./nowhere\n")
    deployments.write(endpoint, more=pipeline(TO_FILE))
    document, err = run(bench, code=1)
    assert [(node["name"], node["status"]) for node in document["nodes"]] == [
        ("train", "complete"),
        ("deploy", "error"),
    ]
    assert "requirements.txt could not be installed into the image of endpoint greet" in err

    (deployments.folder / "requirements.txt").unlink()
    again = bench.call("pipeline", "rerun", "latest", "--from-failed", "--current", "--json")
    assert again.process.returncode == 0, again.err
    assert [node["status"] for node in json.loads(again.out)["nodes"]] == ["complete", "complete"]
    assert json.loads(bench.call("execution", "list", "--json").out)[1:] == []  # train ran once


def test_what_a_node_lacks_is_said_before_anything_runs(deployments) -> None:
    deployments.greet(**FILES)
    endpoint = json.loads((deployments.folder / "valohai.yaml").read_text())[0]["endpoint"]
    bench = deployments.bench
    for edges, deploy, said in (
        ([["train.output.*", "deploy.file.greet.modle"]], {}, "there is no file 'modle' of endpoint greet"),
        ([["train.output.*", "deploy.file.gret.model"]], {}, "there is no endpoint 'gret' in node deploy"),
        ([TO_FILE], {"endpoints": ["gret"]}, "there is no endpoint 'gret'"),
        ([["train.output.*", "deploy.dependency.*"]], {}, "no edge brings greet.model to node deploy"),
    ):
        deployments.write(endpoint, more=pipeline(*edges, **deploy))
        call = bench.call("pipeline", "run", "all")
        assert call.process.returncode in {2, 3}, call.err
        assert said in call.err
    assert bench.call("execution", "list", "--json").out == "[]\n"


def test_a_stopped_pipeline_stops_the_build(deployments) -> None:
    deployments.greet(**FILES)
    endpoint = json.loads((deployments.folder / "valohai.yaml").read_text())[0]["endpoint"]
    bench = deployments.bench
    (deployments.folder / "slow").mkdir()
    (deployments.folder / "slow" / "setup.py").write_text("import time\ntime.sleep(600)\n")
    (deployments.folder / "requirements.txt").write_text("./slow\n")
    deployments.write(endpoint, more=pipeline(TO_FILE))
    started = bench.start("pipeline", "run", "all")
    bench.until(lambda: "Processing ./slow" in started.out)
    started.signal(signal.SIGINT)
    assert started.code() == 130
    assert deployments.version()["endpoints"][0]["status"] == "stopped"
    assert json.loads(bench.call("pipeline", "info", "latest", "--json").out)["status"] == "stopped"
