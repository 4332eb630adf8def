"""Homes whose records are there already: the schema is made once and copied, unless a test asks how it is made."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records without a row."""
    from localhai.records import Records

    folder = tmp_path_factory.mktemp("template")
    Records.open(folder).close()
    return folder / "localhai.db"


@pytest.fixture
def used_home(home_folder: Path, empty_database: Path) -> Path:
    """The LOCALHAI_HOME of this test, as after a first `localhai execution list`."""
    shutil.copy(empty_database, home_folder / "localhai.db")
    return home_folder
