from __future__ import annotations

import pytest

from localhai.containers import limits
from localhai.containers.docker import payload
from localhai.containers.engine import ContainerSpec, Mount


def test_the_entrypoint_of_the_image_is_cleared_and_nothing_is_removed_by_itself():
    body = payload.creation(ContainerSpec("n", "i", ("sh", "-c", "x"), environment={"A": "1=2"}))

    assert (body["Entrypoint"], body["Cmd"]) == (["sh"], ["-c", "x"])
    assert body["Env"] == ["A=1=2"]
    assert body["HostConfig"]["AutoRemove"] is False


def test_limits_reach_the_engine_and_memory_has_no_swap_beyond_it():
    spec = ContainerSpec(
        "n", "i", ("x",), cpus=1.5, cpuset="0,2", memory=1 << 20, gpus=-1, shm_size=64, ports={80: 8080}
    )

    host = payload.creation(spec)["HostConfig"]

    assert (host["NanoCpus"], host["CpusetCpus"]) == (1_500_000_000, "0,2")
    assert (host["Memory"], host["MemorySwap"], host["ShmSize"]) == (1 << 20, 1 << 20, 64)
    assert host["DeviceRequests"] == [{"Driver": "", "Count": -1, "Capabilities": [["gpu"]]}]
    assert host["PortBindings"] == {"80/tcp": [{"HostPort": "8080"}]}


def test_options_of_settings_reach_the_engine_and_are_absent_without_them():
    spec = ContainerSpec(
        "n",
        "i",
        ("x",),
        ipc="host",
        runtime="nvidia",
        ulimits=(("nofile", 1, 2),),
        devices=("/dev/kfd", "/dev/a:/dev/b:r"),
        groups=("video",),
        capabilities=("SYS_PTRACE",),
    )
    host = payload.creation(spec)["HostConfig"]
    assert (host["IpcMode"], host["Runtime"], host["GroupAdd"], host["CapAdd"]) == (
        "host",
        "nvidia",
        ["video"],
        ["SYS_PTRACE"],
    )
    assert host["Ulimits"] == [{"Name": "nofile", "Soft": 1, "Hard": 2}]
    assert host["Devices"] == [
        {"PathOnHost": "/dev/kfd", "PathInContainer": "/dev/kfd", "CgroupPermissions": "rwm"},
        {"PathOnHost": "/dev/a", "PathInContainer": "/dev/b", "CgroupPermissions": "r"},
    ]
    plain = payload.creation(ContainerSpec("n", "i", ("x",)))["HostConfig"]
    assert plain.keys().isdisjoint({"IpcMode", "Runtime", "Ulimits", "Devices", "GroupAdd", "CapAdd", "ShmSize"})


def test_podman_keeps_its_own_log_driver():
    spec = ContainerSpec("n", "i", ("x",))

    assert payload.creation(spec)["HostConfig"]["LogConfig"]["Type"] == "local"
    assert "LogConfig" not in payload.creation(spec, podman=True)["HostConfig"]


def test_selinux_does_not_keep_a_container_from_its_mounts():
    body = payload.creation(ContainerSpec("n", "i", ("x",), mounts=(Mount("/a", "/b"),)), relabel_off=True)

    assert "label=disable" in body["HostConfig"]["SecurityOpt"]


def test_nothing_in_a_container_gains_rights_unless_that_is_asked_for():
    def host(**more):
        return payload.creation(ContainerSpec("n", "i", ("x",), **more))["HostConfig"]

    assert host()["SecurityOpt"] == ["no-new-privileges"]
    assert "SecurityOpt" not in host(new_privileges=True)
    assert host(pids=100)["PidsLimit"] == 100
    assert "PidsLimit" not in host()


@pytest.mark.parametrize(
    ("wanted", "foreign"),
    [
        ("", None),
        ("own", None),
        (" shared ", None),
        ("none", None),
        ("host", "host"),
        ("container:abc", "container:abc"),
        ("bridge", "bridge"),
        ("OWN", "OWN"),
    ],
)
def test_a_network_is_foreign_unless_it_is_named(wanted, foreign):
    found = limits.foreign_network({"VH_DOCKER_NETWORK": wanted}, own="own", allowed=("shared",))
    assert found == foreign


