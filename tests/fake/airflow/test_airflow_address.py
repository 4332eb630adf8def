"""Where the link of a task in dev mode leads."""

from __future__ import annotations

from pathlib import Path

import pytest

from localhai.airflow.local import LocalPlatform
from localhai.airflow.platform import ExecutionRequest, Watcher
from localhai.app import servers
from localhai.app.projects import Places
from localhai.app.servers import address_of
from localhai.executions.home import Home
from localhai.server.listening import serving
from localhai.testing import FakeEngine


class Addresses(Watcher):
    """Keeps where it was told to look."""

    def __init__(self) -> None:
        self.found: list[str | None] = []

    def started(self, key: str, url: str | None) -> None:  # noqa: ARG002  # as its base class
        self.found.append(url)

    def line(self, text: str) -> None:
        """Nobody reads it."""


async def answer(_scope, _receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body"})


@pytest.mark.usefixtures("home_folder")
def test_it_leads_to_the_page_while_a_server_answers_else_to_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "news"
    folder.mkdir()
    (folder / "valohai.yaml").write_text("- step: {name: show, image: busybox, command: ls}\n")
    engine, heard = FakeEngine(), Addresses()
    with Home(engine=engine) as home:
        platform = LocalPlatform(Places(environ={"LOCALHAI_PROJECTS": f"news={folder}"}), home=home)
        platform.run(ExecutionRequest("news", "show"), heard)
        execution = home.executions()[0]
        with serving(answer) as url, servers.announced(home.folder, url, "1.2.3"):
            platform.run(ExecutionRequest("news", "show"), heard)
            latest = home.executions()[0]
            assert heard.found == [
                execution.folder.as_uri(),
                f"{url}/p/{latest.record.project_id}/execution/{latest.id}/",
            ]
        assert address_of(home, latest.id) == latest.folder.as_uri()
    engine.close()
