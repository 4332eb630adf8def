"""Records of a fresh home for each test."""

from __future__ import annotations

import os
import shutil
import sqlite3
import uuid
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy.pool import NullPool

from localhai.records import Owner, Patience, Records, migrations


@pytest.fixture
def home(tmp_path, empty_database):
    folder = tmp_path / "home"
    folder.mkdir()
    shutil.copy(empty_database, folder / "localhai.db")
    return folder


@pytest.fixture
def url():
    """None for SQLite. tests/docker runs the same tests with a PostgreSQL server, each in a database of its own."""
    server = os.environ.get("RECORDS_TEST_SERVER")
    if server is None:
        yield None
        return
    name = f"test_{uuid.uuid4().hex}"
    engine = sqlalchemy.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool, future=True)
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text(f"CREATE DATABASE {name} TEMPLATE records"))
        yield f"{server.rsplit('/', 1)[0]}/{name}"
        connection.execute(sqlalchemy.text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def records(home, url):
    with Records.open(home, url, patience=Patience(seconds=5.0)) as opened:
        yield opened


@pytest.fixture
def project(records):
    return records.projects.of_folder("/a/news", "news")


@pytest.fixture
def owner():
    return Owner(host="here", pid=4711, process_start="123456", boot_id="b-1")


@pytest.fixture
def make_old(tmp_path):
    """Makes a database with the schema of that revision, and gives a connection to it."""
    from alembic import command
    from alembic.config import Config

    made = []

    def make(revision):
        path = tmp_path / "localhai.db"
        config = Config()
        config.set_main_option("script_location", str(Path(migrations.__file__).parent))
        engine = sqlalchemy.create_engine(f"sqlite:///{path}", poolclass=NullPool, future=True)
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
        engine.dispose()
        made.append(sqlite3.connect(path))
        return made[-1]

    yield make
    for connection in made:
        connection.close()
