"""Every pipeline of tests/cases/pipeline-*, on the real engine by its command line."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.docker


def load(path: Path) -> Any:
    """A module by path: test folders are no packages."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


cases = load(Path(__file__).parents[1] / "pipeline_cases_support.py")


@pytest.mark.parametrize("name", cases.NAMES)
def test_pipeline(name: str, bench: Any) -> None:
    case = cases.load(name)
    case.lay_out(bench.folder)
    for run in case.runs:
        call = bench.call("pipeline", "run", "p", "--json", *run.words)
        run.check(call.process.returncode, call.out, call.err)
