"""Every pipeline of tests/cases/pipeline-*, on the real engine by its command line.

`pipeline.json` says `about`, the rows of `reference` and `runs`: the `words` behind the name, the `status` that the
pipeline comes to and that of its `nodes`; `lines` of stdout by node, in any order between nodes; `reasons` of nodes;
how many `executions` a node made.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.docker

CASES = Path(__file__).parents[1] / "cases"
NAMES = sorted(path.parent.name for path in CASES.glob("*/pipeline.json"))
KEYS = {"words", "status", "nodes", "lines", "reasons", "executions"}


@pytest.mark.parametrize("name", NAMES)
def test_pipeline(name: str, bench: Any) -> None:
    case = json.loads((CASES / name / "pipeline.json").read_text())
    shutil.copytree(CASES / name, bench.folder, dirs_exist_ok=True)
    yaml = bench.folder / "valohai.yaml"
    yaml.write_text(yaml.read_text().replace("<project>", str(bench.folder)))
    assert case["about"]
    assert case["reference"]
    for run in case["runs"]:
        assert not run.keys() - KEYS
        call = bench.call("pipeline", "run", "p", "--json", *run["words"])
        assert "Traceback" not in call.err
        document = json.loads(call.out)
        nodes = {node["name"]: node["status"] for node in document["nodes"]}
        assert (document["status"], nodes) == (run["status"], run["nodes"]), call.err
        assert call.process.returncode == (0 if run["status"] == "complete" else 1)
        said = call.err.splitlines()
        for node, lines in run["lines"].items():
            assert [line.split("| ", 1)[1] for line in said if line.split(" ")[0] == node and "| " in line] == lines
        reasons = {node["name"]: node["reason"] for node in document["nodes"]}
        assert {node: reasons[node] for node in run.get("reasons", {})} == run.get("reasons", {})
        for node, count in run.get("executions", {}).items():
            assert sum(f"node {node}: execution #" in line and " of step " in line for line in said) == count
