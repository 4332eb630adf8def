"""Both trees on the fake engine; on a real one in tests/docker."""

from __future__ import annotations

import json
import os
import stat
import threading
from pathlib import Path

import pytest

from localhai.containers import package_cache
from localhai.containers.engine import ContainerSpec
from localhai.containers.trees import canary, ownership
from localhai.containers.trees.layout import INPUTS, OUTPUTS, REPOSITORY, TreeContents
from localhai.errors import EngineLost, SurroundingsError
from localhai.testing import FakeContainer, FakeEngine

WAYS = ["bind", "volumes"]


@pytest.fixture
def contents(tmp_path):
    (tmp_path / "code" / "src").mkdir(parents=True)
    (tmp_path / "code" / "src" / "train.py").write_text("original")
    (tmp_path / "cached").write_text("cached")
    (tmp_path / "cached").chmod(0o444)
    return TreeContents(
        repository=tmp_path / "code",
        inputs={"data/sub/train.csv": tmp_path / "cached"},
        config={"parameters.json": b'{"epochs": 5}'},
        outputs=tmp_path / "outputs",
        scratch=tmp_path / "scratch",
        labels={"localhai.execution": "e"},
        key="e",
    )


def begin(engine, contents, home, wanted):
    image = engine.image("python:3.11-slim")
    tree = canary.choose(engine, home, image, wanted)
    mounts = tree.prepare(contents)
    container = engine.create(ContainerSpec("c", image.id, ("x",), mounts=mounts, labels=contents.labels))
    tree.fill(container)
    return tree, container


def finish(engine, tree, container):
    engine.start(container)
    engine.wait(container, 10)
    tree.finish(container)
    engine.remove(container)
    tree.remove(container)


@pytest.mark.parametrize("wanted", WAYS)
def test_a_step_finds_its_files_may_write_and_changes_nothing_of_ours(engine, contents, home_folder, wanted):
    def step(container: FakeContainer) -> None:
        assert container.parameters == {"epochs": 5}
        container.path(f"{REPOSITORY}/src/train.py").write_text("changed")
        data = container.path(f"{INPUTS}/data/sub/train.csv")
        assert data.read_text() == "cached"
        data.chmod(0o777)
        data.write_text("changed")
        (data.parent / "unpacked").mkdir()
        results = container.path(OUTPUTS) / "models"
        results.mkdir()
        (results / "best").write_text("model")

    engine.behave(step)
    tree, container = begin(engine, contents, home_folder, wanted)
    finish(engine, tree, container)

    assert tree.way == wanted
    assert (contents.outputs / "models" / "best").read_text() == "model"
    assert (contents.repository / "src" / "train.py").read_text() == "original"
    assert contents.inputs["data/sub/train.csv"].read_text() == "cached"
    assert stat.S_IMODE(contents.inputs["data/sub/train.csv"].stat().st_mode) == 0o444
    assert not contents.scratch.exists()
    assert engine.volumes({"localhai.execution": None}) == []


@pytest.mark.parametrize("wanted", WAYS)
def test_a_tree_can_be_finished_by_another_process(engine, contents, home_folder, wanted):
    engine.behave(lambda container: container.path(f"{OUTPUTS}/o").write_text("x") and None)
    _tree, container = begin(engine, contents, home_folder, wanted)

    tree = canary.choose(engine, home_folder, None, wanted)
    tree.resume(contents)
    finish(engine, tree, container)

    assert (contents.outputs / "o").read_text() == "x"
    assert not contents.scratch.exists()


def test_outputs_of_a_volume_come_back_after_its_container_is_gone(engine, contents, home_folder):
    engine.behave(lambda container: container.path(f"{OUTPUTS}/o").write_text("x") and None)
    tree, container = begin(engine, contents, home_folder, "volumes")
    engine.start(container)
    engine.wait(container, 10)
    engine.remove(container)

    tree.finish(None)
    tree.remove(None)

    assert (contents.outputs / "o").read_text() == "x"
    assert engine.all_containers == []


