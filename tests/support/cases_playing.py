"""Cases of executions, played in a home: what both the real engine and the fake one are asked for."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cases_support as cases

from localhai.errors import LocalhaiError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from localhai.app.open_project import OpenProject
    from localhai.executions.execution import Execution
    from localhai.executions.home import Home


CASES = {case.name: case for case in cases.load_cases() if case.starts}
NOT_REFUSED = cases.Refused("no error", 0, "")


class _Handler(BaseHTTPRequestHandler):
    """The `http` of the cases: `/CASE/path` is the file `path` of that case."""

    def do_GET(self) -> None:
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

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def http() -> Iterator[str]:
    """Serve the `http` of all cases; gives the URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def lay_out_buckets(folder: Path) -> Path:
    """All buckets of all cases in one folder: moto has one memory per process."""
    for bucket in cases.CASES.glob("*/s3/*"):
        (folder / bucket.name).symlink_to(bucket)  # two cases with one bucket end here
    return folder


def play(name: str, home: Home, url: str, folder: Path, make_image: Callable[[str, Any], None]) -> None:
    """Every run of a case, in a project below `folder`; asserts what is expected, and that nothing is left."""
    case = CASES[name]
    fill = {"http": f"{url}/{name}", "project": str(folder / name)}
    case.lay_out(folder / name, fill)
    for image, recipe in case.images.items():
        make_image(image, recipe)
    outputs: dict[str, str] = {}
    for number, run in enumerate(case.runs, 1):
        if not run.starts and run.refused is None:
            continue
        run.before.happen(folder / name, home, outputs, fill)
        before = _tree(folder / name)
        project = cases.open_case(folder / name, run, home, s3_folder=home.settings.s3_folder)
        execution, error = _run_once(project, run, fill)
        expected = cases.expected_error(run, fill)
        found = error and cases.error_facts(error, expected or NOT_REFUSED)
        assert found == expected, f"{found}, not {expected}"
        assert _tree(folder / name) == before, "the user's files are not as they were"
        if execution is None:
            continue
        _check(execution, run, fill)
        made = {f"{number}:{output['name']}": output["id"] for output in execution.outputs}
        outputs |= made
        fill |= {f"datum:{key}": identifier for key, identifier in made.items()}
        left = {"localhai.execution": execution.id}
        assert (home.engine.containers(left), home.engine.volumes(left)) == ([], [])


def _tree(folder: Path) -> dict[str, Any]:
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


def _run_once(project: OpenProject, run: Any, fill: dict[str, str]) -> tuple[Execution | None, LocalhaiError | None]:
    """The execution, or the error in place of one with what was recorded."""
    try:
        options = run.options(project.options())
        return project.run(run.step, overrides=run.overrides(fill), commit=run.commit, options=options), None
    except LocalhaiError as error:
        started = run.refused is not None and run.refused.at == "start"
        return project.execution() if started else None, error


def _check(execution: Execution, run: Any, fill: dict[str, str]) -> None:
    if run.plan is not None and run.commit is None:
        expected = cases.filled(run.plan, fill)
        _same(cases.plan_facts(execution.plan(), expected), expected)
    if run.ended is not None:
        expected = cases.filled(cases.expected_facts(run.ended), fill)
        _same(cases.execution_facts(execution, expected), expected)
    if run.reuse is not None:
        expected = cases.filled(dict(run.reuse), fill)
        _same(cases.reuse_facts(execution, expected), expected)


def _same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Names what differs: nobody writes the asserts of this module anew."""
    keys = [key for key in {**expected, **found} if found.get(key) != expected.get(key)]
    assert not keys, "\n".join(f"{key}: {found.get(key)!r}, not {expected.get(key)!r}" for key in keys)
