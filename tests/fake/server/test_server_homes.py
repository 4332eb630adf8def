"""Several servers at one database: with homes of their own, and on one home."""

from __future__ import annotations

import io
from contextlib import ExitStack, contextmanager

import pytest
from msgspec.structs import replace
from waiting import until

from localhai.app.stop import stop_execution
from localhai.executions.home import Home
from localhai.records import Owner
from localhai.records.queue import QueueEntry
from localhai.server import code
from localhai.server.api.executions import queue_execution
from localhai.server.api.executions_body import ExecutionBody
from localhai.server.app import assemble, create_app
from localhai.server.listening import serving
from localhai.server.state import State
from localhai.settings import Settings
from localhai.testing import Canned
from tests.fake.server.conftest import Asker, packed

GONE = Owner("another-machine", 1, "1", "1")


@contextmanager
def server(folder, engine, database=None):
    settings = replace(Settings.load(), home=folder, database_url=f"sqlite:///{database}" if database else None)
    with Home(settings, engine=engine) as home:
        made = assemble(State(home, "a secret", jobs=2))
        object.__setattr__(made, "heard", [])
        object.__setattr__(made, "say", made.heard.append)
        yield made
        made.queue.ask_to_stop()
        made.queue.close()
        made.close()


@pytest.fixture
def two(tmp_path, engine):
    """Two servers with homes of their own that share a database."""
    with ExitStack() as stack:
        yield [stack.enter_context(server(tmp_path / name, engine, tmp_path / "shared.db")) for name in ("a", "b")]


def queued(state):
    """An execution of ad-hoc code that waits; the project is made with the first one."""
    user = state.records.users.put("ada", "token-of-ada")
    found = state.home.records.projects.list()
    if not found:
        state.records.projects.put(
            "0178b4f0-0000-0000-0000-00000000000a", str(state.home.folder / "projects" / "p"), "p"
        )
        state.records.users.own("0178b4f0-0000-0000-0000-00000000000a", user.id)
    (project,) = state.home.records.projects.list()
    made = code.keep_package(state, project, io.BytesIO(packed()), yaml_path="", description="")
    body = ExecutionBody(project=project.id, commit=made.identifier, step="train")
    return queue_execution(state, user, project, body)


def final(state, record):
    until(lambda: state.home.records.executions.get(record.id).finished is not None)
    return state.home.records.executions.get(record.id)


def test_a_server_takes_only_what_its_home_can_run(two, engine):
    engine.behave(Canned(output="done\n"), step="train")
    a, b = two
    record = queued(a)
    assert b.queue.waiting() == []
    assert b.heard == ["an execution waits for the server of another home, which has the files"]
    b.queue.start()
    a.queue.start()
    assert final(a, record).status == "complete"
    assert b.queue.running() == 0


def test_every_server_stops_what_waits(two):
    a, b = two
    record = queued(a)
    assert stop_execution(b.home, b.home.records.executions.get(record.id))
    assert a.home.records.executions.get(record.id).status == "stopped"
    assert a.queue.waiting() == []


def test_only_a_server_of_the_same_home_goes_on_with_a_pipeline(two, monkeypatch):
    a, b = two
    for state in two:
        monkeypatch.setattr(state.records.pipelines, "adopt", lambda *_arguments: True)
    project, user = queued(a).project_id, a.records.users.list()[0].id
    entry = QueueEntry("0178b4f0-0000-0000-0000-0000000000ff", project, user, 0, {"home": a.home.id}, kind="pipeline")
    a.records.queue.enqueue(entry)
    record = type("Row", (), {"status": "started", "owner": GONE, "created": "2020-01-01T00:00:00Z", "id": entry.id})
    monkeypatch.setattr("localhai.app.continuing._record", lambda *_arguments: record)
    (found,) = b.records.queue.begun()
    assert not b.queue._continuing._take(found)
    assert a.queue._continuing._take(found)


def test_two_servers_on_one_home_run_everything_once(tmp_path, engine):
    ran = []
    engine.behave(lambda container: ran.append(container) or 0, step="train")
    with ExitStack() as stack:
        servers = [stack.enter_context(server(tmp_path / "home", engine)) for _ in range(2)]
        records = [queued(servers[0]) for _ in range(6)]
        for one in servers:
            one.queue.start()
        assert {final(servers[0], record).status for record in records} == {"complete"}
        assert servers[0].home.id == servers[1].home.id
    assert len(ran) == 6


def test_an_execution_of_another_home_can_be_asked_for_over_the_api(two):
    a, b = two
    record = queued(a)
    with serving(create_app(b)) as url, Asker(url, "token-of-ada") as ada:
        answer = ada.get(f"/api/v0/executions/{record.id}/")
        assert (answer.status_code, answer.json()["status"]) == (200, "queued")
        assert ada.post(f"/api/v0/executions/{record.id}/stop/").ok
        assert ada.get(f"/api/v0/executions/{record.id}/").json()["status"] == "stopped"


def test_code_of_another_home_is_refused_in_words(two):
    a, b = two
    record = queued(a)
    with serving(create_app(b)) as url, Asker(url, "token-of-ada") as ada:
        body = {"project": record.project_id, "commit": record.commit, "step": "train"}
        answer = ada.post("/api/v0/executions/", json=body)
        assert answer.status_code == 400
        assert "was uploaded to the server of another home" in answer.json()["commit"][0]["message"]
