"""The pytest plugin: fixtures for projects and DAGs. Nothing is loaded or changed before a test asks for a fixture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from localhai.executions.home import Home
    from localhai.testing.dags import Ran
    from localhai.testing.fake_valohai import FakeValohai


def pytest_addoption(parser: pytest.Parser) -> None:
    """`localhai_airflow = true`: Airflow gets a home of its own before any test module imports it.

    `localhai_s3 = FOLDER`, from the rootdir of pytest: what `localhai_s3` begins with.
    """
    parser.addini("localhai_airflow", "give Airflow a home and a database of its own", type="bool", default=False)
    parser.addini("localhai_s3", "a folder: its folders are the buckets that the fixture localhai_s3 begins with")


def pytest_configure(config: pytest.Config) -> None:
    """Only what the setting asks for."""
    config.addinivalue_line("markers", "localhai_s3(folder): a folder with the buckets that localhai_s3 begins with")
    if config.getini("localhai_airflow"):
        from localhai.testing.dags import isolate

        isolate()


@pytest.fixture
def _localhai_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of this test, in dev mode."""
    folder = tmp_path / "localhai-home"
    monkeypatch.setenv("LOCALHAI_HOME", str(folder))
    monkeypatch.setenv("LOCALHAI_MODE", "dev")
    monkeypatch.delenv("LOCALHAI_DATABASE_URL", raising=False)
    monkeypatch.delenv("LOCALHAI_STORE", raising=False)
    return folder


@pytest.fixture
def localhai(_localhai_home: Path) -> Iterator[Home]:
    """A home of its own, with the Docker Engine of this machine. `localhai.executions()` are those of the test."""
    from localhai.executions.home import Home

    with Home() as home:
        yield home


@pytest.fixture
def fake_valohai(_localhai_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeValohai]:
    """No Docker: everything that localhai runs in this process does what the test says; see `FakeValohai`."""
    from localhai.airflow.local import LocalPlatform
    from localhai.executions.home import Home
    from localhai.testing.fake_valohai import FakeValohai, SharedEngine

    engine = SharedEngine()
    monkeypatch.setattr("localhai.containers.docker.connect.connect", lambda *_args, **_more: engine)
    with Home(engine=engine) as home:
        fake = FakeValohai(home, engine)
        run, start = LocalPlatform.run, LocalPlatform.start

        def answered(act: Callable[..., Any]) -> Callable[..., Any]:
            def asked(platform: Any, request: Any, watcher: Any) -> Any:
                fake.answer_request(watcher)
                return act(platform, request, watcher)

            return asked

        monkeypatch.setattr(LocalPlatform, "run", answered(run))
        monkeypatch.setattr(LocalPlatform, "start", answered(start))
        monkeypatch.setattr("localhai.airflow.running.start", fake.start_beside)
        yield fake
        fake.wait()
    engine.end()


@pytest.fixture
def localhai_s3(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose folders are the buckets of s3:// inputs. What the test writes there is in them.

    It begins as a copy of the folder that the marker `localhai_s3("FOLDER")` names, or pytest's setting `localhai_s3`,
    else empty. Steps cannot change the original.
    """
    import shutil

    folder = tmp_path / "s3"
    marker = request.node.get_closest_marker("localhai_s3")
    seed = str(marker.args[0] if marker else request.config.getini("localhai_s3") or "")
    if not seed:
        folder.mkdir()
    elif (request.config.rootpath / seed).is_dir():
        shutil.copytree(request.config.rootpath / seed, folder)
    else:
        pytest.fail(f"localhai_s3: there is no folder {request.config.rootpath / seed}", pytrace=False)
    monkeypatch.setenv("LOCALHAI_S3_FOLDER", str(folder))
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    return folder


@pytest.fixture
def run_dag(request: pytest.FixtureRequest) -> Callable[[Any], Ran]:
    """Run a DAG, or the DAGs' file with this path, in this process: `run_dag("dags/news.py").state == "success"`."""
    from localhai.testing.dags import prepare, run

    prepare(request.config)
    return run
