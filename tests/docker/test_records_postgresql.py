"""The records on a real PostgreSQL server: the suite of tests/unit/records, and what only a server can do."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from contextlib import closing
from pathlib import Path

import postgresql
import psycopg2
import pytest

from localhai.errors import RecordsUnavailable, UsageError
from localhai.records import Patience, Records, silence

pytestmark = pytest.mark.docker

UNIT = Path(__file__).parents[1] / "unit" / "records"
SHARED = (
    "test_records_projects.py",
    "test_records_processes.py",
    "test_records_executions.py",
    "test_records_data.py",
    "test_records_versions.py",
    "test_records_tasks.py",
    "test_records_reuse.py",
    "test_records_pipelines.py",
    "test_records_deployments.py",
    "test_records_overview.py",
    "test_records_sessions.py",
    "test_references.py",
    "test_clock_set_back.py",
)


@pytest.fixture(scope="module")
def server():
    made = postgresql.Server.create()
    yield made
    made.remove()


@pytest.fixture
def url(server):
    name = f"test_{uuid.uuid4().hex}"
    server.sql(f"CREATE DATABASE {name}")
    return server.url(name)


@pytest.fixture
def records(tmp_path, url):
    with Records.open(tmp_path, url) as opened:
        yield opened


def create(records):
    project = records.projects.of_folder("/a/news", "news")
    return records.executions.create(project.id, step="train", image="i", commit=None, document={}, owner=None)


def many(what, number, home, url):
    command = [sys.executable, UNIT / "many_processes.py", what, str(number), home, url]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=240)


@pytest.mark.parametrize("name", SHARED)
def test_everything_that_holds_on_sqlite_holds_here(server, tmp_path, name):
    server.sql("CREATE DATABASE records")
    try:
        Records.open(tmp_path, server.url("records")).close()
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", UNIT / name],
            check=False,
            capture_output=True,
            text=True,
            timeout=240,
            cwd=UNIT.parents[2],
            env={**os.environ, "RECORDS_TEST_SERVER": server.url().replace("postgresql:", "postgresql+psycopg2:")},
        )
    finally:
        server.sql("DROP DATABASE records WITH (FORCE)")
    assert done.returncode == 0, done.stdout + done.stderr


def test_checkouts_with_one_declared_name_are_one_project(records):
    first = records.projects.of_folder("/one/news", "news", declared=True)
    second = records.projects.of_folder("/two/news", "news", declared=True)
    folder_of_that_name = records.projects.of_folder("/three/news", "news")

    assert second.id == first.id
    assert (first.path, second.path) == ("/one/news", "/two/news")
    assert records.projects.of_folder("/two/news", "news", declared=True) == second
    assert folder_of_that_name.id != first.id


def test_checkouts_that_are_used_at_the_same_moment_are_one_project(tmp_path, url):
    Records.open(tmp_path, url).close()

    def use(number):
        with Records.open(tmp_path, url) as opened:
            return opened.projects.of_folder(f"/{number}/news", "news", declared=True).id

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(use, range(8)))) == 1


def test_fifty_processes_at_once_get_the_counters_1_to_50(records, tmp_path, url):
    done = many("create", 50, tmp_path, url)
    assert (done.returncode, done.stderr) == (0, "")
    found = records.executions.list(limit=None)
    assert sorted(item.counter for item in found) == list(range(1, 51))
    assert {str(item.status) for item in found} == {"complete"}


def test_processes_that_make_the_schema_at_once_do_not_collide(tmp_path, url):
    done = many("open", 8, tmp_path, url)
    assert (done.returncode, done.stderr) == (0, "")
    with Records.open(tmp_path, url) as records:
        assert create(records).counter == 1


def test_nothing_is_written_into_the_home(records, tmp_path):
    create(records)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_crashes_and_returns_loses_nothing(server, records):
    before = create(records)
    stopped = threading.Event()

    def crash_and_return():
        server.stop(at_once=True)
        stopped.set()
        server.start()

    with ThreadPoolExecutor(1) as pool:
        crash = pool.submit(crash_and_return)
        assert stopped.wait(30)
        assert not records.executions.stop_requested(before.id)
        after = create(records)
        crash.result()
    assert after.counter == before.counter + 1
    assert records.executions.get(before.id) == before


def test_executions_go_on_while_the_server_is_restarted(server, records):
    """Every create and every transition is done once, whatever moment the connections break in."""
    done = threading.Event()

    def work(_number):
        made = []
        while not done.is_set() or not made:
            execution = create(records)
            for status in ("queued", "started", "complete"):
                execution = records.executions.transition(execution.id, status)
            made.append(execution.counter)
        return made

    with ThreadPoolExecutor(4) as pool:
        workers = [pool.submit(work, number) for number in range(4)]
        for _ in range(2):
            server.stop(at_once=True)
            server.start()
        done.set()
        counters = sorted(counter for worker in workers for counter in worker.result())
    assert counters == list(range(1, len(counters) + 1))
    for execution in records.executions.list(limit=None):
        changes = [str(change.new) for change in records.executions.status_changes(execution.id)]
        assert changes == ["created", "queued", "started", "complete"]


def test_a_server_that_hangs_is_given_up(server, url, records, tmp_path):
    """Its connections stay open: a driver alone would wait for ever."""
    before = create(records)
    patience = Patience(seconds=0.0)
    with Records.open(tmp_path, url, patience=patience) as impatient:
        create(impatient)  # leaves an open connection
        with server.hung(), pytest.raises(RecordsUnavailable, match="does not answer"):
            impatient.executions.transition(before.id, "queued")
    assert records.executions.transition(before.id, "queued").status == "queued"


def test_a_server_that_hangs_for_some_seconds_loses_nothing(server, records):
    before = create(records)
    with ThreadPoolExecutor(1) as pool:
        with server.hung():
            after = pool.submit(create, records)
            with pytest.raises(NotYet):
                after.result(silence.SILENCE + silence.ANSWER_WITHIN + 1)
        assert after.result(30).counter == before.counter + 1


def test_a_statement_that_was_cancelled_is_done_again(url, records):
    """By an administrator, or by a timeout that the server sets."""
    execution = create(records)
    other, admin = psycopg2.connect(url), psycopg2.connect(url)
    admin.autocommit = True
    cancel = (
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with ThreadPoolExecutor(1) as pool, closing(other), closing(admin), admin.cursor() as asking:
        with other, other.cursor() as cursor:
            cursor.execute("SELECT * FROM executions FOR UPDATE")
            change = pool.submit(records.executions.transition, execution.id, "queued")
            while not asking.rowcount > 0:
                asking.execute(cancel)
        assert change.result(10).status == "queued"


def test_whoever_waits_for_a_lock_may_wait_long_while_the_server_answers_others(url, records):
    execution = create(records)
    other = psycopg2.connect(url)
    with ThreadPoolExecutor(1) as pool, closing(other):
        with other, other.cursor() as cursor:
            cursor.execute("SELECT * FROM executions FOR UPDATE")
            change = pool.submit(records.executions.transition, execution.id, "queued")
            with pytest.raises(NotYet):
                change.result(silence.SILENCE + 1.5)
        assert change.result(10).status == "queued"


def test_a_server_that_stays_away_is_said_without_the_password(tmp_path):
    url = "postgresql://me:hush@127.0.0.1:1/records"
    with pytest.raises(RecordsUnavailable, match="does not answer") as caught:
        Records.open(tmp_path, url, patience=Patience(seconds=0.0))
    assert caught.value.where == "postgresql+psycopg2://me:***@127.0.0.1:1/records"
    assert "hush" not in str(caught.value.to_dict())


def test_what_asking_again_cannot_cure_is_said_at_once(server, tmp_path):
    slow = Patience(seconds=60.0, sleep=lambda _: pytest.fail("asked again"))
    with pytest.raises(RecordsUnavailable, match='database "nowhere" does not exist'):
        Records.open(tmp_path, server.url("nowhere"), patience=slow)
    with pytest.raises(RecordsUnavailable, match='role "nobody" does not exist'):
        Records.open(tmp_path, server.url(user="nobody"), patience=slow)


def test_a_user_without_rights_is_told(server, url, tmp_path):
    server.sql("CREATE USER guest")
    try:
        with pytest.raises(RecordsUnavailable, match="does not let this user") as caught:
            Records.open(tmp_path, url.replace("localhai@", "guest@"))
        assert "GRANT" in caught.value.hints[0]
    finally:
        server.sql("DROP USER guest")


def test_a_database_of_a_newer_localhai_is_left_alone(server, url, tmp_path):
    Records.open(tmp_path, url).close()
    server.sql("UPDATE localhai_version SET version_num = '9999'", url.rsplit("/", 1)[1])
    with pytest.raises(RecordsUnavailable, match="newer localhai"):
        Records.open(tmp_path, url)


def test_airflow_may_keep_its_own_version_in_the_same_database(server, url, tmp_path):
    database = url.rsplit("/", 1)[1]
    server.sql("CREATE TABLE alembic_version (version_num text); INSERT INTO alembic_version VALUES ('air')", database)
    with Records.open(tmp_path, url) as records:
        assert create(records).counter == 1


def test_a_fork_has_connections_of_its_own(records):
    create(records)
    child = os.fork()
    if child == 0:
        os._exit(0 if create(records).counter == 2 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert create(records).counter == 3


@pytest.mark.parametrize("url", ["postgresql://host:port/x", "postgresql:/nonsense:::"])
def test_a_url_that_is_none_is_said(tmp_path, url):
    with pytest.raises((UsageError, RecordsUnavailable)):
        Records.open(tmp_path, url, patience=Patience(seconds=0.0))


def test_a_driver_that_is_not_there_is_named(tmp_path):
    with pytest.raises(RecordsUnavailable, match="nodriver") as caught:
        Records.open(tmp_path, "postgresql+nodriver://host/x")
    assert "localhai[postgresql]" in caught.value.hints[0]
