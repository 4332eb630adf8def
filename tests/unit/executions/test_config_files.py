from __future__ import annotations

import json
from pathlib import Path

import yaml

from localhai.data.files import Checksums, InputFile
from localhai.executions.run.config_files import config_files, inputs_config


def test_json_and_yaml_hold_the_same() -> None:
    contents = {"parameters": {"lr": 5.0, "name": "å", "on": True}, "api": {}}
    files = config_files(contents)
    assert sorted(files) == ["api.json", "api.yaml", "parameters.json", "parameters.yaml"]
    assert json.loads(files["parameters.json"]) == yaml.safe_load(files["parameters.yaml"]) == contents["parameters"]


def test_a_whole_float_stays_a_float() -> None:
    assert b"5.0" in config_files({"parameters": {"lr": 5.0}})["parameters.json"]


def test_inputs_have_what_valohai_utils_reads() -> None:
    sums = Checksums("m", "s1", "s256")
    file = InputFile("images", "label1/foo.jpg", "datum://abc", 7, sums, Path("/cache/x"), "abc", ({"k": 1},))
    config = inputs_config(["images", "empty"], [file])
    assert config["empty"] == {"files": []}
    assert config["images"]["files"] == [
        {
            "name": "label1/foo.jpg",
            "path": "/valohai/inputs/images/label1/foo.jpg",
            "size": 7,
            "uri": "datum://abc",
            "checksums": {"md5": "m", "sha1": "s1", "sha256": "s256"},
            "metadata": [{"k": 1}],
            "datum_id": "abc",
        }
    ]
