"""Endpoints that cannot be built or served, are interrupted, or whose localhai dies: what is said, and what is left."""

from __future__ import annotations

import json
import signal
import socket

import pytest

pytestmark = pytest.mark.docker


def failed(deployments, *arguments, code):
    """A run that fails: its stderr."""
    run = deployments.bench.call("deployment", "run", "--port", "0", *arguments)
    assert run.process.returncode == code, run.err
    assert "Traceback" not in run.err
    return run.err


def test_a_port_in_use_is_said_before_anything_is_built(deployments) -> None:
    deployments.greet()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        run = deployments.bench.call("deployment", "run", "greet", "--port", port)
    assert run.process.returncode == 4
    assert f"port {port} of this machine is in use" in run.err
    assert deployments.bench.call("deployment", "list", "--json").out == "[]\n"


def test_a_server_that_never_answers_is_shown_by_its_last_lines(deployments) -> None:
    deployments.greet(**{"server-command": ["echo loading the model", "sleep 600"]})
    said = failed(deployments, "greet", "--ready-within", "2", code=1)
    assert "endpoint greet did not answer HTTP on port 8000 within 2 seconds" in said
    assert "its server must listen on" in said
    assert "loading the model" in said
    endpoint = deployments.version()["endpoints"][0]
    assert (endpoint["status"], endpoint["url"]) == ("error", None)
    assert "did not answer" in endpoint["error"]


def test_a_server_that_ends_is_said_with_its_exit_code(deployments) -> None:
    deployments.greet(**{"server-command": "echo no such model >&2; exit 3"})
    said = failed(deployments, "greet", code=1)
    assert "ended with exit code 3 before it answered" in said
    assert "no such model" in said


def test_a_server_that_dies_later_ends_the_command(deployments, ask) -> None:
    deployments.greet(**{"server-command": "timeout 6 python serve.py"})
    run, url = deployments.serve("greet")
    assert ask(url)[0] == 200
    assert run.code() == 1
    assert "ended with exit code 124 while it served" in run.err


@pytest.mark.parametrize(
    ("target", "said"),
    [("nothere:app", "No module named 'nothere'"), ("web:nothere", "module web has no callable nothere")],
)
def test_a_wsgi_target_that_is_not_there(deployments, target, said) -> None:
    deployments.write({"name": "plain", "wsgi": target})
    err = failed(deployments, "plain", code=1)
    assert f"`wsgi: {target}` of endpoint plain cannot be imported" in err
    assert said in err


def test_an_image_that_is_not_there(deployments) -> None:
    deployments.greet(image="localhai-nobody-has-this:1")
    said = failed(deployments, "greet", "--pull", "never", code=4)
    assert "localhai-nobody-has-this:1" in said
    assert deployments.version()["endpoints"][0]["status"] == "error"


def test_names_that_are_not_there(deployments, tmp_path) -> None:
    deployments.greet(files=[{"name": "model", "path": "model.txt"}])
    model = tmp_path / "m"
    model.write_text("x")
    said = failed(deployments, "gret", code=2)
    assert "there is no endpoint 'gret'" in said
    assert "did you mean greet?" in said
    said = failed(deployments, "greet", "--file", f"modle={model}", code=2)
    assert "there is no file 'modle'" in said
    assert "did you mean model?" in said
    said = failed(deployments, "greet", code=2)
    assert "needs files that are not given: model" in said
    assert "--file model=" in said
    assert "nowhere.bin" in failed(deployments, "greet", "--file", "model=nowhere.bin", code=4)
    assert "there is no deployment version 'nine'" in failed(deployments, "--version", "nine", code=2)
    said = failed(deployments, "--version", "latest", "--file", f"model={model}", code=2)
    assert "--file makes a new version" in said
    assert "NAME=VALUE" in failed(deployments, "greet", "--file", f"model={model}", "--var", "MOOD", code=2)


