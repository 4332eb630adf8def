import pytest

from localhai.errors import UsageError
from localhai.records import Owner
from localhai.records.database import Away

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
    made = make()
    nothing = {"status": "created", "reason": None}
    assert made.to_dict() == {
        "id": made.id,
        "counter": 1,
        "status": "created",
        "name": "train-all",
        "project": "news",
        "commit": "abc",
        "title": "Title",
        "tags": ["t"],
        "parameters": {"x": 1},
        "nodes": [
            {"name": "a", "type": "execution", "execution": None, **nothing},
            {"name": "b", "type": "task", "task": None, **nothing},
        ],
        "edges": [{"source_node": "a"}],
        "created": made.created,
        "started": None,
        "finished": None,
        "duration": None,
        "parity": [],
        "error": None,
    }
    assert make().counter == 2


def test_of_a_pipeline_that_ended_it_is_said_when_and_why(records, make):
    made = make()
    for status in ("started", "error"):
        assert records.pipelines.change(made.id, status, reason="node a failed", duration=2.5)
    found = records.pipelines.get(made.id)
    shown = found.to_dict()
    assert (shown["created"], shown["started"], shown["finished"]) == (made.created, found.started, found.finished)
    assert made.created <= found.started <= found.finished
    assert (shown["status"], shown["error"], shown["duration"]) == ("error", "node a failed", 2.5)


def test_nodes_show_what_they_made(records, project):
    nodes = [("a", "execution"), ("b", "task"), ("c", "deployment"), ("d", "deployment")]
    made = records.pipelines.create(project.id, name="p", nodes=nodes, commit=None, document={}, owner=OWNER)
    execution = records.executions.create(project.id, step="s", image="i", commit=None, document={}, owner=None)
    task = records.tasks.create(
        project.id, name="t", step="s", type="grid_search", commit=None, document={}, owner=None
    )
    version = {"id": "1", "name": "v1"}
    records.pipelines.change_node(made.id, "a", status="started", reason="at last", execution_id=execution.id)
    records.pipelines.change_node(made.id, "b", task_id=task.id)
    records.pipelines.change_node(made.id, "c", deployment=version)
    found = records.pipelines.get(made.id)
    first, second, third, fourth = found.to_dict()["nodes"]
    assert first == {
        "name": "a",
        "type": "execution",
        "status": "started",
        "execution": {"id": execution.id, "counter": 1, "status": "created"},
        "reason": "at last",
    }
    assert second["task"] == {"id": task.id, "counter": 1, "status": "started"}
    assert (third["deployment"], fourth["deployment"]) == (version, None)
    assert [item["reason"] for item in (second, third, fourth)] == [None] * 3
    assert found.node("e") is None


def test_what_a_plan_and_a_document_do_not_say_is_empty(records, project):
    def shown(document):
        made = records.pipelines.create(project.id, name="p", nodes=[], commit=None, document=document, owner=None)
        return {key: made.to_dict()[key] for key in ("tags", "parameters", "edges", "parity", "nodes")}

    assert shown({}) == {"tags": [], "parameters": {}, "edges": [], "parity": [], "nodes": []}
    assert shown({"plan": {"parity": [{"key": "icon"}]}})["parity"] == [{"key": "icon"}]


def test_who_asks_while_the_database_is_away_hears_of_no_wish(records, make, monkeypatch):
    made = make()
    records.pipelines.request_stop(made.id)

    def away(**_):
        raise Away("it is away")

    monkeypatch.setattr(records.access.database, "begin", away)
    assert records.pipelines.wishes(made.id) == (False, frozenset())


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
    assert not records.pipelines.change(made.id, "complete")
    assert not records.pipelines.request_stop(made.id)
    assert records.pipelines.get(made.id).status == "complete"
    assert records.pipelines.list_open() == []


