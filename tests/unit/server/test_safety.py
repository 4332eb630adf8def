"""What every request passes, without a network: applications that are asked as a server asks them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from localhai.server.errors import Refused
from localhai.server.safety import Answered, BodyLimit, OneSlash, OwnHost, Steady

App = Callable[[Any, Any, Any], Awaitable[None]]


def http(path: str = "/", *, method: str = "GET", headers: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    lines = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    return {"type": "http", "method": method, "path": path, "headers": lines, **more}


class Told:
    """An application that reads the whole body and answers 200. `scope` is what it got, `came` the body's pieces."""

    def __init__(self) -> None:
        self.scope: dict[str, Any] | None = None
        self.came: list[bytes] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scope = scope
        while True:
            message = await receive()
            self.came.append(message.get("body", b""))
            if not message.get("more_body"):
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b'"ok"'})


def ask(app: App, scope: dict[str, Any], body: Sequence[bytes] = (b"",)) -> tuple[int, Any]:
    """The status and the JSON that come back."""
    sent: list[dict[str, Any]] = []
    pieces = [{"type": "http.request", "body": piece, "more_body": True} for piece in body]
    pieces[-1]["more_body"] = False
    waiting = iter(pieces)

    async def receive() -> dict[str, Any]:
        return next(waiting)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))  # type: ignore[arg-type]
    return sent[0]["status"], json.loads(b"".join(message.get("body", b"") for message in sent))


@pytest.mark.parametrize("layer", [OneSlash, BodyLimit, Steady, Answered, OwnHost])
def test_what_is_no_request_passes_every_layer_as_it_is(layer: Callable[[App], App]) -> None:
    got: list[Any] = []

    async def app(*arguments: Any) -> None:
        got.extend(arguments)

    scope, receive, send = {"type": "lifespan"}, object(), object()
    asyncio.run(layer(app)(scope, receive, send))  # type: ignore[arg-type]
    assert got[0] == {"type": "lifespan"}
    assert got[1:] == [receive, send]


# how a path is written


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/api/v0//executions///5", "/api/v0/executions/5/"),
        ("/api/v0/executions/", "/api/v0/executions/"),
        ("//api/v0/x", "/api/v0/x/"),
        ("/health", "/health"),
        ("/api/v0", "/api/v0"),
        ("/docs//a", "/docs/a"),
    ],
)
def test_a_path_means_one_thing_however_its_slashes_are(path: str, meant: str) -> None:
    app = Told()
    assert ask(OneSlash(app), http(path, query_string=b"a=//b")) == (200, "ok")
    assert app.scope is not None
    assert (app.scope["path"], app.scope["raw_path"]) == (meant, meant.encode())
    assert app.scope["query_string"] == b"a=//b"


# how much

TOO_LARGE = {"message": "the request is larger than 10 bytes", "code": "too_large"}


@pytest.mark.parametrize("length", ["11", "100000000000"])
def test_a_body_that_says_it_is_too_long_is_not_read(length: str) -> None:
    app = Told()
    assert ask(BodyLimit(app, 10), http(headers={"content-length": length})) == (413, TOO_LARGE)
    assert app.scope is None


@pytest.mark.parametrize("headers", [{}, {"content-length": "10"}, {"content-length": "-11"}, {"content-length": "x"}])
def test_a_body_is_counted_as_it_comes(headers: dict[str, str]) -> None:
    app = Told()
    assert ask(BodyLimit(app, 10), http(headers=headers), [b"12345", b"67890"]) == (200, "ok")
    assert app.came == [b"12345", b"67890"]
    app = Told()
    with pytest.raises(Refused) as raised:
        ask(BodyLimit(app, 10), http(headers=headers), [b"12345", b"67890", b"1", b"2"])
    assert (raised.value.status, raised.value.body) == (413, TOO_LARGE)
    assert app.came == [b"12345", b"67890"]


def test_a_request_without_a_body_is_not_too_long() -> None:
    async def app(_scope: Any, receive: Any, _send: Any) -> None:
        assert await receive() == {"type": "http.disconnect"}

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    asyncio.run(BodyLimit(app, 0)(http(), receive, receive))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("path", "free"),
    [
        ("/api/v0/projects/5/import-package/", True),
        ("/api/v0/data/uploads/5/content/", True),
        ("/api/v0/projects/5/import-package/x/", False),
        ("/x/api/v0/data/uploads/5/content/", False),
        ("/api/v0/data/uploads/5/6/content/", False),
        ("/api/v0/executions/", False),
    ],
)
def test_routes_that_take_files_have_limits_of_their_own(path: str, free: bool) -> None:
    asked = BodyLimit(Told(), 10), http(path, headers={"content-length": "11"}), [b"12345678901"]
    assert ask(*asked) == ((200, "ok") if free else (413, TOO_LARGE))


# how long


def test_a_body_that_stands_still_is_ended_and_one_that_is_slow_is_not() -> None:
    pieces = [{"body": b"a", "more_body": True}, {"body": b"b", "more_body": True}]

    async def receive() -> dict[str, Any]:
        if not pieces:
            await asyncio.sleep(10)
        return pieces.pop(0)

    app = Told()
    with pytest.raises(Refused) as raised:
        asyncio.run(Steady(app, 0.05)(http(), receive, receive))  # type: ignore[arg-type]
    assert app.came == [b"a", b"b"]
    assert (raised.value.status, raised.value.body) == (
        408,
        {"message": "nothing of the request came for 0.05 s", "code": "timeout"},
    )


