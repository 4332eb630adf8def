"""Endpoints served on the real engine and asked over HTTP: what their servers see, and what localhai tells of them."""

from __future__ import annotations

import json
import signal

import pytest

pytestmark = pytest.mark.docker


def test_a_server_sees_what_the_platform_gives_it(deployments, ask, tmp_path) -> None:
    """platform.md 9: the whole path, the prefix by variable and header, files below the working directory, metadata."""
    files = [{"name": "model", "path": "model.txt"}, {"name": "deep", "path": "models/deep.txt"}]
    deployments.greet(files=files)
    model, deep = tmp_path / "m.bin", tmp_path / "d.bin"
    model.write_text("weights")
    deep.write_text("layers")
    run, url = deployments.serve(
        "greet", "--file", f"model={model}", "--file", f"greet.deep={deep}", "--alias", "live", "--var", "MOOD=good"
    )
    status, body = ask(url, "predict?x=1")
    seen = json.loads(body)
    version = deployments.version()
    prefix = url.split("/", 3)[3]
    owner = prefix.split("/")[0]

    assert status == 200
    assert prefix == f"{owner}/news/local/{version['name']}/greet"
    assert seen["path"] == f"/{prefix}/predict?x=1"
    assert seen["headers"]["X-VH-Prefix"] == prefix
    assert seen["environment"]["VH_DEFAULT_PREFIX"] == prefix
    assert seen["environment"]["VALOHAI_PORT"] == "8000"
    assert seen["environment"]["MOOD"] == "good"
    assert seen["files"] == {"model.txt": "weights", "models/deep.txt": "layers"}
    assert seen["directory"] == "/valohai/repository"
    assert seen["metadata"]["version"]["name"] == version["name"]
    assert seen["metadata"]["deployment"]["name"] == "local"

    by_alias = url.replace(version["name"], "live")
    seen = json.loads(ask(by_alias)[1])
    assert seen["headers"]["X-VH-Prefix"] == prefix.replace(version["name"], "live")
    assert seen["environment"]["VH_DEFAULT_PREFIX"] == prefix  # whatever alias was used
    assert ask(url, method="POST", body=b"abc") == (201, b"cba")
    status, body = ask(url.replace("greet", "other"))
    assert (status, b"/live/greet/" in body) == (404, True)

    assert version["endpoints"][0]["status"] == "serving"
    assert version["endpoints"][0]["url"] == url
    assert version["endpoints"][0]["image_built"].startswith("localhai/deployment:")
    run.signal(signal.SIGINT)
    assert run.code() == 130
    assert deployments.version()["endpoints"][0]["status"] == "stopped"
    assert "Traceback" not in run.err


def test_a_wsgi_application_and_a_callable_of_it(deployments, ask) -> None:
    deployments.write({"name": "plain", "wsgi": "web"}, {"name": "named", "wsgi": "web:other", "port": 9123})
    run, url = deployments.serve("plain", "named")
    bench = deployments.bench
    bench.until(lambda: run.err.count("serving at ") == 2)
    path = "/" + url.split("/", 3)[3]
    assert ask(url, "x") == (200, f"hello from {path}/x".encode())
    other = url.replace("/plain", "/named")
    assert ask(other) == (202, path.replace("/plain", "/named").lstrip("/").encode())
    run.signal(signal.SIGTERM)
    assert run.code() == 130
    assert [item["status"] for item in deployments.version()["endpoints"]] == ["stopped", "stopped"]


def test_info_list_logs_and_stop(deployments, ask) -> None:
    deployments.greet()
    bench = deployments.bench
    run, url = deployments.serve("greet", "--name", "first", "--alias", "live")
    ask(url, "question")
    logs = bench.until(lambda: "question" in bench.call("deployment", "logs").out and bench.call("deployment", "logs"))
    assert "listening\n" in logs.out
    assert "asked for question by test\n" in logs.out
    assert "localhai asked once for its prefix, and the status was 200" in logs.out
    assert logs.out.count("localhai-health-check") == 1
    last = bench.call("deployment", "logs", "live", "--endpoint", "gr", "--last", "1", "--json")
    assert [item["message"] for item in json.loads(last.out)] == ["asked for question by test"]

    info, listed = bench.call("deployment", "info", "live"), bench.call("deployment", "list")
    assert "local/first of news" in info.out
    assert "localhai/deployment:" in info.out
    assert url in info.out
    assert "greet (serving)" in listed.out
    assert [item["name"] for item in json.loads(bench.call("deployment", "list", "--json").out)] == ["first"]

    stop = bench.call("deployment", "stop", "local/first")
    assert "is asked to stop" in stop.err
    assert run.code() == 0
    assert "local/first is not served" in bench.call("deployment", "stop", "first").err


def test_an_earlier_version_is_served_again_with_its_own_code(deployments, ask) -> None:
    deployments.greet()
    bench = deployments.bench
    made = bench.call("deployment", "create-version", "-e", "greet", "--name", "old")
    assert (made.process.returncode, made.out) == (0, "local/old\n"), made.err
    (deployments.folder / "version.txt").write_text("two")
    newer = bench.call("deployment", "create-version", "--json")
    assert json.loads(newer.out)["endpoints"][0]["status"] == "built", newer.err

    cleaned = bench.call("clean", "--cache", "--yes", "--json")  # versions can be served without their images
    assert json.loads(cleaned.out)["problems"] == []
    assert next(item for item in json.loads(cleaned.out)["portions"] if "images" in item["what"])["size"] > 0
    run, url = deployments.serve("--version", "old")
    assert json.loads(ask(url)[1])["code"] == "one"
    second, other = deployments.serve("gr", "--version", "latest")
    assert json.loads(ask(other)[1])["code"] == "two"
    held = bench.call("deployment", "run", "--version", "old", "--port", "0")
    assert held.process.returncode == 2
    assert "is built or served by another process" in held.err
    for process in (run, second):
        process.signal(signal.SIGINT)
    assert (run.code(), second.code()) == (130, 130)


def test_detached_it_goes_on_until_it_is_stopped(deployments, ask) -> None:
    deployments.greet()
    bench = deployments.bench
    started = bench.call("deployment", "run", "greet", "--detach", "--port", "0", "--json")
    assert started.process.returncode == 0, started.err
    url = json.loads(started.out)["endpoints"][0]["url"]
    assert json.loads(ask(url)[1])["code"] == "one"
    taken = bench.call("deployment", "run", "greet", "--port", url.split(":")[2].split("/")[0])
    assert taken.process.returncode == 4
    assert "is in use" in taken.err
    assert "--port 0" in taken.err
    assert len(bench.call("deployment", "list", "--json").out) > 0
    bench.call("deployment", "stop")
    bench.until(lambda: deployments.version()["endpoints"][0]["status"] == "stopped")
    with pytest.raises(ConnectionRefusedError):
        ask(url)
