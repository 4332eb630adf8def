from __future__ import annotations

import pytest

from localhai.testing import Canned

BYTES = bytes(range(256)) * 10


@pytest.fixture
def made(demo, engine, state):
    """An execution that put out two files."""
    engine.behave(Canned(files={"model.bin": BYTES, "sub/b c.txt": b"x"}))
    queued = demo.queued()
    state.queue.start()
    return demo.ended(queued["id"])


@pytest.fixture
def datum(made):
    return next(item for item in made["outputs"] if item["name"] == "model.bin")


def url_of(asker, datum):
    return asker.get(f"/api/v0/data/{datum['id']}/download/").json()["url"]


def test_outputs_of_an_execution_are_listed_with_what_clients_read(made, ada):
    page = ada.get(f"/api/v0/data/?output_execution={made['id']}&limit=5000").json()
    assert (page["count"], page["next"]) == (2, None)
    row = page["results"][0]
    assert (row["size"], row["output_execution"]) == (len(BYTES), {"id": made["id"], "counter": 1})
    assert len(row["sha256"]) == 64
    assert row["uri"] == f"datum://{row['id']}"
    assert ada.get(f"/api/v0/data/?output_execution={made['id']}&limit=5000&offset=5000").json()["results"] == []


def test_pages_of_data_follow_one_another(made, ada):
    first = ada.get(f"/api/v0/data/?output_execution={made['id']}&limit=1").json()
    second = ada.get(first["next"].removeprefix(ada.url)).json()
    assert [row["name"] for row in (*first["results"], *second["results"])] == ["model.bin", "sub/b c.txt"]


@pytest.mark.parametrize(("query", "names"), [("name=model.bin", ["model.bin"]), ("name=*", []), ("tag=x", [])])
@pytest.mark.usefixtures("made")
def test_data_are_filtered(demo, ada, query, names):
    rows = ada.get(f"/api/v0/data/?project={demo.id}&ordering=-ctime&no_count=true&{query}").json()["results"]
    assert [row["name"] for row in rows] == names


def test_a_datum_is_read_without_a_slash(datum, ada):
    assert ada.get(f"/api/v0/data/{datum['id']}").json()["sha256"] == datum["sha256"]


def test_the_bytes_come_without_a_token_from_the_host_that_was_asked(datum, ada, nobody):
    url = url_of(ada, datum)
    assert url.startswith(ada.url + "/")
    answer = nobody.get(url.removeprefix(nobody.url))
    assert answer.content == BYTES
    assert answer.headers["Content-Length"] == str(len(BYTES))


def test_outputs_in_an_execution_say_where_their_bytes_are(datum, nobody):
    assert nobody.get(datum["url"].removeprefix(nobody.url)).content == BYTES


@pytest.mark.parametrize(
    ("asked", "found"), [("bytes=0-9", BYTES[:10]), ("bytes=2550-", BYTES[2550:]), ("bytes=-5", BYTES[-5:])]
)
def test_the_bytes_come_in_ranges(datum, ada, nobody, asked, found):
    answer = nobody.get(url_of(ada, datum).removeprefix(nobody.url), headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, found)


def test_a_url_is_good_for_one_datum_and_for_some_hours(made, datum, state, ada, nobody):
    other = next(item for item in made["outputs"] if item["id"] != datum["id"])
    url = url_of(ada, datum).removeprefix(nobody.url)
    assert nobody.get(url).ok
    of_other, later = url.replace(datum["id"], other["id"]), url.replace("expires=", "expires=9")
    for wrong in (of_other, later, url[:-4], url.split("?")[0]):
        assert nobody.get(wrong).status_code == 403
    object.__setattr__(state, "clock", lambda: 4e9)
    assert nobody.get(url).status_code == 403


def test_purging_takes_the_bytes(datum, ada, nobody):
    url = url_of(ada, datum).removeprefix(nobody.url)
    assert ada.post(f"/api/v0/data/{datum['id']}/purge/").json() == {"ok": True}
    assert ada.post(f"/api/v0/data/{datum['id']}/purge/").json() == {"ok": True}
    assert ada.get(f"/api/v0/data/{datum['id']}/").json()["purged"] is True
    assert nobody.get(url).status_code == 410
    assert ada.get(f"/api/v0/data/{datum['id']}/download/").status_code == 410


def test_nobody_sees_the_data_of_another(made, datum, demo, bob):
    for path in (f"{datum['id']}/", f"{datum['id']}/download/"):
        assert bob.get(f"/api/v0/data/{path}").status_code == 404
    assert bob.post(f"/api/v0/data/{datum['id']}/purge/").status_code == 404
    for query in ("", f"?project={demo.id}", f"?output_execution={made['id']}"):
        assert bob.get(f"/api/v0/data/{query}").json()["results"] == []
    assert bob.get(f"/api/v0/datum-aliases/?project={demo.id}").status_code == 404


def test_aliases_are_listed_and_resolved(datum, demo, state, ada):
    state.home.records.aliases.point(demo.id, "newest", datum["id"])
    (row,) = ada.get(f"/api/v0/datum-aliases/?project={demo.id}&limit=100").json()["results"]
    assert (row["name"], row["datum"]["name"]) == ("newest", "model.bin")
    found = ada.get(f"/api/v0/datum-aliases/resolve/?name=newest&project={demo.id}").json()["datum"]
    assert found["id"] == datum["id"]
    assert ada.get(f"/api/v0/datum-aliases/resolve/?name=none&project={demo.id}").status_code == 404
