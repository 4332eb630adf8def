"""Both ways to reach files on a real engine, also as a user who is not root, and from inside a container."""

from __future__ import annotations

import codecs
import json
import os
import pickle
import shutil
import stat
import tempfile
import threading
import traceback
from pathlib import Path

import pytest

import localhai
from localhai.containers import labels, package_cache, reap
from localhai.containers.docker.connect import connect
from localhai.containers.engine import ContainerSpec, Mount
from localhai.containers.trees import archives, canary, volumes
from localhai.containers.trees.layout import TreeContents
from tests.docker.packages import site_packages

pytestmark = pytest.mark.docker

IMAGE = "python:3.11-slim"
WAYS = ["bind", "volumes"]
BIG = 40 << 20
SOCKET = "/var/run/docker.sock"
LATE = (
    archives,
    volumes,
    package_cache,
    codecs.lookup("ascii"),
)  # loaded before anybody gives up the right to read them


@pytest.fixture
def engine():
    found = connect()
    yield found
    found.close()


@pytest.fixture
def folder():
    """Open to every user: above `tmp_path` pytest shuts out all but one, and once more when a second pytest starts."""
    made = Path(tempfile.mkdtemp(prefix="localhai-tests-"))
    made.chmod(0o777)
    yield made
    shutil.rmtree(made)


def contents_in(folder: Path, size: int = 6) -> TreeContents:
    (folder / "code").mkdir()
    (folder / "code" / "train.py").write_text("original")
    (folder / "cached").write_bytes(b"c" * size)
    (folder / "cached").chmod(0o444)
    execution = f"test-{os.urandom(6).hex()}"
    return TreeContents(
        repository=folder / "code",
        inputs={"data/sub/big": folder / "cached"},
        config={"parameters.json": b"{}", "run": b"#!/bin/sh\necho ran\n"},
        outputs=folder / "outputs",
        scratch=folder / "scratch",
        labels=labels.build(execution=execution, project="tests"),
        key=execution,
    )


def run_step(engine, home: Path, contents: TreeContents, script: str, wanted: str, user: str | None = None) -> bytes:
    image = engine.image(IMAGE)
    if user is not None:
        from msgspec.structs import replace

        image = replace(image, user=user)
    tree = canary.choose(engine, home, image, wanted)
    mounts = tree.prepare(contents)
    spec = ContainerSpec(
        "",
        image.id,
        ("bash", "-ec", script),
        labels=contents.labels,
        mounts=mounts,
        user=user,
        working_dir="/valohai/repository",
    )
    container = engine.create(spec)
    try:
        tree.fill(container)
        output = engine.attach(container)
        engine.start(container)
        said = b"".join(data for _stream, data in output)
        assert engine.wait(container) == 0, said
        tree.finish(container)
    finally:
        engine.remove(container)
        tree.remove(container)
    return said


