from __future__ import annotations

import valohai_yaml
from valohai_yaml.schema_data import SCHEMATA

from localhai.project.parity import TABLE, lookup, step_notes


def test_every_key_of_the_schema_has_its_entry():
    schemata = {name.rpartition("/")[2]: schema for name, schema in SCHEMATA.items()}
    missing = [
        f"{item}.{key}"
        for item in ("step", "task", "pipeline", "endpoint", "deployment")
        for key in schemata[item]["properties"]
        if lookup(f"{item}.{key}") is None and not any(known.startswith(f"{item}.{key}.") for known in TABLE)
    ]
    assert missing == []


def test_whatever_is_not_emulated_says_why():
    assert [key for key, entry in TABLE.items() if entry.level != "emulated" and not entry.text] == []


def test_an_entry_speaks_for_the_keys_below_it():
    assert lookup("step.inputs.filename").level == "emulated"
    assert lookup("step.nonsense") is None


def test_notes_name_each_used_key_once():
    step = valohai_yaml.parse(
        [
            {
                "step": {
                    "name": "s",
                    "image": "i",
                    "command": "c",
                    "description": "d",
                    "environment": "aws",
                    "parameters": [
                        {"name": "a", "description": "x"},
                        {"name": "b", "description": "y", "widget": "sql"},
                    ],
                    "resources": {"cpu": {"min": 1, "max": 2}},
                    "cache-volumes": ["v"],
                    "environment-variable-groups": ["g"],
                    "upload-store": "st",
                }
            }
        ]
    ).steps["s"]
    assert [note.key for note in step_notes(step.serialize())] == [
        "description",
        "environment",
        "cache-volumes",
        "upload-store",
        "parameters.description",
        "parameters.widget",
        "environment-variable-groups",
        "resources.cpu.min",
        "resources.cpu.max",
    ]


def test_a_plain_step_has_no_notes():
    step = valohai_yaml.parse(
        [
            {
                "step": {
                    "name": "s",
                    "image": "i",
                    "command": "c",
                    "parameters": [{"name": "a"}],
                    "inputs": [{"name": "b"}],
                }
            }
        ]
    ).steps["s"]
    assert step_notes(step.serialize()) == ()
