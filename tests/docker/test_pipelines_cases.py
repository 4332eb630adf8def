"""Every pipeline of tests/cases/pipeline-*, on the real engine by its command line."""

from __future__ import annotations

from typing import Any

import pipeline_cases_support as cases
import pytest

pytestmark = pytest.mark.docker


@pytest.mark.parametrize("name", cases.NAMES)
def test_pipeline(name: str, bench: Any) -> None:
    case = cases.load(name)
    case.lay_out(bench.folder)
    for run in case.runs:
        call = bench.call("pipeline", "run", "p", "--json", *run.words)
        run.check(call.process.returncode, call.out, call.err)
