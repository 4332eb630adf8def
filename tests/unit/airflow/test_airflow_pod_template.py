"""The pod templates of docs/airflow.md: what Airflow and localhai look for is there, and nothing misspelt."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

PAGE = Path(__file__).parents[3] / "docs" / "airflow.md"
SETTINGS = (PAGE.parent / "settings.md").read_text()


def test_the_templates_name_what_airflow_and_localhai_look_for():
    found = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)]
    pods = [item for item in found if isinstance(item, dict) and "spec" in item]

    assert len(pods) == 2
    for pod in pods:
        [container] = pod["spec"]["containers"]
        assert container["name"] == "base", "Airflow runs the task in it"
        volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
        assert {mount["name"] for mount in container["volumeMounts"]} == volumes
    whole = pods[0]["spec"]["containers"][0]
    names = {item["name"] for item in whole["env"]}
    assert {"LOCALHAI_MODE", "LOCALHAI_DATABASE_URL", "LOCALHAI_STORE", "DOCKER_HOST"} <= names
    known = {name for name in names if f"`{name}`" in SETTINGS + PAGE.read_text()}
    assert known == names
