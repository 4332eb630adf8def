"""A living server looks after what others left, and after what its own threads dropped."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from msgspec.structs import replace
from waiting import until

from localhai.executions.run.heartbeat import own_owner
from localhai.records.database import Away
from localhai.server.recovery import Recovering
from localhai.testing import Canned

DEAD = replace(own_owner(), process_start="0")


class Losing:
    """A database that can go away."""

    def __init__(self, database):
        self._database = database
        self.away = False

    def __getattr__(self, name):
        return getattr(self._database, name)

    @contextmanager
    def begin(self, *, write):
        if self.away:
            raise Away("it is away")
        with self._database.begin(write=write) as transaction:
            yield transaction


@pytest.fixture
def database(state):
    """Of the server, without patience."""
    found = Losing(state.home.records.access.database)
    state.records.access.database = found
    state.records.access.patience.seconds = 0.0
    return found


def test_an_execution_that_ended_while_the_database_was_away_is_complete_with_its_outputs(
    state, demo, engine, database
):
    def step(container):
        Canned(output='{"loss": 0.5}\n', files={"model.bin": b"model"}).play(container)
        database.away = True

    engine.behave(step, step="train")
    made = demo.queued()
    state.queue.start()
    until(lambda: database.away and not state.queue.running())
    database.away = False
    assert demo.get(made["id"])["status"] == "started"

    Recovering(state).look()

    closed = state.home.records.executions.get(made["id"])
    assert (closed.status, [item.name for item in closed.outputs]) == ("complete", ["model.bin"])


def test_an_end_that_is_recorded_too_late_is_no_error(state, demo, engine, database, monkeypatch):
    """The database is back by the time when the queue says what became of it."""
    from localhai.executions.run import finalize

    engine.behave(Canned(files={"model.bin": b"model"}), step="train")
    made = demo.queued()
    record_end, tried = finalize.record_end, []

    def away_once(*given):
        tried.append(given)
        database.away = len(tried) == 1
        try:
            return record_end(*given)
        finally:
            database.away = False

    monkeypatch.setattr(finalize, "record_end", away_once)
    state.queue.start()
    assert demo.ended(made["id"])["status"] == "complete"
    assert [item.name for item in state.home.records.executions.get(made["id"]).outputs] == ["model.bin"]


def test_what_another_dead_localhai_left_is_closed_while_the_server_lives(state, demo):
    records = state.home.records
    execution = records.executions.create(demo.id, step="train", image="i", commit=None, document={}, owner=DEAD)
    records.executions.transition(execution.id, "queued")
    task = records.tasks.create(
        demo.id, name="t", step="train", type="grid_search", commit=None, document={"plan": {}}, owner=DEAD
    )
    pipeline = records.pipelines.create(demo.id, name="p", nodes=[], commit=None, document={}, owner=DEAD)
    recovering = Recovering(state, pause=0.01)
    recovering.start()
    until(lambda: records.pipelines.get(pipeline.id).status != "created")
    recovering.close()
    assert records.executions.get(execution.id).status == "crashed"
    assert records.tasks.get(task.id).status == "crashed"


def test_a_look_that_fails_is_said_once_and_the_next_one_comes(state, database):
    said = []
    object.__setattr__(state, "say", said.append)
    recovering = Recovering(state)
    database.away = True
    recovering.look()
    recovering.look()
    assert len(said) == 1
    assert "what was left behind cannot be looked for" in said[0]
