from __future__ import annotations

import threading

import pytest
from msgspec.structs import replace

from localhai.containers.engine import Image
from localhai.containers.images import ensure, mismatch
from localhai.errors import ImageNotFound
from localhai.testing import FakeEngine


def test_an_image_that_is_there_is_not_pulled():
    engine = FakeEngine(images=["a:1"])

    assert ensure(engine, "a:1").reference == "a:1"
    assert engine.pulled == []


def test_a_missing_image_is_pulled_and_people_are_told():
    engine = FakeEngine(images=[], pullable=["a:*"])
    said, progress = [], []

    image = ensure(engine, "a:1", progress=progress.append, notify=said.append)

    assert image.digest.startswith("sha256:")
    assert said == ["pulling the image a:1"]
    assert progress[-1].current == progress[-1].total


@pytest.mark.parametrize("name", ["../../containers/json", "a//b", "", "x:y:z"])
def test_what_is_no_name_is_neither_looked_up_nor_pulled(name):
    engine = FakeEngine(images=[])
    with pytest.raises(ImageNotFound, match="is no name of an image"):
        ensure(engine, name)
    assert engine.pulled == []


def test_always_pulls_what_is_there():
    engine = FakeEngine(images=["a:1"])

    ensure(engine, "a:1", "always")

    assert engine.pulled == ["a:1"]


def test_never_does_not_pull_and_says_how_to_go_on():
    engine = FakeEngine(images=[], pullable=["a:1"])

    with pytest.raises(ImageNotFound, match="pull policy is `never`") as caught:
        ensure(engine, "a:1", "never")

    assert engine.pulled == []
    assert "docker pull a:1" in caught.value.hints


def test_many_who_ask_at_once_pull_once(tmp_path):
    engine = FakeEngine(images=[], pullable=["a:1"])
    threads = [threading.Thread(target=ensure, args=(engine, "a:1"), kwargs={"locks": tmp_path}) for _ in range(20)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert engine.pulled == ["a:1"]


def test_an_image_for_another_processor_is_said():
    image = Image("a:1", "i", "d", "arm64", "linux")

    assert "arm64" in (mismatch(image, "amd64") or "")
    assert mismatch(replace(image, architecture="amd64"), "amd64") is None
    assert mismatch(image, "") is None
