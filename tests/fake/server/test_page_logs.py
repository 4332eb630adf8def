"""Logs and outputs on the page: any page of them, searches, hostile bytes that stay bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from localhai.executions.log import search as searching


@pytest.fixture
def row(data):
    return data.execution(lines=[("stdout" if n % 2 else "stderr", f"line {n}") for n in range(1, 301)])


@pytest.fixture
def log(page, row):
    return lambda rest="": page.get(f"/page/log/{row.id}/{rest}")


def test_a_page_begins_where_it_is_asked_to(log):
    found = log("?line=250&count=10").json()
    assert (found["from"], found["total"], found["complete"]) == (250, 300, True)
    assert [line["n"] for line in found["lines"]] == [*range(250, 260)]
    assert found["lines"][0]["text"] == "line 250"
    assert found["lines"][0]["stream"] == "stderr"
    assert found["lines"][0]["at"].endswith("Z")


def test_a_negative_line_counts_from_the_end(log):
    found = log("?line=-5&count=100").json()
    assert [line["text"] for line in found["lines"]] == [f"line {n}" for n in range(296, 301)]


@pytest.mark.usefixtures("row")
def test_by_number_in_a_project_too(page, data):
    assert page.get(f"/page/log/1/?project={data.project.id}&line=7&count=1").json()["lines"][0]["text"] == "line 7"


@pytest.mark.parametrize(
    "query", ["line=x", "line=1.5", "line=", "line=" + "9" * 30, "count=0", "count=-1", "count=x", "line=٣"]
)
def test_what_is_no_number_is_refused_in_words(log, query):
    answer = log(f"?{query}")
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(query.partition("=")[0] + ": a whole number")


def test_one_that_has_no_log_yet_has_an_empty_page(page, data, state):
    made = state.records.executions.create(
        data.project.id, step="train", image="i", commit=None, document={}, owner=None
    )
    assert page.get(f"/page/log/{made.id}/").json() == {"from": 1, "lines": [], "total": 0, "complete": False}
    assert page.get(f"/page/log/{made.id}/search/?q=x").json() == {"matches": [], "count": 0, "more": False}
    assert page.get(f"/page/log/{made.id}/text/").content == b""


def test_a_search_gives_numbers_of_lines(log):
    assert log("search/?q=line 29").json() == {"matches": [29, *range(290, 300)], "count": 11, "more": False}
    assert log("search/?q=LINE 29&case=1").json()["count"] == 0
    assert log("search/?q=^line .0$&regex=1&after=30&count=2").json() == {"matches": [40, 50], "count": 9, "more": True}


def test_a_hostile_expression_is_given_up_and_others_are_answered(log, data, page, monkeypatch):
    monkeypatch.setattr(searching, "SECONDS", 0.5)
    bad = data.execution(lines=[("stdout", "a" * 50 + "!")])
    answer = page.get(f"/page/log/{bad.id}/search/", params={"q": "(a+)+$", "regex": "1"})
    assert (answer.status_code, answer.json()["message"]) == (400, "this regular expression took more than 0.5 s")
    assert answer.json()["hints"]
    assert log("search/?q=line 300").json()["matches"] == [300]


@pytest.mark.parametrize("query", ["q=(&regex=1", "q=", "q=" + "x" * 1001, "q=a%0Ab"])
def test_what_cannot_be_looked_for_is_refused_in_words(log, query):
    answer = log(f"search/?{query}")
    assert answer.status_code == 400
    assert "regular expression" in answer.json()["message"] or "a text of one line" in answer.json()["message"]


def test_the_whole_is_a_file(log, data, row):
    answer = log("text/")
    assert answer.content == (data.home.folder / row.folder / "log").read_bytes()
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''train-1.log"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].startswith("sandbox")


def test_a_link_is_good_without_a_token_for_this_alone(log, nobody, data, page):
    url = log("link/").json()["url"]
    path = url[url.index("/page/") :]
    assert nobody.get(path).text.startswith("line 1\n")
    other = data.execution()
    assert nobody.get(path.replace(path.split("/")[3], other.id)).status_code == 403
    assert nobody.get(path.partition("?")[0]).status_code == 403
    assert page.get(f"/page/log/{other.id}/download/").status_code == 403


def test_a_log_whose_file_is_spoiled_is_shown_as_far_as_it_can_be(log, data, row):
    folder = data.home.folder / row.folder
    (folder / "log.index").write_bytes(b"\xff\x00 nonsense\n\n1 2\n" * 50)
    found = log("?line=1&count=2000").json()
    assert [line["text"] for line in found["lines"]] == [f"line {n}" for n in range(1, 301)]
    (folder / "log").unlink()
    assert log().json()["total"] == 0


HOSTILE = ("page.html", "picture.svg", "notes.md", "table.csv", "values.json")


@pytest.fixture
def outputs(page, data):
    row = data.hostile()
    return {item["name"]: item for item in page.get(f"/page/executions/{row.id}/outputs/").json()}


def test_outputs_have_a_kind(outputs):
    assert {name: item["kind"] for name, item in outputs.items() if name in HOSTILE} == {
        "page.html": "html",
        "picture.svg": "image",
        "notes.md": "markdown",
        "table.csv": "csv",
        "values.json": "json",
    }
    assert outputs["folder/\u202etxt.exe"]["kind"] == "other"


def test_hostile_outputs_are_bytes_and_nothing_more(page, outputs):
    for name, item in outputs.items():
        for query, how in (("", "inline"), ("?download=1", "attachment")):
            answer = page.get(f"/page/outputs/{item['id']}/{query}")
            assert answer.status_code == 200
            assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Content-Disposition"].startswith(f"{how}; filename*=UTF-8''")
            assert answer.headers["Content-Type"].partition(";")[0] in {
                "text/plain", "image/svg+xml", "application/octet-stream",
            }, name  # fmt: skip
            assert len(answer.content) == item["size"]
            assert "Set-Cookie" not in answer.headers


def test_a_name_of_an_output_adds_no_header(page, data):
    row = data.execution(outputs={'a"\r\nX-Evil: 1\r\n.txt': b"x"})
    item = page.get(f"/page/executions/{row.id}/outputs/").json()[0]
    answer = page.get(f"/page/outputs/{item['id']}/")
    assert answer.status_code == 200
    assert "X-Evil" not in answer.headers


def test_a_range_of_an_output_is_a_part_of_it(page, data):
    row = data.execution(outputs={"a.bin": bytes(range(100))})
    item = page.get(f"/page/executions/{row.id}/outputs/").json()[0]
    answer = page.get(f"/page/outputs/{item['id']}/", headers={"Range": "bytes=10-19"})
    assert (answer.status_code, answer.content) == (206, bytes(range(10, 20)))


def test_a_purged_output_is_said(page, data, outputs):
    item = outputs["notes.md"]
    data.home.records.data.purge([item["id"]])
    for rest in ("", "link/"):
        answer = page.get(f"/page/outputs/{item['id']}/{rest}")
        assert (answer.status_code, answer.json()["message"]) == (410, "notes.md was purged: its bytes are gone.")


def test_an_output_whose_file_was_removed_is_said(page, outputs):
    item = outputs["notes.md"]
    Path(item["path"]).unlink()
    answer = page.get(f"/page/outputs/{item['id']}/")
    assert answer.status_code == 410
    assert answer.json()["message"] == "The file of notes.md is not in the store any more: somebody removed it."
    assert page.get(f"/page/outputs/{item['id']}/link/").status_code == 410


def test_a_link_to_an_output_is_good_without_a_token(page, nobody, outputs):
    url = page.get(f"/page/outputs/{outputs['table.csv']['id']}/link/").json()["url"]
    answer = nobody.get(url[url.index("/api/") :])
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith("attachment")


def test_hostile_texts_are_answered_as_they_are(page, data):
    row = data.hostile()
    answer = page.get(f"/page/executions/{row.id}/")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    found = answer.json()
    assert found["title"].startswith("<img src=x")
    assert "__proto__" in found["metadata"]
    assert page.get(f"/page/log/{row.id}/").json()["lines"][1]["text"].startswith("\x1b[31mred")