def test_times_belong_to_statuses_and_what_was_known_stays(records, make):
    made = make()
    assert (made.started, made.finished, made.document["tags"]) == (None, None, ["t"])
    records.pipelines.change(made.id, "stopping")
    assert records.pipelines.get(made.id).started is None
    records.pipelines.change(made.id, "started")
    started = records.pipelines.get(made.id).started
    assert started is not None
    records.pipelines.change(made.id, "waiting-approval")
    records.pipelines.change(made.id, "waiting-approval", reason="because")
    records.pipelines.change(made.id, "started")
    found = records.pipelines.get(made.id)
    assert (found.status, found.started, found.finished) == ("started", started, None)
    assert (found.document["error"], found.document["tags"]) == ("because", ["t"])
    assert "duration" not in found.document
    records.pipelines.change(made.id, "complete", duration=2.5)
    found = records.pipelines.get(made.id)
    assert found.finished is not None
    assert (found.started, found.document["duration"], found.duration) == (started, 2.5, 2.5)
    assert [item["status"] for item in records.pipelines.changes(made.id)] == [
        "stopping",
        "started",
        "waiting-approval",
        "waiting-approval",
        "started",
        "complete",
    ]


def test_nodes_keep_what_is_not_said_anew(records, project, make):
    made = make()
    first, second = (
        records.executions.create(project.id, step="s", image="i", commit=None, document={}, owner=None)
        for _ in range(2)
    )
    change = records.pipelines.change_node
    change(made.id, "a", status="started", reason="why")
    change(made.id, "a", execution_id=first.id)
    change(made.id, "a", execution_id=second.id)
    change(made.id, "a", execution_id=first.id)
    node = records.pipelines.get(made.id).node("a")
    assert (node.status, node.document["reason"], node.document["executions"]) == (
        "started",
        "why",
        [first.id, second.id],
    )
    assert node.execution["id"] == first.id
    change(made.id, "a", status="complete")
    change(made.id, "a", deployment={"id": "d"})
    node = records.pipelines.get(made.id).node("a")
    assert (node.status, node.document["reason"], node.document["deployment"]) == ("complete", None, {"id": "d"})
    assert records.pipelines.get(made.id).node("b").status == "created"
    assert [(item["node"], item["status"], item["reason"]) for item in records.pipelines.changes(made.id)] == [
        ("a", "started", "why"),
        ("a", "complete", None),
    ]


def test_open_pipelines_are_those_that_have_not_ended(records, project, make):
    other = records.projects.of_folder("/b", "other")
    elsewhere = records.pipelines.create(
        other.id, name="x", nodes=[], commit=None, document={}, owner=Owner("there", 1, "2", "3")
    )
    statuses = ("created", "started", "stopping", "waiting-approval", "complete", "error", "stopped", "crashed")
    made = {status: make().id for status in statuses}
    for status in statuses[1:]:
        records.pipelines.change(made[status], status)
    still = [made[status] for status in statuses[:4]]
    found = records.pipelines.list_open
    assert [item.id for item in found()] == [elsewhere.id, *still]
    assert [item.id for item in found(project_id=project.id)] == still
    assert [item.id for item in found(host="there")] == [elsewhere.id]
    assert found(project_id=project.id, host="there") == []
    assert [item.id for item in records.pipelines.list(other.id)] == [elsewhere.id]
    assert len(records.pipelines.list()) == 9
    assert [item.id for item in records.pipelines.list(limit=1)] == [made["crashed"]]


def test_a_stop_is_asked_for_once(records, make):
    made = make()
    assert records.pipelines.request_stop(made.id)
    first = records.pipelines.get(made.id).stop_requested
    assert first is not None
    assert records.pipelines.request_stop(made.id)
    assert records.pipelines.get(made.id).stop_requested == first
    assert records.pipelines.wishes("no such id") == (False, frozenset())


def test_a_pipeline_may_have_its_id_already(records, project):
    made = records.pipelines.create(
        project.id, name="x", nodes=[], commit=None, document={"a": 1}, owner=None, known_as="0199-known"
    )
    assert (made.id, made.owner, made.title, made.commit, made.document) == ("0199-known", None, None, None, {"a": 1})


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