def names_under(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


WRITE_EVERYWHERE = """
test "$PWD" = /valohai/repository; grep -q original train.py; /valohai/config/run
echo changed > train.py; mkdir deep; echo x > deep/new
cd /valohai/inputs/data/sub; chmod 777 big; truncate -s 3 big; echo x >> big; mv big other; rm other; echo mine > big
mkdir ../unpacked; echo x > ../unpacked/y
mkdir -p /valohai/outputs/a/b; echo result > /valohai/outputs/a/b/model
ln -s /etc/passwd /valohai/outputs/link; mkfifo /valohai/outputs/pipe
"""


@pytest.mark.parametrize("wanted", WAYS)
@pytest.mark.parametrize("size", [6, BIG])
def test_a_step_may_write_everywhere_and_changes_nothing_of_ours(engine, folder, wanted, size):
    contents = contents_in(folder, size)

    said = run_step(engine, folder / "home", contents, WRITE_EVERYWHERE, wanted)

    assert said == b"ran\n"
    assert (contents.repository / "train.py").read_text() == "original"
    assert names_under(contents.repository) == ["train.py"]
    cached = contents.inputs["data/sub/big"]
    assert cached.read_bytes() == b"c" * size
    assert (stat.S_IMODE(cached.stat().st_mode), cached.stat().st_nlink) == (0o444, 1)
    assert (contents.outputs / "a" / "b" / "model").read_text() == "result\n"
    assert os.readlink(contents.outputs / "link") == "/etc/passwd"
    assert {path.lstat().st_uid for path in contents.outputs.rglob("*")} == {os.geteuid()}
    assert not contents.scratch.exists()
    assert not reap.of_execution(engine, contents.labels[labels.EXECUTION])


@pytest.mark.parametrize("wanted", WAYS)
@pytest.mark.parametrize("size", [6, BIG])
def test_an_image_whose_user_is_not_root_may_write_too(engine, folder, wanted, size):
    contents = contents_in(folder, size)
    script = (
        "echo x >> train.py; mkdir deep; echo x > /valohai/outputs/o; mkdir /valohai/inputs/data/mine; "
        "cd /valohai/inputs/data/sub; cat big | wc -c; rm -f big; echo x > new; id -u"
    )

    said = run_step(engine, folder / "home", contents, script, wanted, user="1234:1234")

    assert said.split() == [str(size).encode(), b"1234"]
    assert (contents.outputs / "o").stat().st_uid == os.geteuid()
    assert contents.inputs["data/sub/big"].stat().st_size == size


def test_config_cannot_be_written_by_a_step(engine, folder):
    script = "! touch /valohai/config/x; ! rm -f /valohai/config/run; ! chmod 777 /valohai/config/run"

    run_step(engine, folder / "home", contents_in(folder), script, "bind")


@pytest.mark.parametrize("wanted", WAYS)
def test_read_only_outputs_are_taken_while_the_step_runs(engine, folder, wanted):
    contents = contents_in(folder)
    image = engine.image(IMAGE)
    tree = canary.choose(engine, folder / "home", image, wanted)
    script = (
        "mkdir -p /valohai/outputs/a; cd /valohai/outputs; for n in 1 2; do echo $n > a/m; chmod 444 a/m; echo made; "
        "while [ -e a/m ]; do sleep .05; done; done; echo end > a/end"
    )
    mounts = tree.prepare(contents)
    container = engine.create(ContainerSpec("", image.id, ("sh", "-c", script), labels=contents.labels, mounts=mounts))
    try:
        tree.fill(container)
        output = engine.attach(container)
        chunks = iter(output)
        engine.start(container)
        taken: list[Path] = []
        for _ in range(2):
            next(chunks)
            taken += tree.read_only_outputs(container)
        output.close()
        engine.wait(container, 60)
        tree.finish(container)
        assert [path.read_text() for path in taken] == ["1\n", "2\n"]
        assert {path.parts[-2:] for path in taken} == {("a", "m")}
        assert names_under(contents.outputs) == ["a", "a/end"]
    finally:
        engine.remove(container)
        tree.remove(container)


def test_fifty_trees_at_once_do_not_collide(engine, folder):
    problems: list[str] = []
    contents = [contents_in(_made(folder / str(number)), BIG if number < 3 else 6) for number in range(50)]

    def live(number: int) -> None:
        try:
            script = f"echo {number} > /valohai/outputs/o"
            run_step(engine, folder / "home", contents[number], script, WAYS[number % 2])
            assert (contents[number].outputs / "o").read_text() == f"{number}\n"
        except Exception:  # noqa: BLE001 - shown below
            problems.append(traceback.format_exc())

    threads = [threading.Thread(target=live, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert problems == []
    assert not any(reap.of_execution(engine, item.labels[labels.EXECUTION]) for item in contents)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


@pytest.mark.parametrize("size", [6, BIG])
def test_files_that_root_made_inside_become_ours_when_we_are_not_root(folder, size):
    """Run as another user who may talk to the engine: by fork, since a right once given up does not come back."""
    assert _as_user(lambda: _step_as_user(folder, size)) == [12345]
    assert sorted(os.listdir(folder)) == ["cached", "code", "home", "outputs"]


def _step_as_user(folder: Path, size: int) -> list[int]:
    engine = connect()
    contents = contents_in(folder, size)
    script = "umask 077; mkdir -p /valohai/outputs/a; echo x > /valohai/outputs/a/o; mkdir /valohai/repository/locked; "
    script += "echo x > /valohai/repository/locked/x; rm -rf /valohai/inputs/data"
    run_step(engine, folder / "home", contents, script, "bind")
    image = engine.image(IMAGE)
    tree = canary.choose(engine, folder / "home", image, "bind")
    cache = package_cache.prepare(engine, folder / "home", image, tree)
    assert os.stat(f"{cache.mounts[0].source}/pip").st_uid == 0
    assert package_cache.clear(engine, folder / "home", image.id) == []
    assert not os.path.exists(cache.mounts[0].source)
    assert (contents.outputs / "a" / "o").read_text() == "x\n"
    return sorted({path.stat().st_uid for path in (contents.outputs / "a").rglob("*")})


def _as_user(act):
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setgroups([os.stat(SOCKET).st_gid])
                os.setgid(12345)
                os.setuid(12345)
            found = act()
        except BaseException:  # noqa: BLE001 - told to the parent
            found = traceback.format_exc()
        os.write(writing, pickle.dumps(found))
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as answer:
        found = pickle.load(answer)  # noqa: S301 - our own child wrote it
    os.waitpid(child, 0)
    return found


INSIDE = """
import json, os, sys
from pathlib import Path
sys.path[:0] = ["/checkout", "/site"]
from localhai.containers import labels, reap
from localhai.containers.trees import canary
from localhai.containers.docker.connect import connect
from localhai.containers.engine import ContainerSpec
from localhai.containers.trees.layout import TreeContents

top = Path("/work-inside")
(top / "code").mkdir(parents=True)
(top / "code" / "train.py").write_text("original")
(top / "cached").write_bytes(b"c" * 3_000_000)
engine = connect()
image = engine.image("python:3.11-slim")
execution = sys.argv[1]
found = labels.build(execution=execution, project="tests")
contents = TreeContents(top / "code", {"data/f": top / "cached"}, {"parameters.json": b"{}"},
                        top / "outputs", top / "scratch", found, execution)
tree = canary.choose(engine, top / "home", image)
mounts = tree.prepare(contents)
script = "cat train.py > /valohai/outputs/code; wc -c < /valohai/inputs/data/f > /valohai/outputs/size"
container = engine.create(ContainerSpec("", image.id, ("sh", "-c", script), labels=found, mounts=mounts,
                                        working_dir="/valohai/repository"))
tree.fill(container)
engine.start(container)
code = engine.wait(container)
tree.finish(container)
engine.remove(container)
tree.remove(container)
left = bool(reap.of_execution(engine, execution).volumes)
print(json.dumps({"way": tree.way, "code": code, "left": left,
                  "outputs": {path.name: path.read_text() for path in contents.outputs.iterdir()}}))
"""


def test_localhai_inside_a_container_with_the_socket_mounted_uses_volumes(engine, tmp_path):
    """As in every Airflow-in-Docker set-up: the engine does not see what localhai sees."""
    execution = f"test-{os.urandom(6).hex()}"
    ours = {labels.EXECUTION: execution}
    mounts = (Mount(SOCKET, SOCKET), Mount(str(site_packages(tmp_path)), "/site", read_only=True))
    command = ("python3", "-c", INSIDE, f"{execution}-inner")
    container = engine.create(ContainerSpec("", IMAGE, command, labels=ours, mounts=mounts))
    try:
        package = Path(localhai.__file__).parent
        engine.put_archive(
            container, "/", archives.pack(archives.tree_entries(package, "checkout/localhai", opened=False))
        )
        engine.start(container)
        code = engine.wait(container, 120)
        said = b"".join(data for _stream, data in engine.logs(container))
    finally:
        engine.remove(container)
        reap.remove(engine, reap.of_execution(engine, f"{execution}-inner"))

    assert code == 0, said.decode()
    assert json.loads(said.splitlines()[-1]) == {
        "way": "volumes",
        "code": 0,
        "left": False,
        "outputs": {"code": "original", "size": "3000000\n"},
    }


@pytest.mark.parametrize("way", ["bind", "volumes"])
def test_what_a_step_writes_into_the_package_cache_configures_no_other(engine, folder, way):
    image = engine.image(IMAGE)
    tree = canary.choose(engine, folder / "home", image, way)
    cache = package_cache.prepare(engine, folder / "home", image, tree, user="0191-a/../b")

    def run(script: str) -> tuple[int, str]:
        environment, command = dict(cache.environment), ("sh", "-c", script)
        spec = ContainerSpec(
            name="", image=image.id, command=command, environment=environment, mounts=cache.mounts, network="none"
        )
        code, said = engine.run(spec)
        return code, said.decode()

    poison = 'APT::Update::Pre-Invoke {"touch /poisoned"; };'
    conf, script = package_cache.ENVIRONMENT["APT_CONFIG"], f"{package_cache.SETTINGS}/apt-fill"
    shared = package_cache.INSIDE
    code, said = run(
        f"exec 2>/dev/null; for f in {conf} {script} {shared}/apt.conf {shared}/apt-fill; do"
        f" echo '{poison}' > $f; done; rm -f {conf}; rm -rf {shared}/apt; ls {package_cache.SETTINGS}"
    )
    assert (code, said.split()[-3:]) == (0, ["apt-fill", "apt-keep", "apt.conf"])
    code, said = run(f"apt-config dump; cat {script}; sh {script}; sh {package_cache.SETTINGS}/apt-keep")
    assert code == 0
    assert "poisoned" not in said
    assert 'Dir::Cache::archives "/var/cache/apt/localhai/"' in said
    for mount in cache.mounts:
        if mount.kind == "volume":
            engine.remove_volume(mount.source)
