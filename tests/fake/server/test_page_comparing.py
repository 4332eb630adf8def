"""Curves, metadata, comparisons and tasks: the numbers of the files, however many lines they have."""

from __future__ import annotations

import math
import random
import shutil

import pytest

from localhai.executions.inspect import series as columns


@pytest.fixture
def series(page):
    def ask(*rows, **query):
        answer = page.get("/page/series/", params={"ids": ",".join(row.id for row in rows), **query})
        assert answer.status_code == 200, answer.text
        return answer.json()["series"]

    return ask


def test_few_lines_are_all_there(series, data):
    row = data.execution(metadata=[{"loss": 3, "step": 10}, {"step": 20}, {"loss": 1.5, "step": 30}])
    (found,) = series(row, y="loss", x="line")
    assert found == {
        "id": row.id, "y": "loss", "missing": None, "x": [1, 3], "min": [3, 1.5], "max": [3, 1.5], "last": [3, 1.5],
        "total": 2, "shown": 2,
    }  # fmt: skip
    assert series(row, y="loss", x="step")[0]["x"] == [10, 30]
    assert series(row, y="loss", x="relative")[0]["x"] == pytest.approx([0, 0.5])
    assert series(row, y="loss", x="time")[0]["x"][0] == pytest.approx(1793520000.75)
    assert series(row, y="loss", x="absent")[0]["x"] == []
    assert series(row, y="absent")[0]["total"] == 0


def test_of_many_lines_every_spike_stays(series, data):
    dice = random.Random(1)  # noqa: S311  # dice
    values = [dice.random() for _ in range(10_000)]
    values[4321], values[8765] = 50, -50
    row = data.execution(metadata=[{"loss": value} for value in values])
    (found,) = series(row, y="loss", points=100)
    assert (found["total"], found["shown"], len(found["x"])) == (10_000, 100, 100)
    assert found["x"] == [*range(100, 10_001, 100)]
    assert found["min"] == [min(values[n : n + 100]) for n in range(0, 10_000, 100)]
    assert found["max"] == [max(values[n : n + 100]) for n in range(0, 10_000, 100)]
    assert found["last"] == values[99::100]


def test_a_part_of_the_axis_comes_in_full(series, data):
    row = data.execution(metadata=[{"loss": n, "back": 1000 - n} for n in range(1000)])
    (found,) = series(row, y="loss", **{"from": "101", "to": "110"}, points=50)
    assert (found["x"], found["total"]) == ([*range(101, 111)], 10)
    (found,) = series(row, y="loss", x="back", **{"from": "10", "to": "12"})
    assert sorted(found["x"]) == [10, 11, 12]
    assert series(row, y="loss", x="relative", **{"from": "1", "to": "2"})[0]["total"] == 5


def test_what_is_not_finite_is_a_gap_and_hides_no_neighbour(series, data):
    values = [math.nan, 1.0, 2.0, math.nan, 0.5, math.inf]
    row = data.execution(metadata=[{"loss": value if math.isfinite(value) else None} for value in values])
    extra = [{"loss": 1.0}, {"loss": None}, {"loss": 3.0}, {"loss": "text"}]
    other = data.execution(metadata=extra)
    (found,) = series(other, y="loss")
    assert (found["x"], found["last"]) == ([1, 2, 3], [1, None, 3])
    (found,) = series(row, y="loss", points=2)
    assert (min(found["min"]), max(found["max"])) == (0.5, 2.0)


def test_several_executions_and_keys_come_in_their_order(data, page):
    rows = [data.execution(metadata=[{"a": n, "b": -n}]) for n in range(3)]
    found = page.get("/page/series/", params={"ids": [row.id for row in rows[::-1]], "y": ["b", "a"]}).json()["series"]
    assert [(item["id"], item["y"]) for item in found] == [(row.id, y) for row in rows[::-1] for y in "ba"]


def test_one_that_runs_is_read_on(series, data):
    row = data.execution("started", metadata=[{"loss": 3}])
    assert series(row, y="loss")[0]["last"] == [3]
    data.say(row, [], [{"loss": 2}, {"loss": 1}])
    assert series(row, y="loss")[0]["last"] == [3, 2, 1]


def test_one_whose_folder_is_gone_keeps_no_other_from_being_drawn(series, data):
    gone, there = data.execution(metadata=[{"a": 1}]), data.execution(metadata=[{"a": 2}])
    shutil.rmtree(data.home.folder / gone.folder)
    first, second = series(gone, there, y="a")
    assert (first["total"], first["missing"]) == (0, "the folder of execution #1 is not on this machine")
    assert second["last"] == [2]


def test_columns_are_forgotten_when_memory_is_short(series, data, monkeypatch):
    monkeypatch.setattr(columns, "MEMORY", 500)
    rows = [data.execution(metadata=[{"a": n} for n in range(100)]) for _ in range(3)]
    assert [item["total"] for item in series(*rows, y="a")] == [100, 100, 100]
    assert len(columns._known) == 1


@pytest.mark.parametrize(
    "query", [{}, {"y": [str(n) for n in range(21)]}, {"y": "a", "points": "1"}, {"y": "a", "points": "x"},
              {"y": "a", "from": "x"}, {"y": "a", "to": "nan"}]
)  # fmt: skip
def test_what_makes_no_sense_is_refused_in_words(page, data, query):
    row = data.execution()
    answer = page.get("/page/series/", params={"ids": row.id, **query})
    assert answer.status_code == 400
    assert " needed" in answer.json()["message"]


