"""The stream of a browser: all that it wants to hear of in one response, as server-sent events (page.md 6).

A stream is a coroutine: it holds a thread only while a topic is read, and looks at nothing but the times of files while
nothing happens. Topics take turns, an event each.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import threading
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any
from weakref import WeakKeyDictionary

from fastapi import Header, Request
from msgspec import Struct
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from localhai.app.changes import Mark, records_mark
from localhai.errors import LocalhaiError, RecordsUnavailable
from localhai.executions.home import Home
from localhai.executions.log.follow import LOOK
from localhai.server.bodies import Names, reading
from localhai.server.errors import without_places
from localhai.server.page.answers import Answer, Told, router
from localhai.server.page.sessions import server
from localhai.server.page.topics import Said, Topic, topic
from localhai.server.page.visitors import Visiting, Visitor
from localhai.server.state import Shared, State
from localhai.server.streaming import BEAT, RETRY
from localhai.system import strict_json

routes = router()
MOST_TOPICS = 200
MOST_STREAMS = 50  # of one user at once
KEPT = 60.0  # seconds in which who was cut off can go on
_SURE = 60.0  # seconds until a session is asked for again although the records are the same
_USED = 3600.0  # seconds after which a session that is watched counts as used once more
_id_re = re.compile(r"([\w-]{1,40})\.(\d{1,15})")


class TopicsBody(Struct):
    """What to hear of, and what no longer."""

    subscribe: Names = []
    unsubscribe: Names = []


class BrowserStream:
    """What one browser listens to. Its topics change by requests, from any thread."""

    def __init__(self, state: State, visitor: Visitor) -> None:
        self.id = secrets.token_urlsafe(12)
        self.visitor = visitor
        self.left: float | None = None  # when nobody listened any more
        self._state = state
        self._lock = threading.Lock()
        self._topics: dict[str, Topic] = {}
        self._listener = 0
        self._number = 0
        self._woken: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None
        self._sure: tuple[Mark, float] = ((), 0.0)
        self._used = time.monotonic()

    @property
    def names(self) -> list[str]:
        """Of the topics."""
        with self._lock:
            return list(self._topics)

    def change(self, body: TopicsBody) -> list[dict[str, str]]:
        """Begin and end topics; gives those that are refused, `{topic, message}`."""
        with self._lock:
            for name in body.unsubscribe:
                self._topics.pop(name, None)
        refused = [{"topic": name, "message": why} for name in body.subscribe if (why := self._refusal(name))]
        if self._woken is not None:
            loop, woken = self._woken
            loop.call_soon_threadsafe(woken.set)
        return refused

    def _refusal(self, name: str) -> str | None:
        try:
            made = topic(self._state, self.visitor, name)
        except (Told, LocalhaiError) as error:
            return error.message
        with self._lock:
            if len(self._topics) >= MOST_TOPICS and name not in self._topics:
                return f"at most {MOST_TOPICS} topics at once"
            self._topics[name] = made
        return None

    async def events(self, hello: dict[str, Any], *, seen: int | None = None) -> AsyncIterator[bytes]:
        """Until the server ends, the session is over, or another response goes on with this stream."""
        listener = self._listen(seen)
        woken = asyncio.Event()
        self._woken = (asyncio.get_running_loop(), woken)
        try:
            yield f"retry: {RETRY}\n".encode()
            yield self._written("hello", strict_json.quick({"stream": self.id, "resumed": seen is not None, **hello}))
            said = time.monotonic()
            while listener == self._listener:
                woken.clear()
                records = records_mark(self._state.home)
                why = await self._over(records)
                if why:
                    yield self._written("bye", strict_json.quick({"why": why}))
                    return
                more = False
                for item in self._due(records):
                    found = await run_in_threadpool(self._look, item)
                    if found is not None and self._is_wanted(item, found):
                        more = more or found.more
                        said = time.monotonic()
                        yield self._written(found.event, found.data, item)
                if time.monotonic() - said > BEAT:
                    yield b": still here\n\n"
                    said = time.monotonic()
                if not more:
                    await _wait(woken)
        finally:
            if listener == self._listener:
                self.left = time.monotonic()

    def _listen(self, seen: int | None) -> int:
        self.left = None
        self._listener += 1
        if seen is not None:
            with self._lock:
                for item in self._topics.values():
                    item.rewind(seen)
        return self._listener

    def _due(self, records: Mark) -> list[Topic]:
        """Each of them says one event: one that has much to say keeps none waiting."""
        now = time.monotonic()
        with self._lock:
            return [item for item in self._topics.values() if item.is_due(now, records)]

    def _look(self, item: Topic) -> Said | None:
        try:
            return item.look()
        except RecordsUnavailable:  # said by whoever asks; it is looked at again
            return None
        except (Told, LocalhaiError) as error:
            gone = without_places(self._state.home, {"topic": item.name, "message": error.message})
            return Said("gone", strict_json.quick(gone))

    def _is_wanted(self, item: Topic, said: Said) -> bool:
        """Whether it is still a topic; what is gone is none from now on."""
        with self._lock:
            known = self._topics.get(item.name) is item
            if known and said.event == "gone":
                del self._topics[item.name]
        return known

    def _written(self, event: str, data: bytes, item: Topic | None = None) -> bytes:
        self._number += 1
        if item is not None:
            item.sent(self._number)
        return b"id: %s.%d\nevent: %s\ndata: %s\n\n" % (self.id.encode(), self._number, event.encode(), data)

    async def _over(self, mark: Mark) -> str | None:
        """Why it ends: `server` or `session`. `mark` is that of the records now."""
        if self._state.queue.closing:
            return "server"
        session, now = self.visitor.session, time.monotonic()
        if session is None or (mark == self._sure[0] and now - self._sure[1] < _SURE):
            return None
        self._sure = (mark, now)
        return None if await run_in_threadpool(self._is_open, session.id) else "session"

    def _is_open(self, session_id: str) -> bool:
        sessions = self._state.records.sessions
        try:
            if time.monotonic() - self._used > _USED:
                self._used = time.monotonic()
                sessions.prolong(session_id)
            return sessions.is_open(session_id)
        except RecordsUnavailable:
            return True


class _Streams:
    """Those of one home."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, BrowserStream] = {}

    def of(self, visitor: Visitor, stream_id: str) -> BrowserStream | None:
        with self._lock:
            found = self._known.get(stream_id)
        return found if found is not None and found.visitor.user.id == visitor.user.id else None

    def add(self, made: BrowserStream) -> None:
        """Raises Told where a user has too many. Those that nobody went on with are forgotten."""
        now = time.monotonic()
        with self._lock:
            self._known = {
                key: item for key, item in self._known.items() if item.left is None or now - item.left < KEPT
            }
            of_user = [item for item in self._known.values() if item.visitor.user.id == made.visitor.user.id]
            if sum(item.left is None for item in of_user) >= MOST_STREAMS:
                raise Told(429, f"This user listens to {MOST_STREAMS} streams already.", ("close some tabs",))
            self._known[made.id] = made


