"""Nothing that localhai writes holds a secret, but for files that are its owner's alone and go with their execution."""

from __future__ import annotations

import json
import os
import stat
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace
from waiting import until

from localhai.app.open_project import OpenProject
from localhai.app.recover import recover
from localhai.errors import LocalhaiError
from localhai.executions.home import Home
from localhai.executions.log.capture import Capture
from localhai.executions.run import finalize, secrets
from localhai.executions.run.heartbeat import own_owner
from localhai.records.variables import Variable
from localhai.testing import Canned, FakeEngine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localhai.executions.execution import Execution

TOKEN = 'hunter"2-päss'
PLAIN = ("hunter", "päss", "p\\u00e4ss", "p%C3%A4ss", "pass-w0rd", "51gn4tur3")
YAML = """\
- step:
    name: train
    image: python:3.11-slim
    command: python train.py
    inputs: [{name: data, optional: true}]
"""
DEAD = replace(own_owner(), process_start="0")
OUTPUT = f"plain {TOKEN}\n{json.dumps({'said': TOKEN, 'key ' + TOKEN: 1})}\n"


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    made = FakeEngine()
    made.behave(Canned(output=OUTPUT), step="train")
    yield made
    made.close()


@pytest.fixture
def project(home: Home, tmp_path: Path) -> OpenProject:
    folder = tmp_path / "news"
    folder.mkdir()
    (folder / "valohai.yaml").write_text(YAML)
    return OpenProject.at(folder, home=home)


def dies(*_: Any, **__: Any) -> Any:
    raise SystemExit


def run(project: OpenProject, **more: Any) -> Execution:
    return project.run("train", options=replace(project.options(), secrets={"TOKEN": TOKEN}), **more)


def unread(project: OpenProject) -> str:
    """The id of an execution whose localhai died before it had taken in anything that the container wrote."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finalize, "close", dies)
        patch.setattr(Capture, "pump", lambda self, output: None)  # noqa: ARG005
        with pytest.raises(SystemExit):
            run(project)
    record = project.home.records.executions.list(limit=1)[0]
    assert project.home.records.executions.adopt(record.id, record.owner, DEAD)
    return record.id


def in_clear(home: Home) -> list[str]:
    """Files of the home that hold a part of a secret: in their names, or in what localhai wrote into them."""
    home.close()  # what the database still has in its log is written
    found = []
    for path in home.folder.rglob("*"):
        told = str(path.relative_to(home.folder)).encode()
        theirs = path.is_symlink() or not path.is_file() or "outputs" in path.parts or "store" in path.parts
        content = b"" if theirs else path.read_bytes()
        if any(word.encode() in told + content for word in PLAIN):
            found.append(path.name)
    return found


def test_no_file_of_the_home_holds_a_secret_after_a_run(home: Home, engine: FakeEngine, project: OpenProject) -> None:
    sidecar = json.dumps({"valohai.tags": [TOKEN], "valohai.alias": f"a-{TOKEN}", f"k {TOKEN}": [TOKEN]})
    named = {f"of {TOKEN}/m-{TOKEN}.bin": b"1", "plain.txt": b"2", "other.bin": b"3"}
    engine.behave(Canned(output=OUTPUT, files={**named, "other.bin.metadata.json": sidecar.encode()}), step="train")

    execution = run(project)

    assert execution.complete
    assert sorted(item["name"] for item in execution.outputs) == ["of ***/m-***.bin", "other.bin", "plain.txt"]
    assert Path(execution.output("of ***/m-***.bin")["path"]).read_bytes() == b"1"
    assert "a name held a secret: it is kept as 'of ***/m-***.bin'" in str([*execution.events()])
    assert execution.output("other.bin")["tags"] == ["***"]
    assert execution.metadata["said"] == "***"
    assert in_clear(home) == []


@pytest.fixture
def nothing_there() -> Iterator[str]:
    """A server that has nothing."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_error(404)

        do_GET = do_HEAD  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


def test_passwords_and_signatures_of_addresses_are_on_no_disk(
    home: Home, project: OpenProject, nothing_there: str
) -> None:
    signed = f"http://user:pass-w0rd@{nothing_there}/data.csv?X-Amz-Signature=51gn4tur3"
    with pytest.raises(LocalhaiError):
        run(project, inputs={"data": signed})

    assert project.executions()[0].status == "error"
    assert in_clear(home) == []


def test_who_takes_an_execution_over_masks_what_the_dead_one_masked(home: Home, project: OpenProject) -> None:
    execution_id = unread(project)
    folder = home.execution(execution_id).folder
    assert stat.S_IMODE((folder / secrets.FILE).stat().st_mode) == 0o600

    recover(home, lambda text: None)  # noqa: ARG005

    execution = home.execution(execution_id)
    assert execution.complete
    assert "plain ***" in execution.logs()
    assert not (folder / secrets.FILE).exists()
    assert in_clear(home) == []


def test_without_what_was_kept_the_known_is_masked_and_the_loss_is_said(home: Home, project: OpenProject) -> None:
    execution_id = unread(project)
    (home.execution(execution_id).folder / secrets.FILE).unlink()
    home.records.variables.set(project.record.id, Variable("TOKEN", TOKEN, secret=True))

    recover(home, lambda text: None)  # noqa: ARG005

    execution = home.execution(execution_id)
    assert "plain ***" in execution.logs()
    assert secrets.LOST in [event.message for event in execution.events()]


@pytest.mark.parametrize("output", [OUTPUT, "no more\n"])
def test_nothing_is_kept_once_it_has_ended(engine: FakeEngine, project: OpenProject, output: str) -> None:
    def step(container: Any) -> int:
        kept = {path.resolve() for path in project.home.folder.glob(f"executions/*/*/{secrets.FILE}")}
        container.out(f"{output}{len(kept)} kept\n")
        return 3

    engine.behave(step, step="train")
    execution = run(project)
    assert execution.status == "error"
    assert "1 kept" in execution.logs()
    assert not list(project.home.folder.glob(f"executions/*/*/{secrets.FILE}"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
def test_devices_and_ids_that_a_step_set_are_said_and_do_not_stay(engine: FakeEngine, project: OpenProject) -> None:
    def step(container: Any) -> int:
        outputs = container.path("/valohai/outputs")
        os.mknod(outputs / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        for name, mode in (("sh", 0o6755), ("taken", 0o4555)):  # one while it runs, one at its end
            (outputs / name).write_bytes(b"#!")
            (outputs / name).chmod(mode)
        until(lambda: not (outputs / "taken").exists())
        return 0

    engine.behave(step, step="train")
    execution = run(project)
    assert sorted(item["name"] for item in execution.outputs) == ["sh", "taken"]
    assert "Output null is skipped: it is a device" in [event.message for event in execution.events()]
    modes = {path.name: path.lstat().st_mode for path in project.home.folder.rglob("*")}
    assert not [name for name, mode in modes.items() if stat.S_ISCHR(mode) or mode & 0o6000]
