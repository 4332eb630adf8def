"""What clients may open of the machine beside files and addresses: networks of Docker, mounts; what containers get."""

from __future__ import annotations

import pytest

from localhai.settings import Settings

MOUNTING = """\
- step:
    name: train
    image: python:3.11-slim
    command: ls /mnt
    mounts:
      - {source: %s, destination: /mnt}
"""


def created(engine):
    return [spec for spec in engine.created if spec.labels.get("localhai.execution")]


@pytest.mark.parametrize("network", ["host", "container:abc", "bridge", " host "])
def test_a_client_names_no_network_of_docker(demo, state, network):
    answer = demo.create(environment_variables={"VH_DOCKER_NETWORK": network})
    assert answer.status_code == 400
    assert "--allow-docker-network" in answer.text
    assert state.home.executions() == []


def test_nor_by_a_variable_of_the_project_nor_in_a_node_or_a_task(ada, demo, state):
    variable = {"name": "VH_DOCKER_NETWORK", "value": "host"}
    assert ada.post(f"/api/v0/projects/{demo.id}/environment_variable/", json=variable).ok
    assert demo.create().status_code == 400
    template = {"commit": demo.commit, "step": "train"}
    node = {"name": "a", "type": "execution", "template": template}
    pipeline = ada.post("/api/v0/pipelines/", json={"project": demo.id, "nodes": [node], "edges": []})
    assert pipeline.status_code == 201, pipeline.text
    assert ada.ended("pipelines", pipeline.json()["id"])["status"] == "error"
    (execution,) = state.home.executions()
    assert "--allow-docker-network" in str(execution.error)
    assert execution.record.container_id is None


def test_networks_that_the_server_names_are_taken(demo, allow):
    allow(serve_networks=("shared",), network="own")
    for network in ("shared", "own", "none"):
        assert demo.create(environment_variables={"VH_DOCKER_NETWORK": network}).status_code == 201


def test_a_client_mounts_no_folder_of_the_machine(demo, allow, tmp_path):
    allow(mounts=True)
    demo.commit = demo.upload_files({"valohai.yaml": MOUNTING % "/etc"}).json()["identifier"]
    answer = demo.create()
    assert answer.status_code == 400
    assert "/etc" in answer.text
    allow(serve_folders=(tmp_path,))
    demo.commit = demo.upload_files({"valohai.yaml": MOUNTING % tmp_path}).json()["identifier"]
    assert demo.create().status_code == 201


def test_settings_of_a_project_open_nothing_to_clients(demo, state, tmp_path):
    """Its folder's localhai.toml is a person's, and still not that of who serves."""
    toml = f'[serve]\nfolders = ["{tmp_path}"]\naddresses = ["private"]\ndocker_networks = ["host"]\n'
    with open(f"{state.project(demo.id).path}/localhai.toml", "w", encoding="utf-8") as file:
        file.write(toml)
    (tmp_path / "a").write_text("a")
    assert demo.create(environment_variables={"VH_DOCKER_NETWORK": "host"}).status_code == 400
    assert demo.create(inputs={"data": [str(tmp_path / "a")]}).status_code == 400
    assert demo.create(inputs={"data": ["http://127.0.0.1/x"]}).status_code == 400


def test_the_settings_of_a_server_are_read_from_its_file_and_variables(tmp_path):
    (tmp_path / "localhai.toml").write_text(
        '[serve]\nfolders = ["shared"]\naddresses = ["10.1.2.3/16"]\n[docker]\npids_limit = 0\n'
    )
    found = Settings.load(tmp_path, environ={"LOCALHAI_SERVE_DOCKER_NETWORKS": "a, b"})
    assert found.serve_folders == (tmp_path / "shared",)
    assert found.serve_addresses == ("10.1.0.0/16",)
    assert found.serve_networks == ("a", "b")
    assert (found.pids_limit, found.no_new_privileges) == (0, True)
    both = Settings.load(tmp_path, environ={"LOCALHAI_SERVE_FOLDERS": f"/a:{tmp_path}/b"})
    assert [str(folder) for folder in both.serve_folders] == ["/a", f"{tmp_path}/b"]
    with pytest.raises(Exception, match="no network"):
        Settings.load(tmp_path, environ={"LOCALHAI_SERVE_ADDRESSES": "intranet"})
