"""Surroundings that nobody planned: closed streams, a full disk behind them, no folder to be in, no home."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from localhai.cli.main import cli

STEP = "- step:\n    name: work\n    image: busybox\n    command: date\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "pröject with spaces"
    made.mkdir()
    (made / "valohai.yaml").write_text(STEP)
    return made


def shell(line: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """`localhai` in the line is ours."""
    given = {**os.environ, "LOCALHAI_HOME": str(folder.parent / "hömé"), "PYTHON": sys.executable, **environment}
    script = f'localhai() {{ "$PYTHON" -m localhai "$@"; }}\n{line}'
    return subprocess.run(
        ["bash", "-c", script], check=False, cwd=folder, env=given, capture_output=True, text=True, timeout=60
    )


@pytest.fixture
def localhai(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """`localhai("plan", "work", LOCALHAI_HOME="...")`: a call without a process of its own."""

    def call(*words: str, **environment: str) -> Result:
        for name, value in {"LOCALHAI_HOME": str(folder.parent / "hömé"), **environment}.items():
            monkeypatch.setenv(name, value)
        return CliRunner().invoke(cli, words)

    monkeypatch.chdir(folder)
    return call


@pytest.mark.parametrize("line", ["localhai lint >&-", "localhai execution list >&- 2>&-"])
def test_a_closed_stream_is_no_failure(folder: Path, line: str) -> None:
    done = shell(line, folder)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("option", ["", "--json"])
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_full_disk_behind_stdout_is_said(folder: Path, option: str) -> None:
    done = shell(f"localhai lint {option} > /dev/full", folder)
    assert done.returncode == 4
    assert "no space left" in done.stderr
    assert "made a mistake" not in done.stderr


def test_a_working_directory_that_is_gone_is_said(folder: Path) -> None:
    done = shell('mkdir gone; cd gone; rmdir "$PWD"; localhai execution list', folder)
    assert done.returncode == 2
    assert "the folder that you are in does not exist any more" in done.stderr


def test_a_folder_called_valohai_yaml_is_said(folder: Path, localhai: Callable[..., Result]) -> None:
    (folder / "valohai.yaml").unlink()
    (folder / "valohai.yaml").mkdir()
    done = localhai("lint")
    assert done.exit_code == 3
    assert "valohai.yaml is a folder, not a file" in done.stderr


def test_a_setting_that_is_no_number_is_said_in_words(localhai: Callable[..., Result]) -> None:
    done = localhai("plan", "work", LOCALHAI_STOP_GRACE="soon")
    assert done.exit_code == 3
    assert "a number of seconds is needed, not 'soon'" in done.stderr


def test_a_home_that_is_a_file_is_said(folder: Path, localhai: Callable[..., Result]) -> None:
    done = localhai("execution", "list", LOCALHAI_HOME=str(folder / "valohai.yaml"))
    assert done.exit_code == 4
    assert "a file stands there" in done.stderr


def test_no_engine_is_said_once(folder: Path, localhai: Callable[..., Result]) -> None:
    done = localhai("run", "work", DOCKER_HOST=f"unix://{folder}/nope")
    assert done.exit_code == 4
    assert done.stderr.count("no Docker Engine answers") == 1, done.stderr


def test_ctrl_c_while_localhai_itself_is_loaded_says_nothing(folder: Path) -> None:
    interrupted = folder.parent / "first"
    interrupted.mkdir()
    (interrupted / "click.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    # a shell that runs the tests in its background lets them ignore Ctrl-C, and whom they start
    begin = (
        "signal.signal(signal.SIGINT, signal.default_int_handler); runpy.run_module('localhai', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"import runpy, signal; {begin}", "lint"],
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(interrupted)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


@pytest.fixture
def no_home(folder: Path) -> str:
    """Where no home can be made, whoever asks."""
    (folder.parent / "file").touch()
    return str(folder.parent / "file" / "home")


@pytest.mark.parametrize("line", ["lint", "plan work", "run --dry-run work", "run work --help"])
def test_plans_need_no_home(localhai: Callable[..., Result], no_home: str, line: str) -> None:
    done = localhai(*line.split(), LOCALHAI_HOME=no_home)
    assert (done.exit_code, done.stderr) == (0, "")


def test_plans_of_commits_need_no_home(folder: Path, localhai: Callable[..., Result], no_home: str) -> None:
    commit = "git init -q . && git add . && git -c user.name=a -c user.email=b commit -qm c"
    subprocess.run(["bash", "-c", commit], cwd=folder, check=True)
    done = localhai("plan", "-c", "HEAD", "work", LOCALHAI_HOME=no_home)
    assert (done.exit_code, done.stderr) == (0, "")


@pytest.mark.parametrize("line", ["run work", "execution list", "clean", "doctor"])
def test_a_home_that_cannot_be_made_is_said(localhai: Callable[..., Result], no_home: str, line: str) -> None:
    no_engine = "unix:///nowhere/docker.sock"  # doctor would try a container on the real one
    done = localhai(*line.split(), LOCALHAI_HOME=no_home, DOCKER_HOST=no_engine)
    assert done.exit_code == 4
    assert f"{no_home} cannot be made: Not a directory" in done.stdout + done.stderr
    assert "set LOCALHAI_HOME to a folder that you may write to" in done.stdout + done.stderr
