"""Two machines with one database of records: what one does for the other when that falls silent."""

from __future__ import annotations

import pytest
from msgspec.structs import asdict, replace
from waiting import until

from localhai.app.recover import recover
from localhai.containers import labels
from localhai.containers.engine import ContainerSpec
from localhai.errors import SurroundingsError
from localhai.executions.clean import leftovers
from localhai.executions.home import Home
from localhai.executions.run.finalize import ExecutionEnd, record_end
from localhai.executions.run.heartbeat import at_work, own_owner
from localhai.executions.run.outputs import Collected
from localhai.executions.run.owner import is_left
from localhai.records import DatumRecord, Owner, new_id
from localhai.settings import Settings
from localhai.testing import FakeEngine

AFAR = Owner("far-away", 4711, "123456", "b-1")
FAR_LABEL = labels.OwnerLabel(**asdict(AFAR))
TIME = "2026-01-01T00:00:00.000000Z"


@pytest.fixture
def home(tmp_path):
    settings = Settings(home=tmp_path / "home", database_url=f"sqlite:///{tmp_path}/shared.db", host_timeout=30.0)
    with Home(settings, engine=FakeEngine()) as opened:
        yield opened


@pytest.fixture
def impatient(home):
    with Home(replace(home.settings, host_timeout=0.0), engine=home.given_engine) as opened:
        yield opened


def started(home, owner, folder="executions/news/1-x"):
    project = home.records.projects.of_folder("/far/news", "news")
    made = home.records.executions.create(
        project.id, step="train", image="i", commit=None, document={}, owner=owner, folder=folder
    )
    for status in ("queued", "started"):
        home.records.executions.transition(made.id, status)
    return home.records.executions.get(made.id)


def test_another_machine_lives_as_long_as_it_gives_signs(home, impatient):
    record = started(home, AFAR)
    home.records.processes.give_sign(AFAR)

    assert not is_left(home, record)
    assert is_left(impatient, record)


def test_how_long_a_machine_may_be_silent_is_said_by_itself(home, impatient):
    record = started(home, AFAR)
    home.records.processes.give_sign(AFAR, 600.0)

    assert not is_left(impatient, record)
    home.records.processes.give_sign(AFAR)
    assert not is_left(impatient, record), "what it said once holds"
    home.records.processes.give_sign(AFAR, 0.0)
    assert is_left(home, record)


def test_a_process_says_how_long_it_may_be_silent(home):
    home.own(at_once=True)
    until(lambda: home.records.processes.silence(own_owner()) is not None)
    assert home.records.processes.timeout(own_owner()) == 30.0


def test_one_that_never_gave_a_sign_counts_from_the_start_of_its_execution(home, impatient):
    record = started(home, AFAR)

    assert not is_left(home, record)
    assert is_left(impatient, record)


def test_this_machine_is_looked_at(home):
    me = own_owner()
    ours = started(home, me, folder="")

    with at_work(ours.id):
        assert not is_left(home, ours)
    assert is_left(home, ours), "no thread of this process works on it any more"
    assert is_left(home, started(home, replace(me, process_start="0"), folder=""))


def test_another_home_on_this_machine_may_look_after_its_own(home, impatient):
    record = started(home, replace(own_owner(), process_start="0"))

    assert not is_left(home, record), "its files are in that home"
    assert is_left(impatient, record)


@pytest.mark.parametrize(("status", "end"), [("started", "crashed"), ("stopping", "stopped")])
def test_what_a_silent_machine_ran_is_closed_and_told_to_it(impatient, status, end):
    record = started(impatient, AFAR)
    if status == "stopping":
        impatient.records.executions.transition(record.id, status)
    said: list[str] = []

    recover(impatient, said.append)

    closed = impatient.records.executions.get(record.id)
    assert closed.status == end
    assert "far-away" in closed.document["error"]
    assert "far-away" in said[0]
    assert impatient.records.processes.given_up("far-away") == [AFAR]
    recover(impatient, said.append)
    assert len(said) == 1


def test_a_machine_that_is_back_removes_what_others_closed(home):
    dead = replace(own_owner(), process_start="0")
    record, unrelated = started(home, dead), started(home, own_owner(), folder="")
    for item in (record, unrelated):
        made = labels.build(execution=item.id, project="news", owner=labels.OwnerLabel(**asdict(dead)))
        engine_container(home.engine, item.id, made)
    home.records.processes.give_up(dead)
    home.records.executions.transition(record.id, "crashed", by="another machine")
    said: list[str] = []

    with at_work(unrelated.id):
        recover(home, said.append)

    left = {state.labels[labels.EXECUTION] for state in home.engine.containers({labels.EXECUTION: None})}
    assert left == {unrelated.id}
    assert len(said) == 1
    assert home.records.processes.given_up(own_owner().host) == []


def test_outputs_of_one_that_was_taken_for_dead_are_nobodys(home):
    record = started(home, AFAR)
    home.records.executions.transition(record.id, "crashed", by="another machine")
    datum = DatumRecord(new_id(), "a.txt", 1, TIME, "s3://outputs/a.txt", "1", "2", "3")
    collected = Collected((datum,), {"best": datum.id})

    closed = record_end(
        home,
        record,
        ExecutionEnd("complete", None, 0, {}, collected),
    )

    assert (closed.status, closed.outputs) == ("crashed", ())
    assert home.records.aliases.list(record.project_id) == []


def engine_container(engine, execution, made):
    engine.create(ContainerSpec(f"localhai-{execution}", "python:3.11-slim", ("true",), labels=made))


def test_what_is_only_on_the_other_machine_says_where_it_is(home):
    execution = home.execution(started(home, AFAR).id)

    for ask in (execution.require_folder, execution.plan):
        with pytest.raises(SurroundingsError, match="is not on this machine") as caught:
            ask()
        assert caught.value.hints == ("it ran on far-away: look there",)


def test_metadata_of_the_other_machine_are_in_the_records(home):
    record = started(home, AFAR)
    home.records.executions.transition(record.id, "complete", metadata={"accuracy": 0.9})

    assert home.execution(record.id).metadata == {"accuracy": 0.9}


def test_scratch_of_another_machine_is_cleaned_once_its_execution_has_ended(home):
    record = started(home, AFAR)
    engine_container(home.engine, record.id, labels.build(execution=record.id, project="news", owner=FAR_LABEL))
    assert list(leftovers(home)) == []

    home.records.executions.transition(record.id, "crashed", by="another machine")

    [portion] = leftovers(home)
    assert portion.count == 1
