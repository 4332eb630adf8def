from __future__ import annotations

import sys

import pytest

from localhai.containers.images import cpu_stand_in, ensure_all, image_hints
from localhai.errors import ImageNotFound
from localhai.testing import FakeEngine

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def pasted(hints):
    text = next(hint for hint in hints if "[images]" in hint)
    return tomllib.loads(text[text.index("\n[images]") :])["images"]


@pytest.mark.parametrize(
    ("image", "found"),
    [
        ("tensorflow/tensorflow:2.6.1-gpu", "tensorflow/tensorflow:2.6.1"),
        ("a:gpu", None),
        ("a:1", None),
        ("a:2.6.1-gpu-jupyter", "a:2.6.1-jupyter"),
    ],
)
def test_what_an_image_is_called_without_a_gpu(image, found):
    assert cpu_stand_in(image) == found


def test_the_advice_can_be_pasted_and_names_the_image():
    assert pasted(image_hints("me/train:1-gpu", "other")) == {
        "me/train:1-gpu": "me/train:1",
        "other": "python:3.11-slim",
    }


def test_all_images_are_looked_at_and_said_in_one_error():
    engine = FakeEngine(images=["here:1"], pullable=["there:1"])
    with pytest.raises(ImageNotFound) as caught:
        ensure_all(
            engine, {"lost:1": ["node a", "node c"], "here:1": ["node b"], "gone:1": ["node d"], "there:1": ["x"]}
        )
    assert caught.value.message.splitlines() == [
        "2 images cannot be had:",
        "  node a, node c: there is no image lost:1",
        "  node d: there is no image gone:1",
    ]
    assert pasted(caught.value.hints) == {"lost:1": "python:3.11-slim", "gone:1": "python:3.11-slim"}
    assert engine.pulled == ["there:1"]