def test_outputs_made_read_only_are_taken_while_the_step_runs(engine, contents, home_folder):
    go_on = threading.Event()
    ready = threading.Event()

    def step(container: FakeContainer) -> None:
        for number in range(2):
            target = container.path(f"{OUTPUTS}/deep/model")
            target.parent.mkdir(exist_ok=True)
            target.write_text(str(number))
            target.chmod(0o444)
            ready.set()
            go_on.wait(10)
            go_on.clear()
        container.path(f"{OUTPUTS}/still-written").write_text("x")

    engine.behave(step)
    tree, container = begin(engine, contents, home_folder, "bind")
    engine.start(container)
    taken = []
    for _ in range(2):
        ready.wait(10)
        ready.clear()
        taken += tree.read_only_outputs(container)
        go_on.set()

    assert [path.read_text() for path in taken] == ["0", "1"]
    assert all(path.parts[-2:] == ("deep", "model") for path in taken)
    engine.wait(container, 10)
    assert tree.read_only_outputs(container) == []
    tree.finish(container)
    assert [path.name for path in contents.outputs.iterdir() if path.is_file()] == ["still-written"]


def test_a_user_who_is_not_root_may_write(contents, home_folder):
    engine = FakeEngine(user="1000")
    begin(engine, contents, home_folder, "bind")

    modes = [stat.S_IMODE(path.stat().st_mode) for path in (contents.outputs, contents.scratch / "inputs" / "data")]

    assert modes == [0o777, 0o777]
    assert stat.S_IMODE((contents.scratch / "repository" / "src" / "train.py").stat().st_mode) & 0o666 == 0o666


def test_without_inputs_there_is_an_empty_folder(engine, contents, home_folder):
    bare = TreeContents(contents.repository, {}, {}, contents.outputs, contents.scratch, key="e")
    seen = []
    engine.behave(lambda container: seen.append(os.listdir(container.path(INPUTS))))

    tree, container = begin(engine, bare, home_folder, "bind")
    finish(engine, tree, container)

    assert seen == [[]]


def test_what_the_engine_sees_is_asked_once_and_remembered(engine, home_folder):
    image = engine.image("i")

    assert canary.choose(engine, home_folder, image).way == "bind"
    made = next(engine._numbers)
    assert canary.choose(engine, home_folder, image).way == "bind"

    assert next(engine._numbers) == made + 1
    assert engine.all_containers == []
    assert os.listdir(home_folder / "cache") == ["engine.json"]


def test_an_engine_that_sees_another_machine_s_folders_gets_volumes(home_folder):
    class Faraway(FakeEngine):
        def _source(self, kind, source):
            if kind == "bind":
                raise SurroundingsError("bind source path does not exist")
            return super()._source(kind, source)

    engine = Faraway()
    image = engine.image("i")

    assert canary.choose(engine, home_folder, image).way == "volumes"
    assert canary.choose(engine, home_folder, image, "bind").way == "bind"


def test_a_virtual_machine_that_sees_new_files_late_is_waited_for(engine, home_folder, monkeypatch):
    answers = [FileNotFoundError, FileNotFoundError]
    given = engine.get_archive

    def late(container, path):
        if answers:
            raise answers.pop()(path)
        return given(container, path)

    monkeypatch.setattr(canary, "LOOKS", (0, 0, 0))
    monkeypatch.setattr(engine, "get_archive", late)

    assert canary.choose(engine, home_folder, engine.image("i")).way == "bind"
    assert engine.all_containers == []


def test_one_that_never_sees_them_gets_volumes(engine, home_folder, monkeypatch):
    def never(_container, path):
        raise FileNotFoundError(path)

    monkeypatch.setattr(canary, "LOOKS", (0, 0, 0))
    monkeypatch.setattr(engine, "get_archive", never)

    assert canary.choose(engine, home_folder, engine.image("i")).way == "volumes"


def test_another_engine_at_the_same_place_is_asked_again(engine, home_folder):
    memory = home_folder / "cache" / "engine.json"
    memory.parent.mkdir()
    memory.write_text(json.dumps({f"{engine.info().place} other": {"sees": False}}))

    assert canary.choose(engine, home_folder, engine.image("i")).way == "bind"
    assert list(json.loads(memory.read_text())) == [f"{engine.info().place} fake"]


def test_a_lost_engine_is_not_taken_for_a_blind_one(engine, home_folder):
    image = engine.image("i")
    engine.info = lambda: FakeEngine().info()
    engine.lose()

    with pytest.raises(EngineLost):
        canary.choose(engine, home_folder, image)
    assert not (home_folder / "cache" / "engine.json").exists()


