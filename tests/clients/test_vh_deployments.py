"""`vh deployment create-version` and `vh notebook run` against `localhai serve` and a real engine."""

from __future__ import annotations

import io
import re
from contextlib import closing

import docker
import pytest
import requests
from vh_command import SECONDS, linked
from waiting import until

from localhai.containers import labels

pytestmark = pytest.mark.docker

YAML = """\
- step:
    name: train
    image: python:3.11-slim
    command: echo weights > /valohai/outputs/model.txt
- endpoint:
    name: predict
    image: python:3.11-slim
    server-command: python serve.py
    files:
      - {name: model, path: model.txt}
- deployment:
    name: production
    defaults: {target: valohai.cloud}
"""
SERVE = """\
import http.server, os

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"{open('model.txt').read().strip()} {os.environ.get('MODE')}".encode())

http.server.HTTPServer(("0.0.0.0", 8000), Handler).serve_forever()
"""
JUPYTER = """\
FROM python:3.11-slim
RUN printf '#!/bin/sh\\nexec python -m http.server 8888 --directory /tmp\\n' > /usr/local/bin/jupyter-lab \\
 && chmod +x /usr/local/bin/jupyter-lab
"""


@pytest.fixture(scope="module")
def demo(vh_program, tmp_path_factory):
    files = {"valohai.yaml": YAML, "serve.py": SERVE}
    with linked(vh_program, tmp_path_factory.mktemp("deployments"), files, "--jobs", "1") as made:
        yield made


@pytest.fixture(scope="module")
def client():
    with closing(docker.from_env()) as made:
        yield made


@pytest.fixture(scope="module")
def jupyter(client):
    """An image with what looks like Jupyter."""
    image, _ = client.images.build(fileobj=io.BytesIO(JUPYTER.encode()), rm=True, tag="localhai-test/jupyter:1")
    yield image.tags[0]
    client.images.remove(image.id, force=True)


def answers(url):
    try:
        requests.get(url, timeout=10)
    except requests.ConnectionError:
        return False
    return True


def served(vh, version, *statuses):
    """The version's endpoint, once it has one of these statuses."""

    def endpoint():
        (found,) = vh.api(f"deployment-versions/{version}/")["endpoints"]
        return found

    until(lambda: endpoint()["status"] in statuses, seconds=SECONDS, said=endpoint)
    return endpoint()


def test_a_version_is_made_served_and_disabled(demo, client):
    vh, project = demo
    vh("project", "environment-variables", "create", "MODE=fast")
    vh("exec", "run", "--adhoc", "train")
    assert vh.until_ended(f"executions/{project}:1/") == "complete"
    (datum,) = vh.json("data", "list")
    words = ["deployment", "create-version", "--adhoc", "-d", "production", "-e", "predict"]
    said = vh(*words, f"--predict-model=datum://{datum['id']}")
    name = re.search(r"Using automatically generated name (\d{8}\.0)", said)
    assert name
    assert f"Deployment version {name[1]} created. See {vh.server.url}/p/{project}/deployment/" in said
    (version,) = vh.api(f"deployment-versions/?project={project}")["results"]
    endpoint = served(vh, version["id"], "serving", "error")
    assert requests.get(endpoint["url"], timeout=10).text == "weights fast"
    vh.api(f"deployment-versions/{version['id']}/", "PATCH", json={"enabled": False})
    assert served(vh, version["id"], "stopped")["url"] is None

    for image in client.images.list(filters={"label": f"{labels.DEPLOYMENT}={version['id']}"}):
        client.images.remove(image.id, force=True)

    again = vh(*words, "-n", name[1], f"--predict-model={datum['id']}", code=1)
    assert "has a version" in again
    assert '"nothing" is not a known deployment' in vh(*words[:3], "-d", "nothing", "-e", "predict", code=2)
    assert "Missing option" in vh(*words, code=2)
    assert "Not valid datum id" in vh(*words, "--predict-model=newest")
    unknown = vh(*words, "--predict-model=00000000-0000-0000-0000-000000000000", code=1)
    assert "no datum of that id" in unknown
    assert len(vh.api(f"deployment-versions/?project={project}")["results"]) == 1


def test_a_notebook_is_started_where_it_says(demo, jupyter):
    vh, project = demo
    said = vh("notebook", "run", "-i", jupyter, "--var", "A=1")
    found = re.search(r"Notebook execution (\d+) queued\. See (http://\S+token=[0-9a-f]+)", said)
    assert found
    until(lambda: answers(found[2]), seconds=SECONDS)
    assert requests.get(found[2], timeout=10).status_code == 200
    assert "notebook" in vh("exec", "list", "--status", "started")
    assert "OK" in vh("exec", "stop", found[1])
    assert vh.until_ended(f"executions/{project}:{found[1]}/") == "stopped"
    assert "Missing option" in vh("notebook", "run", code=2)
