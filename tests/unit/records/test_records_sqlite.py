"""What SQLite alone can do to records: locks, damage, full and read-only disks, old and new schemas."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from localhai.errors import DiskFull, RecordsUnavailable, UsageError
from localhai.records import DatumRecord, Patience, Records, new_id
from localhai.records.upgrade import VERSIONS

MANY = Path(__file__).parent / "many_processes.py"


def create(records, document=None):
    project = records.projects.of_folder("/a/news", "news")
    return records.executions.create(
        project.id, step="train", image="i", commit=None, document=document or {}, owner=None
    )


def many(what, number, home):
    return subprocess.run(
        [sys.executable, MANY, what, str(number), home], check=False, capture_output=True, text=True, timeout=120
    )


def test_fifty_processes_at_once_get_the_counters_1_to_50(home, records):
    done = many("create", 50, home)
    assert (done.returncode, done.stderr) == (0, "")
    found = records.executions.list(limit=None)
    assert sorted(item.counter for item in found) == list(range(1, 51))
    assert {str(item.status) for item in found} == {"complete"}
    assert len({item.step for item in found}) == 50


def test_processes_that_make_the_schema_at_once_do_not_collide(tmp_path):
    done = many("open", 8, tmp_path / "new" / "home")
    assert (done.returncode, done.stderr) == (0, "")
    with Records.open(tmp_path / "new" / "home") as records:
        assert create(records).counter == 1


def test_processes_that_upgrade_the_schema_at_once_do_not_collide(make_old, tmp_path):
    make_old("0001")
    done = many("upgrade", 4, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    with Records.open(tmp_path) as records:
        assert records.schema_version() == VERSIONS[-1]


def test_new_records_and_known_ones_are_opened_without_sqlalchemy(tmp_path):
    script = (
        "import sys, pathlib; from localhai.records import Records\n"
        "Records.open(pathlib.Path(sys.argv[1])).close()\n"
        "with Records.open(pathlib.Path(sys.argv[1])) as records:\n"
        "    p = records.projects.of_folder('/a', 'a')\n"
        "    e = records.executions.create(p.id, step='s', image='i', commit=None, document={}, owner=None)\n"
        "    records.executions.transition(e.id, 'error')\n"
        "print([name for name in ('sqlalchemy', 'alembic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"


def test_the_listed_versions_are_those_of_the_migrations():
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    import localhai.records.migrations as folder

    config = Config()
    config.set_main_option("script_location", str(Path(folder.__file__).parent))
    script = ScriptDirectory.from_config(config)
    assert tuple(item.revision for item in reversed(list(script.walk_revisions()))) == VERSIONS


def test_readers_and_writers_do_not_wait_for_each_other(home):
    with sqlite3.connect(home / "localhai.db") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_a_database_of_a_newer_localhai_is_left_alone(home):
    connection = sqlite3.connect(home / "localhai.db")
    connection.execute("UPDATE localhai_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    with pytest.raises(RecordsUnavailable, match="newer localhai: its schema is 9999") as caught:
        Records.open(home)
    assert any("pip install --upgrade" in hint for hint in caught.value.hints)


def test_a_lock_of_a_moment_loses_nothing(home, records):
    execution = create(records)
    blocker = sqlite3.connect(home / "localhai.db", isolation_level=None, check_same_thread=False)
    blocker.execute("BEGIN EXCLUSIVE")
    release = threading.Timer(0.3, lambda: blocker.execute("ROLLBACK"))
    release.start()
    assert str(records.executions.transition(execution.id, "queued").status) == "queued"
    release.join()
    blocker.close()


def test_a_database_that_comes_back_late_is_asked_again(home, monkeypatch):
    monkeypatch.setattr("localhai.records.sqlite.BUSY_SECONDS", 0.0)
    blocker = sqlite3.connect(home / "localhai.db", isolation_level=None)
    pauses = []

    def sleep(seconds):
        pauses.append(seconds)
        if len(pauses) == 4:
            blocker.execute("ROLLBACK")

    with Records.open(home, patience=Patience(sleep=sleep)) as records:
        blocker.execute("BEGIN IMMEDIATE")
        assert create(records).counter == 1
    assert pauses == [0.05, 0.1, 0.2, 0.4]
    blocker.close()


def test_somebody_is_told_once_that_the_database_is_waited_for(home, monkeypatch):
    monkeypatch.setattr("localhai.records.sqlite.BUSY_SECONDS", 0.0)
    blocker = sqlite3.connect(home / "localhai.db", isolation_level=None)
    pauses, told = [], []

    def sleep(seconds):
        pauses.append(seconds)
        if len(pauses) % 3 == 0:
            blocker.execute("ROLLBACK")

    with Records.open(home, patience=Patience(sleep=sleep, tell=told.append, silent=0.0)) as records:
        for times in (1, 2):
            blocker.execute("BEGIN IMMEDIATE")
            create(records)
            assert len(told) == times
    assert told[0] == f"The database of records ({home / 'localhai.db'}) does not answer; waiting up to 30 s for it."
    blocker.close()


def test_patience_ends_with_a_message(home, monkeypatch):
    monkeypatch.setattr("localhai.records.sqlite.BUSY_SECONDS", 0.0)
    blocker = sqlite3.connect(home / "localhai.db", isolation_level=None)
    with Records.open(home, patience=Patience(seconds=0.0)) as records:
        blocker.execute("BEGIN IMMEDIATE")
        with pytest.raises(RecordsUnavailable, match="does not answer: database is locked") as caught:
            create(records)
        assert caught.value.exit_code == 4
        assert caught.value.where == str(home / "localhai.db")
    blocker.close()


def test_a_damaged_file_is_named_with_what_to_do(tmp_path):
    (tmp_path / "localhai.db").write_bytes(b"this was a database once" * 1000)
    with pytest.raises(RecordsUnavailable, match=r"localhai\.db is damaged") as caught:
        Records.open(tmp_path)
    assert any(hint.startswith("move it away") for hint in caught.value.hints)


def test_a_file_damaged_in_the_middle_is_named_too(home):
    with Records.open(home) as records:
        for number in range(50):
            create(records, {"text": "x" * 2000, "number": number})
    path = home / "localhai.db"
    data = bytearray(path.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    path.write_bytes(data)
    with pytest.raises(RecordsUnavailable, match="is damaged"), Records.open(home) as records:
        records.executions.list()


def test_a_full_disk_is_said_and_half_of_nothing_is_kept(records):
    execution = create(records)
    connection = records.access.database._idle[-1]
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    data = [
        DatumRecord(new_id(), f"part-{number}", 1, "2026-01-01T00:00:00Z", "/x", "m", "s", "t")
        for number in range(2000)
    ]
    with pytest.raises(DiskFull, match="no space left") as caught:
        records.data.add(execution.id, data)
    assert any("clean --cache" in hint for hint in caught.value.hints)
    assert records.data.list() == []
    records.data.add(execution.id, data)
    assert len(records.data.list(limit=None)) == 2000


def as_nobody(action):
    """What `action` raises when it is not root who calls it; permissions do not hold root back."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.getuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            action()
        except BaseException as error:  # noqa: BLE001 - told to the test
            os.write(writing, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with open(reading, "rb") as answer:
        return answer.read().decode()


@pytest.fixture
def read_only_home(empty_database):
    """Not in tmp_path: that is closed to everybody else."""
    with tempfile.TemporaryDirectory() as outer:
        Path(outer).chmod(stat.S_IRWXU | stat.S_IROTH | stat.S_IXOTH)
        home = Path(outer) / "home"
        home.mkdir()
        (home / "localhai.db").write_bytes(empty_database.read_bytes())
        (home / "localhai.db").chmod(stat.S_IRUSR | stat.S_IROTH)
        home.chmod(stat.S_IRUSR | stat.S_IXUSR | stat.S_IROTH | stat.S_IXOTH)
        yield home
        home.chmod(stat.S_IRWXU)


def test_a_read_only_home_is_said(read_only_home):
    said = as_nobody(lambda: create(Records.open(read_only_home)))
    assert said.startswith("RecordsUnavailable: localhai cannot write its records")


def test_a_home_that_may_not_be_made_is_said(read_only_home):
    said = as_nobody(lambda: Records.open(read_only_home / "inner"))
    assert said == "RecordsUnavailable: the home of localhai cannot be made: Permission denied"


def test_a_home_that_cannot_be_a_folder_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordsUnavailable, match="home of localhai cannot be made"):
        Records.open(tmp_path / "file" / "home")


def test_a_url_of_sqlite_and_of_nothing_known(tmp_path):
    with Records.open(tmp_path / "home", f"sqlite:///{tmp_path}/elsewhere/r.db") as records:
        assert create(records).counter == 1
    assert (tmp_path / "elsewhere" / "r.db").exists()
    assert not (tmp_path / "home").exists()
    with pytest.raises(UsageError, match="'mysql'") as caught:
        Records.open(tmp_path, "mysql://me:secret@host/db")
    assert "secret" not in str(caught.value.to_dict())


def test_connections_are_few_and_all_closed(home):
    with Records.open(home) as records:
        threads = [threading.Thread(target=create, args=(records,)) for _ in range(20)]
        for thread in threads:
            thread.start()
            thread.join()
        assert len(records.access.database._idle) == 1
    assert records.access.database._idle == []
    records.close()


def test_a_fork_has_connections_of_its_own(records):
    create(records)
    parents = list(records.access.database._idle)
    child = os.fork()
    if child == 0:
        execution = create(records)
        alone = parents[0] not in records.access.database._idle
        os._exit(0 if alone and execution.counter == 2 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert create(records).counter == 3
