from __future__ import annotations

import pytest

from localhai.containers.engine import ContainerSpec
from localhai.containers.limits import MEGABYTE, engine_limits
from localhai.errors import UsageError


def fields(**given):
    return dict(engine_limits(**given).fields)


def test_nothing_asked_is_nothing_set():
    assert fields() == {}


def test_resources_become_limits():
    found = fields(cpu_max=0.5, memory_min=100, memory_max=200, devices={"nvidia.com/gpu": 2})

    assert found == {"cpus": 0.5, "memory": 200 * MEGABYTE, "memory_reservation": 100 * MEGABYTE, "gpus": 2}
    ContainerSpec("n", "i", ("x",), **found)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [("2", {"cpus": 2.0}), ("1.5", {"cpus": 1.5}), ("0,2,4", {"cpuset": "0,2,4"}), ("0-3", {"cpuset": "0-3"})],
)
def test_vh_cpu_limit_beats_resources(value, wanted):
    assert fields(cpu_max=8, variables={"VH_CPU_LIMIT": value}) == wanted


@pytest.mark.parametrize("value", ["many", "0", "-1", "nan", "inf"])
def test_vh_cpu_limit_that_cannot_be_read_is_an_error(value):
    with pytest.raises(UsageError, match="VH_CPU_LIMIT"):
        engine_limits(variables={"VH_CPU_LIMIT": value})


def test_more_than_the_engine_has_is_given_as_far_as_it_goes_and_said():
    found = engine_limits(cpu_max=64, memory_max=1_000_000, engine_cpus=4, engine_memory=8 << 30)

    assert dict(found.fields) == {"cpus": 4.0}
    assert "64 processors" in found.notes[0]
    assert "8192 MB" in found.notes[1]


def test_devices_without_a_counterpart_are_named():
    found = engine_limits(devices={"amd.com/fpga": 1})

    assert dict(found.fields) == {}
    assert "amd.com/fpga" in found.notes[0]


def test_network_and_ports():
    variables = {"VH_DOCKER_NETWORK": "host", "VH_EXPOSE_PORTS": "8080, 9000:90 22/tcp"}

    assert fields(network="mine") == {"network": "mine"}
    assert fields(network="mine", variables=variables) == {"network": "host", "ports": {8080: 8080, 90: 9000, 22: 22}}


@pytest.mark.parametrize("value", ["x", "0", "70000", "1:2:3"])
def test_a_port_that_is_none_is_an_error(value):
    with pytest.raises(UsageError, match="VH_EXPOSE_PORTS"):
        engine_limits(variables={"VH_EXPOSE_PORTS": value})
