"""Cases of tests/cases over the fake engine, whose containers are shells of this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cases_playing as playing
import pytest
import shell_containers as containers

from localhai import Home
from localhai.settings import Settings
from localhai.testing import FakeEngine

if TYPE_CHECKING:
    from collections.abc import Iterator


SHELL = "its items need a container's own shell, streams or stdin"
IMAGE = "images, their users and their variables are what it is about"
ENGINE = "the engine's own limits, mounts or signals are what it is about"
NEEDS_DOCKER = {
    # case: why no shell of this machine can stand for its container
    "command-no-terminal": SHELL,
    "command-one-shell": SHELL,
    "command-pitfalls": SHELL,
    "command-shebang": SHELL,
    "command-without-bash": IMAGE,
    "commits-without-git": SHELL,
    "container-environment": IMAGE,
    "hints": IMAGE,
    "image-entrypoint-and-user": IMAGE,
    "image-map": IMAGE,
    "limits-of-time": ENGINE,
    "metadata-lines": SHELL,
    "mounts": ENGINE,
    "output-bytes": SHELL,
    "parameters-quoting": SHELL,
    "placeholders": SHELL,
    "resources": ENGINE,
    "secrets": IMAGE,
    "stop-condition": ENGINE,
}
NAMES = [name for name in playing.CASES if name not in NEEDS_DOCKER]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    flags = {
        "home": tmp_path_factory.mktemp("home"),
        "s3_folder": playing.lay_out_buckets(tmp_path_factory.mktemp("s3")),
    }
    engine = FakeEngine()
    engine.behave(containers.shell)
    with Home(Settings.load(None, flags=flags, environ={}), engine=engine) as home:
        yield home
    engine.close()


@pytest.fixture(scope="module")
def http() -> Iterator[str]:
    with playing.http() as url:
        yield url


@pytest.mark.parametrize("name", NAMES)
def test_case(name: str, home: Home, http: str, tmp_path: Path) -> None:
    playing.play(name, home, http, tmp_path, lambda _name, _recipe: None)


def test_what_needs_docker_is_there() -> None:
    assert NEEDS_DOCKER.keys() <= playing.CASES.keys()
