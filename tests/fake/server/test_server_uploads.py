from __future__ import annotations

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from localhai.server.api import uploads

BYTES = bytes(range(256)) * 5000


def announced(asker, project, **body):
    answer = asker.post("/api/v0/data/create-upload/", json={"project": project, "name": "sub/data.bin", **body})
    assert answer.status_code == 201, answer.text
    return answer.json()


def sent(asker, upload, content):
    return asker.put(upload["url"].removeprefix(asker.url), data=content)


def completed(asker, upload):
    return asker.post(upload["complete_url"].removeprefix(asker.url))


def brought(asker, project, content=BYTES, **body):
    upload = announced(asker, project, **body)
    assert sent(asker, upload, content).ok
    return completed(asker, upload).json()


def test_bytes_that_are_brought_become_a_datum(ada, nobody, demo):
    upload = announced(ada, demo.id, size=len(BYTES), tags=["raw"], aliases=["newest"], metadata={"origin": "laptop"})
    pieces = (BYTES[start : start + 100_000] for start in range(0, len(BYTES), 100_000))
    assert sent(nobody, upload, pieces).json() == {"size": len(BYTES)}
    answer = completed(ada, upload)
    assert answer.status_code == 201
    datum = answer.json()
    assert (datum["name"], datum["size"], datum["output_execution"]) == ("sub/data.bin", len(BYTES), None)
    assert datum["sha256"] == hashlib.sha256(BYTES).hexdigest()
    assert (datum["tags"], datum["aliases"], datum["metadata"]) == (["raw"], ["newest"], [{"origin": "laptop"}])
    assert completed(ada, upload).json()["id"] == datum["id"]
    url = ada.get(f"/api/v0/data/{datum['id']}/download/").json()["url"]
    assert nobody.get(url.removeprefix(nobody.url)).content == BYTES
    (row,) = ada.get(f"/api/v0/data/?project={demo.id}&tag=raw").json()["results"]
    assert row["id"] == datum["id"]


def test_what_was_brought_is_an_input_and_can_be_purged(ada, demo, engine, state):
    datum = brought(ada, demo.id)
    seen = []

    def look(container):
        seen.append(container.path("/valohai/inputs/data/data.bin").read_bytes() == BYTES)
        return 0

    engine.behave(look)
    queued = demo.queued(inputs={"data": [f"datum://{datum['id']}"]})
    state.queue.start()
    assert (demo.ended(queued["id"])["status"], seen) == ("complete", [True])
    assert ada.post(f"/api/v0/data/{datum['id']}/purge/").json() == {"ok": True}
    assert ada.get(f"/api/v0/data/?project={demo.id}").json()["results"] == []
    (row,) = ada.get(f"/api/v0/data/?project={demo.id}&deleted=true").json()["results"]
    assert (row["id"], row["purged"]) == (datum["id"], True)


def test_sent_again_the_last_bytes_count(ada, demo):
    upload = announced(ada, demo.id)
    assert sent(ada, upload, b"first").ok
    assert sent(ada, upload, b"second").ok
    assert completed(ada, upload).json()["size"] == 6
    assert sent(ada, upload, b"third").status_code == 400


def test_nothing_is_complete_that_did_not_come_whole(ada, demo):
    upload = announced(ada, demo.id, size=10)
    assert completed(ada, upload).status_code == 400
    assert sent(ada, upload, b"12345678901").status_code == 413
    assert completed(ada, upload).status_code == 400
    assert sent(ada, upload, b"12345").ok
    assert "5 bytes" in completed(ada, upload).text
    assert sent(ada, upload, b"1234567890").ok
    assert completed(ada, upload).json()["size"] == 10


def test_an_upload_url_is_good_for_one_upload_and_for_some_hours(ada, demo, state):
    upload, other = announced(ada, demo.id), announced(ada, demo.id)
    url = upload["url"].removeprefix(ada.url)
    for wrong in (url.replace(upload["id"], other["id"]), url[:-4], url.split("?")[0]):
        assert ada.put(wrong, data=b"x").status_code == 403
    object.__setattr__(state, "clock", lambda: 4e9)
    assert ada.put(url, data=b"x").status_code == 403


def test_few_uploads_come_in_at_a_time(ada, demo, state, monkeypatch):
    monkeypatch.setattr(uploads, "PLACES", uploads.UploadSlots(each=1))
    upload = announced(ada, demo.id)
    with uploads.PLACES.taken(state.records.users.named("bob").id):
        assert sent(ada, upload, b"x").ok
    with uploads.PLACES.taken(state.records.users.named("ada").id):
        assert sent(ada, upload, b"x").status_code == 429
    assert sent(ada, upload, b"x").ok


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"name": ""}, "name"),
        ({"name": "../out"}, "name"),
        ({"name": "/etc/passwd"}, "name"),
        ({"name": "x" * 2000}, "name"),
        ({"size": "many"}, "size"),
        ({"size": -1}, "size"),
        ({"tags": "one"}, "tags"),
        ({"aliases": [1]}, "aliases"),
        ({"metadata": []}, None),
        ({"metadata": [1]}, "metadata"),
    ],
)
def test_what_is_wrong_with_an_upload_is_said(ada, demo, change, name):
    answer = ada.post("/api/v0/data/create-upload/", json={"project": demo.id, "name": "x", **change})
    assert answer.status_code == (201 if name is None else 400), answer.text
    assert name is None or list(answer.json()) == [name]


def test_more_than_the_disk_holds_is_refused_at_once(ada, demo):
    answer = ada.post("/api/v0/data/create-upload/", json={"project": demo.id, "name": "x", "size": 2**52})
    assert (answer.status_code, answer.json()["code"]) == (507, "disk_full")