def test_requirements_are_installed_into_the_image_once(deployments, ask) -> None:
    deployments.greet()
    (deployments.folder / "requirements.txt").write_text("this-is-not-looked-at\n")
    (deployments.folder / "requirements-deployment.txt").write_text("pip\n")
    made = deployments.bench.call("deployment", "create-version")
    assert made.process.returncode == 0, made.err
    assert "installing requirements-deployment.txt" in made.err
    assert "Requirement already satisfied: pip" in made.out + made.err
    run, url = deployments.serve("greet")
    assert "the image was built before" in run.err
    assert ask(url)[0] == 200
    run.signal(signal.SIGINT)
    assert run.code() == 130


def test_requirements_that_cannot_be_had_show_what_pip_said(deployments) -> None:
    deployments.greet()
    (deployments.folder / "requirements.txt").write_text("./nowhere\n")
    said = failed(deployments, "greet", code=1)
    assert "requirements.txt could not be installed into the image of endpoint greet" in said
    assert "nowhere" in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_build_ends_at_once(deployments, number) -> None:
    """Its pip waits for a server that never answers."""
    deployments.greet()
    bench = deployments.bench
    (deployments.folder / "slow").mkdir()
    (deployments.folder / "slow" / "setup.py").write_text("import time\nprint('slow', flush=True)\ntime.sleep(600)\n")
    (deployments.folder / "requirements.txt").write_text("./slow\n")
    run = bench.start("deployment", "run", "greet", "--port", "0")
    bench.until(lambda: "Processing ./slow" in run.out)
    run.signal(number)
    assert run.code() == 130
    assert deployments.version()["endpoints"][0]["status"] == "stopped"
    assert deployments.containers() == []


def test_ctrl_c_before_it_answers_leaves_nothing(deployments) -> None:
    deployments.greet(**{"server-command": ["echo loading", "sleep 600"]})
    run = deployments.bench.start("deployment", "run", "greet", "--port", "0")
    deployments.bench.until(lambda: "loading" in run.out)
    run.signal(signal.SIGINT)
    assert run.code() == 130
    endpoint = deployments.version()["endpoints"][0]
    assert (endpoint["status"], endpoint["error"]) == ("stopped", None)
    assert deployments.containers() == []


def test_a_second_ctrl_c_kills_a_server_that_does_not_hear(deployments, ask) -> None:
    deployments.greet(**{"server-command": ["trap '' TERM INT", "python serve.py & while true; do wait; done"]})
    deployments.bench.environment["LOCALHAI_STOP_GRACE"] = "600"
    run, url = deployments.serve("greet")
    assert ask(url)[0] == 200
    run.signal(signal.SIGINT)
    deployments.bench.until(lambda: "SIGINT: stopping" in run.err)
    run.signal(signal.SIGINT)
    assert run.code() == 130
    assert "SIGINT again: killing" in run.err
    assert deployments.version()["endpoints"][0]["status"] == "stopped"


def test_after_kill_9_the_next_command_says_so_and_cleans_up(deployments, ask) -> None:
    deployments.greet()
    run, url = deployments.serve("greet")
    assert ask(url)[0] == 200
    run.die()
    assert len(deployments.containers()) == 1
    listed = deployments.bench.call("deployment", "list", "--json")
    assert "was left by a localhai that died; its container is removed" in listed.err
    endpoint = json.loads(listed.out)[0]["endpoints"][0]
    assert (endpoint["status"], endpoint["url"], endpoint["error"]) == ("crashed", None, "its localhai died")
    assert deployments.containers() == []
    again, url = deployments.serve("--version", "latest")
    assert ask(url)[0] == 200
    again.signal(signal.SIGINT)
    assert again.code() == 130


def test_in_the_background_what_fails_is_said_in_the_foreground(deployments) -> None:
    deployments.greet(**{"server-command": "echo no such model >&2; exit 3"})
    said = failed(deployments, "greet", "--detach", code=1)
    assert "ended with exit code 3 before it answered" in said
    assert "no such model" in said
    deployments.greet(**{"server-command": ["echo loading", "sleep 600"]})
    run = deployments.bench.start("deployment", "run", "greet", "--detach", "--port", "0")
    deployments.bench.until(
        lambda: deployments.containers() and deployments.version()["endpoints"][0]["status"] == "starting"
    )
    run.signal(signal.SIGINT)
    assert run.code() == 130
    assert deployments.version()["endpoints"][0]["status"] == "stopped"
