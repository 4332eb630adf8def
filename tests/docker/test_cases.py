"""Every case of tests/cases, on a real engine through the Python API. One home for all, as on a developer's machine."""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from localhai import Home
from localhai.errors import LocalhaiError
from localhai.settings import Settings

pytestmark = pytest.mark.docker

IMAGE = "python:3.11-slim"
MINE = {"localhai.tests": "cases"}


def load(path):
    """A module by path: test folders are no packages."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


cases = load(Path(__file__).parents[1] / "cases_support.py")
CASES = {case.name: case for case in cases.load_cases() if case.starts}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """One home, and one S3 with the buckets of all cases: moto has one memory per process."""
    folder = tmp_path_factory.mktemp("home")
    buckets = tmp_path_factory.mktemp("s3")
    for bucket in cases.CASES.glob("*/s3/*"):
        (buckets / bucket.name).symlink_to(bucket)  # two cases with one bucket end here
    with Home(Settings.load(None, flags={"home": folder, "s3_folder": buckets}, environ={})) as home:
        yield home


class _Handler(BaseHTTPRequestHandler):
    """The `http` of the cases: `/CASE/path` is the file `path` of that case."""

    def do_GET(self):
        _, name, path = self.path.split("?")[0].split("/", 2)
        answer = CASES[name].http.get(path) if name in CASES else None
        body = (answer or {}).get("text", "").encode()
        self.send_response(404 if answer is None else answer.get("status", 200))
        for header, value in (answer or {}).get("headers", {}).items():
            self.send_header(header, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815  # the name that http.server asks for

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def http():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def images():
    """Makes images that a case describes, and removes them."""
    import docker

    client = docker.from_env()
    made = []

    def make(name, recipe):
        container = client.containers.create(IMAGE, ["sh", "-c", recipe.get("run", "true")], labels=MINE)
        try:
            if "run" in recipe:
                container.start()
                assert container.wait()["StatusCode"] == 0
            changes = "\n".join(recipe.get("changes", ())) or None
            container.commit(*name.split(":"), changes=changes, conf={"Labels": MINE})
        finally:
            container.remove(force=True)
        made.append(name)

    yield make
    for name in made:
        client.images.remove(name, force=True)
    client.close()


def tree(folder):
    """A user's files, as far as a run could spoil them."""
    found = {}
    for place, folders, names in os.walk(folder):
        if ".git" in folders:
            folders.remove(".git")
        for name in (*folders, *names):
            path = Path(place, name)
            state = path.lstat()
            found[str(path)] = (state.st_mode, state.st_uid, state.st_size, state.st_mtime_ns)
    return found


def run_once(project, run, fill):
    """The execution, or the error in place of one with what was recorded."""
    try:
        options = run.options(project.options())
        return project.run(run.step, overrides=run.overrides(fill), commit=run.commit, options=options), None
    except LocalhaiError as error:
        started = run.refused is not None and run.refused.at == "start"
        return project.execution() if started else None, error


@pytest.mark.parametrize("name", CASES)
def test_case(name, home, http, images, tmp_path):
    case = CASES[name]
    fill = {"http": f"{http}/{name}", "project": str(tmp_path / name)}
    case.lay_out(tmp_path / name, fill)
    for image, recipe in case.images.items():
        images(image, recipe)
    outputs = {}
    for number, run in enumerate(case.runs, 1):
        if not run.starts and run.refused is None:
            continue
        run.before.happen(tmp_path / name, home, outputs, fill)
        before = tree(tmp_path / name)
        project = cases.open_case(tmp_path / name, run, home, s3_folder=home.settings.s3_folder)
        execution, error = run_once(project, run, fill)
        expected = cases.expected_error(run, fill)
        assert (error and cases.error_facts(error, expected or NOT_REFUSED)) == expected
        assert tree(tmp_path / name) == before
        if execution is None:
            continue
        check(execution, run, fill)
        made = {f"{number}:{output['name']}": output["id"] for output in execution.outputs}
        outputs |= made
        fill |= {f"datum:{key}": identifier for key, identifier in made.items()}
        left = {"localhai.execution": execution.id}
        assert (home.engine.containers(left), home.engine.volumes(left)) == ([], [])


NOT_REFUSED = cases.Refused("no error", 0, "")


def check(execution, run, fill):
    if run.plan is not None and run.commit is None:
        expected = cases.filled(run.plan, fill)
        assert cases.plan_facts(execution.plan(), expected) == expected
    if run.ended is not None:
        expected = cases.filled(cases.expected_facts(run.ended), fill)
        assert cases.execution_facts(execution, expected) == expected
    if run.reuse is not None:
        expected = cases.filled(dict(run.reuse), fill)
        assert cases.reuse_facts(execution, expected) == expected


def test_two_cases_have_no_name_in_common():
    buckets = [bucket.name for bucket in cases.CASES.glob("*/s3/*")]
    assert len(buckets) == len(set(buckets))
