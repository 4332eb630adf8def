"""schemathesis against the OpenAPI document of a running server: no input makes it fail."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from environments import Environment
from served import TOKEN, Served

pytestmark = pytest.mark.docker

SECONDS = 30  # of requests, which are generated until then
YAML = """\
- step:
    name: train
    image: nobody/has-this-image:none
    command: echo {parameters}
    parameters: [{name: epochs, type: integer, default: 2}]
    inputs: [{name: data, optional: true}]
- pipeline:
    name: whole
    nodes: [{name: first, type: execution, step: train}, {name: second, type: execution, step: train}]
    edges: [[first.output.*, second.input.data]]
- endpoint:
    name: ask
    image: nobody/has-this-image:none
    server-command: serve
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = Environment(tmp_path_factory.mktemp("schemathesis") / "environment")
    made.pip("install", "--quiet", "schemathesis>=4,<5")
    return made.folder / "bin" / "st"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path, "--jobs", "1", home=tmp_path / "home")
    yield made
    made.end()
    assert made.process.returncode == 0


def known(url: str) -> dict[str, str]:
    """Ids of what there is, so that requests get past `Not found`."""
    session = requests.Session()
    session.trust_env = False
    session.headers["Authorization"] = f"Token {TOKEN}"

    def made(path: str, **more: object) -> str:
        answer = session.post(f"{url}/api/v0{path}", timeout=60, **more)  # type: ignore[arg-type]
        assert answer.status_code == 201, answer.text
        found = answer.json()
        return str(found.get("id", found.get("identifier")))

    package = io.BytesIO()
    with tarfile.open(fileobj=package, mode="w:gz") as tar:
        entry = tarfile.TarInfo("valohai.yaml")
        entry.size = len(YAML)
        tar.addfile(entry, io.BytesIO(YAML.encode()))
    project = made("/projects/", data={"name": "fuzzed"})
    commit = made(f"/projects/{project}/import-package/", files={"data": ("data.tgz", package.getvalue())})
    upload = session.post(
        f"{url}/api/v0/data/create-upload/", json={"project": project, "name": "a"}, timeout=60
    ).json()
    assert requests.put(upload["url"], b"bytes", timeout=60).status_code == 200
    datum = made(f"/data/uploads/{upload['id']}/complete/")
    own = {"project": project, "name": "known"}
    dataset, model, deployment = (made(f"/{noun}/", json=own) for noun in ("datasets", "models", "deployments"))
    version = {"name": "v1", "files": [{"datum": datum}], "dataset": dataset}
    return {
        "project": project,
        "commit": commit,
        "step": "train",
        "datum": datum,
        "dataset": dataset,
        "model": model,
        "deployment": deployment,
        "project_id": project,
        "identifier": commit,
        "reference": made("/executions/", json={"project": project, "commit": commit, "step": "train"}),
        "datum_id": datum,
        "dataset_id": dataset,
        "model_id": model,
        "deployment_id": deployment,
        "version_id": made("/dataset-versions/", json=version),
    }


def test_no_request_is_answered_by_a_fault(program: Path, served: Served, tmp_path: Path) -> None:
    document = requests.get(f"{served.url}/api/openapi.json", timeout=60).json()
    for path in ("/api/v0/projects/{project_id}/", "/api/v0/executions/{reference}/"):
        del document["paths"][path]["delete"]  # what is known has to stay
    hint(document, known(served.url))
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    # of methods that an operation has not: one of them would delete the project
    (tmp_path / "schemathesis.toml").write_text("[phases.coverage]\nunexpected-methods = []\n")
    words = [program, "--config-file", "schemathesis.toml", "run", "openapi.json", "--url", served.url]
    words += ["--header", f"Authorization: Token {TOKEN}", "--checks", "not_a_server_error", "--seed", "1"]
    words += ["--phases", "examples,coverage,fuzzing", "--max-time", str(SECONDS), "--request-timeout", "10"]
    words += ["--continue-on-failure", "--no-color", "--suppress-health-check", "all", "--generation-database", "none"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def hint(document: dict[str, Any], ids: dict[str, str]) -> None:
    """Let most requests name what is there: bodies always the project, since nothing else is looked at without it."""

    def hinted(schema: dict[str, Any], name: str) -> dict[str, Any]:
        if name not in ids:
            return schema
        known = {"enum": [ids[name]]}
        return known if name in {"project", "step", "dataset", "model", "deployment"} else {"anyOf": [known, schema]}

    for methods in document["paths"].values():
        for operation in methods.values():
            for item in operation.get("parameters", ()):
                item["schema"] = hinted(item["schema"], item["name"])
            content = operation.get("requestBody", {}).get("content", {})
            known = content.get("application/json", {}).get("schema", {}).get("properties", {})
            known.update({name: hinted(schema, name) for name, schema in known.items()})
