"""http(s):// inputs against a real web server with real faults."""

from __future__ import annotations

import base64
import gzip
import hashlib
import os
import threading
import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import pytest

from localhai.data import segments
from localhai.data.checksums import of_bytes
from localhai.data.files import FetchedInputs, InputSpec
from localhai.data.inputs import fetch_inputs
from localhai.data.progress import FileDone, FileStarted, Waiting
from localhai.data.sources.http import HttpSource, drive_download_url
from localhai.data.sources.http_headers import disposition_name
from localhai.errors import InputNotFound, Interrupted
from localhai.system.retry import Retry, Waiter

if TYPE_CHECKING:
    from localhai.data.cache import Cache
    from localhai.data.sources import DataSources

IMPATIENT = Retry(attempts=3, first=0.001, longest=0.002)


@pytest.fixture
def fetch(sources: DataSources, cache: Cache) -> Any:
    def fetch(url: str, **options: Any) -> FetchedInputs:
        spec = InputSpec("data", (url,))
        sources.retry = IMPATIENT
        return fetch_inputs([spec], sources=sources, cache=cache, **options)

    return fetch


def test_a_file_arrives_and_the_second_time_costs_one_head(web: Any, fetch: Any) -> None:
    web.add("/a/train.csv?x=1", b"data")
    (file,) = fetch(web.url("/a/train.csv?x=1")).files
    assert (file.name, file.path.read_bytes(), file.uri) == ("train.csv", b"data", web.url("/a/train.csv?x=1"))
    web.requests.clear()
    assert fetch(web.url("/a/train.csv?x=1")).files == (file,)
    assert web.methods() == ["HEAD"]


def test_a_new_version_is_downloaded(web: Any, fetch: Any) -> None:
    page = web.add("/x", b"old")
    fetch(web.url("/x"))
    page.body, page.etag = b"new!", '"v2"'
    assert fetch(web.url("/x")).files[0].path.read_bytes() == b"new!"


def test_without_any_version_it_is_downloaded_each_time(web: Any, fetch: Any) -> None:
    page = web.add("/x", b"one", etag=None)
    fetch(web.url("/x"))
    page.body = b"two"
    assert fetch(web.url("/x")).files[0].path.read_bytes() == b"two"


def test_a_server_that_refuses_head_is_asked_otherwise(web: Any, fetch: Any) -> None:
    web.add("/signed", b"data", head=False)
    assert fetch(web.url("/signed")).files[0].path.read_bytes() == b"data"


def test_the_name_comes_from_content_disposition_and_cannot_lead_out(web: Any, fetch: Any) -> None:
    web.add("/uc", b"x", headers={"Content-Disposition": 'attachment; filename="../../evil/model.zip"'})
    assert fetch(web.url("/uc")).files[0].name == "model.zip"


def test_redirects_are_followed(web: Any, fetch: Any) -> None:
    web.add("/real/file.bin", b"there")
    web.add("/link.bin", b"", status=302, headers={"Location": "/real/file.bin"})
    web.add("/circle", b"", status=302, headers={"Location": "/circle"})
    assert fetch(web.url("/link.bin")).files[0].path.read_bytes() == b"there"
    with pytest.raises(InputNotFound, match="redirects in a circle"):
        fetch(web.url("/circle"))


def test_a_login_in_the_url_is_used_and_not_shown(web: Any, fetch: Any) -> None:
    web.add("/private", b"x")
    (file,) = fetch(f"http://me:secret@{web.address}/private").files
    sent = web.requests[-1][2]["Authorization"]
    assert base64.b64decode(sent.removeprefix("Basic ")) == b"me:secret"
    assert file.uri == f"http://me:***@{web.address}/private"
    with pytest.raises(InputNotFound) as caught:
        fetch(f"http://me:secret@{web.address}/gone")
    assert "secret" not in str(caught.value.to_dict())


def test_a_key_in_the_url_is_not_shown(web: Any, fetch: Any) -> None:
    web.add("/keyed?v=1&apikey=secret", b"x")
    web.add("/keyed", b"x")
    (file,) = fetch(f"http://{web.address}/keyed?v=1&apikey=secret").files
    assert file.uri == f"http://{web.address}/keyed?v=1&apikey=***"


