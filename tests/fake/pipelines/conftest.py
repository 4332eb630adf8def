import json

import pytest
from click.testing import CliRunner

from localhai.cli.call import Call
from localhai.cli.main import cli
from localhai.executions.home import Home
from localhai.settings import Settings
from localhai.testing import FakeEngine


class Pipelines:
    """A project whose pipelines are called by the command line, over an engine without Docker."""

    def __init__(self, folder, home, engine):
        self.folder = folder
        self.home = home
        self.engine = engine

    def write(self, nodes, edges=(), *, steps, tasks=(), **more):
        """valohai.yaml with a pipeline `p`."""
        full = [{"type": "task" if "task" in node else "execution", **node} for node in nodes]
        items = [{"step": {"image": "python:3.11-slim", "command": "true", **step}} for step in steps]
        items += [{"task": task} for task in tasks]
        document = [*items, {"pipeline": {"name": "p", "nodes": full, "edges": list(edges), **more}}]
        (self.folder / "valohai.yaml").write_text(json.dumps(document))

    def __call__(self, *words, code=0):
        """What `localhai pipeline ...` gave; `json` reads its one document."""
        result = CliRunner().invoke(cli, ["pipeline", *words], obj=Call(home=self.home, folder=self.folder))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.stderr
        return result

    def run(self, *words, code=0):
        """The document of `pipeline run p`."""
        return json.loads(self("run", "p", "--json", *words, code=code).stdout)


@pytest.fixture
def pipelines(tmp_path, used_home):
    engine = FakeEngine()
    folder = tmp_path / "newsroom"
    folder.mkdir()
    with Home(Settings.load(flags={"home": used_home}), engine=engine) as home:
        yield Pipelines(folder, home, engine)
    engine.close()
