from __future__ import annotations

import threading

import pytest

from localhai.containers.engine import ContainerSpec, Mount
from localhai.errors import EngineLost, ImageNotFound
from localhai.testing import Canned, FakeContainer, FakeEngine


def started(engine, image="i", **spec):
    container = engine.create(ContainerSpec("", image, ("x",), **spec))
    output = engine.attach(container)
    engine.start(container)
    return container, output


def test_without_a_behaviour_a_container_ends_well(engine):
    container, output = started(engine)

    assert engine.wait(container) == 0
    assert list(output) == []


def test_a_canned_end_is_what_a_container_does(engine):
    engine.behave(Canned(output=[("stdout", b"a\n"), ("stderr", b"b\n")], exit_code=3, oom_killed=True))
    container, output = started(engine)

    assert engine.wait(container) == 3
    assert list(output) == [("stdout", b"a\n"), ("stderr", b"b\n")]
    assert list(engine.logs(container)) == [("stdout", b"a\n"), ("stderr", b"b\n")]
    state = engine.state(container)
    assert state is not None
    assert (state.status, state.oom_killed) == ("exited", True)


def test_behaviours_are_chosen_by_image_and_step_and_the_last_counts(engine, tmp_path):
    (tmp_path / "execution.json").write_text('{"valohai.execution-step": "train"}')
    mounts = (Mount(str(tmp_path), "/valohai/config"),)
    engine.behave(Canned(exit_code=1))
    engine.behave(Canned(exit_code=2), image="python:*")
    engine.behave(Canned(exit_code=3), step="train")

    assert engine.wait(started(engine)[0]) == 1
    assert engine.wait(started(engine, "python:3")[0]) == 2
    assert engine.wait(started(engine, mounts=mounts)[0]) == 3


def test_a_behaviour_that_raises_is_a_step_that_fails(engine):
    def broken(_container: FakeContainer) -> None:
        raise ValueError("no such column")

    engine.behave(broken)
    container, output = started(engine)

    assert engine.wait(container) == 1
    assert list(output) == [("stderr", b"ValueError: no such column\n")]


def test_a_stop_ends_who_sleeps_and_kills_who_does_not_listen(engine):
    engine.behave(lambda container: container.sleep(60), image="polite")
    engine.behave(lambda container: container.stop_asked.wait(60) and stubborn.wait(60) and None, image="stubborn")
    stubborn = threading.Event()
    polite, _ = started(engine, "polite")
    deaf, _ = started(engine, "stubborn")

    engine.stop(polite, 10)
    engine.stop(deaf, 0.01)
    stubborn.set()

    assert (engine.wait(polite), engine.wait(deaf)) == (143, 137)


def test_wait_gives_none_when_time_is_up(engine):
    engine.behave(lambda container: container.sleep(60))
    container, _ = started(engine)

    assert engine.wait(container, 0.01) is None
    engine.kill(container)
    assert engine.wait(container) == 137


def test_a_lost_engine_is_heard_by_who_waits(engine):
    engine.behave(lambda container: container.sleep(60))
    container, output = started(engine)

    engine.lose()
    with pytest.raises(EngineLost):
        engine.wait(container)
    with pytest.raises(EngineLost):
        list(output)
    engine.come_back()

    assert engine.wait(container) == 137


def test_images_that_no_registry_has_are_not_found():
    engine = FakeEngine(images=["a"], pullable=["b"])

    assert engine.image("b") is None
    assert engine.pull("b").reference == "b"
    assert engine.image("b") is not None
    with pytest.raises(ImageNotFound):
        engine.pull("c")


def test_a_closed_output_ends(engine):
    engine.behave(lambda container: container.sleep(60))
    _container, output = started(engine)

    output.close()

    assert list(output) == []
