"""Fixtures of all layers: every test has a home of its own and none of this machine's settings."""

from __future__ import annotations

import gc
import itertools
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "support"))  # for modules that several folders of tests import

WITHOUT_DOCKER = {Path(__file__).parent / layer for layer in ("unit", "fake")}
MEMORY = Path("/dev/shm")  # where Linux keeps files in memory
ROOM = 4 * 1024**3


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Whole layers without Docker on all cores; parts of them, and what shares the one engine, in one process."""
    return None if _needs_no_docker(config) else 0


def pytest_collection_finish() -> None:
    """Modules and thousands of tests stay: looking for garbage among them would take a tenth of the time."""
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


def pytest_configure(config: pytest.Config) -> None:
    """These layers make tens of thousands of files: in memory where there is room. TMPDIR says otherwise."""
    if "TMPDIR" not in os.environ and _needs_no_docker(config) and _has_room(MEMORY):
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None  # was decided before


def _needs_no_docker(config: pytest.Config) -> bool:
    return {Path(config.invocation_params.dir, name) for name in config.args} <= WITHOUT_DOCKER


def _has_room(folder: Path) -> bool:
    return os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > ROOM


@pytest.fixture(scope="session")
def _homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the next test has its home: most make none."""
    folder = tmp_path_factory.mktemp("homes")
    return (folder / str(number) for number in itertools.count(1))


@pytest.fixture(autouse=True)
def _isolated(_homes: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting, credential or colour of this machine reaches a test; the home is not there yet."""
    for name in list(os.environ):
        if name.startswith(("LOCALHAI_", "AWS_", "VH_", "GIT_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("LOCALHAI_HOME", str(next(_homes)))
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.fixture
def home_folder() -> Path:
    """The LOCALHAI_HOME of this test, an empty folder."""
    folder = Path(os.environ["LOCALHAI_HOME"])
    folder.mkdir(exist_ok=True)
    return folder


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


LEFT_BEFORE = pytest.StashKey[frozenset[str]]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What looks for leftovers looks last, and only for what these tests left: not an earlier, killed run of them."""
    items.sort(key=lambda item: "leaks" in item.nodeid)
    if items and "leaks" in items[-1].nodeid:
        from localhai.containers import labels
        from localhai.containers.docker.connect import connect

        engine = connect()
        label = {labels.EXECUTION: None}
        names = [*(item.name for item in engine.containers(label)), *engine.volumes(label), *engine.networks(label)]
        config.stash[LEFT_BEFORE] = frozenset([*names, *engine.volumes({labels.CACHE: None})])
        engine.close()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Package caches belong to homes, and those of tests are gone."""
    before = session.config.stash.get(LEFT_BEFORE, None)
    if before is None:
        return
    from localhai.containers import labels
    from localhai.containers.docker.connect import connect

    engine = connect()
    for name in set(engine.volumes({labels.CACHE: None})) - before:
        engine.remove_volume(name)
    engine.close()
