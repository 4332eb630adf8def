from __future__ import annotations

import pytest
from waiting import until

from localhai.testing import Canned

YAML = """\
- step:
    name: train
    image: python:3.11-slim
    command: python train.py {parameters}
    parameters:
      - {name: epochs, type: integer, default: 2}
      - {name: rate, type: float, default: 0.5}
    inputs:
      - {name: data, optional: true}
"""


@pytest.fixture
def body(demo):
    """What `vh task run` sends for a grid."""
    demo.commit = demo.upload_files({"valohai.yaml": YAML}).json()["identifier"]
    return {
        "project": demo.id,
        "commit": demo.commit,
        "step": "train",
        "type": "grid_search",
        "title": "sweep",
        "tags": ["nightly"],
        "parameters": {
            "epochs": {"style": "multiple", "rules": {"items": [1, 2, 3]}},
            "rate": {"style": "single", "rules": {"value": 0.25}},
        },
        "inputs": {"data": []},
    }


def started(ada, body):
    answer = ada.post("/api/v0/tasks/", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def executions(ada, reference):
    return ada.get(f"/api/v0/tasks/{reference}/executions/").json()["results"]


def sets(ada, reference):
    return [row["parameters"] for row in executions(ada, reference)]


def test_a_grid_makes_an_execution_of_each_value(ada, demo, body, engine):
    engine.behave(Canned('{"loss": 0.5}\n'), step="train")
    made = started(ada, body)
    assert (made["counter"], made["title"], made["project"]) == (1, "sweep", demo.id)
    done = ada.ended("tasks", f"{demo.id}:latest")
    assert (done["id"], done["status"], done["type"]) == (made["id"], "complete", "grid_search")
    assert (done["n_children"], done["status_summary"]["complete_count"], done["tags"]) == (3, 3, ["nightly"])
    assert sets(ada, f"{demo.id}:1") == [{"epochs": number, "rate": 0.25} for number in (1, 2, 3)]
    row = executions(ada, made["id"])[0]
    assert (row["task"], row["task_counter"], row["cumulative_metadata"]) == (made["id"], 1, {"loss": 0.5})
    assert done["parameters"]["epochs"] == {"style": "multiple", "rules": {"items": [1, 2, 3]}}
    assert done["parameters"]["rate"] == {"style": "single", "rules": {"value": 0.25}}


def test_executions_know_their_task(ada, demo, body):
    made = started(ada, body)
    ada.ended("tasks", made["id"])
    ids = ada.get(f"/api/v0/tasks/{made['id']}/execution_ids/").json()
    assert len(ids) == 3
    assert demo.get(ids[0])["task"] == made["id"]
    demo.queued()
    of_task = ada.get(f"/api/v0/executions/?task={made['id']}&limit=2").json()
    assert (of_task["count"], len(of_task["results"])) == (3, 2)
    assert demo.get(f"{demo.id}:latest")["task"] is None


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"type": "manual_search", "parameters": {"epochs": {"style": "multiple", "rules": {"items": [5, 6]}}}},
            [{"epochs": 5, "rate": 0.5}, {"epochs": 6, "rate": 0.5}],
        ),
        (
            {"type": "manual_search", "parameters": {}, "parameter_sets": [{"epochs": 7}, {"epochs": 8, "rate": 1}]},
            [{"epochs": 7, "rate": 0.5}, {"epochs": 8, "rate": 1.0}],
        ),
        (
            {
                "type": "random_search",
                "parameters": {"epochs": {"style": "random", "rules": {"min": 4, "max": 4}}},
                "configuration": {"execution_count": 2},
            },
            [{"epochs": 4, "rate": 0.5}] * 2,
        ),
        (
            {"parameters": {"epochs": {"style": "linear", "rules": {"start": 1, "end": 5, "step": 2}}, "rate": 2}},
            [{"epochs": number, "rate": 2.0} for number in (1, 3, 5)],
        ),
        (
            {"parameters": {"epochs": {"style": "logspace", "rules": {"start": 0, "end": 2, "count": 3, "base": 10}}}},
            [{"epochs": number, "rate": 0.5} for number in (1, 10, 100)],
        ),
        ({"type": "distributed", "configuration": {"execution_count": 2}}, None),
        (
            {
                "type": "bayesian_tpe",
                "parameters": {"epochs": {"style": "random", "rules": {"min": 1, "max": 9}}},
                "configuration": {
                    "execution_count": 2,
                    "execution_batch_size": 1,
                    "optimization_target_metric": "loss",
                    "optimization_target_value": 0.0,
                },
            },
            None,
        ),
    ],
)
def test_all_types_run(ada, body, change, expected):
    if change.get("type") == "distributed":
        body["parameters"] = {}
    made = started(ada, {**body, **change})
    done = ada.ended("tasks", made["id"])
    assert done["status"] == "complete", done
    assert done["type"] == change.get("type", "grid_search")
    found = sets(ada, made["id"])
    assert found == expected if expected else len(found) == 2


