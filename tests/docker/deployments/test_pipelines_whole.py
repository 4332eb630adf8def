"""One pipeline on the real engine with every type of node, every kind of edge and every value of on-error."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytestmark = pytest.mark.docker

IMAGE = "python:3.11-slim"
MAKE = {
    "name": "make",
    "command": [
        "echo weights > /valohai/outputs/model.txt",
        "cp /valohai/inputs/raw/* /valohai/outputs/copy-{parameter-value:word}.csv",
        'echo \'{"loss": 0.25, "sizes": [1, 2, 3]}\'',
    ],
    "inputs": [{"name": "raw", "default": "file://SEED"}],
    "parameters": [{"name": "word", "type": "string", "default": "one"}],
    "environment-variables": [{"name": "MODE", "default": "fast"}],
}
SHOW = {
    "name": "show",
    "command": [
        "for place in /valohai/inputs/*; do echo $(basename $place): $(ls $place); done",
        "echo word {parameter-value:word}, loss {parameter-value:loss}, mode $MODE",
    ],
    "inputs": [{"name": name, "optional": True} for name in ("files", "raw")],
    "parameters": [
        {"name": "word", "type": "string", "default": "none"},
        {"name": "loss", "type": "float", "default": 9.5},
    ],
    "environment-variables": [{"name": "MODE", "optional": True}],
}
HALF = {
    "name": "half",
    "command": ["echo {parameter-value:n} > /valohai/outputs/{parameter-value:n}.txt", "test {parameter-value:n} != 2"],
    "parameters": [{"name": "n", "type": "integer", "default": 0}],
}
FAIL = {"name": "fail", "command": ["echo half > /valohai/outputs/half.txt", "exit 3"]}
FLAKY = {
    "name": "flaky",
    "command": ["echo x >> /shared/tries", "test $(wc -l < /shared/tries) = 2"],
    "mounts": ["SHARED:/shared"],
}
ENDPOINT = {
    "name": "greet",
    "server-command": "python serve.py",
    "files": [{"name": "model", "path": "model.txt"}, {"name": "deep", "path": "models/deep.txt"}],
}
NODES = [
    {"name": "make", "step": "make"},
    {"name": "show", "step": "show"},
    {"name": "deploy", "type": "deployment", "deployment": "news", "endpoints": ["greet"], "aliases": ["live"]},
    {"name": "tell", "step": "show"},
    {"name": "sweep", "type": "task", "step": "half", "on-error": "continue"},
    {"name": "gather", "step": "show"},
    {"name": "broken", "step": "fail", "on-error": "continue"},
    {"name": "rest", "step": "show", "edge-merge-mode": "append"},
    {"name": "flaky", "step": "flaky", "on-error": "retry"},
    {"name": "dead-end", "step": "fail", "on-error": "stop-next"},
    {"name": "behind", "step": "show"},
    {"name": "end", "step": "fail", "on-error": "stop-all"},
    {"name": "never", "step": "show"},
]
EDGES = [
    ["make.output.*.csv", "show.input.files"],
    {"source": "make.input.ra*", "target": "show.input.raw"},
    ["make.parameter.word", "show.parameter.word"],
    {"source": "make.metadata.loss", "target": "show.parameter.loss"},
    ["make.environment-variable.MODE", "show.environment-variable.MODE"],
    ["make.output.model.txt", "deploy.file.greet.model"],
    {"source": "make.input.raw", "target": "deploy.file.greet.deep"},
    ["deploy.deployment.version_id", "tell.parameter.word"],
    ["make.metadata.sizes", "sweep.parameter.n"],
    ["sweep.output.*.txt", "gather.input.files"],
    ["broken.output.*", "rest.input.files"],
    {"source": "make.dependency.*", "target": "flaky.dependency.*"},
    ["dead-end.output.*", "behind.input.files"],
    *([f"{name}.dependency.*", "end.dependency.*"] for name in ("show", "tell", "gather", "rest", "flaky")),
    ["end.output.*", "never.input.files"],
]
FAILED = {"sweep": "error", "broken": "error", "dead-end": "error", "end": "error"}
NEVER = {"behind": "stopped", "never": "stopped"}


def test_every_kind_of_edge_and_every_value_of_on_error_at_once(deployments: Any, ask: Any) -> None:
    bench, shared = deployments.bench, deployments.bench.tmp / "shared"
    shared.mkdir()
    seed = bench.tmp / "seed.txt"
    seed.write_text("seed")
    (bench.folder / "localhai.toml").write_text("[docker]\nmounts = true\n")
    steps = [{"step": {"image": IMAGE, **step}} for step in (MAKE, SHOW, HALF, FAIL, FLAKY)]
    nodes = [{"type": "execution", **node} for node in NODES]
    deployment = {"deployment": {"name": "news", "defaults": {"target": "here"}}}
    more = (*steps, deployment, {"pipeline": {"name": "all", "nodes": nodes, "edges": EDGES}})
    text = json.dumps(more).replace("SEED", str(seed)).replace("SHARED", str(shared))
    deployments.write(ENDPOINT, more=json.loads(text))
    call = bench.call("pipeline", "run", "all", "--json")
    assert "Traceback" not in call.err
    document = json.loads(call.out)
    assert "nodes" in document, call.out
    found = {node["name"]: node["status"] for node in document["nodes"]}
    assert found == {**{node["name"]: "complete" for node in nodes}, **FAILED, **NEVER}, call.err
    assert (call.process.returncode, document["status"]) == (1, "error")

    def lines(node: str) -> list[str]:
        return [line.split("| ", 1)[1] for line in call.err.splitlines() if line.split(" ")[0] == node and "| " in line]

    version = deployments.version()
    assert lines("show") == ["files: copy-one.csv", "raw: seed.txt", "word one, loss 0.25, mode fast"]
    assert f"word {version['id']}, loss 9.5, mode" in lines("tell")  # beside what ls wrote, in either order
    assert lines("gather")[0] == "files: 1.txt 3.txt"
    assert lines("rest")[0] == "files: half.txt"
    assert (shared / "tries").read_text() == "x\nx\n"
    made = {node["name"]: node for node in document["nodes"]}
    assert made["deploy"]["deployment"]["version_id"] == version["id"]
    assert made["sweep"]["task"]["status"] == "error"

    run, url = deployments.serve("--version", "live")
    seen = json.loads(ask(url)[1])
    assert seen["files"] == {"model.txt": "weights\n", "models/deep.txt": "seed"}
    run.signal(2)
    assert run.code() == 130
