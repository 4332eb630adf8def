"""`localhai serve` in a container with the engine's socket mounted, as the image of Dockerfile has it.

Building that image takes minutes, so what is in it is mounted into the image of the steps. With LOCALHAI_TEST_IMAGE,
the name of an image that `scripts/image` built, the same test runs on that.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from waiting import until

from localhai.containers.docker.connect import connect
from tests.docker.packages import site_packages

pytestmark = pytest.mark.docker

ROOT = Path(__file__).resolve().parent.parent.parent
IMAGE = os.environ.get("LOCALHAI_TEST_IMAGE")  # the isolation of tests removes it later
TOKEN = "a-token-of-the-image"
SECONDS = 120
YAML = """\
- step:
    name: copy
    image: python:3.11-slim
    command:
      - cp code.txt /valohai/outputs/
      - cat /valohai/inputs/data/copied.txt || true
    inputs:
      - {name: data, optional: true, filename: copied.txt}
"""


def instruction(name: str) -> str:
    """What stands in Dockerfile, its last of that name, with continued lines joined."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    return re.findall(rf"^{name} +(.*)$", text, re.MULTILINE)[-1]


def docker(*words: str) -> str:
    return subprocess.run(
        ["docker", *words], check=True, capture_output=True, text=True, timeout=SECONDS
    ).stdout.strip()


def stand_in(folder: Path) -> list[str]:
    """Options and the image in place of a built one: this Python's packages, or those for the image's Python."""
    environment = dict(re.findall(r"(\w+)=(\S+)", instruction("ENV")))
    mounts = [f"{site_packages(folder)}:/site:ro", f"{ROOT / 'localhai'}:/code/localhai:ro"]
    options = ["-e", f"LOCALHAI_HOME={environment['LOCALHAI_HOME']}", "-e", "PYTHONPATH=/code:/site"]
    options += [word for mount in mounts for word in ("-v", mount)]
    return [*options, "--entrypoint", "python3", "python:3.11-slim", "-m", *json.loads(instruction("ENTRYPOINT"))]


@pytest.fixture(scope="module")
def url(tmp_path_factory) -> Iterator[str]:
    engine = connect()
    socket = engine.info().place.removeprefix("unix://")
    engine.close()
    options = ["--detach", "--publish", "127.0.0.1::8000", "-e", f"LOCALHAI_TOKEN={TOKEN}"]
    options += ["-v", f"{socket}:/var/run/docker.sock"]
    image = [IMAGE] if IMAGE else stand_in(tmp_path_factory.mktemp("image"))
    container = docker("run", *options, *image, *json.loads(instruction("CMD")))
    try:
        where = docker("port", container, "8000/tcp").splitlines()[0]
        until(lambda: ready(f"http://{where}"), seconds=SECONDS, said=lambda: docker("logs", container))
        yield f"http://{where}"
        docker("stop", "--time", "60", container)
        assert docker("inspect", "--format", "{{.State.ExitCode}}", container) == "0"
    finally:
        docker("rm", "--force", "--volumes", container)


def ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/health", timeout=10).ok
    except requests.RequestException:
        return False


@pytest.fixture
def api() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.headers["Authorization"] = f"Token {TOKEN}"
        session.trust_env = False
        yield session


def packed(files: dict[str, str]) -> bytes:
    found = io.BytesIO()
    with gzip.GzipFile(fileobj=found, mode="wb") as zipped, tarfile.open(fileobj=zipped, mode="w") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    return found.getvalue()


def ended(api, url, body) -> dict:
    made = api.post(f"{url}/api/v0/executions/", json=body, timeout=30)
    assert made.status_code == 201, made.text

    def look() -> dict | None:
        found = api.get(f"{url}/api/v0/executions/{made.json()['id']}/", timeout=30).json()
        return found if found["end_time"] else None

    return until(look, seconds=SECONDS)


def test_steps_run_and_files_reach_them_though_the_engine_sees_none_of_its_folders(api, url):
    project = api.post(f"{url}/api/v0/projects/", data={"name": "demo"}, timeout=30).json()["id"]
    files = {"data": ("data.tgz", packed({"valohai.yaml": YAML, "code.txt": "it came through"}), "application/gzip")}
    commit = api.post(f"{url}/api/v0/projects/{project}/import-package/", files=files, timeout=60).json()["identifier"]
    body = {"project": project, "commit": commit, "step": "copy"}
    first = ended(api, url, body)
    assert first["status"] == "complete"
    (output,) = first["outputs"]
    assert requests.get(output["url"], timeout=30).text == "it came through"
    second = ended(api, url, {**body, "inputs": {"data": [f"datum://{output['id']}"]}})
    events = api.get(f"{url}/api/v0/executions/{second['id']}/events/", timeout=30).json()["events"]
    assert "it came through" in [event["message"] for event in events]


def test_a_service_of_a_ci_job_is_called_by_its_name(api, url):
    assert api.get(f"{url}/health", headers={"Host": "localhai:8000"}, timeout=10).ok
    assert api.get(f"{url}/health", headers={"Host": "evil.example"}, timeout=10).status_code == 403


def test_the_image_has_all_that_the_wheel_is_built_from():
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    said = (ROOT / "pyproject.toml").read_text()
    needed = {"pyproject.toml", "localhai", *re.findall(r'^readme = "(.+)"$', said, re.MULTILINE)}
    licences = re.search(r"^license-files = \[([^]]+)\]$", said, re.MULTILINE)
    assert licences
    needed |= {name.partition("/")[0] for name in re.findall(r'"([^"]+)"', licences[1])}
    assert needed <= kept
    assert all((ROOT / name).exists() for name in kept - {"wheels"})
