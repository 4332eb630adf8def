from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from machine import engine as engine_module
from machine.engine import engine_at, split_name
from machine.say import Trouble

if TYPE_CHECKING:
    from pathlib import Path


def test_an_engine_says_its_version_and_images(fake_engine: Any) -> None:
    engine = engine_at(fake_engine.url)
    assert engine.version() == "99.1"
    assert engine.has("here:1")
    assert not engine.has("away:1")


def test_no_engine_is_an_os_error_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        engine_at(f"unix://{tmp_path}/nothing.sock").version()


def test_what_is_no_engine_is_not_taken_for_one(fake_engine: Any) -> None:
    fake_engine.version = {"message": "a web server"}
    with pytest.raises(OSError, match="no Docker Engine"):
        engine_at(fake_engine.url).version()


def test_a_pull_ends_well_or_with_the_engines_words(fake_engine: Any, capsys: pytest.CaptureFixture[str]) -> None:
    fake_engine.pulls["good:2"] = [{"status": "Pulling from good"}, {"status": "Digest: sha256:1"}]
    engine_at(fake_engine.url).pull("good:2")
    assert "Pulling from good" in capsys.readouterr().err
    with pytest.raises(Trouble, match="no such host"):
        engine_at(fake_engine.url).pull("bad:1")


def test_a_silent_registry_is_given_up_soon(fake_engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "PULL_ANSWER", 0.05)
    fake_engine.registry_answers.clear()
    with pytest.raises(Trouble, match="no word"):
        engine_at(fake_engine.url).pull("slow:1")


def test_a_file_system_becomes_an_image(fake_engine: Any, tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(b"tar" * 1000)
    engine_at(fake_engine.url).load(tmp_path / "x.tar", "python:3.11-slim", ["ENV A=b", "LABEL c=d"])
    [(path, body)] = fake_engine.loaded
    assert "repo=python&tag=3.11-slim&changes=ENV+A%3Db&changes=LABEL+c%3Dd" in path
    assert body == b"tar" * 1000


@pytest.mark.parametrize(
    ("image", "parts"),
    [
        ("python:3.11-slim", ("python", "3.11-slim")),
        ("python", ("python", "latest")),
        ("host:5000/a/b", ("host:5000/a/b", "latest")),
        ("host:5000/a/b:c", ("host:5000/a/b", "c")),
        ("a@sha256:1", ("a", "sha256:1")),
    ],
)
def test_image_names_are_split_as_the_engine_wants(image: str, parts: tuple[str, str]) -> None:
    assert split_name(image) == parts


def test_ensure_docker_has_nothing_to_do_where_all_is_there(fake_engine: Any, root: Path) -> None:
    done = ensure_docker(root, fake_engine.url, "here:1")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_ensure_docker_says_what_cannot_be_had(fake_engine: Any, root: Path) -> None:
    done = ensure_docker(root, fake_engine.url, "away:1")
    assert done.returncode == 4
    assert "away:1 is neither on the engine nor could it be pulled" in done.stderr
    assert "Traceback" not in done.stderr


def test_ensure_docker_does_not_replace_an_engine_that_was_chosen(root: Path, tmp_path: Path) -> None:
    done = ensure_docker(root, f"unix://{tmp_path}/nothing.sock", "here:1")
    assert done.returncode == 4
    assert "$DOCKER_HOST chose it" in done.stderr
    assert "No such file or directory" in done.stderr


def ensure_docker(root: Path, host: str, image: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, root / "scripts" / "ensure-docker", image],
        env={"DOCKER_HOST": host, "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
    )
