from __future__ import annotations

import os
import subprocess
import sys

from msgspec.structs import replace

from localhai.containers import labels, reap
from localhai.containers.engine import ContainerSpec
from localhai.testing import FakeEngine


def test_labels_name_execution_project_and_this_process():
    found = labels.build(execution="e", project="p")

    assert (found["localhai.execution"], found["localhai.project"]) == ("e", "p")
    owner = labels.parse_owner(found)
    assert owner == labels.own_owner()
    assert owner is not None
    assert owner.pid == os.getpid()


def test_labels_that_cannot_be_read_have_no_owner():
    assert labels.parse_owner({}) is None
    assert labels.parse_owner({"localhai.owner": "{}"}) is None
    assert labels.parse_owner({"localhai.owner": "1234"}) is None


def test_this_process_is_alive_and_an_ended_one_is_not():
    done = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    gone = replace(labels.own_owner(), pid=int(done.stdout))

    assert labels.is_alive(labels.own_owner())
    assert not labels.is_alive(gone)
    assert not labels.is_alive(None)


def test_a_pid_used_again_and_another_boot_are_noticed():
    me = labels.own_owner()

    assert not labels.is_alive(replace(me, process_start="1"))
    assert not labels.is_alive(replace(me, boot_id="another"))


def test_an_owner_on_another_machine_is_taken_to_live():
    assert labels.is_alive(replace(labels.own_owner(), host="elsewhere", pid=1, boot_id="x"))


def test_orphans_are_found_and_everything_of_theirs_is_removed():
    engine = FakeEngine()
    dead = labels.build(execution="dead", project="p", owner=replace(labels.own_owner(), process_start="1"))
    mine = labels.build(execution="mine", project="p")
    for found in (dead, mine):
        engine.create(ContainerSpec("", "i", ("x",), labels=found))
        engine.create_volume(f"v-{found['localhai.execution']}", found)
        engine.create_network(f"n-{found['localhai.execution']}", found)

    orphans = reap.orphans(engine)
    problems = reap.remove(engine, reap.of_execution(engine, "dead"))

    assert [item.labels["localhai.execution"] for item in orphans] == ["dead"]
    assert problems == []
    assert not reap.of_execution(engine, "dead")
    assert len(reap.of_execution(engine, "mine").volumes) == 1
    engine.close()
