"""What localhai stores as JSON, pinned: read as what it stands for and written again, it is the same bytes.

`tests/unit/golden` holds each document with every field in use, and with none that can be left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from localhai.airflow.pipelines.description import NodeDescription
from localhai.executions.log.metadata import Summary
from localhai.executions.run.finalize import ExecutionEnd
from localhai.executions.run.inputs import ListedFile
from localhai.executions.run.outputs import Collected
from localhai.executions.run.uncollected import Uncollected
from localhai.pipelines.plan import Edge, PipelinePlan
from localhai.project.overrides import Overrides
from localhai.project.plan import ExecutionPlan, ParityNote
from localhai.records.deployments import EndpointFile, VersionEndpoint
from localhai.system import strict_json
from localhai.tasks.building import Wish
from localhai.tasks.plan import TaskPlan

GOLDEN = Path(__file__).parent / "golden"
KINDS: dict[str, Any] = {
    "collected": Collected,
    "end": ExecutionEnd,
    "execution_plan": ExecutionPlan,
    "metadata_summary": Summary,
    "node_description": NodeDescription,
    "not_collected": Uncollected,
    "on_demand": list[ListedFile],
    "pipeline_plan": PipelinePlan,
    "task_overrides": Overrides,
    "task_plan": TaskPlan,
    "wish": Wish,
}
DOCUMENTS = [path for path in sorted(GOLDEN.glob("*.json")) if path.stem != "deployment_endpoint"]


def name_of(path: Path) -> str:
    return path.stem


def kind_of(path: Path) -> Any:
    return next(kind for name, kind in KINDS.items() if path.stem.startswith(name))


def written(value: Any, like: str) -> str:
    document = value.to_dict() if isinstance(value, NodeDescription | PipelinePlan) else strict_json.values(value)
    return strict_json.dumps(document, indent=2 if "\n" in like else None)


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_what_is_read_is_written_again(path):
    stored = path.read_text()
    assert written(strict_json.convert(json.loads(stored), kind_of(path)), stored) == stored


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_document_is_pinned(name):
    assert any(path.stem.startswith(name) for path in DOCUMENTS)


def without_each(values: Any, kind: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where in a document a key stands that can be left out."""
    info = msgspec.inspect.type_info(kind)
    yield from _optional(values, info, path)


def _optional(values: Any, info: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    if isinstance(info, msgspec.inspect.UnionType):
        info = next((item for item in info.types if isinstance(item, msgspec.inspect.StructType)), None)
    if isinstance(info, msgspec.inspect.StructType) and values is not None:
        for field in info.fields:
            if field.encode_name not in values:
                continue
            if not field.required:
                yield (*path, field.encode_name)
            yield from _optional(values[field.encode_name], field.type, (*path, field.encode_name))
    elif isinstance(info, (msgspec.inspect.ListType, msgspec.inspect.VarTupleType)):
        for number, item in enumerate(values):
            yield from _optional(item, info.item_type, (*path, number))


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_what_an_earlier_version_did_not_write_has_its_default(path):
    kind, whole = kind_of(path), json.loads(path.read_text())
    for *parents, key in without_each(whole, kind):
        values = json.loads(path.read_text())
        holder = values
        for parent in parents:
            holder = holder[parent]
        del holder[key]
        strict_json.convert(values, kind)


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_what_a_later_version_adds_is_passed_over(path):
    kind, values = kind_of(path), json.loads(path.read_text())
    for item in values if isinstance(values, list) else [values]:
        item["later"] = {"x": 1}
    assert strict_json.convert(values, kind) == strict_json.convert(json.loads(path.read_text()), kind)


def test_plans_of_the_first_versions_are_read():
    """Keys that plans once lacked, each with what its absence meant."""
    plan = json.loads((GOLDEN / "execution_plan.json").read_text())
    del plan["awaiting"]
    assert strict_json.convert(plan, ExecutionPlan).awaiting == {}
    pipeline = json.loads((GOLDEN / "pipeline_plan.json").read_text())
    for key in ("environment", "parity"):
        del pipeline[key]
    for node in pipeline["nodes"]:
        for key in ("known_parameters", "required_parameters"):
            del node[key]
    found = strict_json.convert(pipeline, PipelinePlan)
    assert (found.environment, found.parity) == (None, ())
    assert {(node.known_parameters, node.required_parameters) for node in found.nodes} == {(None, ())}
    collected = json.loads((GOLDEN / "collected.json").read_text())
    for key in ("versions", "said"):
        del collected[key]
    assert strict_json.convert(collected, Collected).versions == ()


def test_the_document_of_an_endpoint_is_read():
    stored = json.loads((GOLDEN / "deployment_endpoint.json").read_text())
    endpoint = VersionEndpoint("predict", "built", document=stored)
    assert strict_json.values(endpoint.files) == stored["files"]
    assert isinstance(endpoint.files[0], EndpointFile)
    notes = strict_json.convert(stored["parity"], tuple[ParityNote, ...])
    assert strict_json.values(notes) == stored["parity"]


def test_numbers_keep_their_type():
    edge = {"source_node": "a", "source_type": "output", "source_key": "*", "target_node": "b", "target_type": "input"}
    found = strict_json.convert({**edge, "target_key": "x", "configuration": {"n": 1, "f": 1.0}}, Edge)
    assert json.dumps(found.configuration) == '{"n": 1, "f": 1.0}'
    limits = {"cpu_min": 1, "cpu_max": 1.0, "memory_max": "Infinity", "devices": {"nvidia.com/gpu": 1}}
    plan = strict_json.convert({**least(), "limits": limits}, ExecutionPlan)
    again = plan.to_dict()["limits"]
    assert json.dumps([again["cpu_min"], again["cpu_max"], again["devices"]]) == '[1, 1.0, {"nvidia.com/gpu": 1}]'
    assert plan.limits.memory_max == float("inf")


def test_what_is_no_plan_is_refused():
    for wrong in ({"step": 5}, {"inputs": [{}]}, {"limits": {"cpu_max": "much"}}):
        with pytest.raises(ValueError, match=r"Expected|missing"):
            strict_json.convert({**least(), **wrong}, ExecutionPlan)


def least() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((GOLDEN / "execution_plan_least.json").read_text())
    return found
