"""Plans for the tests of tasks, made from YAML as people write it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from localhai.project.config import load_config
from localhai.tasks.blueprint import plan_blueprint

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from localhai.tasks.plan import TaskPlan

STEP = """\
- step:
    name: train
    image: python:3.11-slim
    command: echo {parameters}
    parameters:
      - {name: lr, type: float, default: 0.5}
      - {name: epochs, type: integer, default: 3}
      - {name: kind, type: string, default: small, choices: [small, large]}
"""


@pytest.fixture
def plan_of(tmp_path: Path) -> Callable[..., TaskPlan]:
    """`plan_of(type="random_search", parameters={"lr": [0.1, 0.2], "epochs": ("random", {...})})`: the task's plan."""

    def make(*, seed: int = 7, **keys: Any) -> TaskPlan:
        given = keys.pop("parameters", {})
        parameters = [{"name": name, **_style(value)} for name, value in given.items()]
        keys = {key.replace("_", "-"): value for key, value in keys.items() if value is not None}
        task = {"name": "sweep", "step": "train", "parameters": parameters, **keys}
        path = tmp_path / "valohai.yaml"
        path.write_text(STEP + yaml.safe_dump([{"task": task}], sort_keys=False))
        return plan_blueprint(load_config(path), "sweep", seed=seed)

    return make


def _style(value: Any) -> dict[str, Any]:
    style, rules = value if isinstance(value, tuple) else ("multiple", {"items": value})
    return {"style": style, "rules": rules}
