"""The pipelines of tests/cases: `pipeline.json` and how what came of a run is held against it.

`pipeline.json` says `about`, the rows of `reference` and `runs`: the `words` behind the name, the `status` that the
pipeline comes to and that of its `nodes`; `lines` of stdout by node (all of them, those of several executions sorted);
`reasons` of nodes; how many `executions` a node made; what localhai `says`, on stderr or in its document.
A run that is `refused` has the exit code
in place of all that. In valohai.yaml `<project>` stands for the project's folder.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

CASES = Path(__file__).parents[1] / "cases"
NAMES = sorted(path.parent.name for path in CASES.glob("*/pipeline.json"))


@dataclass(frozen=True)
class Run:
    """One `pipeline run p`."""

    words: Sequence[str]
    status: str | None = None
    nodes: Mapping[str, str] = field(default_factory=dict)
    lines: Mapping[str, Sequence[str]] = field(default_factory=dict)
    reasons: Mapping[str, str | None] = field(default_factory=dict)
    executions: Mapping[str, int] = field(default_factory=dict)
    says: Sequence[str] = ()
    refused: int | None = None

    @property
    def code(self) -> int:
        """The exit code that is expected."""
        return self.refused if self.refused is not None else 0 if self.status == "complete" else 1

    def check(self, code: int, out: str, err: str) -> None:
        """That a call with `--json` came to what is expected."""
        assert "Traceback" not in err
        document = json.loads(out)
        assert (code, document.get("status")) == (self.code, self.status), err or out
        said = err.splitlines()
        assert [text for text in self.says if text not in err + out] == [], err
        found = {node["name"]: node for node in document.get("nodes", ())}
        assert {name: node["status"] for name, node in found.items()} == self.nodes, err
        lines = {name: sorted(_lines(said, name)) for name in self.lines}
        wanted = {name: sorted(lines) for name, lines in self.lines.items()}
        assert lines == wanted, f"{lines}, not {wanted}"  # nobody writes asserts of this module anew
        reasons = {name: found[name]["reason"] for name in self.reasons}
        assert reasons == self.reasons, f"{reasons}, not {self.reasons}"
        for name, count in self.executions.items():
            assert sum(f"node {name}: execution #" in line and " of step " in line for line in said) == count


def _lines(said: Sequence[str], node: str) -> list[str]:
    return [line.split("| ", 1)[1] for line in said if line.split(" ")[0] == node and "| " in line]


@dataclass(frozen=True)
class Case:
    """One folder of tests/cases with a `pipeline.json`."""

    name: str
    about: str
    reference: Sequence[str]
    runs: Sequence[Run]

    def lay_out(self, folder: Path) -> None:
        """Its project, in `folder`."""
        shutil.copytree(CASES / self.name, folder, dirs_exist_ok=True)
        for path in (folder / "valohai.yaml", folder / "pipeline.json"):
            path.write_text(path.read_text().replace("<project>", str(folder)))


def load(name: str) -> Case:
    """A case by its name. Raises TypeError for a key that the format does not have."""
    values = json.loads((CASES / name / "pipeline.json").read_text())
    unknown = [key for run in values["runs"] for key in run if key not in {item.name for item in fields(Run)}]
    assert not unknown, f"{name}: pipeline.json knows no {unknown}"
    return Case(name, values["about"], values["reference"], [Run(**run) for run in values["runs"]])