def test_a_state_has_times_only_once_they_are():
    state = payload.state(
        {
            "Id": "1",
            "Name": "/n",
            "Image": "sha256:x",
            "State": {"Status": "created", "ExitCode": 0, "StartedAt": "0001-01-01T00:00:00Z"},
        }
    )

    assert (state.name, state.running, state.exit_code, state.started, state.image) == (
        "n",
        False,
        None,
        None,
        "sha256:x",
    )


@pytest.mark.parametrize(("text", "code"), [("Exited (137) 2 minutes ago", 137), ("Up 3 seconds", None)])
def test_a_listed_container_has_its_exit_code(text, code):
    row = {"Id": "1", "Names": ["/n"], "State": "exited" if code else "running", "Status": text, "Labels": {"a": "b"}}

    assert payload.listed(row).exit_code == code


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("python", ("python", "latest")),
        ("python:3.11-slim", ("python", "3.11-slim")),
        ("localhost:5000/a/b", ("localhost:5000/a/b", "latest")),
        ("localhost:5000/a/b:1", ("localhost:5000/a/b", "1")),
        ("a@sha256:00", ("a", "sha256:00")),
    ],
)
def test_references_are_split_at_the_tag(reference, parts):
    assert payload.split_reference(reference) == parts


def test_the_digest_is_the_repository_s_where_there_is_one():
    data = {
        "Id": "sha256:id",
        "RepoDigests": ["other@sha256:1", "python@sha256:2"],
        "Config": {"Env": ["A=b"], "User": "me"},
    }

    image = payload.image("python:3.11", data)

    assert (image.digest, image.user, dict(image.environment)) == ("sha256:2", "me", {"A": "b"})
    assert payload.image("python", {"Id": "sha256:id"}).digest == "sha256:id"


def test_what_an_engine_says_of_itself():
    info = payload.info(
        "p",
        {
            "ID": "X",
            "Architecture": "aarch64",
            "NCPU": 8,
            "SecurityOptions": ["name=seccomp", "name=rootless"],
            "Runtimes": {"nvidia": {}},
        },
    )

    assert (info.architecture, info.cpus, info.rootless, info.remapped, info.gpus) == ("arm64", 8, True, False, True)


@pytest.mark.parametrize(
    ("driver", "config", "address"),
    [
        ("bridge", [{"Subnet": "172.17.0.0/16", "Gateway": "172.17.0.1"}], "172.17.0.1"),
        ("bridge", [{"Subnet": "fd00::/64", "Gateway": "fd00::1"}, {"Subnet": "10.9.0.0/24"}], "10.9.0.1"),
        ("bridge", [{"Subnet": "172.17.0.0/16"}], "172.17.0.1"),  # an engine that has just made its bridge
        ("macvlan", [{"Subnet": "192.168.7.0/24"}], None),
        ("null", [], None),
        ("bridge", None, None),
        ("bridge", [{"Subnet": ""}], None),
    ],
)
def test_the_gateway_of_a_network_is_where_this_machine_is(driver, config, address):
    found = payload.gateway({"Driver": driver, "IPAM": {"Config": config}})
    assert (found and found.address) == address


@pytest.mark.parametrize(
    ("place", "system", "on_linux", "desktop"),
    [
        ("unix:///a/.docker/run/docker.sock", "Docker Desktop", False, True),
        ("unix:///a/.docker/desktop/docker.sock", "Docker Desktop", True, True),
        ("unix:///a/.orbstack/run/docker.sock", "OrbStack", False, True),
        ("unix:///a/.colima/default/docker.sock", "Ubuntu 24.04.1 LTS", False, True),
        ("unix:///a/podman.sock", "fedora", False, True),
        ("unix:///var/run/docker.sock", "Debian GNU/Linux 12 (bookworm)", True, False),
        ("ssh://far", "Ubuntu 24.04.1 LTS", False, False),
    ],
)
def test_engines_in_a_virtual_machine_know_this_machine_by_a_name(place, system, on_linux, desktop, monkeypatch):
    monkeypatch.setattr(payload, "has_own_containers", lambda: on_linux)

    assert payload.info(place, {"OperatingSystem": system}).desktop is desktop
