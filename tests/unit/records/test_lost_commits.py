"""Every write, its COMMIT done and the answer lost: tried again, it gives the same and leaves the same."""

from __future__ import annotations

import inspect
import re
from contextlib import contextmanager, suppress

import pytest

from localhai.records import Patience, Records
from localhai.records.access import NounRecords
from localhai.records.database import Away
from localhai.records.sqlite import SCHEMA
from localhai.records.times import parse
from tests.unit.records.every_write import TIME, WRITES, Scene

_uuid_re = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class LosesAnswers:
    """After `armed` was set, the answer of the next COMMIT is lost."""

    def __init__(self, database):
        self._database = database
        self.armed = False

    def __getattr__(self, name):
        return getattr(self._database, name)

    @contextmanager
    def begin(self, *, write):
        with self._database.begin(write=write) as transaction:
            yield transaction
        if write and self.armed:
            self.armed = False
            raise Away("the answer of COMMIT was lost")


@pytest.fixture
def scene(home, url, owner):
    patience = Patience(seconds=5.0, sleep=lambda _seconds: None)
    with Records.open(home, url, patience=patience, clock=lambda: parse(TIME)) as opened:
        opened.access.database = LosesAnswers(opened.access.database)
        yield Scene(opened, owner)


@pytest.mark.parametrize("name", WRITES)
def test_a_write_whose_answer_was_lost_is_as_one_that_was_heard(scene, name):
    prepare, write = WRITES[name]
    key = prepare(scene) if prepare else None
    heard = Rehearsal(scene)
    expected = heard.of(lambda: write(scene, key))

    scene.database.armed = True
    found = said(write(scene, key))

    assert not scene.database.armed, "it was written, and heard of the second time"
    assert (found, heard.state()) == expected


@pytest.mark.sources
def test_every_write_is_among_them(records):
    nouns = [name for name in dir(records) if isinstance(getattr(records, name), NounRecords)]
    found = {
        f"{noun}.{name}"
        for noun in nouns
        for name, method in inspect.getmembers(type(getattr(records, noun)), inspect.isfunction)
        if not name.startswith("_") and re.search(r"self\._(write|create)\(", inspect.getsource(method))
    }
    assert found == {name.partition(":")[0] for name in WRITES}


class Undone(Exception):
    """The rehearsal is over."""


class Rehearsal:
    """A write in a transaction that is rolled back: what it gives, and what it leaves."""

    def __init__(self, scene):
        self._scene = scene

    def of(self, write):
        database, outcome = self._scene.database, []
        begin = database._database.begin
        with suppress(Undone), begin(write=True) as transaction:
            database.begin = lambda **_: _Same(transaction)
            try:
                outcome.append((said(write()), self.state()))
            finally:
                del database.begin
            raise Undone
        return outcome[0]

    def state(self):
        with self._scene.database.begin(write=False) as transaction:
            rows = {table: transaction.rows(f"SELECT * FROM {table}") for table in TABLES}  # noqa: S608  # of the schema
            return {table: said(sorted(map(lasting, found))) for table, found in rows.items()}


class _Same:
    def __init__(self, transaction):
        self._transaction = transaction

    def __enter__(self):
        return self._transaction

    def __exit__(self, *_):
        return None


TABLES = re.findall(r"CREATE TABLE (\w+)", SCHEMA.read_text())


def lasting(row):
    """Without what is another with every try: numbers that the database gives, its clock."""
    return str({name: value for name, value in row.items() if name != "seen" and (name, type(value)) != ("id", int)})


def said(value):
    """Ids by the order in which they come: those that are made differ from try to try."""
    known = {}
    return _uuid_re.sub(lambda match: known.setdefault(match[0], f"id-{len(known)}"), str(value))


class Overtaken:
    """A transaction in which another process becomes the owner right after the first look."""

    def __init__(self, transaction, overtake):
        self._transaction, self._overtake = transaction, overtake

    def rows(self, *given):
        found = self._transaction.rows(*given)
        self._overtake(self._transaction)
        return found

    def __getattr__(self, name):
        return getattr(self._transaction, name)


@pytest.mark.parametrize(
    ("table", "prepare", "write"),
    [
        (
            "pipelines",
            lambda s: s.pipeline,
            lambda s, key: s.records.pipelines.change(key, "crashed", expected_owner=s.owner),
        ),
        ("tasks", lambda s: s.task, lambda s, key: s.records.tasks.close_left(key, s.owner)),
        (
            "deployment_endpoints",
            Scene.held,
            lambda s, key: s.records.deployments.change_endpoint(
                key, "greet", status="crashed", expected_owner=s.owner
            ),
        ),
        ("executions", lambda s: s.execution, lambda s, key: s.records.executions.adopt(key, s.owner, s.owner)),
    ],
)
def test_who_became_the_owner_between_look_and_change_stays_it(scene, table, prepare, write):
    key = prepare(scene)
    begin, tries = scene.database._database.begin, []
    sql = f"UPDATE {table} SET owner_pid = :pid WHERE owner_pid IS NOT NULL"  # noqa: S608  # words of this file

    def overtake(transaction):
        transaction.change(sql, {"pid": scene.later.pid})

    @contextmanager
    def overtaken(*, write):
        if tries and write:  # what was done in the first one was rolled back with it
            with begin(write=True) as transaction:
                overtake(transaction)
        tries.append(write)
        with begin(write=write) as transaction:
            yield Overtaken(transaction, overtake) if write and len(tries) == 1 else transaction

    if table == "executions":  # it looks at nothing before
        overtake_now = scene.records.executions.adopt(key, scene.owner, scene.later)
        assert overtake_now
    scene.database.begin = overtaken
    assert not write(scene, key)
