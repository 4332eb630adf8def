"""Somebody wants it to stop: Ctrl-C once and twice, SIGTERM, limits, conditions, deaf commands."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from localhai.errors import Interrupted
from localhai.executions.run.stop import Interruption

pytestmark = pytest.mark.docker

DEAF = "trap '' TERM INT; echo ready; while true; do sleep 0.2; done"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_the_step_and_keeps_what_it_made(bench, number) -> None:
    bench.step(["echo kept > /valohai/outputs/kept.txt", "echo ready", "sleep 600", "echo never"])
    bench.environment["LOCALHAI_STOP_GRACE"] = "60"
    run = bench.start("run", "work")
    bench.until(lambda: "ready" in run.out)
    run.signal(number)
    bench.until(lambda: "stopping execution #1" in run.err)
    assert run.code() == 130
    execution = bench.last()
    assert (execution["status"], execution["error"]) == ("stopped", "it was interrupted")
    assert execution["exit_code"] == 143  # not the 137 of a kill after the grace time: the command heard the SIGTERM
    assert [item["name"] for item in execution["outputs"]] == ["kept.txt"]
    assert "never" not in run.out


def test_ctrl_c_reaches_the_whole_process_group_as_from_a_terminal(bench) -> None:
    bench.step(["echo ready", "sleep 600"])
    run = bench.start("run", "work", start_new_session=True)
    bench.until(lambda: "ready" in run.out)
    os.killpg(run.process.pid, signal.SIGINT)
    assert run.code() == 130
    assert bench.last()["status"] == "stopped"
    assert "Traceback" not in run.err


def test_a_second_ctrl_c_forces(bench) -> None:
    bench.step(DEAF)
    bench.environment["LOCALHAI_STOP_GRACE"] = "600"
    run = bench.start("run", "work")
    bench.until(lambda: "ready" in run.out)
    run.signal(signal.SIGINT)
    bench.until(lambda: "once more forces it" in run.err)
    assert run.process.poll() is None
    run.signal(signal.SIGINT)
    assert run.code() == 130
    assert "Ctrl-C again: killing execution #1" in run.err
    execution = bench.last()
    assert (execution["status"], execution["exit_code"]) == ("stopped", 137)


def test_a_command_that_ignores_sigterm_is_killed_after_the_grace_time(bench, words) -> None:
    bench.step(DEAF)
    wish = Interruption()
    done = []
    project = bench.open(stop_grace=1.0)
    thread = threading.Thread(target=lambda: done.append(project.run("work", observer=words, interruption=wish)))
    thread.start()
    bench.until(lambda: b"ready" in words.written)
    wish.ask()
    thread.join(90)
    assert (done[0].status, done[0].exit_code) == ("stopped", 137)
    assert "the container has 1 s to end by itself" in words.text


def test_ctrl_c_before_the_container_starts_leaves_nothing(bench) -> None:
    bench.step("true")
    wish = Interruption()
    wish.ask()
    with pytest.raises(Interrupted):
        bench.open().run("work", interruption=wish)
    assert bench.records()[0].status == "stopped"


def test_ctrl_c_in_the_python_api_closes_the_execution_first(bench, words) -> None:
    """Nobody installed handlers: Python raises KeyboardInterrupt in the middle of everything."""
    bench.step(["echo ready", "sleep 600"])

    def interrupt() -> None:
        bench.until(lambda: b"ready" in words.written)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        bench.open().run("work", observer=words)
    assert bench.records()[0].status == "stopped"


def test_a_wish_to_stop_from_another_process(bench) -> None:
    bench.step(["echo ready", "sleep 600"])
    run = bench.start("run", "work")
    bench.until(lambda: "ready" in run.out)
    with bench.open() as project:
        assert project.home.records.executions.request_stop(project.execution().id)
    assert run.code() == 1
    execution = bench.last()
    assert (execution["status"], execution["error"]) == ("stopped", "a stop was requested")


def test_the_time_limit(bench) -> None:
    bench.step(["echo begun", "sleep 600"], **{"time-limit": "2s"})
    execution = bench.open().run("work")
    assert (execution.status, execution.error) == ("error", "the time limit of 2 s was reached")
    assert "begun" in execution.logs()


def test_the_silence_limit_counts_from_the_last_output(bench) -> None:
    bench.step(["for i in 1 2 3 4; do echo $i; sleep 0.7; done", "sleep 600"], **{"no-output-timeout": "2s"})
    execution = bench.open().run("work")
    assert (execution.status, execution.error) == ("error", "nothing was written for 2 s")
    assert execution.logs().startswith("1\n2\n3\n4\n")  # bash may add "Terminated"


def test_a_stop_condition(bench) -> None:
    command = """for i in 1 2 3 4 5; do echo "{\\"loss\\": $((6 - i))}"; sleep 0.3; done; sleep 600"""
    bench.step(command, **{"stop-condition": "loss < 4"})
    execution = bench.open().run("work")
    assert execution.status == "stopped"
    assert "`loss < 4` is true" in execution.error
    assert execution.metadata["loss"] <= 3


def test_out_of_memory_is_named(bench) -> None:
    command = 'python -c "x = bytearray(300 << 20); print(len(x))"'
    bench.step(command, resources={"memory": {"max": 64}})
    execution = bench.open().run("work")
    assert (execution.status, execution.exit_code) == ("error", 137)
    assert execution.error == "it used more memory than its limit of 64 MB and was killed (exit code 137)"
