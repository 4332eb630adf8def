"""The table of a project: columns, what changed since, deletions, limits."""

from __future__ import annotations

import gzip
import json
import threading

import pytest

from localhai.app.table import MOST_KEYS
from localhai.executions.log.metadata import SUMMARY


@pytest.fixture
def table(page, data):
    def ask(since=None):
        answer = page.get(f"/page/table/?project={data.project.id}" + (f"&since={since}" if since else ""))
        assert answer.status_code == 200, answer.text
        return answer.json()

    return ask


def dense(column, rows):
    if isinstance(column, list):
        return column
    values = [None] * rows
    for row, value in zip(column["rows"], column["values"], strict=True):
        values[row] = value
    return values


def test_facts_parameters_and_metrics_are_columns(table, data):
    data.execution(
        parameters={"lr": 0.1, "name": "a"},
        metadata=[{"loss": 2}, {"loss": 0.5}, {"loss": 1}],
        tags=["x", "y"],
        title="first",
        exit_code=0,
        outputs={"a": b"1", "b": b"2"},
    )
    data.execution("error", error="it broke", exit_code=3)
    found = table()
    columns = found["columns"]
    assert (found["whole"], found["count"], found["rows"], found["removed"]) == (True, 2, 2, [])
    assert columns["counter"] == [1, 2]
    assert columns["status"] == ["complete", "error"]
    assert columns["title"] == ["first", None]
    assert columns["tags"] == [["x", "y"], []]
    assert columns["exit_code"] == [0, 3]
    assert columns["error"] == [None, "it broke"]
    assert columns["outputs"] == [2, 0]
    assert columns["creator"] == ["ada", "ada"]
    assert all(len(column) == 2 for column in columns.values())
    assert dense(found["parameters"]["lr"], 2) == [0.1, None]
    loss = found["metrics"]["loss"]
    assert [dense(loss[part], 2) for part in ("latest", "min", "max")] == [[1, None], [0.5, None], [2, None]]


def test_what_few_have_comes_without_the_others(table, data):
    for number in range(5):
        data.execution(parameters={"all": number, **({"few": "x"} if number == 3 else {})})
    found = table()
    assert found["parameters"] == {"all": [0, 1, 2, 3, 4], "few": {"rows": [3], "values": ["x"]}}


def test_since_a_revision_only_what_changed_comes(table, data):
    rows = [data.execution(parameters={"n": n}) for n in range(4)]
    before = table()
    assert table(before["revision"])["rows"] == 0
    data.home.records.executions.update(rows[1].id, tags=["new"])
    changed = table(before["revision"])
    assert (changed["whole"], changed["count"], changed["columns"]["id"]) == (False, 4, [rows[1].id])
    assert changed["columns"]["tags"] == [["new"]]
    assert changed["parameters"] == {"n": [1]}
    made = data.execution()
    assert table(changed["revision"])["columns"]["id"] == [made.id]
    assert table(before["revision"])["columns"]["id"] == [rows[1].id, made.id]


def test_what_is_deleted_is_named(table, data, page):
    rows = [data.execution() for _ in range(3)]
    before = table()
    assert page.post(f"/page/executions/{rows[1].id}/delete/", json={}).status_code == 204
    after = table(before["revision"])
    assert (after["removed"], after["count"], after["rows"]) == ([rows[1].id], 2, 0)
    assert table()["columns"]["counter"] == [1, 3]


@pytest.mark.parametrize("revision", ["nonsense", "abcd.1", "x.y", ".", "1" * 3000])
def test_a_revision_that_is_not_known_gives_the_whole(table, data, revision):
    data.execution()
    found = table(revision)
    assert (found["whole"], found["rows"]) == (True, 1)


def test_metrics_of_one_that_runs_in_another_process_grow(table, data):
    row = data.execution("started", metadata=[{"loss": 5}], parameters={"lr": 1})
    before = table()
    assert before["metrics"]["loss"] == {"latest": [5], "min": [5], "max": [5]}
    data.say(row, [], [{"loss": 3}, {"loss": 4}])
    after = table(before["revision"])
    assert after["metrics"]["loss"] == {"latest": [4], "min": [3], "max": [5]}
    assert after["parameters"] == {"lr": [1]}
    assert table(after["revision"])["rows"] == 0