_streams: WeakKeyDictionary[Home, _Streams] = WeakKeyDictionary()


@routes.get("/stream/")
def listen(
    visitor: Visiting, state: Shared, request: Request, last_event_id: Annotated[str, Header()] = ""
) -> Response:
    """Begin to listen, or go on where one was cut off."""
    streams = _streams.setdefault(state.home, _Streams())
    match = _id_re.fullmatch(last_event_id.strip())
    found = streams.of(visitor, match[1]) if match else None
    seen = int(match[2]) if match and found is not None else None
    if found is None:
        found = BrowserStream(state, visitor)
        streams.add(found)
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    events = found.events({"server": server(request)}, seen=seen)
    return StreamingResponse(events, headers=headers, media_type="text/event-stream")


@routes.post("/stream/{stream_id}/")
def change(
    visitor: Visiting, state: Shared, stream_id: str, body: Annotated[TopicsBody, reading(TopicsBody)]
) -> Response:
    """Hear of more, or of less."""
    found = _streams.setdefault(state.home, _Streams()).of(visitor, stream_id)
    if found is None:
        raise Told(404, "There is no such stream (any more).", ("read /page/stream/ anew and subscribe again",))
    refused = found.change(body)
    return Answer({"topics": found.names, "refused": refused})


async def _wait(woken: asyncio.Event) -> None:
    """For the next look, or until topics change. Not `wait_for`, which makes a task each time."""
    handle = asyncio.get_running_loop().call_later(LOOK, woken.set)
    try:
        await woken.wait()
    finally:
        handle.cancel()