@pytest.mark.parametrize("wanted", WAYS)
def test_the_package_cache_is_made_once_and_cleared(engine, home_folder, wanted):
    image = engine.image("i")
    tree = canary.choose(engine, home_folder, image, wanted)

    first, second = (package_cache.prepare(engine, home_folder, image, tree) for _ in range(2))

    assert first == second
    assert first.environment["PIP_CACHE_DIR"] == f"{package_cache.INSIDE}/pip"
    assert first.mounts[0].target == package_cache.INSIDE
    assert package_cache.clear(engine, home_folder) == []
    assert engine.volumes({"localhai.cache": None}) == []
    assert not (home_folder / "cache" / "packages").exists()


def test_root_and_others_do_not_share_packages(home_folder):
    mounts = []
    for user in ("", "1000"):
        engine = FakeEngine(user=user)
        image = engine.image("i")
        tree = canary.choose(engine, home_folder, image, "bind")
        mounts.append(package_cache.prepare(engine, home_folder, image, tree).mounts[0].source)

    assert mounts[0] != mounts[1]
    assert stat.S_IMODE(os.stat(f"{mounts[1]}/pip").st_mode) == 0o777


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
def test_devices_and_ids_that_a_step_set_do_not_outlast_it(tmp_path):
    outputs = tmp_path / "outputs"
    (outputs / "below").mkdir(parents=True)
    (outputs / "below").chmod(0o2775)
    os.mknod(outputs / "below" / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    (outputs / "sh").write_bytes(b"#!")
    (outputs / "sh").chmod(0o6755)
    (outputs / "link").symlink_to("/usr/bin/passwd")
    passwd = os.stat("/usr/bin/passwd").st_mode

    assert ownership.disarm(str(outputs)) == ["below/null"]
    assert stat.S_IMODE((outputs / "sh").stat().st_mode) == 0o755
    assert stat.S_IMODE((outputs / "below").stat().st_mode) == 0o775
    assert not (outputs / "below" / "null").exists()
    assert os.stat("/usr/bin/passwd").st_mode == passwd


@pytest.mark.parametrize("wanted", WAYS)
def test_users_of_a_server_share_no_packages_and_only_our_settings(engine, home_folder, wanted):
    image = engine.image("i")
    tree = canary.choose(engine, home_folder, image, wanted)

    mounts = [package_cache.prepare(engine, home_folder, image, tree, user=user).mounts for user in (None, "a", "b")]

    assert len({cache.source for cache, _ in mounts}) == 3
    assert {(ours.source, ours.target, ours.read_only) for _, ours in mounts} == {
        (mounts[0][1].source, package_cache.SETTINGS, True)
    }
    assert not any(value.startswith(f"{package_cache.INSIDE}/apt") for value in package_cache.ENVIRONMENT.values())


def test_settings_of_packages_that_were_changed_are_made_anew(engine, home_folder):
    image = engine.image("i")
    tree = canary.choose(engine, home_folder, image, "bind")
    cache, ours = package_cache.prepare(engine, home_folder, image, tree).mounts
    conf = Path(ours.source) / "apt.conf"
    before = conf.read_text()
    conf.write_text("poison")

    package_cache.prepare(engine, home_folder, image, tree)

    assert conf.read_text() == before
    assert stat.S_IMODE(conf.stat().st_mode) == 0o644
    assert not (Path(cache.source) / "apt.conf").exists()


def test_a_package_volume_in_use_keeps_no_other_from_going(engine, home_folder, monkeypatch):
    image = engine.image("i")
    tree = canary.choose(engine, home_folder, image, "volumes")
    cache, _ = package_cache.prepare(engine, home_folder, image, tree).mounts
    remove = engine.remove_volume

    def refused(name):
        if name == cache.source:
            raise SurroundingsError("volume is in use")
        remove(name)

    monkeypatch.setattr(engine, "remove_volume", refused)
    assert package_cache.clear(engine, home_folder) == [
        f"the volume {cache.source} could not be removed: volume is in use"
    ]
    assert engine.volumes({"localhai.cache": None}) == [cache.source]


def test_a_home_clears_its_own_packages_only(engine, home_folder, tmp_path):
    image = engine.image("i")
    for home in (home_folder, tmp_path / "other"):
        package_cache.prepare(engine, home, image, canary.choose(engine, home, image, "volumes"))
    before = engine.volumes({"localhai.cache": None})

    assert package_cache.clear(engine, home_folder) == []

    assert len(before) == 4
    assert len(engine.volumes({"localhai.cache": None})) == 2