def test_nobody_completes_the_upload_of_another(ada, bob, demo):
    upload = announced(ada, demo.id)
    assert sent(ada, upload, b"x").ok
    assert completed(bob, upload).status_code == 404
    assert bob.post("/api/v0/data/create-upload/", json={"project": demo.id, "name": "x"}).status_code == 404
    for wrong in ("nothing", "00000000-0000-0000-0000-000000000000"):
        assert ada.post(f"/api/v0/data/uploads/{wrong}/complete/").status_code == 404


def test_data_are_listed_in_the_order_that_is_asked_for(ada, demo):
    for name, content in (("b", b"12"), ("a", b"123"), ("c", b"1")):
        brought(ada, demo.id, content, name=name)
    path = f"/api/v0/data/?project={demo.id}&no_count=true"
    store = ada.get("/api/v0/stores/").json()["results"][0]["id"]
    for query, names in (
        ("", ["c", "a", "b"]),
        ("&ordering=-ctime", ["c", "a", "b"]),
        ("&ordering=ctime", ["b", "a", "c"]),
        ("&ordering=name", ["a", "b", "c"]),
        ("&ordering=-size", ["a", "b", "c"]),
        ("&ordering=name&limit=1&offset=1", ["b"]),
        ("&limit=2", ["c", "a"]),
        (f"&store={store}&name=a", ["a"]),
        ("&store=another", []),
        ("&deleted=True", []),
    ):
        assert [row["name"] for row in ada.get(path + query).json()["results"]] == names, query


def test_aliases_are_set_moved_and_deleted(ada, bob, demo):
    first, second = brought(ada, demo.id), brought(ada, demo.id)
    for datum in (first, second):
        body = {"project": demo.id, "name": "newest", "datum": f"datum://{datum['id']}"}
        alias = ada.post("/api/v0/datum-aliases/", json=body).json()
        assert alias["datum"]["id"] == datum["id"]
    ada.post("/api/v0/datum-aliases/", json={"project": demo.id, "name": "a", "datum": first["id"]})
    path = f"/api/v0/datum-aliases/?project={demo.id}"
    names = [row["name"] for row in ada.get(f"{path}&ordering=-name&limit=100&no_count=true").json()["results"]]
    assert names == ["newest", "a"]
    assert [row["name"] for row in ada.get(f"{path}&ordering=-ctime").json()["results"]] == ["a", "newest"]
    assert bob.delete(f"/api/v0/datum-aliases/{alias['id']}/").status_code == 404
    assert ada.delete(f"/api/v0/datum-aliases/{alias['id']}/").json() == {"ok": True}
    assert ada.delete(f"/api/v0/datum-aliases/{alias['id']}/").status_code == 404
    wrong = ada.post("/api/v0/datum-aliases/", json={"project": demo.id, "name": "x", "datum": "nothing"})
    assert (wrong.status_code, list(wrong.json())) == (400, ["datum"])
    assert bob.post("/api/v0/datum-aliases/", json=body).status_code == 404


@pytest.fixture
def place():
    """A web server with one file."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/a/b.txt" else 404)
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"hello")

        def log_message(self, *_):
            """Nothing on stderr."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_is_somewhere_else_is_adopted(ada, bob, demo, place, allow):
    allow(serve_addresses=("127.0.0.0/8",))
    store = ada.get("/api/v0/stores/").json()["results"][0]["id"]
    assert ada.get(f"/api/v0/stores/{store}/").json()["id"] == store
    path, url = f"/api/v0/stores/{store}/adopt/", f"{place}/a/b.txt"
    made = ada.post(path, json={"url": url, "project": demo.id}).json()
    assert made["ok"] is True
    datum = ada.get(f"/api/v0/data/{made['created'][url]}/").json()
    assert (datum["name"], datum["size"]) == ("b.txt", 5)
    for wrong in (f"{place}/none", "file:///etc/passwd", "/etc/passwd", "http://[", "datum://x", ""):
        answer = ada.post(path, json={"url": wrong, "project": demo.id})
        assert (answer.status_code, list(answer.json())) == (400, ["url"]), wrong
    assert bob.post(path, json={"url": url, "project": demo.id}).status_code == 404
    assert ada.post("/api/v0/stores/nothing/adopt/", json={"url": url, "project": demo.id}).status_code == 404
    assert ada.get("/api/v0/stores/nothing/").status_code == 404


def test_two_who_complete_one_upload_at_once_get_one_datum(ada, demo, monkeypatch):
    upload = announced(ada, demo.id, aliases=["newest"])
    assert sent(ada, upload, BYTES).ok
    both = threading.Barrier(2, timeout=30)
    find = uploads.find_upload

    def found_at_once(*arguments):
        found = find(*arguments)
        if both.n_waiting < 2 and not both.broken:
            with suppress(threading.BrokenBarrierError):
                both.wait(1)
        return found

    monkeypatch.setattr(uploads, "find_upload", found_at_once)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: completed(ada, upload), range(2)))
    assert [answer.status_code for answer in answers] == [201, 201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert ada.get(f"/api/v0/data/?project={demo.id}").json()["count"] == 1


def test_a_server_that_ended_between_datum_and_answer_makes_no_second_one(ada, demo, state, monkeypatch):
    upload = announced(ada, demo.id, aliases=["newest"])
    assert sent(ada, upload, BYTES).ok
    monkeypatch.setattr(state.records.aliases, "point", None)
    assert completed(ada, upload).status_code == 500
    monkeypatch.undo()
    datum = completed(ada, upload).json()
    assert datum["aliases"] == ["newest"]
    assert ada.get(f"/api/v0/data/?project={demo.id}").json()["count"] == 1
