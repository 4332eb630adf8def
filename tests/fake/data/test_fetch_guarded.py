"""http(s):// for who may not reach every address: judged where it is connected to."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest

from localhai.data.access import NO_ADDRESS, Access
from localhai.data.files import InputSpec
from localhai.data.inputs import fetch_inputs
from localhai.errors import InputNotFound
from localhai.system.retry import ONCE

if TYPE_CHECKING:
    from localhai.data.cache import Cache
    from localhai.data.sources import DataSources

SHUT = Access(folders=(), networks=())
LOOPBACK = Access(folders=(), networks=("127.0.0.1/32",))


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What names mean, a next answer for each time that one is looked up."""
    known: dict[str, list[str]] = {}
    real = socket.getaddrinfo

    def look_up(host: Any, port: Any, *args: Any, **more: Any) -> Any:
        answers = known.get(str(host))
        if answers is not None:
            if answers == [""]:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            host = answers.pop(0) if len(answers) > 1 else answers[0]
        return real(host, port, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known


@pytest.fixture
def fetch(sources: DataSources, cache: Cache) -> Any:
    def fetch(url: str, access: Access) -> Any:
        sources.retry = ONCE
        return fetch_inputs([InputSpec("data", (url,))], sources=sources, cache=cache, access=access)

    return fetch


def refused(fetch: Any, url: str, access: Access = SHUT) -> str:
    with pytest.raises(InputNotFound) as raised:
        fetch(url, access)
    return str(raised.value)


def test_a_name_that_means_this_machine_is_refused_and_nothing_is_sent(web: Any, fetch: Any, names: Any) -> None:
    web.add("/x", b"private")
    names["inside.example"] = ["127.0.0.1"]
    url = web.url("/x").replace("127.0.0.1", "inside.example")
    assert NO_ADDRESS in refused(fetch, url)
    assert web.requests == []
    assert fetch(url, LOOPBACK).files[0].path.read_bytes() == b"private"


def test_what_is_judged_is_what_is_connected_to(
    web: Any, fetch: Any, names: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that is public when it is looked at, and this machine a moment later."""
    connected = []

    def connect(address: tuple[str, int], *_args: Any, **_more: Any) -> socket.socket:
        connected.append(address[0])
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr("urllib3.util.connection.create_connection", connect)
    names["rebinding.example"] = ["8.8.8.8", "127.0.0.1"]
    assert "Connection refused" in refused(fetch, web.url("/x").replace("127.0.0.1", "rebinding.example"))
    assert connected == ["8.8.8.8"]
    assert web.requests == []


def test_each_redirect_is_judged(web: Any, fetch: Any) -> None:
    web.add("/private", b"private")
    web.add("/there", b"", status=302, headers={"Location": web.url("/private").replace("127.0.0.1", "127.0.0.2")})
    assert NO_ADDRESS in refused(fetch, web.url("/there"), LOOPBACK)
    assert [path for _method, path, _headers in web.requests] == ["/there"]


@pytest.mark.parametrize("target", ["file:///etc/passwd", "FILE:/etc/passwd", "ftp://127.0.0.1/x"])
def test_a_redirect_leads_to_no_file(web: Any, fetch: Any, target: str) -> None:
    web.add("/there", b"", status=302, headers={"Location": target})
    assert "cannot be asked for" in refused(fetch, web.url("/there"), LOOPBACK)


def test_what_somebody_else_fetched_is_no_answer(web: Any, fetch: Any, names: Any) -> None:
    web.add("/x", b"private")
    names["inside.example"] = ["127.0.0.1"]
    url = web.url("/x").replace("127.0.0.1", "inside.example")
    fetch(url, Access())
    names["inside.example"] = [""]
    assert "does not answer" in refused(fetch, url)


def test_logins_in_urls_are_sent_and_those_of_the_servers_owner_are_not(
    web: Any, fetch: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login owner password sesame\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    web.add("/x", b"x")
    fetch(web.url("/x"), LOOPBACK)
    assert all("Authorization" not in headers for _method, _path, headers in web.requests)
    fetch(web.url("/x").replace("http://", "http://me:mine@"), LOOPBACK)
    assert "Authorization" in web.requests[-1][2]


def test_a_proxy_is_used_for_public_names_only(web: Any, fetch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", web.url(""))
    assert NO_ADDRESS in refused(fetch, "http://169.254.169.254/latest/meta-data")
    assert web.requests == []
