"""`localhai deployment ...` over an engine without Docker: versions, builds, what is served, what is said."""

from __future__ import annotations

import http.client
import json
import threading
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner
from waiting import until

from localhai.cli.call import Call
from localhai.cli.main import cli
from localhai.containers import labels
from localhai.records import Owner


def test_a_version_is_made_named_by_the_day_and_built(endpoints, tmp_path) -> None:
    endpoints.write({"files": [{"name": "model", "path": "deep/model.txt"}]})
    (tmp_path / "m").write_text("weights")
    words = ("create-version", "--file", f"model={tmp_path / 'm'}", "--alias", "live", "--var", "A=1")
    made = endpoints.json(*words)
    endpoint = made["endpoints"][0]
    assert made["name"].endswith(".0")
    assert (made["aliases"], made["environment_variables"]) == (["live"], {"A": "1"})
    assert (endpoint["status"], endpoint["image"]) == ("built", "python:3.11-slim")
    assert endpoint["image_built"].startswith("localhai/deployment:")
    assert [(file["path"], file["size"]) for file in endpoint["files"]] == [("deep/model.txt", 7)]
    assert endpoints.engine.all_containers == []

    again = endpoints(*words)
    assert "the image was built before" in again.stderr
    assert again.stdout.strip().endswith(".1")
    newest, older = endpoints.json("list")
    assert (newest["aliases"], older["aliases"]) == (["live"], [])
    assert newest["endpoints"][0]["image_built"] == endpoint["image_built"]


def test_the_image_of_an_endpoint_is_replaced_as_that_of_a_step(endpoints) -> None:
    endpoints.write({"image": "lost/serve:1-gpu"})
    endpoints.engine.images = ["python:3.11-slim"]
    refused = endpoints("create-version", code=4).stderr
    assert '"lost/serve:1-gpu" = "lost/serve:1"' in refused
    (endpoints.folder / "localhai.toml").write_text('[images]\n"lost/*" = "python:3.11-slim"\n')
    said = endpoints("create-version").stderr
    assert "the image lost/serve:1-gpu is replaced by python:3.11-slim ([images] in localhai.toml)" in said


def test_the_images_of_several_endpoints_are_looked_at_before_the_first_is_built(endpoints) -> None:
    endpoints.write({"name": "one"}, {"name": "two", "image": "lost/two:1"}, {"name": "three", "image": "lost/three:1"})
    endpoints.engine.images = ["python:3.11-slim"]
    refused = endpoints("create-version", "-e", "one", "-e", "two", "-e", "three", code=4).stderr
    assert "2 images cannot be had" in refused
    assert endpoints.json("list") == []


@pytest.mark.parametrize(
    ("present", "installed"),
    [
        (["requirements.txt", "requirements-deployment.txt"], "requirements-deployment.txt"),
        (["requirements.txt"], "requirements.txt"),
        ([], None),
    ],
)
def test_which_requirements_are_installed(endpoints, present, installed) -> None:
    for name in present:
        (endpoints.folder / name).write_text("x\n")
    said = endpoints("create-version").stderr
    assert ("installing" in said) == (installed is not None)
    assert installed is None or f"installing {installed}" in said


def test_requirements_that_fail_leave_an_error_and_what_pip_said(endpoints) -> None:
    (endpoints.folder / "requirements.txt").write_text("x\n")
    endpoints.installed = 1
    failed = endpoints("create-version", code=1)
    assert "requirements.txt could not be installed" in failed.stderr
    assert "pip was here" in failed.stderr
    assert endpoints.json("info")["endpoints"][0]["status"] == "error"
    assert endpoints.engine.all_containers == []


def test_a_secret_is_masked_and_in_no_record(endpoints, tmp_path) -> None:
    (endpoints.folder / "requirements.txt").write_text("x\n")
    (tmp_path / "env").write_text("TOKEN=pip was\n")
    made = endpoints("create-version", "--env-file", str(tmp_path / "env"))
    assert "pip was" not in made.stdout + made.stderr
    assert "pip was" not in endpoints("logs").stdout
    assert "pip was" not in endpoints("info", "--json").stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["create-version", "-e", "gret"], 2, "did you mean greet?"),
        (["create-version", "--file", "m=x"], 2, "there is no file 'm'"),
        (["create-version", "--var", "A"], 2, "is not NAME=VALUE"),
        (["info", "nine"], 2, "there is no deployment version 'nine'"),
        (["run", "--version", "nine", "--port", "0"], 2, "there is no deployment version 'nine'"),
        (["run", "--version", "nine", "--alias", "live", "--port", "0"], 2, "--alias makes a new version"),
        (["stop", "nine"], 2, "make one: localhai deployment run ENDPOINT"),
    ],
)
def test_what_is_typed_wrong(endpoints, words, code, said) -> None:
    assert said in endpoints(*words, code=code).stderr


