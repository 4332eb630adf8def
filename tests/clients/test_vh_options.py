"""Options of `vh exec run` and `vh exec outputs`, from `localhai serve` and a real engine; large uploads."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import requests
from vh_command import linked

pytestmark = pytest.mark.docker

YAML = """\
- step:
    name: train
    image: no-such-image
    command: python train.py {parameters}
    parameters:
      - {name: epochs, type: integer, default: 2}
      - {name: verbose, type: flag}
    inputs:
      - {name: data, optional: true}
    environment-variables:
      - {name: MODE, default: slow}
- step:
    name: slow
    image: python:3.11-slim
    command: sleep 100
"""
TRAIN = """\
import json, os, sys
print("arguments", sys.argv[1:], "mode", os.environ["MODE"], "more", os.environ.get("MORE"))
files = sorted(os.listdir("/valohai/inputs/data")) if os.path.isdir("/valohai/inputs/data") else []
print("files", files)
for name in ("a.txt", "b.csv"):
    with open(f"/valohai/outputs/{name}", "w") as file:
        file.write(name)
"""
MEBIBYTES = 300
MOST_GROWTH = 100  # MiB


@pytest.fixture(scope="module")
def demo(vh_program, tmp_path_factory):
    files = {"valohai.yaml": YAML, "train.py": TRAIN, "other.yaml": YAML.replace("default: 2", "default: 7")}
    with linked(vh_program, tmp_path_factory.mktemp("options"), files, "--jobs", "2") as made:
        yield made


def test_options_of_a_run_reach_the_execution(demo, tmp_path):
    vh, project = demo
    options = ["--image", "python:3.11-slim", "--environment", "aws-small", "--title", "with all", "--tag", "a"]
    options += ["--tag", "b", "--var", "MODE=fast", "--var", "MORE=1", "--time-limit", "1h", "--priority", "5"]
    options += ["--k8s-cpu-max", "1", "--k8s-memory-max", "256"]
    vh("exec", "run", "--adhoc", *options, "train", "--epochs=9", "--verbose=true")
    assert vh.until_ended(f"executions/{project}:1/") == "complete"
    assert "arguments ['--epochs=9', '--verbose'] mode fast more 1" in vh("exec", "logs", "1")
    shown = vh.json("exec", "info", "1")
    assert (shown["title"], shown["tags"], shown["priority"]) == ("with all", ["a", "b"], 5)
    assert (shown["environment"]["slug"], shown["image"]) == ("aws-small", "python:3.11-slim")

    first, second = (row["id"] for row in vh.json("exec", "outputs", "1"))
    inputs = [f"--data=datum://{first}", f"--data=datum://{second}"]
    image = ["--image", "python:3.11-slim"]
    vh("exec", "run", "--adhoc", *image, "train", *inputs)
    assert vh.until_ended(f"executions/{project}:2/") == "complete"
    vh("exec", "outputs", "2", "--sync", "--download", str(tmp_path / "synced"))
    assert "files ['a.txt', 'b.csv']" in vh("exec", "logs", "2")
    assert (tmp_path / "synced" / "b.csv").read_text() == "b.csv"
    vh("exec", "outputs", "2", "--download", str(tmp_path / "some-{counter}"), "--filter-download", "*.csv")
    assert [path.name for path in (tmp_path / "some-2").iterdir()] == ["b.csv"]

    (vh.folder / "given.yaml").write_text("epochs: 11\n")
    vh("exec", "run", "--adhoc", *image, "train", "--parameter-file", "given.yaml")
    vh("exec", "run", "--adhoc", *image, "--yaml", "other.yaml", "train")
    for counter, epochs in ((3, 11), (4, 7)):
        assert vh.until_ended(f"executions/{project}:{counter}/") == "complete"
        assert f"--epochs={epochs}'" in vh("exec", "logs", str(counter))

    vh("exec", "run", "--adhoc", "--time-limit", "1", "slow")
    assert vh.until_ended(f"executions/{project}:5/") == "error"
    assert "time limit" in vh("exec", "logs", "5").replace("-", " ")


@pytest.mark.skipif(sys.platform != "linux", reason="how much memory a process had is read from /proc")
def test_a_large_upload_and_its_download_keep_memory_flat(demo):
    vh, project = demo

    def peak() -> int:
        status = Path(f"/proc/{vh.server.process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found
        return int(found[1]) // 1024

    before, block = peak(), bytes(range(256)) * 4096
    upload = vh.api("data/create-upload/", "POST", json={"project": project, "name": "large", "size": MEBIBYTES << 20})
    assert requests.put(upload["url"], data=(block for _ in range(MEBIBYTES)), timeout=120).ok
    datum = vh.api(f"data/uploads/{upload['id']}/complete/", "POST")
    assert datum["size"] == MEBIBYTES << 20
    url = vh.api(f"data/{datum['id']}/download/")["url"]
    with requests.get(url, stream=True, timeout=120) as answer:
        assert sum(map(len, answer.iter_content(1 << 20))) == datum["size"]
    assert peak() - before < MOST_GROWTH
    vh.api(f"data/{datum['id']}/purge/", "POST")