def test_it_says_which_task_made_them(table, data):
    data.sweep(rates=(0.1, 0.01))
    data.execution()
    assert table()["columns"]["task"] == [1, 1, None]


def test_ranges_of_an_earlier_version_are_read_from_its_files(table, data):
    row = data.execution(metadata=[{"a": 1}, {"a": 3}, {"a": 2}])
    document = {"metadata": {"a": 2}}

    def forget(transaction, _again):
        sql = "UPDATE executions SET document = :document WHERE id = :id"
        transaction.change(sql, {"id": row.id, "document": json.dumps(document)})

    data.home.records.access.write(forget)
    assert table()["metrics"]["a"] == {"latest": [2], "min": [1], "max": [3]}


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b"\xff"])
def test_spoiled_files_of_an_earlier_version_cost_the_ranges_only(table, data, content):
    row = data.execution(metadata=[{"a": 1}, {"a": 3}])
    summary = data.home.folder / row.folder / SUMMARY
    summary.unlink() if content is None else summary.write_bytes(content)
    (summary.parent / "metadata.jsonl").unlink()
    document = json.dumps({"metadata": {"a": 3}})

    def forget(transaction, _again):
        transaction.change("UPDATE executions SET document = :d WHERE id = :id", {"id": row.id, "d": document})

    data.home.records.access.write(forget)
    assert table()["metrics"]["a"]["latest"] == [3]


def test_long_and_strange_values_are_texts_of_some_length(table, data):
    data.execution(
        parameters={"long": "x" * 5_000_000, "list": [1, "ä"], "flag": True, "none": None, "a\nb": 1},
        metadata=[{"object": {"a": [1]}, "long": "y" * 100_000, "nan": float("nan")}],
    )
    found = table()
    assert found["parameters"]["long"] == ["x" * 200 + "…"]
    assert found["parameters"]["list"] == ['[1, "ä"]']
    assert found["parameters"]["flag"] == [True]
    assert found["parameters"]["a\nb"] == [1]
    assert "none" in found["parameters"]
    assert found["metrics"]["object"]["latest"] == ['{"a": [1]}']
    assert found["metrics"]["long"]["latest"] == ["y" * 200 + "…"]


def test_of_very_many_keys_those_that_most_have_are_columns(table, data):
    data.execution(metadata=[{f"key {n}": n for n in range(12_000)}])
    data.execution(metadata=[{"key 11999": 1}])
    found = table()
    assert len(found["metrics"]) == MOST_KEYS
    assert found["metrics"]["key 11999"]["latest"] == [11999, 1]
    assert found["left_out"] == {"parameters": 0, "metrics": 12_000 - MOST_KEYS}


def test_an_empty_project_has_an_empty_table(table):
    found = table()
    assert (found["count"], found["rows"], found["parameters"], found["metrics"]) == (0, 0, {}, {})
    assert set(found["columns"]) >= {"id", "status", "outputs"}


def test_ten_thousand_rows_are_at_most_a_megabyte_on_the_wire(page, data):
    data.many(10_000, parameters=4, metrics=2)
    answer = page.get(f"/page/table/?project={data.project.id}", stream=True)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Vary"] == "Accept-Encoding"
    packed = answer.raw.read()
    assert len(packed) < 1_000_000
    assert json.loads(gzip.decompress(packed))["rows"] == 10_000


def test_who_takes_no_gzip_gets_none(page, data):
    data.many(100)
    answer = page.get(f"/page/table/?project={data.project.id}", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in answer.headers
    assert answer.json()["rows"] == 100


def test_many_who_ask_at_once_get_the_same(table, data):
    data.many(500)
    found = []
    threads = [threading.Thread(target=lambda: found.append(table())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert {item["revision"] for item in found} == {found[0]["revision"]}
    assert all(item["columns"] == found[0]["columns"] for item in found)


def test_projects_say_how_much_they_have(page, data, state, tmp_path):
    data.execution()
    data.execution("started")
    state.home.records.projects.of_folder(tmp_path / "empty", "empty")
    found = {item["name"]: item for item in page.get("/page/projects/").json()}
    assert [*found] == ["mnist", "empty"]
    assert (found["mnist"]["executions"], found["mnist"]["running"]) == (2, 1)
    assert found["mnist"]["last"].endswith("Z")
    assert found["mnist"]["path"] == str(tmp_path / "mnist")
    assert (found["empty"]["executions"], found["empty"]["last"]) == (0, None)