@pytest.mark.parametrize("path", ["/page/series/?y=a&ids=", "/page/compare/?ids="])
def test_what_is_anothers_is_in_no_comparison(page, bob, data, path):
    row = data.execution()
    assert page.get(path + row.id).status_code == 200
    for asker, key in ((bob, row.id), (page, "nonsense"), (page, f"{row.id},nonsense")):
        answer = asker.get(path + key)
        assert answer.status_code == 404
        assert answer.json()["message"].startswith("There is no execution ")
    assert page.get(path).status_code == 400
    assert page.get(path + ",".join(f"id{n}" for n in range(1001))).status_code == 400


def test_every_key_of_the_metadata_is_told(page, data):
    row = data.execution(metadata=[{**{f"key {n}": n for n in range(12_000)}, "a\nb": "x" * 20_000}])
    found = page.get(f"/page/metadata/{row.id}/").json()
    assert (found["events"], len(found["keys"])) == (1, 12_001)
    assert found["keys"]["key 7"] == {"latest": 7, "min": 7, "max": 7, "count": 1, "numeric": True}
    assert found["keys"]["a\nb"]["numeric"] is False
    assert len(found["keys"]["a\nb"]["latest"]) == 10_001


def rows_of(found, group):
    return {row["name"]: (row["values"], row["differs"]) for row in found["rows"] if row["group"] == group}


def test_a_comparison_tells_what_differs(page, data):
    shared = {"environment_variables": ["MODE", "TOKEN"], "environment_variable_values": {"MODE": "fast"}}
    inputs = [{"name": "data", "files": [{"name": "a.csv", "sha256": "1" * 64}]}]
    one = data.execution(
        parameters={"lr": 0.1, "same": 1},
        metadata=[{"loss": 1}],
        outputs={"m": b"1", "s": b"s"},
        inputs=inputs,
        **shared,
    )
    two = data.execution("error", parameters={"lr": 0.2, "same": 1}, outputs={"m": b"2", "s": b"s"}, **shared)
    found = page.get(f"/page/compare/?ids={one.id},{two.id}").json()
    assert [item["counter"] for item in found["executions"]] == [1, 2]
    assert rows_of(found, "parameters") == {"lr": ([0.1, 0.2], True), "same": ([1, 1], False)}
    assert rows_of(found, "facts")["status"] == (["complete", "error"], True)
    assert rows_of(found, "facts")["image"][1] is False
    assert rows_of(found, "metrics") == {"loss": ([1, None], True)}
    assert rows_of(found, "environment_variables") == {
        "MODE": (["fast", "fast"], False),
        "TOKEN": (["***", "***"], False),
    }
    assert rows_of(found, "inputs") == {"data": ([{"a.csv": "1" * 64}, None], True)}
    outputs = rows_of(found, "outputs")
    assert (outputs["m"][1], outputs["s"][1]) == (True, False)


def test_numbers_in_a_project_are_good_too(page, data):
    rows = [data.execution(metadata=[{"a": n}]) for n in range(3)]
    found = page.get(f"/page/compare/?ids=3,{rows[0].id},1&project={data.project.id}").json()
    assert [item["counter"] for item in found["executions"]] == [3, 1]
    series = page.get(f"/page/series/?ids=2&y=a&project={data.project.id}").json()["series"]
    assert [item["id"] for item in series] == [rows[1].id]
    for query in (f"ids=9&project={data.project.id}", "ids=1", f"ids={'9' * 50}&project={data.project.id}"):
        assert page.get(f"/page/compare/?{query}").status_code == 404


def test_a_thousand_are_compared(page, data):
    data.many(1000)
    ids = [row.id for row in data.home.records.executions.list(data.project.id, limit=None)]
    found = page.get("/page/compare/", params={"ids": ids}).json()
    assert len(found["executions"]) == 1000
    assert all(len(row["values"]) == 1000 for row in found["rows"])


def test_tasks_and_their_executions(page, data):
    task = data.sweep()
    (listed,) = page.get(f"/page/tasks/?project={data.project.id}").json()
    assert (listed["counter"], listed["count"], listed["statuses"]) == (1, 6, {"complete": 6})
    found = page.get(f"/page/tasks/{task}/").json()
    assert found == page.get(f"/page/tasks/1/?project={data.project.id}").json()
    assert found["executions"][0]["number"] == found["best"] == 3
    assert found["executions"][0]["parameters"] == {"learning_rate": 0.01}
    assert found["project_id"] == data.project.id


def test_tasks_of_others_are_not_there(page, bob, data):
    task = data.sweep(rates=(0.1,))
    for asker, path in (
        (bob, f"/page/tasks/{task}/"),
        (bob, f"/page/tasks/?project={data.project.id}"),
        (page, "/page/tasks/nonsense/"),
        (page, f"/page/tasks/9/?project={data.project.id}"),
        (page, "/page/tasks/" + "x" * 500 + "/"),
    ):
        answer = asker.get(path)
        assert answer.status_code == 404
        assert answer.json()["message"].startswith("There is no ")


def test_the_plan_of_another_version_is_said_in_words(page, data, state):
    task = data.sweep(rates=(0.1,))
    state.records.access.write(
        lambda transaction, _again: transaction.change(
            'UPDATE tasks SET document = \'{"plan": {"count": 1}}\' WHERE id = :id', {"id": task}
        )
    )
    answer = page.get(f"/page/tasks/{task}/")
    assert (answer.status_code, answer.json()["message"]) == (
        409,
        "The plan of task #1 cannot be read: another version of localhai made it.",
    )
