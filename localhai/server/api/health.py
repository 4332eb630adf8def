"""Readiness, for whoever waits for the server before it sends work.

Each part that it needs is asked by a thread of its own: one that hangs keeps neither the answer waiting nor the other
parts, and is asked once, however often somebody looks.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from localhai.server.state import Round, State
from localhai.version import __version__

router = APIRouter(tags=["server"])

OK = "ok"
SILENT = "does not answer"
STUCK = "stuck"
ANSWER_WITHIN = 1.5  # seconds; who looks gives up after two
FRESH = 1.0  # seconds for which an answer holds
_LOOK = 0.02  # seconds
_FINE = frozenset({OK, "not started"})
_NOBODY = {"localhai.health": "none"}  # no container has it: a question that costs nothing


@router.get("/health")
async def health(request: Request) -> JSONResponse:
    """Whether it can run something: 200, or 503 with the parts that do not answer in `unavailable`.

    `parts` says of records, store, engine and the server's own threads whether each answers, and how many seconds ago
    it last did. Needs no token, and says no more than that. It comes within two seconds, whatever hangs: no thread is
    shared with other requests.
    """
    state: State = request.app.state.localhai
    asked = state.readiness.look()
    deadline = time.monotonic() + ANSWER_WITHIN
    while any(thread.is_alive() for thread in asked) and time.monotonic() < deadline:  # noqa: ASYNC110  # threads set no asyncio.Event
        await asyncio.sleep(_LOOK)
    parts = state.readiness.found()
    lacking = [name for name, part in parts.items() if part["status"] not in _FINE]
    body = {
        "status": "unavailable" if lacking else "ok",
        "version": __version__,
        "database": parts["records"]["status"],
        "engine": parts["engine"]["status"],
        "unavailable": lacking,
        "parts": parts,
    }
    return JSONResponse(body, 503 if lacking else 200)


class HealthCheck:
    """Something outside: `ask` raises when it does not answer."""

    def __init__(self, ask: Callable[[], object]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._asking: threading.Thread | None = None
        self._answered: float | None = None
        self._status = SILENT

    def look(self) -> threading.Thread | None:
        """Ask, unless that is under way or was just now; gives the thread to wait for."""
        with self._lock:
            if self._asking is not None and self._asking.is_alive():
                return self._asking
            if self._status == OK and self._answered is not None and time.monotonic() - self._answered < FRESH:
                return None
            self._asking = threading.Thread(target=self._go, name="localhai-health", daemon=True)
            self._asking.start()
            return self._asking

    def found(self) -> dict[str, Any]:
        """`status`, and `age`: seconds since it last answered (null: never yet)."""
        hangs = self._asking is not None and self._asking.is_alive()
        age = None if self._answered is None else round(time.monotonic() - self._answered, 1)
        return {"status": SILENT if hangs else self._status, "age": age}

    def _go(self) -> None:
        try:
            self._ask()
        except Exception:  # noqa: BLE001  # whatever it is, it is no answer; whoever needs the part says what it is
            self._status = SILENT
        else:
            self._answered, self._status = time.monotonic(), OK


class Readiness:
    """All parts of one server."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._parts = {
            "records": HealthCheck(lambda: state.home.records.schema_version()),  # noqa: PLW0108  # made when it is asked
            "store": HealthCheck(lambda: state.home.store.check()),  # noqa: PLW0108  # the same
            "engine": HealthCheck(lambda: state.home.engine.containers(_NOBODY)),
        }

    def look(self) -> list[threading.Thread]:
        """Ask all parts; gives the threads to wait for, as long as one likes."""
        return [thread for part in self._parts.values() if (thread := part.look()) is not None]

    def found(self) -> dict[str, dict[str, Any]]:
        """By part, the threads of the server among them."""
        threads = {name: _round(thread) for name, thread in self._state.watched.items()}
        return {**{name: part.found() for name, part in self._parts.items()}, **threads}


def _round(thread: Round) -> dict[str, Any]:
    age = thread.age()
    if age is None:
        return {"status": "not started", "age": None}
    well = not thread.failures and (thread.longest is None or age < thread.longest)
    return {"status": OK if well else STUCK, "age": round(age, 1)}
