"""valohai-utils, unmodified, in containers that `localhai serve` started: what it calls is answered."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from packing import packed
from served import TOKEN, Served
from waiting import until

pytestmark = pytest.mark.docker

SECONDS = 120
YAML = """\
- step:
    name: look
    image: python:3.11-slim
    command:
      - pip install --quiet --no-index --find-links /valohai/inputs/wheels valohai-utils
      - python look.py
    inputs:
      - {name: wheels}
      - {name: later, download: on-demand}
"""
LOOK = """\
import os, valohai
valohai.set_status_detail("half way")
print("before", os.listdir("/valohai/inputs"))
print("after", [open(path).read() for path in valohai.inputs("later").paths()])
print("trigger", valohai.triggers("retrain").url)
"""
TOML = '[triggers]\nretrain = "http://127.0.0.1:1/hook"\n'


@pytest.fixture(scope="module", params=["bind", "volumes"])
def served(request, tmp_path_factory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("inside")
    open_to_clients = str(tmp_path_factory.getbasetemp())
    made = Served(folder, home=folder / "home", LOCALHAI_FILES=request.param, LOCALHAI_SERVE_FOLDERS=open_to_clients)
    yield made
    made.end()
    assert made.process.returncode == 0


def test_a_container_calls_the_server_that_started_it(served, wheels: Path, tmp_path: Path):
    (tmp_path / "later.txt").write_text("asked for")
    session = requests.Session()
    session.trust_env = False
    session.headers["Authorization"] = f"Token {TOKEN}"
    api = f"{served.url}/api/v0"
    project = session.post(f"{api}/projects/", data={"name": "inside"}).json()["id"]
    home = Path(served.home)
    (next((home / "projects").iterdir()) / "localhai.toml").write_text(TOML)
    commit = session.post(
        f"{api}/projects/{project}/import-package/",
        files={"data": ("d", packed({"valohai.yaml": YAML, "look.py": LOOK}))},
    ).json()
    body = {
        "project": project,
        "commit": commit["identifier"],
        "step": "look",
        "inputs": {"wheels": [f"{wheels}/*.whl"], "later": [f"{tmp_path}/later.txt"]},
    }
    made = session.post(f"{api}/executions/", json=body).json()
    execution = f"{api}/executions/{made['id']}"
    until(lambda: session.get(f"{execution}/").json()["end_time"], seconds=SECONDS)
    made = session.get(f"{execution}/").json()
    events = session.get(f"{execution}/events/").json()["events"]
    log = "\n".join(event["message"] for event in events)
    assert (made["status"], made["status_detail"]) == ("complete", "half way"), log
    assert "before ['wheels']" in log or "before ['later', 'wheels']" in log or "before ['wheels', 'later']" in log
    assert "after ['asked for']" in log
    assert "trigger http://127.0.0.1:1/hook" in log
    words = [sys.executable, "-m", "localhai", "execution", "info", made["id"], "--json"]
    shown = subprocess.run(words, env={"LOCALHAI_HOME": str(home)}, capture_output=True, check=True, timeout=SECONDS)
    assert json.loads(shown.stdout)["status_detail"] == "half way"
