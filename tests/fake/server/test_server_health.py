from __future__ import annotations

import shutil
import threading

import pytest
import requests

from localhai.errors import RecordsUnavailable
from localhai.server.app import create_app
from localhai.server.listening import serving


def test_it_is_ready_when_database_and_engine_answer(nobody):
    answer = nobody.get("/health")
    assert answer.status_code == 200
    assert {name: answer.json()[name] for name in ("status", "database", "engine")} == {
        "status": "ok",
        "database": "ok",
        "engine": "ok",
    }


def test_without_an_engine_it_is_not_ready_and_is_again_when_one_answers(nobody, engine):
    engine.lose("a secret reason")
    answer = nobody.get("/health")
    assert (answer.status_code, answer.json()["status"]) == (503, "unavailable")
    assert (answer.json()["engine"], answer.json()["database"]) == ("does not answer", "ok")
    assert "secret" not in answer.text
    engine.come_back()
    assert nobody.get("/health").ok


def test_without_a_database_it_is_not_ready(nobody, state, monkeypatch):
    def gone() -> str:
        raise RecordsUnavailable("no database at postgresql://ada:secret@there")

    monkeypatch.setattr(state.home.records, "schema_version", gone)
    answer = nobody.get("/health")
    assert (answer.status_code, answer.json()["database"]) == (503, "does not answer")
    assert "secret" not in answer.text


def test_each_part_is_said_with_its_age(nobody, state):
    state.queue.start()
    found = nobody.get("/health").json()
    assert found["unavailable"] == []
    assert {name: part["status"] for name, part in found["parts"].items()} == {
        "records": "ok",
        "store": "ok",
        "engine": "ok",
        "queue": "ok",
    }
    assert all(part["age"] >= 0 for part in found["parts"].values())


@pytest.mark.parametrize("part", ["records", "store", "engine"])
def test_a_part_that_hangs_keeps_no_answer_waiting(nobody, state, monkeypatch, part):
    monkeypatch.setattr("localhai.server.api.health.ANSWER_WITHIN", 0.05)
    over = threading.Event()
    asked = {
        "records": (state.home.records, "schema_version"),
        "store": (state.home.store, "check"),
        "engine": (state.home.engine, "containers"),
    }
    thing, name = asked[part]
    monkeypatch.setattr(thing, name, lambda *_arguments: over.wait(60))
    try:
        for _ in range(3):
            answer = nobody.get("/health")
            assert answer.status_code == 503
            assert part in answer.json()["unavailable"]
        assert [thread.name for thread in threading.enumerate()].count("localhai-health") == 1
    finally:
        over.set()


def test_a_store_that_is_gone_and_a_queue_that_is_stuck_are_named(nobody, state, monkeypatch):
    state.home.store.check()
    shutil.rmtree(state.home.store.folder)
    state.home.store.folder.write_text("a file")
    assert nobody.get("/health").json()["unavailable"] == ["store"]
    state.home.store.folder.unlink()
    state.queue.start()
    monkeypatch.setattr(state.queue.dispatcher, "longest", -1.0)
    answer = nobody.get("/health")
    assert (answer.status_code, answer.json()["unavailable"]) == (503, ["queue"])
    assert answer.json()["parts"]["queue"]["status"] == "stuck"


def test_a_fault_is_answered_said_and_kept(state):
    said = []
    object.__setattr__(state, "say", said.append)
    app = create_app(state)

    @app.get("/fault/")
    def fault():
        raise KeyError("what went wrong")

    with serving(app) as url:
        answer = requests.get(f"{url}/fault/", timeout=9)
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    log = state.home.folder / "server" / "faults.log"
    assert said == [f"GET /fault/ failed: KeyError; see {log}"]
    assert "what went wrong" in log.read_text()
