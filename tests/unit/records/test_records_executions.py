"""Executions from creation to deletion. Runs on SQLite here, and on PostgreSQL in tests/docker."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from localhai.errors import TransitionError, UsageError
from localhai.records import DatumRecord, Owner, new_id
from localhai.vocabulary import FINAL, Status, allowed

DESIGN_KEYS = [
    "id",
    "counter",
    "status",
    "exit_code",
    "step",
    "project",
    "commit",
    "dirty",
    "image",
    "image_digest",
    "command",
    "parameters",
    "inputs",
    "outputs",
    "metadata",
    "environment",
    "environment_variables",
    "tags",
    "title",
    "created",
    "started",
    "finished",
    "duration",
    "parity",
    "error",
    "status_detail",
    "reuse",
    "not_collected",
]


def create(records, project, step="train", **more):
    given = {"image": "python:3.11", "commit": "~abc", "document": {}, "owner": None, **more}
    return records.executions.create(project.id, step=step, **given)


def finished(records, project, **more):
    execution = create(records, project, **more)
    for status in ("queued", "started", "complete"):
        execution = records.executions.transition(execution.id, status)
    return execution


def test_the_json_shape_is_that_of_the_design(records, project, owner):
    document = {"parameters": {"epochs": 3}, "command": ["python train.py"], "parity": [], "unseen": 1}
    execution = create(
        records, project, document=document, owner=owner, title="Try ☕", tags=["b", "a", "b"], environment="gpu"
    )
    shape = execution.to_dict()
    assert list(shape) == DESIGN_KEYS
    assert shape["counter"] == 1
    assert shape["status"] == "created"
    assert shape["project"] == "news"
    assert shape["parameters"] == {"epochs": 3}
    assert shape["tags"] == ["b", "a"]
    assert shape["created"].endswith("Z")
    assert shape["duration"] is None
    assert records.executions.get(execution.id) == execution
    assert execution.owner == owner
    assert execution.document["unseen"] == 1


def test_counters_count_per_project(records, project):
    other = records.projects.of_folder("/b", "other")
    assert [create(records, project).counter for _ in range(3)] == [1, 2, 3]
    assert create(records, other).counter == 1


def test_a_life_is_remembered_change_by_change(records, project):
    execution = create(records, project)
    records.executions.transition(execution.id, "queued", by="runner")
    records.executions.transition(execution.id, Status.STARTED, container_id="c1", image_digest="sha256:1")
    ended = records.executions.transition(
        execution.id, "error", by="runner", exit_code=3, error="3 is not 0", metadata={"loss": 0.5}
    )
    assert ended.status is Status.ERROR
    assert ended.exit_code == 3
    assert ended.container_id == "c1"
    assert ended.to_dict()["image_digest"] == "sha256:1"
    assert ended.to_dict()["metadata"] == {"loss": 0.5}
    assert ended.duration is not None
    assert ended.created <= ended.queued <= ended.started <= ended.finished
    changes = records.executions.status_changes(execution.id)
    assert [(change.old, str(change.new)) for change in changes] == [
        (None, "created"),
        ("created", "queued"),
        ("queued", "started"),
        ("started", "error"),
    ]
    assert [change.by for change in changes] == ["localhai", "runner", "localhai", "runner"]


def test_a_second_look_at_a_finished_execution_changes_nothing(records, project):
    ended = finished(records, project)
    assert records.executions.transition(ended.id, "complete", exit_code=9, error="late") == ended
    with pytest.raises(TransitionError):
        records.executions.transition(ended.id, "crashed", error="late")
    assert records.executions.get(ended.id) == ended
    assert len(records.executions.status_changes(ended.id)) == 4


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(wishes=st.lists(st.sampled_from(Status), max_size=8))
def test_whatever_is_asked_the_record_walks_allowed_ways_only(records, wishes):
    execution = create(records, records.projects.of_folder("/a/news", "news"))
    status = Status.CREATED
    for wish in wishes:
        if wish is status or allowed(status, wish):
            status = records.executions.transition(execution.id, wish).status
        else:
            with pytest.raises(TransitionError):
                records.executions.transition(execution.id, wish)
    found = records.executions.get(execution.id)
    assert found.status is status
    assert (found.finished is not None) == (status in FINAL)


def test_a_given_end_is_kept(records, project):
    execution = create(records, project)
    ended = records.executions.transition(execution.id, "crashed", finished="2026-01-01T01:00:00+01:00")
    assert ended.finished == "2026-01-01T00:00:00.000000Z"


def test_update_changes_columns_tags_and_keys_of_the_document(records, project, owner):
    execution = create(records, project, document={"parity": ["x"]})
    changed = records.executions.update(
        execution.id, title="T", tags=["one"], folder="executions/news/1-x", owner=owner, inputs=[{"name": "data"}]
    )
    assert (changed.title, changed.tags, changed.folder, changed.owner) == ("T", ("one",), "executions/news/1-x", owner)
    assert changed.document == {"parity": ["x"], "inputs": [{"name": "data"}]}
    assert records.executions.update(execution.id) == changed
    assert records.executions.update(execution.id, tags=[], title=None).tags == ()


@pytest.mark.parametrize("name", ["status", "id", "counter", "document"])
def test_update_leaves_alone_what_never_changes(records, project, name):
    with pytest.raises(ValueError, match=name):
        records.executions.update(create(records, project).id, **{name: "x"})


def test_found_by_counter_latest_id_and_prefix(records, project):
    first, second = create(records, project), create(records, project)
    for ref in ("1", "#1", first.id, first.id.upper(), first.id[:-1]):
        assert records.executions.find(ref, project.id) == first
    assert records.executions.find("latest", project.id) == second
    assert records.executions.find("latest") == second
    assert records.executions.find(first.id) == first


def test_fewer_digits_than_four_are_a_number_but_letters_begin_an_id(records, project):
    execution = create(records, project)
    letter = next(at for at, digit in enumerate(execution.id) if digit.isalpha())
    assert records.executions.find(execution.id[: letter + 1], project.id) == execution
    with pytest.raises(UsageError, match="no execution '0'"):
        records.executions.find("0", project.id)


def test_ids_reach_into_other_projects_but_counters_do_not(records, project):
    other = create(records, records.projects.of_folder("/b", "other"))
    assert records.executions.find(other.id, project.id) == other
    with pytest.raises(UsageError, match="no execution '1'"):
        records.executions.find("1", project.id)


def test_an_ambiguous_prefix_lists_candidates(records, project):
    first, second = create(records, project), create(records, project)
    with pytest.raises(UsageError, match="2 executions begin with") as caught:
        records.executions.find(first.id[:4], project.id)
    assert any(first.id in hint for hint in caught.value.hints)
    assert any(second.id in hint for hint in caught.value.hints)


@pytest.mark.parametrize("ref", ["7", "#7", "ffff", "%", "_", "lastest", "", "' OR 1=1", "99999999999999999999"])
def test_an_unknown_reference_shows_the_latest(records, project, ref):
    execution = create(records, project)
    with pytest.raises(UsageError, match="there is no execution") as caught:
        records.executions.find(ref, project.id)
    assert any(execution.id in hint for hint in caught.value.hints)


def test_a_counter_needs_a_project(records, project):
    create(records, project)
    with pytest.raises(UsageError, match="no project is given"):
        records.executions.find("#1")


def test_nothing_ran_yet(records, project):
    with pytest.raises(UsageError, match="no execution yet"):
        records.executions.find("latest", project.id)
    with pytest.raises(UsageError, match="no execution nonsense"):
        records.executions.get("nonsense")


def test_lists_are_filtered_paged_and_newest_first(records, project):
    train = [create(records, project, tags=["keep", f"n{number}"]) for number in range(3)]
    other = create(records, records.projects.of_folder("/b", "other"), step="evaluate", tags=["keep,"])
    records.executions.transition(train[0].id, "queued")
    assert records.executions.list() == [other, train[2], train[1], records.executions.get(train[0].id)]
    assert [item.counter for item in records.executions.list(project.id, limit=2, offset=1)] == [2, 1]
    assert [item.id for item in records.executions.list(step="evaluate")] == [other.id]
    assert [item.id for item in records.executions.list(status="queued")] == [train[0].id]
    assert [item.id for item in records.executions.list(tag="n1")] == [train[1].id]
    assert records.executions.count(tag="keep") == 3
    assert records.executions.count(project.id, status=Status.CREATED) == 2
    assert len(records.executions.list(limit=None)) == records.executions.count() == 4


def test_lists_of_a_commit_of_numbers_and_of_a_user(records, project, monkeypatch):
    monkeypatch.setattr("localhai.records.executions._AT_ONCE", 2)
    mine = [create(records, project, commit=f"c{number}", document={"user": "an_a%!"}) for number in range(3)]
    others = [{"user": "anna%!"}, {"user": "AN_A%!"}, {"parameters": {"user": "an_a%!"}}, {"user": "an_a%!\u00e9"}]
    for number in range(12):  # several pages in which the name stands at a wrong place, or is another one
        create(records, project, commit=None, document=others[number % len(others)])
    last = create(records, project, commit="c0", document={"loss": float("nan"), "user": "an_a%!"})
    assert records.executions.of_user("an_a%!", project.id) == [last, *reversed(mine)]
    assert records.executions.of_user("an_a%!", limit=2) == [last, mine[2]]
    assert records.executions.of_user("an_a%!", step="evaluate") == []
    assert records.executions.of_user("nobody") == []
    assert [item.counter for item in records.executions.list(commit="c0", limit=1)] == [16]
    assert [item.counter for item in records.executions.list(project.id, counters=range(2, 5))] == [4, 3, 2]
    assert records.executions.commits() == {"c0", "c1", "c2"}


def test_open_executions_are_those_that_have_not_ended(records, project, owner):
    away = Owner(host="away", pid=1, process_start="1", boot_id="x")
    running = create(records, project, owner=owner)
    elsewhere = create(records, project, owner=away)
    stopping = create(records, project, owner=owner)
    records.executions.transition(stopping.id, "stopping")
    finished(records, project, owner=owner)
    assert [item.id for item in records.executions.list_open()] == [running.id, elsewhere.id, stopping.id]
    assert [item.id for item in records.executions.list_open(host="here")] == [running.id, stopping.id]
    assert records.executions.list_open(project_id="none") == []


def test_a_stop_is_asked_for_once_and_seen(records, project):
    execution = create(records, project)
    assert not records.executions.stop_requested(execution.id)
    assert records.executions.request_stop(execution.id)
    asked = records.executions.get(execution.id).stop_requested
    assert records.executions.request_stop(execution.id)
    assert records.executions.stop_requested(execution.id)
    assert records.executions.get(execution.id).stop_requested == asked
    assert not records.executions.request_stop(finished(records, project).id)


def test_one_of_several_adopts(records, project, owner):
    execution = create(records, project, owner=owner)
    heirs = [Owner(host="here", pid=number, process_start="9", boot_id="b-1") for number in range(1, 5)]
    with ThreadPoolExecutor(4) as pool:
        won = list(pool.map(lambda heir: records.executions.adopt(execution.id, owner, heir), heirs))
    assert won.count(True) == 1
    assert records.executions.get(execution.id).owner == heirs[won.index(True)]


def test_only_open_executions_are_adopted_even_without_owner(records, project, owner):
    assert records.executions.adopt(create(records, project).id, None, owner)
    assert not records.executions.adopt(create(records, project).id, owner, owner)
    assert not records.executions.adopt(finished(records, project, owner=owner).id, owner, owner)


def test_threads_closing_one_execution_differently_agree_on_one_end(records, project):
    execution = create(records, project)
    records.executions.transition(execution.id, "queued")
    records.executions.transition(execution.id, "started")

    def close(status):
        try:
            return str(records.executions.transition(execution.id, status, error=status).status)
        except TransitionError as error:
            return str(error.old)

    with ThreadPoolExecutor(3) as pool:
        seen = set(pool.map(close, ["complete", "error", "crashed"]))
    found = records.executions.get(execution.id)
    assert seen == {str(found.status)} == {found.document["error"]}
    assert len(records.executions.status_changes(execution.id)) == 4


def test_threads_updating_one_document_lose_nothing(records, project):
    execution = create(records, project)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: records.executions.update(execution.id, **{f"key{number}": number}), range(16)))
    assert len(records.executions.get(execution.id).document) == 16


def test_deleting_needs_an_end_and_frees_the_reference(records, project):
    execution = create(records, project, tags=["x"])
    with pytest.raises(UsageError, match="cannot be deleted") as caught:
        records.executions.delete(execution.id)
    assert caught.value.hints == ("stop it first: localhai execution stop 1",)
    records.executions.transition(execution.id, "error")
    records.executions.delete(execution.id)
    with pytest.raises(UsageError):
        records.executions.get(execution.id)
    assert records.executions.status_changes(execution.id) == []
    assert records.executions.list(tag="x") == []
    assert create(records, project).counter == 2


def test_odd_text_is_stored_and_shown(records, project):
    execution = create(records, project, title="a\0b\ud800", step="caf\udce9\n", tags=["'; DROP TABLE data --", "%:x"])
    found = records.executions.get(execution.id)
    assert found.title == "a\\x00b\\ud800"
    assert found.step == "caf\\xe9\n"
    assert found.tags == ("'; DROP TABLE data --", "%:x")
    assert records.executions.update(execution.id, error="\0\ud800 :id %s").document["error"] == "\0\\ud800 :id %s"


def test_those_that_had_ended_at_a_time_are_found_without_their_documents(records, project):
    ended, running = create(records, project), create(records, project)
    records.executions.update(ended.id, folder="executions/news/1-x")
    records.executions.transition(ended.id, "error")
    moment = records.executions.get(ended.id).finished
    assert records.executions.ended_before(moment) == [(ended.id, "executions/news/1-x")]
    assert records.executions.ended_before(moment, "another project") == []
    assert records.executions.ended_before(running.created) == []


def test_each_status_has_its_time(records, project):
    execution = create(records, project)
    assert (execution.queued, execution.started, execution.finished) == (None, None, None)
    queued = records.executions.transition(execution.id, "queued")
    assert queued.queued is not None
    assert (queued.started, queued.finished, queued.stop_requested) == (None, None, None)
    started = records.executions.transition(execution.id, "started")
    assert started.started is not None
    assert (started.queued, started.finished) == (queued.queued, None)
    stopping = records.executions.transition(execution.id, "stopping", by="person")
    assert stopping.stop_requested is not None
    assert (stopping.started, stopping.finished) == (started.started, None)
    stopped = records.executions.transition(execution.id, "stopped")
    assert stopped.finished is not None
    assert stopped.stop_requested == stopping.stop_requested
    assert [change.by for change in records.executions.status_changes(execution.id)] == [
        "localhai",
        "localhai",
        "localhai",
        "person",
        "localhai",
    ]


def test_a_stop_that_was_asked_for_before_keeps_its_time(records, project):
    execution = create(records, project)
    records.executions.request_stop(execution.id)
    asked = records.executions.get(execution.id).stop_requested
    assert records.executions.transition(execution.id, "stopping").stop_requested == asked


def test_a_way_that_is_not_allowed_is_said(records, project):
    execution = create(records, project)
    with pytest.raises(TransitionError) as refused:
        records.executions.transition(execution.id, "complete")
    assert refused.value.hints == ("after created comes crashed, error, queued, stopping",)
    assert (str(refused.value.to_dict()["old"]), str(refused.value.to_dict()["new"])) == ("created", "complete")
    assert records.executions.get(execution.id) == execution


def test_an_execution_that_runs_is_not_deleted_and_data_of_others_are_known(records, project):
    execution = create(records, project)
    with pytest.raises(UsageError) as refused:
        records.executions.delete(execution.id)
    assert refused.value.message == "execution #1 is created and cannot be deleted"
    assert refused.value.where == execution.id
    assert refused.value.hints == ("stop it first: localhai execution stop 1",)
    with pytest.raises(UsageError, match="no such id"):
        records.executions.delete("no such id")


@pytest.mark.parametrize("purge", [True, False])
def test_data_of_a_deleted_execution_stay_known_and_are_purged_with_it(records, project, purge):
    datum = DatumRecord(
        id=new_id(), name="a", size=1, ctime="2026-01-01T00:00:00Z", uri="/s/a", md5="", sha1="", sha256=""
    )
    ended, other = finished(records, project), finished(records, project)
    records.executions.add_outputs(ended.id, [datum], {}, [])
    kept = replace(datum, id=new_id())
    records.executions.add_outputs(other.id, [kept], {"best": kept.id}, [])
    records.executions.delete(ended.id, purge=purge)
    assert (records.data.get(datum.id).purged is not None) == purge
    assert records.data.get(kept.id).purged is None
    assert records.aliases.get(project.id, "best").datum_id == kept.id


def test_outputs_of_nobody_are_refused(records):
    datum = DatumRecord(
        id=new_id(), name="a", size=1, ctime="2026-01-01T00:00:00Z", uri="/s/a", md5="", sha1="", sha256=""
    )
    with pytest.raises(UsageError) as refused:
        records.executions.add_outputs("no such id", [datum], {}, [])
    assert (refused.value.message, refused.value.where) == ("there is no execution no such id", "no such id")
    assert records.executions.add_outputs("no such id", [], {}, []) == []


def test_whoever_lost_an_execution_is_not_its_owner(records, project, owner):
    execution = create(records, project)
    assert records.executions.adopt(execution.id, None, owner)
    assert not records.executions.adopt(execution.id, None, owner)
    other = Owner(host="there", pid=1, process_start="2", boot_id="b")
    assert not records.executions.adopt(execution.id, other, None)
    assert records.executions.get(execution.id).owner == owner
    assert records.executions.adopt(execution.id, owner, other)
    assert records.executions.get(execution.id).owner == other
    assert records.executions.adopt(execution.id, other, None)
    assert records.executions.get(execution.id).owner is None


def test_whoever_is_closed_by_another_sees_it_as_a_stop(records, project):
    execution = create(records, project)
    assert not records.executions.stop_requested(execution.id)
    assert not records.executions.stop_requested("no such id")
    records.executions.transition(execution.id, "crashed")
    assert records.executions.stop_requested(execution.id)
    assert not records.executions.request_stop(execution.id)
    assert records.executions.get(execution.id).stop_requested is None
