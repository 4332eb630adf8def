"""When a server in the background ends by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from localhai.server.idle import Attendance, Idleness


class Queue:
    def __init__(self) -> None:
        self.number, self.entries = 0, []

    def running(self):
        return self.number

    def waiting(self):
        return self.entries


class Server:
    """An application whose requests end when a test says so, a clock, and a queue."""

    def __init__(self, limit: float | None) -> None:
        self.now = 1000.0
        self.during: Callable[[], None] = lambda: None
        self.queue = Queue()
        self.attendance = Attendance(self._app, clock=lambda: self.now)
        self.idleness = Idleness(self.attendance, self.queue, limit)

    async def _app(self, _scope, _receive, _send):
        self.during()

    def ask(self):
        asyncio.run(self.attendance({"type": "http"}, None, None))


@pytest.fixture
def server():
    return Server(limit=60.0)


def test_it_comes_when_nobody_asked_for_long_enough(server):
    server.now += 59
    assert not server.idleness.has_come()
    server.ask()
    server.now += 59
    assert not server.idleness.has_come()
    server.now += 1
    assert server.idleness.has_come()


def test_an_open_page_is_somebody(server):
    def later():
        server.now += 3600
        assert not server.idleness.has_come()

    server.during = later
    server.ask()
    assert not server.idleness.has_come(), "it was closed just now"


def test_a_request_that_fails_is_over(server):
    def fail():
        raise RuntimeError

    server.during = fail
    with pytest.raises(RuntimeError):
        server.ask()
    server.now += 60
    assert server.idleness.has_come()


def test_it_does_not_come_while_something_runs_or_waits(server):
    server.now += 60
    server.queue.number = 1
    assert not server.idleness.has_come()
    server.queue.number = 0
    server.queue.entries = ["an execution"]
    assert not server.idleness.has_come()
    server.queue.entries = []
    assert server.idleness.has_come()


def test_without_a_limit_it_never_comes():
    server = Server(limit=None)
    server.now += 1e9
    assert not server.idleness.has_come()
