"""Records of a fresh home for each test. The schema is made once and copied: what a test asks is not how it is made."""

from __future__ import annotations

import shutil

import pytest

from localhai.records import Owner, Patience, Records


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory):
    home = tmp_path_factory.mktemp("template")
    Records.open(home).close()
    return home / "localhai.db"


@pytest.fixture
def home(tmp_path, empty_database):
    folder = tmp_path / "home"
    folder.mkdir()
    shutil.copy(empty_database, folder / "localhai.db")
    return folder


@pytest.fixture
def url():
    return None


@pytest.fixture
def records(home, url):
    with Records.open(home, url, patience=Patience(seconds=5.0)) as opened:
        yield opened


@pytest.fixture
def owner():
    return Owner(host="here", pid=4711, process_start="123456", boot_id="b-1")
