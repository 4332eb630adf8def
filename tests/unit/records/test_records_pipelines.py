import pytest

from localhai.errors import UsageError
from localhai.records import Owner

OWNER = Owner("here", 1, "2", "3")


@pytest.fixture
def project(records, tmp_path):
    return records.projects.of_folder(tmp_path, "news")


@pytest.fixture
def make(records, project):
    def create(name="train-all"):
        return records.pipelines.create(
            project.id,
            name=name,
            nodes=[("a", "execution"), ("b", "task")],
            commit="abc",
            document={"plan": {"parameters": {"x": 1}, "edges": [{"source_node": "a"}]}, "tags": ["t"]},
            owner=OWNER,
            title="Title",
        )

    return create


def test_a_pipeline_has_the_shape_of_the_design(make):
    found = make().to_dict()
    assert (found["counter"], found["status"], found["name"], found["title"]) == (1, "created", "train-all", "Title")
    assert found["nodes"] == [
        {"name": "a", "type": "execution", "status": "created", "execution": None, "reason": None},
        {"name": "b", "type": "task", "status": "created", "task": None, "reason": None},
    ]
    assert (found["edges"], found["parameters"], found["tags"]) == ([{"source_node": "a"}], {"x": 1}, ["t"])
    assert make().counter == 2


def test_changes_of_status_are_remembered_in_order(records, project, make):
    made = make()
    execution = records.executions.create(project.id, step="s", image="i", commit=None, document={}, owner=None)
    assert records.pipelines.change(made.id, "started")
    records.pipelines.change_node(made.id, "a", execution_id=execution.id)
    records.pipelines.change_node(made.id, "a", status="error", reason="exit code 1")
    assert records.pipelines.change(made.id, "error", reason="node a failed")
    found = records.pipelines.get(made.id)
    assert found.node("a").execution == {"id": execution.id, "counter": 1, "status": "created"}
    assert found.node("a").document["executions"] == [execution.id]
    assert found.to_dict()["error"] == "node a failed"
    assert found.duration is not None
    assert [(item["node"], item["status"], item["reason"]) for item in records.pipelines.changes(made.id)] == [
        (None, "started", None),
        ("a", "error", "exit code 1"),
        (None, "error", "node a failed"),
    ]


def test_a_pipeline_that_has_ended_stays_as_it_is(records, make):
    made = make()
    records.pipelines.change(made.id, "complete")
    assert not records.pipelines.change(made.id, "crashed")
    assert not records.pipelines.request_stop(made.id)
    assert records.pipelines.get(made.id).status == "complete"
    assert records.pipelines.list_open() == []


def test_only_the_owner_that_was_seen_loses_a_pipeline(records, make):
    made = make()
    assert not records.pipelines.change(made.id, "crashed", expected_owner=Owner("other", 1, "2", "3"))
    assert records.pipelines.change(made.id, "crashed", expected_owner=OWNER)


def test_wishes_of_other_processes_are_seen(records, make):
    made = make()
    assert records.pipelines.wishes(made.id) == (False, frozenset())
    assert records.pipelines.request_stop(made.id)
    records.pipelines.approve_node(made.id, "b")
    assert records.pipelines.wishes(made.id) == (True, {"b"})


@pytest.mark.parametrize("ref", ["1", "#1", "=1"])
def test_a_pipeline_is_found_by_its_number(records, project, make, ref):
    first = make()
    second = make("other")
    assert records.pipelines.find(ref, project.id).id == first.id
    assert records.pipelines.find("latest", project.id).id == second.id
    assert records.pipelines.find(second.id[:30], project.id).id == second.id
    assert [item.counter for item in records.pipelines.list(project.id)] == [2, 1]


def test_an_unknown_pipeline_is_a_usage_error_that_names_others(records, project, make):
    make()
    with pytest.raises(UsageError, match="no pipeline '7'") as caught:
        records.pipelines.find("7", project.id)
    assert "train-all" in caught.value.hints[0]
