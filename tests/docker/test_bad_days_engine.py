"""No engine answers, or the engine goes away while a step runs. The second kind of day has an engine of its own."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from waiting import until

from localhai.containers import labels

pytestmark = pytest.mark.docker

IMAGE = "python:3.11-slim"
SECONDS = 60.0


class PrivateEngine:
    """A dockerd and a containerd beside the shared ones: folders and sockets of their own, and no network at all."""

    def __init__(self) -> None:
        # Not below pytest's folder: the path of a socket may have 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="localhai-engine-"))
        self.address = f"unix://{self.folder}/docker.sock"
        places = {"root": "containers/root", "state": "containers/state", "address": "containerd.sock"}
        self._containerd = self._run("containerd", "--config=/dev/null", **places)
        self._until((self.folder / "containerd.sock").exists, self._containerd)
        self._dockerd: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it answers."""
        options = ["--bridge=none", "--iptables=false", "--ip6tables=false", f"--host={self.address}"]
        places = {"data-root": "data", "exec-root": "exec", "pidfile": "pid", "containerd": "containerd.sock"}
        (self.folder / "pid").unlink(missing_ok=True)  # of a killed one: the number may have a new owner
        # In a network of its own: a dockerd without a bridge removes docker0, which is the shared engine's.
        self._dockerd = self._run("unshare", "--net", "dockerd", *options, **places)
        self._until(lambda: self._docker("info").returncode == 0, self._dockerd)

    def kill(self) -> None:
        """`kill -9`: what runs in containers goes on for now."""
        assert self._dockerd is not None
        self._dockerd.kill()
        self._dockerd.wait(SECONDS)

    def terminate(self) -> None:
        """As a service manager stops it: it stops its containers first."""
        assert self._dockerd is not None
        self._dockerd.terminate()
        self._dockerd.wait(SECONDS)

    def load(self, image: str) -> None:
        with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as saved:
            subprocess.run(["docker", "-H", self.address, "load", "-q"], stdin=saved.stdout, check=True)

    def remove(self) -> None:
        if self._dockerd is not None and self._dockerd.poll() is None:
            self.terminate()
        self._containerd.terminate()
        self._containerd.wait(SECONDS)
        for line in reversed(Path("/proc/self/mountinfo").read_text().splitlines()):
            place = line.split()[4]
            if place.startswith(f"{self.folder}/"):
                subprocess.run(["umount", "-l", place], check=False)
        shutil.rmtree(self.folder)

    def leftovers(self) -> list[str]:
        """Containers of localhai that this engine knows."""
        found = self._docker("ps", "-a", "--filter", f"label={labels.EXECUTION}", "--format", "{{.Names}} {{.Status}}")
        assert found.returncode == 0, found.stderr
        return found.stdout.splitlines()

    def _run(self, program: str, *options: str, **places: str) -> subprocess.Popen[bytes]:
        command = [program, *options, *(f"--{option}={self.folder / name}" for option, name in places.items())]
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log)

    def _until(self, look: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
        def said() -> str:
            return f"the private engine does not start:\n{(self.folder / 'log').read_text()}"

        def alive() -> bool:
            assert process.poll() is None, said()
            return look()

        until(alive, seconds=SECONDS, said=said)

    def _docker(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["docker", "-H", self.address, *arguments]
        return subprocess.run(command, check=False, capture_output=True, text=True)


@pytest.fixture(scope="module")
def loaded() -> Iterator[PrivateEngine]:
    bridge = Path("/sys/class/net/docker0")
    was_there = bridge.exists()
    made = PrivateEngine()
    try:
        made.start()
        made.load(IMAGE)
        yield made
    finally:
        made.remove()
        assert bridge.exists() == was_there, "the private engine has changed the network of the shared one"


@pytest.fixture
def private(loaded, bench) -> PrivateEngine:
    """The private engine, which localhai is told to use."""
    bench.environment["DOCKER_HOST"] = loaded.address
    return loaded


def test_an_engine_that_is_not_there_lists_the_places_tried(bench, tmp_path) -> None:
    bench.step("true")
    place = f"unix://{tmp_path}/no-engine.sock"
    run = bench.call("run", "work", env={"DOCKER_HOST": place})
    assert run.process.returncode == 4, run.err
    assert place in run.err
    assert "Traceback" not in run.err


def test_an_engine_killed_and_restarted_while_a_step_runs(bench, private) -> None:
    run = begin(bench)
    private.kill()
    private.start()
    assert run.code() == 1, run.err
    assert f"The engine does not answer (the connection to the Docker Engine at {private.address} broke" in run.err
    assert "Traceback" not in run.err
    execution = bench.last()
    assert (execution["status"], execution["exit_code"]) == ("crashed", None)
    assert execution["error"] == "the engine went away while it ran, and ended it (exit code 143)"
    assert execution["error"] in run.err
    assert_kept(bench)
    assert private.leftovers() == []


def test_an_engine_stopped_and_started_again_while_a_step_runs(bench, private) -> None:
    """It ends the container before it goes, and may have the time to say so: that is no fault of the step."""
    run = begin(bench)
    private.terminate()
    private.start()
    assert run.code() == 1, run.err
    assert "Traceback" not in run.err
    execution = bench.last()
    assert (execution["status"], execution["exit_code"]) == ("crashed", None)
    assert execution["error"] == "the engine went away while it ran, and ended it (exit code 143)"
    assert_kept(bench)
    clean(bench, private)


def test_an_engine_that_does_not_return_in_time(bench, private) -> None:
    run = begin(bench)
    private.kill()
    assert run.code() == 4, run.err
    assert "the engine was lost" in run.err
    assert "execution #1 may run on: the next localhai that reaches the engine looks after it" in run.err
    assert "Traceback" not in run.err
    assert bench.records()[0].status == "started"
    private.start()
    assert (bench.last()["status"], bench.last()["exit_code"]) == ("crashed", None)
    assert_kept(bench)
    clean(bench, private)


def test_an_engine_and_localhai_that_end_together(bench, private) -> None:
    run = begin(bench)
    private.kill()
    run.die()
    away = bench.call("execution", "list")
    assert away.process.returncode == 0, away.err
    assert "no engine answers" in away.err
    private.start()
    back = bench.call("execution", "list")
    assert back.process.returncode == 0, back.err
    assert "log and outputs are kept" in back.err
    assert (bench.last()["status"], bench.last()["exit_code"]) == ("crashed", None)
    assert "its localhai died, and it was ended from outside (exit code 143)" in bench.last()["error"]
    assert_kept(bench)
    assert private.leftovers() == []


def test_an_engine_stopped_after_localhai_died(bench, private) -> None:
    run = begin(bench)
    run.die()
    private.terminate()
    private.start()
    back = bench.call("execution", "list")
    assert "it is closed as crashed, log and outputs are kept" in back.err
    assert (bench.last()["status"], bench.last()["exit_code"]) == ("crashed", None)
    assert_kept(bench)
    assert private.leftovers() == []


def test_an_engine_that_ends_a_step_that_heeds_sigterm(bench, private) -> None:
    """The engine says at once that the step ended by 143, and goes only then."""
    run = begin(bench, "exec sleep 600")
    private.terminate()
    private.start()
    assert run.code() == 1, run.err
    execution = bench.last()
    assert (execution["status"], execution["exit_code"]) == ("crashed", None)
    assert execution["error"].startswith("the engine went away while it ran, and ended it (exit code 1")
    assert_kept(bench)
    clean(bench, private)


def begin(bench: Any, goes_on: str = "sleep 600") -> Any:
    """A localhai whose step has written an output and a line, and goes on."""
    bench.step(["echo kept > /valohai/outputs/kept.txt", "echo ready", goes_on])
    run = bench.start("run", "work")
    bench.until(lambda: "ready" in run.out or run.process.poll() is not None)
    assert run.process.poll() is None, run.err
    return run


def assert_kept(bench: Any) -> None:
    """Log and outputs are there, once."""
    assert bench.log().startswith("ready\n")
    assert bench.log().count("ready") == 1
    assert [item["name"] for item in bench.last()["outputs"]] == ["kept.txt"]


def clean(bench: Any, private: PrivateEngine) -> None:
    """What an engine that was away could not remove, the next `localhai clean` does."""
    cleaned = bench.call("clean", "--containers", "--yes")
    assert cleaned.process.returncode == 0, cleaned.err
    assert private.leftovers() == []