@pytest.mark.parametrize(
    ("status", "reason"), [(403, "access is denied"), (404, "nothing at that"), (401, "login"), (418, "418")]
)
def test_refusals_are_said_in_words(web: Any, fetch: Any, status: int, reason: str) -> None:
    web.add("/x", b"no", status=status)
    with pytest.raises(InputNotFound, match=reason):
        fetch(web.url("/x"))


def test_a_cut_connection_goes_on_where_it_stopped(web: Any, fetch: Any) -> None:
    body = os.urandom(100_000)
    web.add("/x", body, cut_after=[30_000, 30_000, None])
    events: list[Any] = []
    (file,) = fetch(web.url("/x"), progress=events.append).files
    assert file.checksums.sha256 == hashlib.sha256(body).hexdigest()
    assert [headers.get("Range") for method, _, headers in web.requests if method == "GET"][1:] == [
        "bytes=30000-99999",
        "bytes=60000-99999",
    ]
    assert [event for event in events if isinstance(event, Waiting)]


def test_a_connection_that_stays_broken_keeps_what_came_for_the_next_time(web: Any, fetch: Any, cache: Cache) -> None:
    body = os.urandom(100_000)
    page = web.add("/x", body, cut_after=[40_000, 0, 0, 0])
    with pytest.raises(InputNotFound, match=r"40\.0 kB are kept for the next try"):
        fetch(web.url("/x"))
    assert cache.report().files == 0
    page.cut_after.clear()
    events: list[Any] = []
    (file,) = fetch(web.url("/x"), progress=events.append).files
    assert file.path.read_bytes() == body
    assert FileStarted("data", "x", web.url("/x"), 100_000, resumed=40_000) in events


def test_what_changed_meanwhile_starts_over(web: Any, fetch: Any) -> None:
    page = web.add("/x", b"a" * 100_000, cut_after=[40_000])

    def change() -> None:
        if web.methods().count("GET") == 2:
            page.body, page.etag = b"b" * 100_000, '"v2"'

    page.before = change
    assert fetch(web.url("/x")).files[0].path.read_bytes() == b"b" * 100_000


def test_a_server_without_ranges_starts_over_after_a_cut(web: Any, fetch: Any) -> None:
    web.add("/x", b"a" * 100_000, ranges=False, cut_after=[40_000])
    assert fetch(web.url("/x")).files[0].size == 100_000


def test_a_body_of_unknown_size_is_taken_to_its_end(web: Any, fetch: Any) -> None:
    web.add("/x", b"a" * 10_000, sized=False)
    assert fetch(web.url("/x")).files[0].size == 10_000


@pytest.mark.parametrize("streams", [1, 4])
def test_segments_of_a_large_file_survive_cuts_and_a_stop(
    web: Any, fetch: Any, monkeypatch: pytest.MonkeyPatch, streams: int
) -> None:
    monkeypatch.setattr(segments, "SEGMENT", 1 << 20)
    monkeypatch.setattr(HttpSource, "streams", streams)
    body = os.urandom(6_000_000)
    page = web.add("/big", body, cut_after=[None, 100_000, None, 500_000, 0, 0, 0, 0, 0, 0, 0, 0])
    with pytest.raises(InputNotFound, match="are kept for the next try"):
        fetch(web.url("/big"))
    page.cut_after[:] = [300_000]
    (file,) = fetch(web.url("/big")).files
    assert file.path.read_bytes() == body
    assert file.checksums == of_bytes(body)


def test_a_busy_server_is_asked_again(web: Any, fetch: Any) -> None:
    page = web.add("/x", b"data")

    def busy() -> None:
        page.status = 503 if web.methods().count("GET") == 1 else 200

    page.before = busy
    assert fetch(web.url("/x")).files[0].size == 4


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_first_look_that_meets_a_busy_server_looks_again_and_says_so(web: Any, fetch: Any, status: int) -> None:
    web.add("/x", b"data", statuses=[status, status], headers={"Retry-After": "0"})
    events: list[Any] = []
    assert fetch(web.url("/x"), progress=events.append).files[0].size == 4
    (waiting,) = [event.reason for event in events if isinstance(event, Waiting)]
    assert waiting.startswith(f"{web.url('/x')}: the server is busy ({status}")
    assert "trying again" in waiting


