"""A step runs into a limit: of memory, of time, of silence. Its exit code and reason are said, its files are kept."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.docker

KEPT = "echo kept > /valohai/outputs/kept.txt"
TOO_MUCH = 'python -c "x = bytearray(300 << 20); print(len(x))"'
DEAF = "trap '' TERM INT; echo ready; while true; do sleep 0.2; done"
SAVES = """
import signal, sys, time
def save(*_):
    open("/valohai/outputs/checkpoint.txt", "w").write("saved")
    sys.exit(0)
signal.signal(signal.SIGTERM, save)
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture(params=["bind", "volumes"])
def files(request, bench) -> str:
    """Both ways to reach files."""
    bench.environment["LOCALHAI_FILES"] = request.param
    return request.param


def names(execution: dict) -> list[str]:
    return sorted(item["name"] for item in execution["outputs"])


@pytest.mark.usefixtures("files")
def test_out_of_memory(bench) -> None:
    bench.step([KEPT, TOO_MUCH, "echo never"], resources={"memory": {"max": 64}})
    run = bench.call("run", "work")
    reason = "it used more memory than its limit of 64 MB and was killed (exit code 137)"
    assert run.code() == 1
    assert reason in run.err
    assert "Traceback" not in run.err
    execution = bench.last()
    assert (execution["status"], execution["exit_code"], execution["error"]) == ("error", 137, reason)
    assert names(execution) == ["kept.txt"]
    assert "never" not in bench.log()


def test_a_step_that_lives_on_when_one_of_its_programs_had_too_much_is_complete(bench) -> None:
    bench.step([f"({TOO_MUCH}) || echo with less"], resources={"memory": {"max": 64}})
    run = bench.call("run", "work")
    assert run.code() == 0, run.err
    assert "with less" in run.out
    assert bench.last()["status"] == "complete"


@pytest.mark.usefixtures("files")
def test_the_time_limit_ends_a_deaf_command_after_the_grace_time(bench) -> None:
    bench.environment["LOCALHAI_STOP_GRACE"] = "1"
    bench.step([KEPT, DEAF], **{"time-limit": "2s"})
    run = bench.call("run", "work")
    assert run.code() == 1
    assert "the time limit of 2 s was reached" in run.err
    execution = bench.last()
    assert (execution["status"], execution["exit_code"]) == ("error", 137)
    assert execution["error"] == "the time limit of 2 s was reached"
    assert names(execution) == ["kept.txt"]
    assert "ready" in bench.log()


@pytest.mark.usefixtures("files")
def test_the_silence_limit_ends_a_deaf_command_after_the_grace_time(bench) -> None:
    bench.environment["LOCALHAI_STOP_GRACE"] = "1"
    bench.step([KEPT, DEAF], **{"no-output-timeout": "2s"})
    run = bench.call("run", "work")
    assert run.code() == 1
    assert "nothing was written for 2 s" in run.err
    execution = bench.last()
    assert (execution["status"], execution["exit_code"]) == ("error", 137)
    assert execution["error"] == "nothing was written for 2 s"
    assert names(execution) == ["kept.txt"]


@pytest.mark.usefixtures("files")
def test_a_program_below_the_shell_hears_of_the_time_limit_and_saves_its_work(bench) -> None:
    """Process 1 is a shell, which passes no signal on."""
    bench.environment["LOCALHAI_STOP_GRACE"] = "60"
    (bench.folder / "train.py").write_text(SAVES)
    bench.step(["python train.py", "echo code $?"], **{"time-limit": "3s"})
    run = bench.call("run", "work")
    assert run.code() == 1
    execution = bench.last()
    assert (execution["status"], execution["error"]) == ("error", "the time limit of 3 s was reached")
    assert execution["exit_code"] != 137  # nobody had to kill it
    assert names(execution) == ["checkpoint.txt"]


@pytest.mark.parametrize("deaf", [False, True])
def test_a_wish_to_stop_from_the_command_line(bench, deaf) -> None:
    bench.environment["LOCALHAI_STOP_GRACE"] = "1" if deaf else "60"
    bench.step([KEPT, DEAF if deaf else "echo ready; sleep 600"])
    run = bench.start("run", "work")
    bench.until(lambda: "ready" in run.out)
    stop = bench.call("execution", "stop", "latest")
    assert stop.code() == 0, stop.err
    assert run.code() == 1
    execution = bench.last()
    assert (execution["status"], execution["exit_code"]) == ("stopped", 137 if deaf else 143)
    assert execution["error"] == "a stop was requested"
    assert names(execution) == ["kept.txt"]
