"""The doors of the project: make and .ci/run. Tools are stand-ins here."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

TOOLS = ("ruff", "mypy", "lint-imports", "pytest", "nox")


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A virtual environment whose tools all succeed and write down that they ran."""
    folder = tmp_path / "venv" / "bin"
    folder.mkdir(parents=True)
    for name in TOOLS:
        (folder / name).write_text(f'#!/bin/sh\necho "{name} $*" >> {tmp_path}/ran\n')
        (folder / name).chmod(0o755)
    return folder


def make_test(root: Path, tools: Path, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """`make test` with the set-up scripts replaced by ones that do nothing."""
    checkout = tmp_path / "checkout"
    (checkout / "scripts").mkdir(parents=True)
    (checkout / "Makefile").write_text((root / "Makefile").read_text())
    for name in ("ensure-env", "ensure-docker", "ensure-chromium"):
        (checkout / "scripts" / name).write_text(f'#!/bin/sh\necho "{name}" >> {tmp_path}/ran\n')
        (checkout / "scripts" / name).chmod(0o755)
    environment = {"PATH": os.environ["PATH"], "VENV": str(tools.parent)}
    return subprocess.run(
        ["make", "test"],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def test_make_test_sets_up_then_lints_then_tests(root: Path, tools: Path, tmp_path: Path) -> None:
    assert make_test(root, tools, tmp_path).returncode == 0
    ran = [line.split()[0] for line in (tmp_path / "ran").read_text().splitlines()]
    lint = ["ruff", "ruff", "mypy", "mypy", "mypy", "lint-imports"]  # mypy for Linux, macOS and the scripts
    assert ran == ["ensure-env", "ensure-docker", "ensure-chromium", *lint, *["pytest"] * 4, "nox", "nox", "nox"]


@pytest.mark.parametrize("failing", TOOLS)
def test_make_test_fails_when_any_part_fails(failing: str, root: Path, tools: Path, tmp_path: Path) -> None:
    (tools / failing).write_text("#!/bin/sh\nexit 1\n")
    assert make_test(root, tools, tmp_path).returncode != 0


def test_ci_runs_make_test_and_nothing_else(root: Path, tmp_path: Path) -> None:
    (tmp_path / "make").write_text('#!/bin/sh\necho "make $* in $PWD"; exit 7\n')
    (tmp_path / "make").chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run([root / ".ci" / "run"], cwd="/", env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == f"make test in {root}"
    assert done.returncode == 7


def test_make_alone_tells_what_there_is(root: Path) -> None:
    done = subprocess.run(["make"], cwd=root, capture_output=True, text=True, check=True)
    for target in ("demo", "test", "unit", "fake", "bench", "docs", "lint", "clean"):
        assert f"make {target} " in done.stdout


def test_the_lock_names_no_host_and_has_a_hash_for_everything(root: Path) -> None:
    lock = (root / "requirements.lock").read_text()
    assert "://" not in lock
    pinned = [block for block in lock.replace("\\\n", " ").splitlines() if "==" in block]
    assert pinned
    assert [line for line in pinned if "--hash=sha256:" not in line] == []


def test_a_mac_of_ci_runs_the_layers_without_an_engine(root: Path) -> None:
    import yaml

    jobs = yaml.safe_load((root / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    assert jobs["macos"]["runs-on"].startswith("macos-")
    assert jobs["macos"]["steps"][-1] == {"run": "make lint unit fake"}