def test_what_a_failure_does_is_said_with_underscores(ada, body, engine):
    engine.behave(Canned(exit_code=1), step="train")
    body |= {"on_child_error": "continue_and_complete", "maximum_queued_executions": 1}
    done = ada.ended("tasks", started(ada, body)["id"])
    assert (done["status"], done["on_child_error"], done["status_summary"]["error_count"]) == (
        "complete",
        "continue_and_complete",
        3,
    )
    body["on_child_error"] = "stop_all_and_error"
    done = ada.ended("tasks", started(ada, body)["id"])
    assert (done["status"], done["status_summary"]["error_count"]) == ("error", 1)
    assert "on-child-error" in done["status_detail"]


def test_metadata_that_fulfil_the_expression_end_the_task(ada, body, engine):
    engine.behave(Canned('{"loss": 0.5}\n'), step="train")
    done = ada.ended("tasks", started(ada, {**body, "task_stop_expression": "loss < 1"})["id"])
    assert (done["status"], done["status_summary"]["count"]) == ("complete", 1)
    assert done["task_stop_expression"] == "loss < 1"


def test_a_task_is_stopped(ada, body, engine):
    begun = []

    def stay(container):
        begun.append(container)
        container.sleep(60)
        return 0

    engine.behave(stay, step="train")
    made = started(ada, body)
    until(lambda: begun)
    assert ada.get(f"/api/v0/tasks/?project={body['project']}&status=incomplete").json()["count"] == 1
    assert ada.post(made["urls"]["stop"].removeprefix(ada.url)).json() == {"message": "OK"}
    assert ada.ended("tasks", made["id"])["status"] == "stopped"
    assert "already" in ada.post(f"/api/v0/tasks/{made['id']}/stop/").json()["message"]


def test_environment_and_variables_reach_all_executions(ada, body, engine):
    seen = []
    engine.behave(lambda container: seen.append(container.environment.get("MODE")) or 0, step="train")
    made = started(ada, {**body, "environment_variables": {"MODE": "fast"}, "environment": "aws-small"})
    ada.ended("tasks", made["id"])
    assert seen == ["fast"] * 3
    assert {row["environment"]["slug"] for row in executions(ada, made["id"])} == {"aws-small"}


def test_lists_are_filtered(ada, body, demo):
    for _ in range(2):
        ada.ended("tasks", started(ada, body)["id"])
    path = f"/api/v0/tasks/?project={demo.id}"
    for query, counters in (
        ("&ordering=-counter&limit=9001&deleted=false&creator=%3Cnone%3E", [2, 1]),
        ("&ordering=counter", [1, 2]),
        ("&ordering=counter&limit=1&offset=1", [2]),
        ("&counter=1", [1]),
        ("&counter=1&counter=2", [2, 1]),
        ("&status=incomplete", []),
        ("&status=complete&status=error", [2, 1]),
        ("&deleted=True", []),
    ):
        assert [row["counter"] for row in ada.get(path + query).json()["results"]] == counters, query