def test_retry_after_is_waited_for(web: Any, fetch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(Waiter, "wait", lambda _self, seconds, _reason: waits.append(seconds))
    page = web.add("/x", b"data", statuses=[429, 429], headers={"Retry-After": "7"})
    assert fetch(web.url("/x")).files[0].size == 4
    page.statuses[:] = [503, 503]
    page.headers["Retry-After"] = formatdate(time.time() + 100, usegmt=True)
    assert fetch(web.url("/x")).files[0].size == 4
    assert waits[0] == 7.0
    assert 90.0 < waits[1] <= 100.0


def test_a_server_that_stays_busy_is_given_up_in_words(web: Any, fetch: Any) -> None:
    page = web.add("/x", b"data", status=503)
    with pytest.raises(InputNotFound, match=r"the server is busy \(503 Service Unavailable\) \(tried 3 times\)"):
        fetch(web.url("/x"))
    page.headers["Retry-After"] = "100000"
    with pytest.raises(InputNotFound, match="it asks to wait 100000 s"):
        fetch(web.url("/x"))


def test_a_stop_is_heard_while_a_busy_server_is_waited_for(web: Any, sources: DataSources, cache: Cache) -> None:
    web.add("/x", b"data", status=503, headers={"Retry-After": "60"})
    events: list[Any] = []
    specs = [InputSpec("data", (web.url("/x"),))]
    with pytest.raises(Interrupted):
        fetch_inputs(specs, sources=sources, cache=cache, progress=events.append, cancelled=lambda: bool(events))


def test_an_etag_that_is_made_up_each_time_refuses_nothing(web: Any, fetch: Any) -> None:
    body = os.urandom(100_000)
    page = web.add("/x", body, moody=True, cut_after=[None, 40_000])
    (file,) = fetch(web.url("/x")).files
    assert file.checksums == of_bytes(body)
    page.headers["Last-Modified"] = "Sun, 06 Nov 1994 08:49:37 GMT"
    assert fetch(web.url("/x")).files[0].checksums == of_bytes(body)
    web.requests.clear()
    assert fetch(web.url("/x")).files[0].checksums == of_bytes(body)
    assert web.methods() == ["HEAD"]


def test_what_has_only_a_weak_etag_comes_in_one_stream(web: Any, fetch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "SEGMENT", 1 << 20)
    body = os.urandom(3_000_000)
    web.add("/x", body, etag='W/"1"')
    assert fetch(web.url("/x")).files[0].checksums == of_bytes(body)
    assert web.methods() == ["HEAD", "GET"]


@pytest.mark.parametrize("head", [True, False])
def test_what_is_gzipped_unasked_is_decoded_and_said(web: Any, fetch: Any, *, head: bool) -> None:
    body = b"a,b\n1,2\n" * 30_000
    web.add("/table.csv", gzip.compress(body[:9]) + gzip.compress(body[9:]), headers={"Content-Encoding": "gzip"})
    if not head:
        web.pages["/table.csv"].only_get = {"Content-Encoding": web.pages["/table.csv"].headers.pop("Content-Encoding")}
    events: list[Any] = []
    (file,) = fetch(web.url("/table.csv"), progress=events.append).files
    assert file.path.read_bytes() == body
    assert [event.reason for event in events if isinstance(event, Waiting)] == [
        "the server sends it with Content-Encoding: gzip, although asked not to: it is decoded"
    ]
    web.requests.clear()
    assert fetch(web.url("/table.csv")).files == (file,)
    assert web.methods() == ["HEAD"]


def test_a_gzip_that_breaks_off_is_not_taken_for_whole(web: Any, fetch: Any) -> None:
    packed = gzip.compress(os.urandom(50_000))
    page = web.add("/table.csv", packed, headers={"Content-Encoding": "gzip"}, cut_after=[20_000])
    assert fetch(web.url("/table.csv")).files[0].size == 50_000
    page.body, page.etag = packed[:20_000], '"v2"'
    with pytest.raises(InputNotFound, match="breaks off again and again"):
        fetch(web.url("/table.csv"))


def test_a_file_that_is_called_gz_stays_as_it_is(web: Any, fetch: Any) -> None:
    packed = gzip.compress(b"a,b\n")
    web.add("/table.csv.gz", packed, headers={"Content-Encoding": "x-gzip"})
    assert fetch(web.url("/table.csv.gz")).files[0].path.read_bytes() == packed


def test_without_a_network_the_copy_in_the_cache_is_used_and_said(web: Any, fetch: Any) -> None:
    web.add("/x", b"data")
    first = fetch(web.url("/x")).files
    web.stop()
    fetched = fetch(web.url("/x"))
    assert fetched.files == first
    assert "the copy in the cache is used" in fetched.notes[0]
    with pytest.raises(InputNotFound, match="does not answer"):
        fetch(web.url("/y"))


def test_cancelling_stops_and_keeps_what_came(web: Any, fetch: Any, cache: Cache) -> None:
    web.add("/x", os.urandom(6_000_000))
    events: list[Any] = []
    with pytest.raises(Interrupted):
        fetch(web.url("/x"), progress=events.append, cancelled=lambda: len(events) > 3)
    assert cache.report().files == 0
    assert not [thread for thread in threading.enumerate() if thread.name == "checksums"]
    assert fetch(web.url("/x"), progress=events.append).files[0].size == 6_000_000
    assert any(isinstance(event, FileStarted) and event.resumed for event in events)


def test_two_inputs_of_one_url_download_once(web: Any, sources: DataSources, cache: Cache) -> None:
    web.add("/x", b"data")
    specs = [InputSpec(name, (web.url("/x"),)) for name in ("a", "b")]
    events: list[Any] = []
    fetched = fetch_inputs(specs, sources=sources, cache=cache, progress=events.append)
    assert [file.input for file in fetched.files] == ["a", "b"]
    assert web.methods() == ["HEAD", "GET"]
    assert sum(isinstance(event, FileDone) for event in events) == 1


def test_several_downloads_that_fail_are_one_error(web: Any, sources: DataSources, cache: Cache) -> None:
    web.add("/ok", b"data")
    specs = [InputSpec("a", (web.url("/no"), web.url("/ok"))), InputSpec("b", ("ftp://host/x",))]
    with pytest.raises(InputNotFound) as caught:
        fetch_inputs(specs, sources=sources, cache=cache)
    assert [name for name, _, _ in caught.value.missing] == ["a", "b"]
    assert caught.value.exit_code == 4


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('attachment; filename="a b.zip"', "a b.zip"),
        ("attachment; filename*=UTF-8''na%C3%AFve%20plan.csv", "naïve plan.csv"),
        ("attachment; filename=\"naive.csv\"; filename*=UTF-8''na%C3%AFve.csv", "naïve.csv"),
        ("attachment;filename*=utf-8'en'%e2%82%ac%20rates.csv;filename=EURO.csv", "€ rates.csv"),
        ("attachment; filename*=iso-8859-1''%A3.csv", "£.csv"),
        ("attachment; filename*=\"UTF-8''quoted%20x.csv\"", "quoted x.csv"),
        ("attachment; filename*=UTF-8''..%2F..%2Fevil.csv", "evil.csv"),
        ("attachment; filename*=UTF-8''bad%ff.csv; filename=ok.csv", "ok.csv"),
        ("attachment; filename*=unheard-of''x.csv; filename=ok.csv", "ok.csv"),
        ('attachment; filename="a;b.csv"', "a;b.csv"),
        ('attachment; filename="na\u00c3\u00afve.csv"', "naïve.csv"),
        ('attachment; filename="C:\\\\dir\\\\x.csv"', "x.csv"),
        ("inline", None),
        (None, None),
    ],
)
def test_names_in_content_disposition(header: str | None, name: str | None) -> None:
    assert disposition_name(header) == name


def test_google_drive_pages_become_downloads() -> None:
    download = "https://drive.usercontent.google.com/download?id=ID&export=download&confirm=t"
    for url in (
        "https://drive.google.com/file/d/ID/view?usp=sharing",
        "https://drive.google.com/uc?export=download&id=ID",
        "https://drive.google.com/open?id=ID",
    ):
        assert drive_download_url(url) == download
    assert (
        drive_download_url("https://drive.google.com/drive/folders/ID") == "https://drive.google.com/drive/folders/ID"
    )


@pytest.mark.parametrize("head", [False, True], ids=["while it is looked at", "while it is downloaded"])
def test_a_stop_is_heard_while_a_server_is_silent(web: Any, fetch: Any, head: bool) -> None:
    asked, over = threading.Event(), threading.Event()

    def silent() -> None:
        asked.set()
        over.wait(60)

    web.add("/x", b"small", head=head, before=silent)
    watchdog = threading.Timer(20, over.set)
    watchdog.start()
    try:
        with pytest.raises(Interrupted):
            fetch(web.url("/x"), cancelled=asked.is_set)
        assert not over.is_set()
    finally:
        watchdog.cancel()
        over.set()
