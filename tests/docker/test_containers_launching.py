"""A stop is heard by every process of a container, and no later line of a script starts: bash, plain sh, any user."""

from __future__ import annotations

import contextlib
import time

import pytest

from localhai.containers.docker.connect import connect
from localhai.containers.engine import ContainerSpec
from localhai.containers.launching import launch
from localhai.containers.trees import archives

pytestmark = pytest.mark.docker

IMAGE = "python:3.11-slim"
SCRIPT = "/tmp/script"
SAVES = """python -c '
import os, signal, sys, time
def save(*_):
    time.sleep(1)
    os.write(1, b"saved\\n")
    sys.exit(3)
signal.signal(signal.SIGTERM, save)
os.write(1, b"ready\\n")
time.sleep(600)'"""
SLOW = "python -c 'print(\"ready\", flush=True); import time; time.sleep(600)'"
READY = "echo ready;"

SCRIPTS = {
    "its own trap, at once": (f"trap 'echo trapped; exit 7' TERM; {READY} sleep 600 & wait $!; echo on", 7, "trapped"),
    "its own trap, behind": (f"trap 'echo trapped; exit 7' TERM; {READY} sleep 600; echo on", 7, "trapped"),
    "a later line": (f"{SLOW}\necho on", 143, ""),
    "a later item": (f"{SLOW} && echo on", 143, ""),
    "whatever happened": (f"{SLOW} || true\necho on", 143, ""),
    "set -e": (f"set -e\n{SLOW}\necho on", 143, ""),
    "a shell in it": (f"sh -c '{READY} sleep 600; echo on'; echo on", 143, ""),
    "a subshell": (f"({READY} sleep 600; echo on); echo on", 143, ""),
    "a pipe": (f"{SLOW} | cat; echo on", 143, ""),
    "a program that saves": (f"{SAVES}; echo on", 143, "saved"),
    "one in the background": (f"{SAVES} & sleep 600; echo on", 143, "saved"),
    "a script that goes on": (f"trap '' TERM; {READY} sleep 2; echo end", 0, "end"),
}


@pytest.fixture(scope="module")
def engine():
    made = connect()
    yield made
    made.close()


@pytest.fixture
def started(engine):
    made = []

    def start(script, *, shell="bash", user=None, has_interpreter=False):
        command = list(launch(SCRIPT, 30, has_interpreter=has_interpreter))
        if shell == "sh":  # as in an image without bash
            command[2] = command[2].replace("command -v bash", "false")
        container = engine.create(ContainerSpec("", IMAGE, tuple(command), user=user))
        made.append(container)
        entries = [archives.ArchiveMember(SCRIPT[1:], script.encode(), 0o755)]
        engine.put_archive(container, "/", archives.pack(entries))
        output = engine.attach(container)
        engine.start(container)
        with contextlib.closing(output):
            for _stream, data in output:
                if b"ready" in data:
                    break
        return container

    yield start
    for container in made:
        engine.remove(container)


def said(engine, container) -> list[str]:
    return b"".join(data for stream, data in engine.logs(container) if stream == "stdout").decode().split()


@pytest.mark.parametrize("shell", ["bash", "sh"])
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_stop_ends_a_script_at_the_line_where_it_is(engine, started, name, shell) -> None:
    script, code, last = SCRIPTS[name]
    container = started(script, shell=shell)
    begun = time.monotonic()
    engine.stop(container, 60)
    assert time.monotonic() - begun < 50  # it ended by itself
    assert engine.wait(container) == code
    assert said(engine, container) == ["ready", *last.split()]


def test_any_user_can_be_told(engine, started) -> None:
    container = started(f"{SAVES} & sleep 600; echo on", user="1000")
    engine.stop(container, 60)
    assert said(engine, container) == ["ready", "saved"]


def test_a_script_with_an_interpreter_of_its_own(engine, started) -> None:
    container = started(f"#!/bin/bash\n{SAVES}\necho on", has_interpreter=True)
    engine.stop(container, 60)
    assert (engine.wait(container), said(engine, container)) == (143, ["ready", "saved"])


def test_whoever_sends_sigterm_to_the_container_tells_all(engine, started) -> None:
    """As `docker stop` by hand does, and an engine that shuts down."""
    container = started(f"{SAVES}; echo on")
    engine.kill(container, "SIGTERM")
    assert engine.wait(container, 60) == 143
    assert said(engine, container) == ["ready", "saved"]


def test_a_handler_is_called_once_however_often_process_1_is_told(engine, started) -> None:
    """An engine repeats what a young container may not have heard."""
    counts = """python -c '
import os, signal, time
signal.signal(signal.SIGTERM, lambda *_: os.write(1, b"heard\\n"))
os.write(1, b"ready\\n")
while not os.path.exists("/tmp/over"):
    time.sleep(0.01)'"""
    container = started(f"{counts}; echo on")
    for _time in range(3):
        engine.kill(container, "SIGTERM")
        engine.execute(container, ("sleep", "0"))  # time for process 1 to pass it on
    engine.execute(container, ("touch", "/tmp/over"))
    assert engine.wait(container, 60) == 143
    assert said(engine, container) == ["ready", "heard"]


@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_a_script_may_interrupt_itself_and_end_with_any_code(engine, started, shell) -> None:
    container = started("trap 'exit 4' INT; echo ready; kill -INT $$; sleep 9", shell=shell)
    assert engine.wait(container, 60) == 4


def test_a_script_that_is_killed_says_so_as_ever(engine, started) -> None:
    container = started("echo ready; kill -KILL $$")
    assert engine.wait(container, 60) == 137
    assert said(engine, container) == ["ready"]


def test_what_is_left_in_the_background_ends_with_the_script(engine, started) -> None:
    container = started("sleep 600 & echo ready; exit 0")
    assert engine.wait(container, 60) == 0


def test_a_stop_in_the_first_moment_is_heard(engine) -> None:
    command = launch(SCRIPT, 30)
    container = engine.create(ContainerSpec("", IMAGE, command))
    try:
        engine.put_archive(
            container, "/", archives.pack([archives.ArchiveMember(SCRIPT[1:], b"sleep 600\necho on", 0o755)])
        )
        engine.start(container)
        engine.stop(container, 60)
        assert (engine.wait(container), said(engine, container)) == (143, [])
    finally:
        engine.remove(container)
