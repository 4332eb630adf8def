from __future__ import annotations

import json
from pathlib import Path

import pytest
import valohai_yaml
from valohai_yaml.schema_data import SCHEMATA

from localhai.errors import ProjectError
from localhai.project.document import parse
from localhai.project.parity import KINDS, MOUNTS_REFUSED, TABLE, lookup, notes, sentence, step_notes, uses
from localhai.project.plan import ParityNote

EXAMPLES = Path(__file__).parents[2] / "cases" / "lint"
PARTS = {name.rpartition("/")[2]: schema for name, schema in SCHEMATA.items()}


def keys_of(schema, path):
    """Every key path that a part of the platform's schema knows."""
    if "$ref" in schema:
        yield from keys_of(PARTS[schema["$ref"].rpartition("/")[2]], path)
    branches = [branch for rule in ("oneOf", "anyOf", "allOf") for branch in schema.get(rule, ())]
    for branch in [*branches, schema.get("items")]:
        if isinstance(branch, dict):
            yield from keys_of(branch, path)
    for key, inner in schema.get("properties", {}).items():
        yield f"{path}.{key}"
        yield from keys_of(inner, f"{path}.{key}")


def test_the_table_has_every_key_of_the_platforms_schema_and_no_other():
    known = {key for kind in KINDS for key in keys_of(PARTS[kind], kind)}
    assert known - TABLE.keys() == set()
    assert TABLE.keys() - known == set()
    assert len(known) > 200


def test_every_kind_of_item_has_its_keys():
    parsers = valohai_yaml.objs.Config.get_top_level_parsers()
    assert set(parsers) - {"blueprint"} == set(KINDS)


def test_a_key_that_the_schema_gains_is_missed():
    grown = {**PARTS["step"], "properties": {**PARTS["step"]["properties"], "colour": {"type": "string"}}}
    assert set(keys_of(grown, "step")) - TABLE.keys() == {"step.colour"}


def test_whatever_is_not_emulated_says_why():
    assert [key for key, entry in TABLE.items() if (entry.level == "emulated") == bool(entry.text)] == []


def test_an_entry_speaks_for_what_stands_below_it():
    assert lookup("step.inputs.filename").level == "emulated"
    assert lookup("step.resources.devices.nvidia.com/gpu").level == "approximated"
    assert lookup("nonsense.name") is None


def notes_of(**keys):
    step = {"name": "s", "image": "i", "command": "c", **keys}
    return step_notes(valohai_yaml.parse([{"step": step}]).steps["s"].serialize())


def test_notes_name_each_used_key_once():
    notes = notes_of(
        description="d",
        environment="aws",
        parameters=[
            {"name": "a", "description": "x"},
            {"name": "b", "type": "integer", "description": "y", "widget": "sql"},
        ],
        resources={"cpu": {"min": 1, "max": 2}},
        **{"cache-volumes": ["v"], "environment-variable-groups": ["g"], "upload-store": "st"},
    )
    assert [(note.key, note.level) for note in notes] == [
        ("name", "emulated"),
        ("image", "emulated"),
        ("command", "emulated"),
        ("description", "ignored"),
        ("environment", "ignored"),
        ("cache-volumes", "ignored"),
        ("upload-store", "approximated"),
        ("parameters.name", "emulated"),
        ("parameters.type", "emulated"),
        ("parameters.description", "ignored"),
        ("parameters.widget", "ignored"),
        ("environment-variable-groups", "ignored"),
        ("resources.cpu.min", "ignored"),
        ("resources.cpu.max", "approximated"),
    ]
    assert sentence(notes) == (
        "approximated: upload-store, resources.cpu.max; "
        "ignored: environment, cache-volumes, environment-variable-groups, resources.cpu.min; "
        "for the web page only: description, parameters.description, parameters.widget (see localhai parity)"
    )


def test_of_a_plain_step_there_is_nothing_to_say():
    notes = notes_of(parameters=[{"name": "a"}], inputs=[{"name": "b"}])
    assert [note.key for note in notes] == ["name", "image", "command", "parameters.name", "inputs.name"]
    assert sentence(notes) == ""


def test_pipelines_and_tasks_have_notes_too():
    task = {"name": "t", "step": "s", "type": "random-search", "description": "d", "execution-count": 3}
    task["parameters"] = [{"name": "a", "style": "random", "rules": {"min": 0, "max": 1, "seed": 7}}]
    actions = [{"when": "node-error", "if": ["1 < 2", "2 < 3"], "then": "noop"}]
    nodes = [
        {"name": "one", "type": "execution", "step": "s", "on-error": "retry", "actions": actions},
        {"name": "two", "type": "execution", "step": "s", "on-error": "continue", "override": {"environment": "aws"}},
    ]
    pipeline = {"name": "p", "nodes": nodes, "edges": [["one.output.*", "two.input.i"]]}
    step = {"name": "s", "image": "i", "command": "c"}
    config = valohai_yaml.parse([{"step": step}, {"task": task}, {"pipeline": pipeline}], validate=False)
    assert sentence(notes("task", config.tasks["t"].serialize())) == (
        "approximated: type, parameters.rules.seed; for the web page only: description (see localhai parity)"
    )
    assert sentence(notes("pipeline", config.pipelines["p"].serialize())) == (
        "approximated: nodes.on-error, nodes.actions.if; ignored: nodes.override.environment (see localhai parity)"
    )


@pytest.mark.parametrize(
    ("item", "key"),
    [
        ({"task": {"type": "GRID-search"}}, "task.type"),
        ({"task": {"engine": "optuna"}}, "task.engine"),
        ({"pipeline": {"nodes": [{"on-error": "stop-next"}]}}, "pipeline.nodes.on-error"),
        ({"pipeline": {"nodes": [{"actions": [{"if": "1 < 2"}]}]}}, "pipeline.nodes.actions.if"),
    ],
)
def test_some_keys_differ_with_some_values_only(item, key):
    document = parse(json.dumps([item]), "valohai.yaml")
    assert [use.parity.level for use in uses(document) if use.key == key] == ["emulated"]
    assert TABLE[key].level == "approximated"


def test_what_settings_refuse_says_how_to_allow_it():
    line = sentence([MOUNTS_REFUSED, ParityNote("environment", "ignored", "why")])
    assert line.startswith("ignored: mounts (they would open this machine to the step; allow them with `mounts = true`")
    assert line.endswith("), environment (see localhai parity)")


def test_uses_of_a_file_have_their_lines():
    text = (EXAMPLES / "valohai_yaml" / "examples" / "endpoint-example.yaml").read_text()
    found = {use.key: use for use in uses(parse(text, "valohai.yaml"))}
    lines = text.splitlines()
    assert all(lines[number - 1].strip(" -").startswith("wsgi:") for number in found["endpoint.wsgi"].lines)
    assert "endpoint.tolerations" in found
    assert "endpoint.tolerations.key" not in found, "it shares the fate of its holder"
    assert "endpoint.resources.cpu" not in found, "it only holds others"


def test_a_blueprint_is_a_pipeline():
    found = uses(parse("- blueprint: {name: p, nodes: [], edges: [], reuse-executions: true}", "valohai.yaml"))
    assert {use.key for use in found} >= {"pipeline.name", "pipeline.reuse-executions"}


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("**/*.yaml")), ids=lambda path: path.name)
def test_no_file_is_too_odd_to_be_looked_at(path):
    try:
        document = parse(path.read_bytes(), path.name)
    except ProjectError:
        return  # it is no YAML
    assert all(use.lines for use in uses(document))
