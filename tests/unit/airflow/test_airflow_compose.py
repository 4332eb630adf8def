"""example_project/compose.yaml: there is no Compose on every machine that tests, so what it needs is checked here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from localhai.settings import Settings

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "example_project"
TASKS_RUN_IN = ("scheduler", "triggerer")
KEYS = {
    "image": str,
    "build": dict,
    "environment": dict,
    "group_add": list,
    "volumes": list,
    "depends_on": dict,
    "restart": str,
    "healthcheck": dict,
    "command": (str, list),
    "hostname": str,
    "ports": list,
}
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((EXAMPLE / "compose.yaml").read_text())


@pytest.fixture(scope="module")
def services(compose):
    return compose["services"]


def mounts(service):
    return {target: source for source, target in (text.split(":")[:2] for text in service["volumes"])}


def test_it_has_the_shape_that_compose_takes(compose, services):
    assert set(compose) == {"x-airflow", "services", "volumes"}
    for service in services.values():
        for key, value in service.items():
            assert isinstance(value, KEYS[key]), key
        assert all(isinstance(value, str) for value in service["environment"].values()), "1 and true want quotes"
        for needed, how in service.get("depends_on", {}).items():
            assert needed in services
            assert how["condition"] in CONDITIONS
            assert how["condition"] != "service_healthy" or "healthcheck" in services[needed]
        named = {source for source in mounts(service).values() if re.fullmatch(r"\w+", source)}
        assert named <= set(compose["volumes"])
        assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in service.get("ports", ())), "nobody else's"


@pytest.mark.parametrize("name", TASKS_RUN_IN)
def test_tasks_find_engine_project_and_home(services, name, monkeypatch):
    service = services[name]
    for key, value in service["environment"].items():
        monkeypatch.setenv(key, value)
    settings = Settings.load(None)
    mounted = mounts(service)

    assert mounted["/var/run/docker.sock"] == "/var/run/docker.sock"
    assert settings.files == "volumes"
    assert mounted[str(settings.home)] == "localhai"
    assert service["environment"]["LOCALHAI_MODE"] == "dev"
    project, _, folder = service["environment"]["LOCALHAI_PROJECTS"].partition("=")
    assert mounted[folder] == "."
    assert Settings.load(EXAMPLE).project_name == project
    dags = Path(service["environment"]["AIRFLOW__CORE__DAGS_FOLDER"]).relative_to(folder)
    assert list((EXAMPLE / dags).glob("*.py"))


def test_all_that_keep_files_in_the_home_are_one_user_of_one_volume(services):
    users = [service for service in services.values() if "localhai" in mounts(service).values()]

    assert {mounts(service)["/opt/airflow/localhai"] for service in users} == {"localhai"}
    assert {tuple(service["group_add"]) for service in users} == {("${DOCKER_GID:-0}",)}
    hosts = [services[name]["hostname"] for name in TASKS_RUN_IN]
    assert len(set(hosts)) == len(hosts), "recovery looks for its own processes by the name of the machine"


def test_the_image_is_made_of_what_is_there(services):
    build = services["scheduler"]["build"]
    context = (EXAMPLE / build["context"]).resolve()
    text = (context / build["dockerfile"]).read_text()
    copied = [word for line in re.findall(r"^COPY --chown=\S+ (.+)$", text, re.MULTILINE) for word in line.split()[:-1]]

    assert copied
    assert all((context / word).exists() for word in copied)
    assert "mkdir /opt/airflow/localhai" in text
