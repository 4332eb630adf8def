from __future__ import annotations

import json

import pytest

from localhai.testing import Canned

SIDECAR = {
    "valohai.dataset-versions": [{"uri": "dataset://animals/first", "valohai.tags": ["raw"]}],
    "valohai.model-versions": [{"model_uri": "model://Big Classifier/", "model_version_tags": ["good"]}],
}


@pytest.fixture
def made(demo, engine, state):
    """An execution that put out two files, of which one is in a dataset version and a model version."""
    files = {"cat.txt": b"cat", "cat.txt.metadata.json": json.dumps(SIDECAR), "dog.txt": b"dog"}
    engine.behave(Canned(files=files))
    queued = demo.queued()
    state.queue.start()
    return demo.ended(queued["id"])


@pytest.fixture
def data(made):
    return {item["name"]: item["id"] for item in made["outputs"]}


def results(asker, path):
    answer = asker.get(f"/api/v0/{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()["results"]


def posted(asker, path, **body):
    answer = asker.post(f"/api/v0/{path}/", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.mark.usefixtures("made")
def test_a_model_of_an_execution_has_what_clients_read(ada, demo, data):
    (row,) = results(ada, "models/?limit=200&ordering=name")
    assert (row["name"], row["slug"], row["owner"]["username"]) == ("Big Classifier", "big-classifier", "ada")
    detail = ada.get(f"/api/v0/models/{row['id']}/").json()
    assert detail["associated_projects"] == [{"id": demo.id, "name": "demo"}]
    (version,) = results(ada, f"model-versions/?model={row['id']}&counter=1&limit=1")
    assert (version["counter"], version["status"], version["source"]["title"]) == (1, "pending", "#1 train")
    assert (version["dataset_version"], version["creator"]["username"]) == (None, "ada")
    assert detail["version_summary"] == [{"id": version["id"], "counter": 1, "status": "pending"}]
    path = f"model-versions/{version['id']}"
    assert ada.get(f"/api/v0/{path}/").json()["files"][0]["datum"]["id"] == data["cat.txt"]
    assert [row["counter"] for row in results(ada, f"{path}/source-executions/")] == [1]
    assert [row["name"] for row in results(ada, f"{path}/source-data/")] == ["cat.txt"]


@pytest.mark.usefixtures("made")
def test_versions_of_models_are_judged_and_filtered(ada, data, demo):
    (row,) = results(ada, "models/")
    second = posted(ada, "model-versions", model=row["id"], files=[{"datum": data["dog.txt"]}], release_note="better")
    assert (second["counter"], second["source"]["type"], second["notes"][0]["body"]) == (2, "data", "better")
    assert results(ada, f"model-versions/{second['id']}/source-executions/") == []
    path = f"/api/v0/model-versions/{second['id']}/"
    assert ada.patch(path, json={"status": "approved"}).json()["status"] == "approved"
    assert ada.patch(path, json={"status": "nice"}).status_code == 400
    for query, counters in (
        ("", [2, 1]),
        ("&status=approved", [2]),
        ("&status=approved&status=pending&ordering=counter", [1, 2]),
        ("&tags=good", [1]),
        ("&tags=good,bad", []),
        ("&limit=1&offset=1", [1]),
    ):
        found = results(ada, f"model-versions/?model={row['id']}{query}")
        assert [item["counter"] for item in found] == counters, query
    demo.asker.post("/api/v0/models/", json={"project": demo.id, "name": "another"})
    for query, names in (
        ("name=class", ["Big Classifier"]),
        ("tags=good", ["Big Classifier"]),
        ("ordering=-name", ["another", "Big Classifier"]),
        ("tags=bad", []),
        (f"project={demo.id}&limit=1", ["Big Classifier"]),
    ):
        assert [item["name"] for item in results(ada, f"models/?{query}")] == names, query


@pytest.mark.usefixtures("made")
def test_a_model_outlives_its_execution(ada, demo):
    (version,) = results(ada, "model-versions/")
    assert ada.delete(f"/api/v0/executions/{demo.id}:1/").ok
    assert ada.get(f"/api/v0/model-versions/{version['id']}/").json()["source"]["title"] == ""
    assert results(ada, f"model-versions/{version['id']}/source-executions/") == []


def test_a_dataset_gets_another_version(ada, data):
    (row,) = results(ada, "datasets/?name=animals")
    assert (row["version_count"], row["latest_version"]["name"]) == (1, "first")
    first = ada.get(f"/api/v0/dataset-versions/{row['latest_version']['id']}/").json()
    assert ([file["datum"]["name"] for file in first["files"]], first["previous_version"]) == (["cat.txt"], None)
    second = posted(
        ada,
        "dataset-versions",
        dataset=row["id"],
        name="second",
        previous_version=first["id"],
        files=[{"datum": data["dog.txt"]}],
        aliases=["newest"],
    )
    assert (second["previous_version"], second["counter"], second["uri"]) == (
        first["id"],
        2,
        "dataset://animals/second",
    )
    assert [file["datum"]["name"] for file in second["files"]] == ["dog.txt"]
    assert second["aliases"] == [{"name": "newest"}]
    path = f"dataset-versions/?dataset={row['id']}"
    assert [item["name"] for item in results(ada, path)] == ["second", "first"]
    assert [item["name"] for item in results(ada, f"{path}&ordering=name")] == ["first", "second"]
    assert ada.get(f"/api/v0/datasets/{row['id']}/").json()["latest_version"]["id"] == second["id"]


def test_a_version_made_by_hand_is_an_input(ada, data, demo, engine):
    row = posted(ada, "datasets", name="by-hand", project=demo.id)
    posted(ada, "dataset-versions", dataset=row["id"], name="v1", files=[{"datum": data["dog.txt"]}])
    seen = []

    def look(container):
        seen.extend(path.name for path in container.path("/valohai/inputs/data").iterdir())
        return 0

    engine.behave(look)
    ended = demo.ended(demo.queued(inputs={"data": ["dataset://by-hand/v1"]})["id"])
    assert (ended["status"], seen) == ("complete", ["dog.txt"])


def test_a_dataset_is_of_the_only_project_or_says_of_which(ada, demo):
    assert posted(ada, "datasets", name="one", owner=1)["project"] == demo.id
    ada.post("/api/v0/projects/", data={"name": "second"})
    answer = ada.post("/api/v0/datasets/", json={"name": "two"})
    assert (answer.status_code, list(answer.json())) == (400, ["project"])


@pytest.mark.parametrize(
    ("path", "change", "name"),
    [
        ("datasets", {"name": ""}, "name"),
        ("datasets", {"name": "a/b"}, "name"),
        ("datasets", {"name": "animals"}, "name"),
        ("models", {"name": "Big Classifier"}, "name"),
        ("dataset-versions", {"dataset": "nothing"}, "dataset"),
        ("dataset-versions", {"name": ""}, "name"),
        ("dataset-versions", {"name": "first"}, "non_field_errors"),
        ("dataset-versions", {"name": "x", "files": []}, "files"),
        ("dataset-versions", {"name": "x", "files": [{"datum": "nothing"}]}, "files"),
        ("dataset-versions", {"name": "x", "files": [{"datum": 1}]}, "files"),
        ("dataset-versions", {"name": "x", "files": "all"}, "files"),
        ("dataset-versions", {"name": "x", "tags": "one"}, "tags"),
        ("dataset-versions", {"name": "x", "previous_version": "nothing"}, "previous_version"),
        ("model-versions", {"model": "nothing"}, "model"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_recorded(ada, demo, data, path, change, name):
    dataset, model = results(ada, "datasets/")[0]["id"], results(ada, "models/")[0]["id"]
    files = [{"datum": data["cat.txt"]}]
    body = {"project": demo.id, "dataset": dataset, "model": model, "files": files, **change}
    answer = ada.post(f"/api/v0/{path}/", json=body)
    assert answer.status_code == 400, answer.text
    assert list(answer.json()) == [name]
    assert [len(results(ada, noun)) for noun in ("datasets/", "dataset-versions/", "models/", "model-versions/")] == [
        1
    ] * 4


def test_purged_data_join_no_version(ada, data):
    ada.post(f"/api/v0/data/{data['dog.txt']}/purge/")
    dataset = results(ada, "datasets/")[0]["id"]
    body = {"dataset": dataset, "name": "x", "files": [{"datum": data["dog.txt"]}]}
    answer = ada.post("/api/v0/dataset-versions/", json=body)
    assert (answer.status_code, "purged" in answer.text) == (400, True)


def test_nobody_sees_those_of_another(ada, bob, data):
    for noun in ("dataset", "model"):
        parent, version = results(ada, f"{noun}s/")[0]["id"], results(ada, f"{noun}-versions/")[0]["id"]
        for path in (f"{noun}s/{parent}", f"{noun}-versions/{version}"):
            assert bob.get(f"/api/v0/{path}/").status_code == 404
        for path in (f"{noun}s/", f"{noun}-versions/", f"{noun}-versions/?{noun}={parent}"):
            assert results(bob, path) == []
        body = {noun: parent, "name": "x", "files": [{"datum": data["cat.txt"]}]}
        assert bob.post(f"/api/v0/{noun}-versions/", json=body).status_code == 400
    own = bob.post("/api/v0/projects/", data={"name": "mine"}).json()["id"]
    mine = posted(bob, "datasets", name="mine", project=own)
    body = {"dataset": mine["id"], "name": "x", "files": [{"datum": data["cat.txt"]}]}
    assert list(bob.post("/api/v0/dataset-versions/", json=body).json()) == ["files"]
    for path in (f"model-versions/{version}/source-data", f"model-versions/{version}/source-executions"):
        assert bob.get(f"/api/v0/{path}/").status_code == 404
    assert bob.patch(f"/api/v0/model-versions/{version}/", json={"status": "approved"}).status_code == 404
