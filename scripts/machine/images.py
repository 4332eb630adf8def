"""Images: what is there is used, else pulled, else a stand-in is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from machine import stand_in
from machine.say import Trouble, say
from machine.system import one_at_a_time

if TYPE_CHECKING:
    from machine.engine import Engine


def ensure(engine: Engine, image: str) -> None:
    """Bring `image` onto the engine. Raises Trouble when nothing helps."""
    if engine.has(image):
        return
    with one_at_a_time("image build"):
        if not engine.has(image):  # whoever was before us may have brought it
            _fetch(engine, image)


def _fetch(engine: Engine, image: str) -> None:
    say(f"pulling {image}")
    try:
        engine.pull(image)
    except Trouble as trouble:
        say(trouble.message)
        if image not in stand_in.RECIPES:
            raise Trouble(
                f"{image} is neither on the engine nor could it be pulled.",
                f"Bring it yourself: docker load -i FILE. Stand-ins are known for {', '.join(stand_in.RECIPES)}.",
            ) from trouble
        stand_in.build(engine, image)
