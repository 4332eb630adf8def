"""The command line as a person uses it: a process of its own, the real engine, real signals."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.docker

COMMAND = [sys.executable, "-m", "localhai.cli"]
YAML = """\
- step:
    name: count
    image: python:3.11-slim
    command:
      - python count.py {parameters}
    parameters:
      - {name: to, type: integer, default: 3}
- step:
    name: wait
    image: python:3.11-slim
    command: echo waiting; sleep 60
- step:
    name: stubborn
    image: python:3.11-slim
    command: trap '' TERM; echo waiting; while true; do sleep 1; done
- step:
    name: fail
    image: python:3.11-slim
    command: echo no such thing >&2; exit 3
"""
CODE = """\
import json, os, sys
to = int(sys.argv[1].partition("=")[2])
for number in range(1, to + 1):
    print(json.dumps({"number": number}))
print("ready", file=sys.stderr)
open(os.path.join(os.environ["VH_OUTPUTS_DIR"], "numbers.txt"), "w").write("x" * to)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "counting"
    folder.mkdir()
    (folder / "valohai.yaml").write_text(YAML)
    (folder / "count.py").write_text(CODE)
    return folder


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes that a test starts; none of them survives it."""
    processes: list[subprocess.Popen[bytes]] = []
    yield processes
    for process in processes:
        if process.poll() is None:
            process.kill()
            process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def localhai(folder: Path, *arguments: str, **options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=120, **options
    )


def test_from_run_to_rerun_and_diff(project: Path) -> None:
    ran = localhai(project, "run", "count", "--to=2")
    again = localhai(project, "rerun", "latest", "--to=4", "--json", "-q")
    outputs = localhai(project, "execution", "outputs", "2", "--json")
    differences = localhai(project, "diff", "1", "2", "--json")

    assert (ran.returncode, ran.stdout) == (0, '{"number": 1}\n{"number": 2}\n')
    assert "ready\n" in ran.stderr
    assert "complete after" in ran.stderr
    assert json.loads(again.stdout)["metadata"] == {"number": 4}
    assert [(item["name"], item["size"]) for item in json.loads(outputs.stdout)] == [("numbers.txt", 4)]
    assert json.loads(differences.stdout)["parameters"] == {"to": {"a": 2, "b": 4}}


def test_a_failing_step_exits_with_1(project: Path) -> None:
    ran = localhai(project, "run", "fail")

    assert (ran.returncode, ran.stdout) == (1, "")
    assert "no such thing" in ran.stderr
    assert "exit code 3" in ran.stderr


def test_an_image_that_nobody_has_exits_with_4(project: Path) -> None:
    ran = localhai(project, "run", "count", "--image=localhai-nobody-has-this:1", "--pull=never", "--json")

    document = json.loads(ran.stdout)
    assert ran.returncode == 4
    assert document["error"]["kind"] == "ImageNotFound"
    assert document["execution"]["status"] == "error"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_stops_says_so_and_exits_with_130(
    project: Path, started: list[subprocess.Popen[bytes]], number: signal.Signals
) -> None:
    process = _start(project, started, "run", "wait")
    _read_until(process.stdout, b"waiting")

    process.send_signal(number)
    _, said = process.communicate(timeout=60)

    assert process.returncode == 130
    assert b"stopping execution #1; once more forces it" in said
    assert _status(project, "1") == "stopped"


def test_the_second_signal_forces(project: Path, started: list[subprocess.Popen[bytes]]) -> None:
    process = _start(project, started, "run", "stubborn")
    _read_until(process.stdout, b"waiting")

    process.send_signal(signal.SIGINT)
    _read_until(process.stderr, b"once more forces it")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)

    assert process.returncode == 130
    assert b"killing execution #1" in said
    assert _status(project, "1") == "stopped"


def test_stop_and_watch_from_elsewhere(project: Path, started: list[subprocess.Popen[bytes]]) -> None:
    runner = _start(project, started, "run", "wait")
    _read_until(runner.stdout, b"waiting")
    watcher = _start(project, started, "execution", "watch", "latest")
    _read_until(watcher.stdout, b"waiting")

    asked = localhai(project, "execution", "stop", "latest")
    runner.communicate(timeout=60)
    _, seen = watcher.communicate(timeout=60)

    assert "is asked to stop" in asked.stderr
    assert (runner.returncode, watcher.returncode) == (1, 1)
    assert b"execution #1 wait: stopped" in seen
    assert _status(project, "1") == "stopped"


def test_on_a_terminal_lines_have_the_steps_name(project: Path) -> None:
    shown = _on_terminal(project, "run", "count", "--to=1")

    assert 'count | {"number": 1}\r\n' in shown
    assert "count | ready\r\n" in shown


def test_a_shell_finds_what_the_execution_had(project: Path) -> None:
    localhai(project, "run", "count", "-q")

    listed = localhai(project, "shell", "1", "sh", "-c", "ls /valohai/repository; cat /valohai/config/parameters.json")
    typed = localhai(project, "shell", "1", input="echo from $VH_JOB_ID > /valohai/outputs/note; exit\n")

    assert listed.returncode == 0
    assert "count.py" in listed.stdout
    assert '"to": 3' in listed.stdout
    folder = Path(typed.stderr.partition("outputs of this shell are in ")[2].strip())
    assert (folder / "note").read_text().startswith("from exec-")
    assert [item["name"] for item in json.loads(localhai(project, "execution", "outputs", "1", "--json").stdout)] == [
        "numbers.txt"
    ]


def test_doctor_and_clean_on_the_real_engine(project: Path) -> None:
    localhai(project, "run", "count", "-q")

    checked = localhai(project, "doctor", "--json")
    cleaned = localhai(project, "clean", "--executions", "1s", "--dry-run", "--json")

    findings = {finding["name"]: finding for finding in json.loads(checked.stdout)["findings"]}
    assert checked.returncode == 0, checked.stdout
    assert findings["container"]["seconds"] > 0
    assert {"engine", "files", "space at the engine"} <= findings.keys()
    assert json.loads(cleaned.stdout)["removed"] is False


def _start(folder: Path, started: list[subprocess.Popen[bytes]], *arguments: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [*COMMAND, *arguments], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
    )
    started.append(process)
    return process


def _read_until(stream: object, wanted: bytes, timeout: float = 60.0) -> bytes:
    found = b""
    number = stream.fileno()  # type: ignore[attr-defined]
    while wanted not in found:
        assert select.select([number], [], [], timeout)[0], found
        data = os.read(number, 4096)
        assert data, found
        found += data
    return found


def _status(folder: Path, reference: str) -> str:
    return str(json.loads(localhai(folder, "execution", "info", reference, "--json").stdout)["status"])


def _on_terminal(folder: Path, *arguments: str) -> str:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "NO_COLOR": "1"}
    process = subprocess.Popen(
        [*COMMAND, *arguments], cwd=folder, stdout=theirs, stderr=theirs, stdin=theirs, env=environment
    )
    os.close(theirs)
    shown = b""
    try:
        while data := os.read(ours, 4096):
            shown += data
    except OSError:  # Linux ends a terminal so
        pass
    finally:
        os.close(ours)
        process.wait(timeout=60)
    return shown.decode()
