"""What a step leaves among its outputs may be anything: nothing outside is followed, all that are files are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = pytest.mark.docker

KEPT = "echo kept > /valohai/outputs/kept.txt"
ODD_NAMES = r"""
import os
os.chdir(b"/valohai/outputs")
for name in (b"two\nlines.txt", b"caf\xe9 100%.txt", b"sub\xff/tab\t.txt", b"-rf", b" ", "ünï códe ✓.txt".encode()):
    os.makedirs(os.path.dirname(name) or b".", exist_ok=True)
    with open(name, "wb") as file:
        file.write(b"content of " + name)
    if b"-rf" in name:
        os.chmod(name, 0o444)  # uploaded at once
"""
SPECIAL = """
import os, socket
os.chdir("/valohai/outputs")
os.mkfifo("pipe")
os.mkfifo("read-only-pipe", 0o444)
socket.socket(socket.AF_UNIX).bind("socket")
os.mknod("null", 0o666 | 0o020000, os.makedev(1, 3))
os.makedirs("sub")
os.mkfifo("sub/pipe.metadata.json")
os.symlink("pipe", "link-to-pipe")
"""


@pytest.fixture(autouse=True, params=["bind", "volumes"])
def files(request, bench) -> str:
    """Both ways to reach files."""
    bench.environment["LOCALHAI_FILES"] = request.param
    return request.param


@pytest.fixture
def secret(bench) -> Path:
    """A file of this machine that no step may see, and its folder."""
    folder = bench.tmp / "private"
    folder.mkdir()
    (folder / "secret.txt").write_text("of the host alone")
    return folder / "secret.txt"


def run(bench, *arguments: str) -> dict:
    """The execution `work`, run to its good end."""
    ran = bench.call("run", "work", *arguments)
    assert ran.code() == 0, ran.err
    assert "Traceback" not in ran.err
    execution = bench.last()
    assert (execution["status"], execution["exit_code"], execution["error"]) == ("complete", 0, None)
    return execution


def kept(bench, execution: dict) -> dict[str, bytes]:
    """What the store has, by name."""
    with bench.open() as project:
        found = {item["name"]: project.home.store.path(item["uri"]).read_bytes() for item in execution["outputs"]}
    assert len(found) == len(execution["outputs"])
    return found


def everything_of(home: Path) -> bytes:
    """All bytes below the home, as a thief would search them."""
    return b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file() and not path.is_symlink())


def test_links_to_files_and_folders_of_the_host_are_never_followed(bench, secret) -> None:
    up = "/".join([".."] * 30)
    links = {
        "absolute.txt": str(secret),
        "relative.txt": f"{up}{secret}",
        "folder": str(secret.parent),
        "through.txt": "folder/secret.txt",
        "sub/passwd": "/etc/passwd",
        "kept.txt.metadata.json": str(secret),
        "valohai.metadata.jsonl": str(secret),
    }
    commands = [f"ln -s {target} /valohai/outputs/{name}" for name, target in links.items()]
    bench.step([KEPT, "mkdir /valohai/outputs/sub", *commands])
    execution = run(bench)
    assert kept(bench, execution) == {"kept.txt": b"kept\n"}
    for name in links:
        assert f"Output {name} is skipped: it is a link that leads out of outputs" in bench.log()
    assert b"of the host alone" not in everything_of(bench.home)
    assert secret.read_text() == "of the host alone"


def test_a_link_in_place_of_the_outputs_folder_is_not_followed(bench, secret) -> None:
    """The step cannot take the folder away where it is mounted; where it can, nothing is collected through the link."""
    bench.step(f"rm -rf /valohai/outputs; ln -sfn {secret.parent} /valohai/outputs || true")
    execution = run(bench)
    assert "secret.txt" not in [item["name"] for item in execution["outputs"]]
    assert b"of the host alone" not in everything_of(bench.home)
    assert secret.read_text() == "of the host alone"


def test_links_inside_outputs_are_the_files_again(bench) -> None:
    bench.step(
        "cd /valohai/outputs && mkdir models && echo best > models/best.txt && ln -s models/best.txt latest.txt"
        " && ln -s /valohai/outputs/models/best.txt absolute.txt && ln -s models again"
    )
    execution = run(bench)
    assert kept(bench, execution) == dict.fromkeys(["absolute.txt", "latest.txt", "models/best.txt"], b"best\n")
    assert "Output again is skipped: it is a link to something that is not a regular file" in bench.log()


def test_names_with_newlines_and_bytes_that_are_no_text(bench) -> None:
    (bench.folder / "names.py").write_text(ODD_NAMES)
    bench.step(["python names.py", "sleep 2"])
    execution = run(bench)
    assert kept(bench, execution) == {
        "two\nlines.txt": b"content of two\nlines.txt",
        "caf%E9 100%25.txt": b"content of caf\xe9 100%.txt",
        "sub%FF/tab\t.txt": b"content of sub\xff/tab\t.txt",
        "-rf": b"content of -rf",
        " ": b"content of  ",
        "ünï códe ✓.txt": "content of ünï códe ✓.txt".encode(),
    }
    assert "is not UTF-8: it is kept as 'caf%E9 100%25.txt'" in bench.log()
    shown = bench.call("execution", "outputs", "latest")
    assert shown.code() == 0, shown.err
    assert "caf%E9 100%25.txt" in shown.out
    copied = bench.call("execution", "outputs", "latest", "--download", str(bench.tmp / "copied"))
    assert copied.code() == 0, copied.err
    assert (bench.tmp / "copied" / "two\nlines.txt").read_text() == "content of two\nlines.txt"


def test_an_odd_name_is_an_input_again(bench) -> None:
    bench.steps(
        {"name": "work", "command": "printf x > \"$(printf '/valohai/outputs/caf\\351\\n.txt')\""},
        {"name": "next", "command": "cat /valohai/inputs/data/*", "inputs": [{"name": "data"}]},
    )
    execution = run(bench)
    (output,) = execution["outputs"]
    assert output["name"] == "caf%E9\n.txt"
    ran = bench.call("run", "next", f"--data=datum://{output['id']}")
    assert ran.code() == 0, ran.err
    assert ran.out.strip() == "x"


def test_pipes_sockets_and_devices_are_left_out_and_nothing_waits_for_them(bench, files) -> None:
    (bench.folder / "special.py").write_text(SPECIAL)
    bench.step([KEPT, "python special.py", "sleep 2"])
    execution = run(bench)
    assert kept(bench, execution) == {"kept.txt": b"kept\n"}
    said = bench.log()
    in_words = {
        "pipe": "a named pipe",
        "read-only-pipe": "a named pipe",
        "sub/pipe.metadata.json": "a named pipe",
        "null": "a device",
        "socket": "a socket",
    }
    if files == "volumes":  # they come as an archive, which cannot hold a socket: the engine says nothing of it
        del in_words["socket"]
        in_words = dict.fromkeys(in_words, "not a regular file")
    for name, words in in_words.items():
        assert f"Output {name} is skipped: it is {words}" in said
    assert not list(bench.home.glob("executions/*/*/outputs/null"))