def test_nobody_sees_the_tasks_of_another(ada, bob, body, demo):
    made = started(ada, body)
    ada.ended("tasks", made["id"])
    assert bob.get("/api/v0/tasks/").json()["results"] == []
    for path in (made["id"], f"{demo.id}:1", f"{made['id']}/executions", f"{made['id']}/execution_ids"):
        assert bob.get(f"/api/v0/tasks/{path}/").status_code == 404
    assert bob.get(f"/api/v0/executions/?task={made['id']}").json()["count"] == 0
    assert bob.post(f"/api/v0/tasks/{made['id']}/stop/").status_code == 404
    assert bob.post("/api/v0/tasks/", json=body).status_code == 404
    for reference in ("nothing", f"{demo.id}:9", f"{demo.id}:x", f"{demo.id}:last"):
        assert ada.get(f"/api/v0/tasks/{reference}/").status_code == 404


def varying(style, **rules):
    return {"parameters": {"epochs": {"style": style, "rules": rules}}}


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"step": "nothing"}, "step"),
        ({"step": None}, "step"),
        ({"commit": "~nothing"}, "commit"),
        ({"type": "dance"}, "type"),
        ({"parameters": [1]}, "parameters"),
        ({"parameters": {"nothing": {"style": "multiple", "rules": {"items": [1]}}}}, "parameters"),
        ({"parameters": {"nothing": 1}}, "non_field_errors"),
        ({"parameters": {"epochs": {"rules": {}}}}, "parameters"),
        ({"parameters": {"epochs": {"style": "multiple"}}}, "parameters"),
        (varying("dance"), "parameters"),
        (varying("multiple"), "parameters"),
        (varying("multiple", items=[]), "parameters"),
        (varying("multiple", items=["many"]), "non_field_errors"),
        (varying("linear", start=0, end=10**12, step=1), "parameters"),
        (varying("linear", start=0, end=1, step=-1), "parameters"),
        (varying("linear", start=0, end=10**400), "parameters"),
        (varying("logspace", start=0, end=1, count=10**9), "parameters"),
        ({"type": "random_search", **varying("random", min=0, max=1)}, "execution_count"),
        ({"type": "random_search", **varying("random", min=0, max=1, count="many")}, "parameters"),
        ({"type": "manual_search", "parameters": {}}, "parameter_sets"),
        ({"type": "manual_search", "parameter_sets": [1]}, "parameter_sets"),
        ({"type": "distributed", "parameters": {}}, "execution_count"),
        ({"type": "bayesian_tpe", "configuration": {"execution_count": 2}}, "optimization_target_metric"),
        ({"configuration": {"optimization_target_value": "high"}}, "configuration"),
        ({"configuration": {"execution_count": -1}}, "execution_count"),
        ({"configuration": []}, None),
        ({"on_child_error": "dance"}, "on_child_error"),
        ({"task_stop_expression": "import os"}, "task_stop_expression"),
        ({"maximum_queued_executions": "many"}, "maximum_queued_executions"),
        ({"allow_reuse": "maybe"}, "allow_reuse"),
        ({"inputs": {"nothing": []}}, "non_field_errors"),
    ],
)
def test_what_is_wrong_with_a_task_is_said_and_nothing_is_recorded(ada, body, change, name):
    answer = ada.post("/api/v0/tasks/", json={**body, **change})
    if name is None:
        assert ada.ended("tasks", answer.json()["id"])["status"] == "complete"
        return
    assert answer.status_code == 400, answer.text
    assert list(answer.json()) == [name]
    assert ada.get("/api/v0/tasks/").json()["count"] == 0


def test_who_asks_is_the_creator_of_all_that_runs_for_it(ada, body, state, engine):
    seen = []
    engine.behave(lambda container: seen.append(container.config("execution.json")), step="train")
    ada.ended("tasks", started(ada, body)["id"])
    user = state.records.users.named("ada")
    rows = state.home.executions(limit=3)
    assert {row.record.document["creator_id"] for row in rows} == {user.id}
    assert {row.record.document["user"] for row in rows} == {"ada"}
    state.queue.start()
    alone = ada.post("/api/v0/executions/", json={key: body[key] for key in ("project", "commit", "step")}).json()
    assert ada.ended("executions", alone["id"])["creator_name"] == "ada"
    assert [config["valohai.creator-name"] for config in seen] == ["ada"] * 4
