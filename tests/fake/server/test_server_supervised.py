"""Threads that a server cannot do without go on, whatever they meet, and say what it was."""

from __future__ import annotations

import threading

import pytest

from localhai.errors import RecordsUnavailable
from localhai.server.background import Supervised, of_threads
from localhai.system.retry import Retry

AT_ONCE = Retry(first=0.001, longest=0.001)


@pytest.fixture
def said(state):
    heard = []
    object.__setattr__(state, "say", heard.append)
    return heard


def test_a_round_that_raises_is_said_once_and_the_next_one_comes(state, said):
    troubles = [TypeError("odd"), TypeError("odd"), RecordsUnavailable("away"), None]
    well = threading.Event()

    def work():
        trouble = troubles.pop(0) if troubles else None
        if trouble is not None:
            raise trouble
        well.set()
        thread.ending.wait(9)

    thread = Supervised(state, "errands", work, pauses=AT_ONCE)
    thread.start()
    assert well.wait(9)
    thread.end()
    thread.join()
    log = state.home.folder / "server" / "faults.log"
    assert said == [
        f"the server's errands failed: TypeError; see {log}; it is tried again",
        "the server's errands is tried again: away",
    ]
    assert "odd" in log.read_text()
    assert thread.failures == 0


def test_an_odd_error_does_not_end_the_queue(state, demo, said, monkeypatch):
    read = state.records.queue.waiting
    troubles = [RuntimeError("canceling statement")]

    def waiting():
        if troubles:
            raise troubles.pop()
        return read()

    monkeypatch.setattr(state.records.queue, "waiting", waiting)
    state.queue.start()
    assert demo.ended(demo.queued()["id"])["status"] == "complete"
    assert "the server's queue failed: RuntimeError" in said[0]


def test_an_execution_that_was_taken_and_cannot_begin_is_closed(state, demo, said, monkeypatch):
    def spoiled(*_arguments, **_more):
        raise TypeError("spoiled")

    first = demo.queued()
    monkeypatch.setattr("localhai.server.code.OpenCommit.options", spoiled)
    state.queue.start()
    assert demo.ended(first["id"])["status"] == "error"
    monkeypatch.undo()
    assert demo.ended(demo.queued()["id"])["status"] == "complete"
    assert any("TypeError" in line for line in said)


def test_no_thread_dies_in_silence(state, said):
    def die():
        raise KeyError("unheard of")

    with of_threads(state):
        thread = threading.Thread(target=die, name="localhai-errand")
        thread.start()
        thread.join()
    log = state.home.folder / "server" / "faults.log"
    assert said == [f"the thread localhai-errand failed: KeyError; see {log}"]
    assert "unheard of" in log.read_text()
