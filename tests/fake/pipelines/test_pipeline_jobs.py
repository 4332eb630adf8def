"""`--jobs` is one limit over all executions of a pipeline, those of task nodes too."""

import threading

import pytest

from localhai.errors import Interrupted
from localhai.executions.run.slots import Slots

STEP = {"name": "count", "parameters": [{"name": "n", "type": "integer", "default": 0}]}
VARIANTS = [{"name": "n", "style": "multiple", "rules": {"items": [1, 2, 3]}}]
PATIENCE = 30


class Crowd:
    """A behaviour that knows how many containers ran at once. Each waits until `together` of them do."""

    def __init__(self, together):
        self.now = self.most = 0
        self._barrier = threading.Barrier(together)
        self._lock = threading.Lock()

    def __call__(self, container):
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        self._barrier.wait(PATIENCE)
        container.sleep(0.02)  # time for one too many to begin
        with self._lock:
            self.now -= 1
        return 0


def test_two_task_nodes_share_the_limit(pipelines):
    sweep = {"name": "sweep", "step": "count", "parameters": VARIANTS}
    nodes = [{"name": "a", "task": "sweep"}, {"name": "b", "task": "sweep"}]
    pipelines.write(nodes, steps=[STEP], tasks=[sweep])
    crowd = Crowd(2)
    pipelines.engine.behave(crowd)
    document = pipelines.run("--jobs", "2")
    assert document["status"] == "complete"
    assert crowd.most == 2


def test_a_task_node_and_executions_share_the_limit(pipelines):
    sweep = {"name": "sweep", "step": "count", "parameters": VARIANTS}
    nodes = [{"name": "a", "task": "sweep"}, *({"name": name, "step": "count"} for name in ("b", "c", "d"))]
    pipelines.write(nodes, steps=[STEP], tasks=[sweep])
    crowd = Crowd(3)
    pipelines.engine.behave(crowd)
    assert pipelines.run("--jobs", "3")["status"] == "complete"
    assert crowd.most == 3


def test_members_of_a_distributed_task_start_together_with_nothing_beside_them(pipelines):
    together = {"name": "together", "step": "count", "type": "distributed", "execution-count": 3, "parameters": []}
    nodes = [{"name": "a", "task": "together"}, {"name": "b", "task": "together"}]
    pipelines.write(nodes, steps=[STEP], tasks=[together])
    crowd = Crowd(3)
    pipelines.engine.behave(crowd)
    assert pipelines.run("--jobs", "2")["status"] == "complete"
    assert crowd.most == 3


def test_a_node_that_waits_for_a_slot_can_be_stopped(pipelines):
    """The failing node takes the pipeline down while another one waits behind a task that fills the limit."""
    sweep = {"name": "sweep", "step": "count", "parameters": VARIANTS, "on-child-error": "stop-all-and-error"}
    nodes = [{"name": "a", "task": "sweep"}, {"name": "b", "task": "sweep"}]
    pipelines.write(nodes, steps=[STEP], tasks=[sweep])
    pipelines.engine.behave(lambda container: 1 if container.parameters["n"] == 1 else container.sleep(PATIENCE))
    document = pipelines.run("--jobs", "2", code=1)
    assert (document["status"], [node["status"] in {"error", "stopped"} for node in document["nodes"]]) == (
        "error",
        [True, True],
    )


def test_slots_serve_who_came_first():
    slots = Slots(2)
    served = []
    first = slots.taken(given_up=lambda: False)
    first.__enter__()

    def both():
        with slots.taken(2, given_up=lambda: False):
            served.append("both")

    def one():
        with slots.taken(given_up=lambda: False):
            served.append("one")

    threads = [threading.Thread(target=both), threading.Thread(target=one)]
    threads[0].start()
    while not slots._waiting:
        threads[0].join(0.001)
    threads[1].start()
    while len(slots._waiting) < 2:
        threads[1].join(0.001)
    assert served == []  # one is free, but not for who came later
    first.__exit__(None, None, None)
    for thread in threads:
        thread.join(PATIENCE)
    assert served == ["both", "one"]


def test_more_slots_than_there_are_means_all():
    slots = Slots(2)
    with slots.taken(5, given_up=lambda: False), pytest.raises(Interrupted), slots.taken(given_up=lambda: True):
        pass
    with slots.taken(2, given_up=lambda: True):  # all came back, and who gave up waits no more
        pass