def test_whoever_waits_for_the_client_to_go_may_wait_long() -> None:
    async def app(_scope: Any, receive: Any, _send: Any) -> None:
        assert await receive() == {"body": b"all"}
        assert await receive() == {"type": "http.disconnect"}

    pieces = [{"body": b"all"}, {"type": "http.disconnect"}]

    async def receive() -> dict[str, Any]:
        if len(pieces) == 1:
            await asyncio.sleep(0.1)
        return pieces.pop(0)

    asyncio.run(Steady(app, 0.02)(http(), receive, receive))  # type: ignore[arg-type]


# what fails


@pytest.fixture
def kept(tmp_path: Path) -> Any:
    """What stands in for the state of a server. `said` are its lines."""
    said: list[str] = []
    return SimpleNamespace(home=SimpleNamespace(folder=tmp_path), say=said.append, said=said)


def failing(error: BaseException, *, begun: bool = False) -> App:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        if begun:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b'"half"'})
        raise error

    return app


def test_a_fault_is_answered_in_one_line_and_kept_whole(kept: Any) -> None:
    scope = http("/x", method="PUT", app=SimpleNamespace(state=SimpleNamespace(localhai=kept)))
    answer = {"message": "localhai failed; its log says why", "code": "internal_error"}
    assert ask(Answered(failing(RuntimeError("why"))), scope) == (500, answer)
    log = kept.home.folder / "server" / "faults.log"
    assert log.read_text().startswith("PUT /x\nTraceback")
    assert "RuntimeError: why" in log.read_text()
    assert kept.said == [f"PUT /x failed: RuntimeError; see {log}"]


def test_an_answer_that_has_begun_is_not_followed_by_another(kept: Any) -> None:
    scope = http("/x", app=SimpleNamespace(state=SimpleNamespace(localhai=kept)))
    assert ask(Answered(failing(RuntimeError("why"), begun=True)), scope) == (200, "half")
    assert len(kept.said) == 1


def test_a_server_that_ends_says_so() -> None:
    answer = {"message": "the server is ending; ask again soon", "code": "unavailable"}
    assert ask(Answered(failing(asyncio.CancelledError())), http()) == (503, answer)
    assert ask(Answered(failing(asyncio.CancelledError(), begun=True)), http()) == (200, "half")


@pytest.mark.parametrize("layer", [OneSlash, BodyLimit, Steady, Answered, OwnHost])
def test_every_layer_hands_on_the_request_itself(layer: Callable[[App], App]) -> None:
    app = Told()
    assert ask(layer(app), http("/x/", headers={"host": "localhost"}), [b"a", b"b"]) == (200, "ok")
    assert app.came == [b"a", b"b"]
    assert app.scope is not None
    assert (app.scope["path"], app.scope["method"]) == ("/x/", "GET")


def test_what_goes_well_is_answered_once() -> None:
    app = Told()
    assert ask(Answered(app), http("/x"), [b"a", b"b"]) == (200, "ok")
    assert app.came == [b"a", b"b"]


# whose host, and from where

FOREIGN = {"message": "this host name is not the server's; add it with --allow-host", "code": "bad_host"}
FORGED = {"message": "a page of another site may not change anything here", "code": "bad_host"}


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:8000",
        "127.0.0.1:1",
        "[::1]:8000",
        "host.docker.internal:8000",
        "192.168.1.5:8000",
        "[fe80::2]",
        "mine.example",
        "mine.example:8000",
    ],
)
def test_own_hosts_are_answered(host: str) -> None:
    assert ask(OwnHost(Told(), ["mine.example"]), http(headers={"host": host})) == (200, "ok")


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "XXXX", "", "[::1", "mine.example"]
)
def test_other_hosts_are_not(host: str) -> None:
    app = Told()
    assert ask(OwnHost(app), http(headers={"host": host})) == (403, FOREIGN)
    assert ask(OwnHost(app), http()) == (403, FOREIGN)
    assert app.scope is None


@pytest.mark.parametrize(
    ("origin", "host", "own"),
    [
        ("http://localhost:8000", "localhost:8000", True),
        ("http://LocalHost:8000", "localhost:8000", True),
        ("http://localhost:8000", "LOCALHOST:8000", True),
        ("http://localhost:3000", "localhost:8000", False),
        ("https://evil.example", "localhost:8000", False),
        ("null", "localhost", False),
        ("http://[", "localhost", False),
    ],
)
def test_only_own_pages_change_something(origin: str, host: str, own: bool) -> None:
    headers = {"host": host, "origin": origin}
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        answer = ask(OwnHost(Told()), http(method=method, headers=headers))
        assert answer == ((200, "ok") if own else (403, FORGED))
    for method in ("GET", "HEAD", "OPTIONS"):
        assert ask(OwnHost(Told()), http(method=method, headers=headers)) == (200, "ok")


def test_who_is_no_page_may_change_something() -> None:
    assert ask(OwnHost(Told()), http(method="POST", headers={"host": "localhost"})) == (200, "ok")
    assert ask(OwnHost(Told()), http(method="POST", headers={"host": "localhost", "origin": ""})) == (200, "ok")