def test_a_file_that_cannot_be_had_is_no_input(endpoints, tmp_path) -> None:
    endpoints.write({"files": [{"name": "model", "path": "m"}]})
    failed = endpoints("create-version", "--file", f"model={tmp_path}/nowhere", code=4).stderr
    assert f"a file of endpoint greet cannot be had:\n  model: {tmp_path}/nowhere: there is no such file" in failed
    assert "give files of this machine instead: --file model=samples/model" in failed


def test_which_endpoint_is_asked_where_there_are_several(endpoints) -> None:
    endpoints.write({}, {"name": "other"})
    assert "which endpoint?" in endpoints("create-version", code=2).stderr
    endpoints("create-version", "-e", "greet", "-e", "other", "--name", "both")
    assert "--endpoint other" in endpoints("logs", code=2).stderr
    assert "which endpoint" not in endpoints("logs", "both", "-e", "oth").stderr


def test_a_name_is_given_once_for_each_deployment(endpoints) -> None:
    endpoints("create-version", "--name", "one")
    assert "has a version 'one' already" in endpoints("create-version", "--name", "one", code=2).stderr
    endpoints("create-version", "--name", "one", "--deployment", "other")
    assert endpoints.json("info", "other/one")["deployment"]["name"] == "other"
    assert "2 deployment versions are 'one'" in endpoints("info", "one", code=2).stderr


def test_the_deployment_of_valohai_yaml_is_taken(endpoints) -> None:
    items = json.loads((endpoints.folder / "valohai.yaml").read_text())
    items.append({"deployment": {"name": "webshop", "defaults": {"target": "main"}}})
    (endpoints.folder / "valohai.yaml").write_text(json.dumps(items))
    assert endpoints("create-version", "--name", "a").stdout == "webshop/a\n"


def test_code_of_versions_stays_when_caches_are_cleaned(endpoints) -> None:
    made = endpoints.json("create-version")
    call = Call(home=endpoints.home, folder=endpoints.folder)
    cleaned = CliRunner().invoke(cli, ["clean", "--cache", "--yes", "--json"], obj=call)
    assert "images of deployments" in cleaned.stdout
    assert endpoints.engine.image(made["endpoints"][0]["image_built"]) is None
    assert [path for path in endpoints.home.code_cache.iterdir() if path.name.startswith(made["commit"])]


def test_what_a_dead_localhai_left_is_closed_and_said(endpoints) -> None:
    made = endpoints.json("create-version")
    me = labels.own_owner()
    dead = Owner(me.host, me.pid, "0", me.boot_id)
    assert endpoints.home.records.deployments.hold_endpoint(made["id"], "greet", "serving", dead)
    listed = endpoints("list", "--json")
    assert "was left by a localhai that died" in listed.stderr
    assert json.loads(listed.stdout)[0]["endpoints"][0]["status"] == "crashed"


def test_an_endpoint_is_served_until_it_is_asked_to_stop(endpoints) -> None:
    results = []
    serving = threading.Thread(target=lambda: results.append(endpoints("run", "--port", "0", "--alias", "live")))
    serving.start()
    versions = endpoints.home.records.deployments.versions
    found = until(lambda: (kept := versions()) and kept[0].endpoints[0].status == "serving" and kept, seconds=30)
    url = endpoints.json("info")["endpoints"][0]["url"]
    parts = urlsplit(url.replace(found[0].name, "live"))
    connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=5)
    connection.request("GET", f"{parts.path}/x")
    assert connection.getresponse().read().decode() == f"{parts.path}/x {parts.path.strip('/')}"
    connection.close()

    assert "greet (serving)" in endpoints("list").stdout
    assert "is asked to stop" in endpoints("stop").stderr
    serving.join(30)
    assert f"serving at {url}" in results[0].stderr
    assert "listening" in endpoints("logs").stdout
    endpoint = endpoints.json("info")["endpoints"][0]
    assert (endpoint["status"], endpoint["url"]) == ("stopped", None)
    assert endpoints.engine.all_containers == []
