"""Every case of tests/cases, on a real engine through the Python API. One home for all, as on a developer's machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import cases_playing as playing
import pytest

from localhai import Home
from localhai.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

pytestmark = pytest.mark.docker

IMAGE = "python:3.11-slim"
MINE = {"localhai.tests": "cases"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """One home, and one S3 with the buckets of all cases."""
    flags = {
        "home": tmp_path_factory.mktemp("home"),
        "s3_folder": playing.lay_out_buckets(tmp_path_factory.mktemp("s3")),
    }
    with Home(Settings.load(None, flags=flags, environ={})) as home:
        yield home


@pytest.fixture(scope="module")
def http() -> Iterator[str]:
    with playing.http() as url:
        yield url


@pytest.fixture
def make_image() -> Iterator[Callable[[str, Mapping[str, Any]], None]]:
    """Makes images that a case describes, and removes them."""
    import docker

    client = docker.from_env()
    made = []

    def make(name: str, recipe: Mapping[str, Any]) -> None:
        container = client.containers.create(IMAGE, ["sh", "-c", recipe.get("run", "true")], labels=MINE)
        try:
            if "run" in recipe:
                container.start()
                assert container.wait()["StatusCode"] == 0
            changes = "\n".join(recipe.get("changes", ())) or None
            container.commit(*name.split(":"), changes=changes, conf={"Labels": MINE})
        finally:
            container.remove(force=True)
        made.append(name)

    yield make
    for name in made:
        client.images.remove(name, force=True)
    client.close()


@pytest.mark.parametrize("name", playing.CASES)
def test_case(name: str, home: Home, http: str, make_image: Any, tmp_path: Path) -> None:
    playing.play(name, home, http, tmp_path, make_image)


def test_two_cases_have_no_name_in_common() -> None:
    buckets = [bucket.name for bucket in playing.cases.CASES.glob("*/s3/*")]
    assert len(buckets) == len(set(buckets))
