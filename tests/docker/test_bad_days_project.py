"""A project that is wrong, or in an odd place, or of another user: refused with its place, or run after all."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.docker

IMAGE = "python:3.11-slim"
NOBODY = 65534
SOCKET = "/var/run/docker.sock"
LABEL = "localhai.tests=bad-days"
BOMB = "a: &a [{lol}]\n".replace("{lol}", ", ".join(["lol"] * 10)) + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
BOTH_WAYS = pytest.mark.parametrize("way", ["bind", "volumes"])


def complete(bench, *arguments: str, **more) -> dict:
    """The execution that `localhai run ARGUMENTS` makes, run to its good end."""
    run = bench.call("run", *arguments, **more)
    assert run.code() == 0, run.err
    assert "Traceback" not in run.err
    execution = bench.last()
    assert (execution["status"], execution["exit_code"], execution["error"]) == ("complete", 0, None)
    return execution


def refused(bench, *arguments: str, code: int, **more) -> str:
    """What `localhai ARGUMENTS` says when it refuses; nothing was recorded and nothing made."""
    run = bench.call(*arguments, **more)
    assert run.code() == code, run.err
    assert "Traceback" not in run.err
    assert run.out == ""
    assert not (bench.home / "localhai.db").exists() or bench.records() == []
    return run.err


def text_of(bench, execution: dict, name: str) -> str:
    """An output, as the store has it."""
    (uri,) = [item["uri"] for item in execution["outputs"] if item["name"] == name]
    with bench.open() as project:
        return project.home.store.path(uri).read_text()


@BOTH_WAYS
def test_a_filename_that_leads_out_stays_in_the_folder_of_its_input(bench, way) -> None:
    bench.environment["LOCALHAI_FILES"] = way
    (bench.tmp / "train.csv").write_text("a,b\n")
    uri = (bench.tmp / "train.csv").as_uri()
    bench.step(
        "cd /valohai && find . -name 'x*' -o -name passwd | sort; cat inputs/up/x; cat inputs/root/etc/passwd",
        inputs=[
            {"name": "up", "default": uri, "filename": "../../x"},
            {"name": "root", "default": uri, "filename": "/etc/passwd"},
        ],
    )
    complete(bench, "work")
    lines = [line for line in bench.log().splitlines() if line.startswith(("./", "a,b"))]
    assert lines == ["./inputs/root/etc/passwd", "./inputs/up/x", "a,b", "a,b"]
    assert "input up: the name '../../x' is not safe, the file is called 'x'" in bench.log()


def test_an_alias_bomb_is_refused_at_once(bench) -> None:
    (bench.folder / "valohai.yaml").write_text(BOMB)
    said = refused(bench, "run", "work", code=3, under=("prlimit", "--cpu=20", "--as=4000000000"))
    assert "the aliases in here expand to more than 500,000 values" in said
    assert "valohai.yaml:6:" in said
    assert "write the values out, or use fewer aliases" in said


def test_an_alias_bomb_among_parameters_is_refused_at_once(bench) -> None:
    bench.step("true", parameters=[{"name": "i", "type": "string"}])
    (bench.folder / "parameters.yaml").write_text(BOMB)
    limits = ("prlimit", "--cpu=20", "--as=4000000000")
    said = refused(bench, "run", "work", "--parameter-file", "parameters.yaml", code=3, under=limits)
    assert "the aliases in here expand to more than 500,000 values" in said


@pytest.mark.parametrize(
    ("content", "place", "words"),
    [
        (b"- step:\n    name: work\n   image: x\n", "valohai.yaml:3:4", "indented differently"),
        (b"- step: {name: work, image: x, command: 8}\n", "valohai.yaml:1:", "command must be"),
        (b"- step:\n    name: w\xe9rk\n", "valohai.yaml:2:12", "byte 0xe9 here is not UTF-8"),
        (b"", "valohai.yaml", ""),
        (bytes(range(128)) * 40, "valohai.yaml:1:1", "the control character U+0000"),
        (b"[" * 100_000, "valohai.yaml:1:", "nested more than 100 deep"),
    ],
    ids=["indent", "type", "latin-1", "empty", "binary", "deep"],
)
def test_wrong_yaml_is_refused_with_its_place(bench, content, place, words) -> None:
    (bench.folder / "valohai.yaml").write_bytes(content)
    said = refused(bench, "run", "work", code=3)
    assert place in said
    assert words in said
    as_json = bench.call("run", "work", "--json")
    assert as_json.code() == 3
    assert json.loads(as_json.out)["error"]["message"]


@BOTH_WAYS
def test_a_command_of_100_kilobytes_runs(bench, way) -> None:
    bench.environment["LOCALHAI_FILES"] = way
    long = "x" * 100_000
    bench.step([f"printf %s {long} > /valohai/outputs/long.txt", *(["true"] * 5000), "echo end"])
    execution = complete(bench, "work")
    assert text_of(bench, execution, "long.txt") == long
    assert "end" in bench.log()
    again = bench.call("rerun", "latest")
    assert again.code() == 0, again.err
    assert text_of(bench, bench.last(), "long.txt") == long


@pytest.fixture
def as_nobody(bench) -> Iterator[dict]:
    """Options of `bench.call` for a user who may talk to the engine and may write nowhere but in the home.

    He may read everything: the interpreter of the tests is often below a folder that only its owner may enter.
    """
    if os.geteuid() != 0:  # the tests' own user is no root
        bench.folder.chmod(0o555)
        yield {}
        bench.folder.chmod(0o755)
        return
    bench.home = Path(tempfile.mkdtemp(prefix="localhai-tests-"))  # pytest's folders are for one user alone
    os.chown(bench.home, NOBODY, NOBODY)
    words = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", f"--groups={os.stat(SOCKET).st_gid}")
    reading = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
    yield {"under": (*words, *reading), "env": {"HOME": str(bench.home)}}
    assert bench.leftovers() == []
    shutil.rmtree(bench.home)


@BOTH_WAYS
def test_a_read_only_project_of_another_user(bench, way, as_nobody) -> None:
    bench.environment["LOCALHAI_FILES"] = way
    (bench.folder / "train.py").write_text("print('trained')\n")
    script = "umask 077; mkdir /valohai/outputs/deep; echo mine > /valohai/outputs/deep/model.txt; touch new-file"
    bench.step(["python train.py", script])
    before = sorted(os.listdir(bench.folder))
    run = bench.call("run", "work", **as_nobody)
    assert run.code() == 0, run.err
    assert "trained" in run.out
    assert sorted(os.listdir(bench.folder)) == before
    execution = bench.last()
    assert text_of(bench, execution, "deep/model.txt") == "mine\n"
    owner = NOBODY if as_nobody else os.geteuid()
    owners = {path.lstat().st_uid for path in (bench.home / bench.records()[0].folder).rglob("*")}
    assert owners == {owner}
    listed = bench.call("execution", "list", "--json", **as_nobody)
    assert [item["counter"] for item in json.loads(listed.out)] == [1]


def test_a_project_on_a_read_only_disk(bench, host_mount: Callable) -> None:
    disk = host_mount("disk", {"size": "1m"})
    bench.folder = disk
    bench.step("touch new-file && echo works > /valohai/outputs/a.txt")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    execution = complete(bench, "work")
    assert text_of(bench, execution, "a.txt") == "works\n"
    assert os.listdir(disk) == ["valohai.yaml"]


def test_a_home_that_cannot_be_written_is_said(bench, as_nobody) -> None:
    if as_nobody:
        os.chown(bench.home, 0, 0)
    bench.home.chmod(0o555)
    bench.step("true")
    run = bench.call("run", "work", **as_nobody)
    bench.home.chmod(0o755)
    assert run.code() == 4, run.err
    assert "Traceback" not in run.err
    assert str(bench.home) in run.err
    assert os.listdir(bench.home) == []


@pytest.fixture
def image_of_a_user() -> Iterator[str]:
    """An image whose USER is not root."""
    name = f"localhai-tests-user:{os.getpid()}"
    made = subprocess.run(["docker", "create", "--label", LABEL, IMAGE], check=True, capture_output=True, text=True)
    container = made.stdout.strip()
    try:
        words = ["docker", "commit", "--change", "USER 1234", container, name]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    finally:
        subprocess.run(["docker", "rm", "-f", container], check=True, stdout=subprocess.DEVNULL)
    yield name
    subprocess.run(["docker", "rmi", "-f", name], check=True, stdout=subprocess.DEVNULL)


@BOTH_WAYS
@pytest.mark.parametrize("who", ["owner", "nobody"])
def test_an_image_whose_user_is_not_root(bench, way, who, image_of_a_user, request) -> None:
    bench.environment["LOCALHAI_FILES"] = way
    options = request.getfixturevalue("as_nobody") if who == "nobody" else {}
    (bench.tmp / "train.csv").write_text("a,b\n")
    (bench.folder / "code.py").write_text("print('code')\n")
    bench.step(
        [
            "id -u",
            "python code.py && touch beside.txt && echo '' >> code.py",
            "umask 077 && mkdir /valohai/outputs/deep && cp /valohai/inputs/data/train.csv /valohai/outputs/deep/",
            "echo more >> /valohai/inputs/data/train.csv && touch /valohai/inputs/data/unpacked",
            "echo live > /valohai/outputs/live.txt && chmod 400 /valohai/outputs/live.txt && sleep 3",
        ],
        image=image_of_a_user,
        inputs=[{"name": "data", "default": (bench.tmp / "train.csv").as_uri()}],
    )
    run = bench.call("run", "work", **options)
    assert run.code() == 0, run.err
    assert run.out.splitlines()[:2] == ["1234", "code"]
    execution = bench.last()
    assert text_of(bench, execution, "deep/train.csv") == "a,b\n"
    assert text_of(bench, execution, "live.txt") == "live\n"
    assert (bench.tmp / "train.csv").read_text() == "a,b\n"


@BOTH_WAYS
def test_a_path_with_spaces_quotes_colons_commas_and_other_alphabets(bench, way) -> None:
    bench.environment["LOCALHAI_FILES"] = way
    odd = bench.tmp / "möin, wörld: 'quo\"tes' $HOME ✓ 日本語 \\back"
    bench.folder, bench.home = odd / "pro ject", odd / "ho me"
    bench.folder.mkdir(parents=True)
    bench.home.mkdir()
    (bench.folder / "ünï cödé ✓.py").write_text("print('code')\n")
    (bench.folder / os.fsdecode(b"caf\xe9.txt")).write_text("latin\n")
    (bench.tmp / "trä in.csv").write_text("a,b\n")
    bench.step(
        [
            "python 'ünï cödé ✓.py'",
            "cat caf*.txt",
            "cat '/valohai/inputs/data/trä in.csv'",
            "echo y > '/valohai/outputs/mödel 1.txt'",
        ],
        inputs=[{"name": "data", "default": str(bench.tmp / "trä in.csv")}],
    )
    execution = complete(bench, "work")
    assert [line for line in bench.log().splitlines() if line in {"code", "latin", "a,b"}] == ["code", "latin", "a,b"]
    assert text_of(bench, execution, "mödel 1.txt") == "y\n"
    assert execution["project"] == "pro ject"


def test_a_locale_that_knows_ascii_only(bench) -> None:
    """As in many a container and cron job."""
    bench.step(["echo 'ünï ✓'", "echo x > '/valohai/outputs/mödel.txt'"])
    run = bench.call("run", "work", env={"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"})
    assert run.code() == 0, run.err
    assert "ünï ✓" in run.out
    assert [item["name"] for item in bench.last()["outputs"]] == ["mödel.txt"]


def test_a_python_that_insists_on_ascii_ends_the_execution_and_keeps_the_outputs_where_they_are(bench) -> None:
    bench.step("echo x > '/valohai/outputs/mödel.txt'")
    run = bench.call("run", "work", env={"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"})
    assert run.code() == 1, run.err
    assert "Traceback" not in run.err
    execution = bench.last()
    assert execution["status"] == "error"
    assert execution["error"].startswith("its outputs could not be kept: ")
    assert (bench.home / bench.records()[0].folder / "outputs" / "mödel.txt").read_text() == "x\n"
