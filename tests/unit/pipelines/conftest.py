import pytest

from localhai.pipelines.planning import plan


@pytest.fixture
def make_plan():
    """A plan from the nodes, edges and more of a pipeline `p`; each node runs the step `s`, of everything one kind."""

    def make(nodes, edges=(), given=None, **more):
        from valohai_yaml.objs import Config

        step = {
            "name": "s",
            "image": "i",
            "command": "c",
            "inputs": [{"name": "in", "default": "s3://own/a"}, {"name": "maybe", "optional": True}, {"name": "need"}],
            "parameters": [
                {"name": "n", "type": "integer", "default": 1},
                {"name": "text", "type": "string", "default": "x"},
                {"name": "many", "type": "string", "multiple": "repeat", "optional": True},
            ],
            "environment-variables": [{"name": "V", "default": "v"}],
        }
        task = {"name": "t", "step": "s", "parameters": [{"name": "n", "style": "multiple", "rules": {"items": [1]}}]}
        full = []
        for node in nodes:
            known = {"name": node} if isinstance(node, str) else node
            kind = {} if {"task", "deployment"} & known.keys() else {"step": "s"}
            full.append({"type": "execution", **kind, **known})
        pipeline = {"name": "p", "nodes": full, "edges": list(edges), **more}
        return plan(Config.parse([{"step": step}, {"task": task}, {"pipeline": pipeline}]), "p", given)

    return make
