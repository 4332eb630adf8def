"""Every example of valohai-yaml is planned and runs, as tests/cases/lint/valohai_yaml/runs.json says.

By file: `steps`, all of which complete; `tasks` and `pipelines` by name, with what has to be given (`give`), and what
comes of it: `ends` with its `error`, or `refused`; `why` explains it.
A file without an entry has errors.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from localhai.errors import ProjectError
from localhai.project.config import lint_file, load_config
from localhai.project.faulty import sentences

EXAMPLES = Path(__file__).parents[2] / "cases" / "lint" / "valohai_yaml"
RUNS = json.loads((EXAMPLES / "runs.json").read_text())
FILES = {f"{path.parent.name}/{path.name}": path for path in sorted(EXAMPLES.glob("*/*.yaml"))}
VALUES = {"integer": "1", "float": "0.5", "string": "text", "flag": "true"}
STEPS = [(file, step) for file, runs in RUNS.items() for step in runs.get("steps", ())]
MORE = [
    pytest.param(file, kind, name, expected, id=f"{file}-{name}")
    for file, runs in RUNS.items()
    for kind in ("task", "pipeline")
    for name, expected in runs.get(f"{kind}s", {}).items()
]


@pytest.mark.parametrize("file", FILES)
def test_every_example_is_covered(file):
    if lint_file(FILES[file]).errors:
        assert file not in RUNS
        assert _is_refused(FILES[file])
        return
    config, runs = load_config(FILES[file]).config, RUNS[file]
    assert list(config.steps) == runs.get("steps", [])
    assert list(config.tasks) == list(runs.get("tasks", {}))
    assert list(config.pipelines) == list(runs.get("pipelines", {}))
    assert all("why" in run for kind in ("tasks", "pipelines") for run in runs.get(kind, {}).values() if _is_odd(run))


def _is_refused(path):
    """As a whole, or an item of it."""
    try:
        return bool(sentences(load_config(path).config))
    except ProjectError:
        return True


def _is_odd(run):
    return "refused" in run or "error" in run


def test_there_is_nothing_of_files_that_are_gone():
    assert RUNS.keys() <= FILES.keys()


@pytest.mark.parametrize(("file", "step"), STEPS)
def test_a_step_completes(example, file, step):
    found = load_config(FILES[file]).config.steps[step]
    needed = [name for name, item in found.parameters.items() if item.default is None and not item.optional]
    words = [f"--{name}={VALUES[found.parameters[name].type]}" for name in needed]
    words += [f"--{name}=any.bin" for name, item in found.inputs.items() if not item.default and not item.optional]
    code, document = example(FILES[file])("run", step, *words)
    assert (code, document.get("status"), document.get("error")) == (0, "complete", None)


@pytest.mark.parametrize(("file", "kind", "name", "expected"), MORE)
def test_a_task_or_pipeline_comes_to_what_is_said(example, file, kind, name, expected):
    call, given = example(FILES[file]), expected.get("give", [])
    approved = ["--approve-all"] if kind == "pipeline" else []
    code, document = call(kind, "run", name, *given, *approved)
    if "refused" in expected:
        assert code in {2, 3}
        assert document["error"]["message"] == expected["refused"]
        return
    assert (document.get("status"), document.get("error")) == (expected["ends"], expected.get("error"))
    assert code == (0 if expected["ends"] == "complete" else 1)
