"""A step as the code that an execution ran with wrote it: what it takes, in which words, and its own defaults."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from localhai.errors import LocalhaiError

if TYPE_CHECKING:
    from pathlib import Path

    from valohai_yaml.objs import Parameter, Step

    from localhai.executions.home import Home
    from localhai.project.config import ProjectConfig
    from localhai.records import ExecutionRecord


def step_of(home: Home, record: ExecutionRecord) -> Step | None:
    """The step as the code that ran wrote it. None where that code is not at hand any more."""
    if not record.commit:
        return None
    yaml = str(record.document.get("yaml") or "")
    try:
        folder = next(iter(sorted(home.code_cache.glob(f"{record.commit}*"))), None)
        if folder is None or not yaml:
            return None
        config = _config(folder / yaml, home.folder / "cache" / "verdicts")
        found: Step | None = config.config.steps.get(record.step)
    except (LocalhaiError, OSError, ValueError):
        return None
    return found


@lru_cache(maxsize=64)
def _config(path: Path, verdicts: Path) -> ProjectConfig:
    """The code of a commit does not change."""
    from localhai.project.config import load_config

    return load_config(path, verdicts=verdicts)


def command_of(step: Step) -> list[str]:
    """Its items, before anything is filled in."""
    return [step.command] if isinstance(step.command, str) else list(step.command)


def defaults_of(step: Step) -> dict[str, Any]:
    """Parameter to value."""
    return {name: parameter.default for name, parameter in step.parameters.items()}


def form_of(step: Step) -> dict[str, Any]:
    """`{description, category, icon, parameters: [...], inputs: [...]}` (page.md 4.8), in the order of valohai.yaml."""
    return {
        "description": step.description,
        "category": step.category,
        "icon": step.icon,
        "parameters": [_parameter(parameter) for parameter in step.parameters.values()],
        "inputs": [
            {
                "name": item.name,
                "description": item.description,
                "default": [item.default] if isinstance(item.default, str) else list(item.default or ()),
                "optional": bool(item.optional),
            }
            for item in step.inputs.values()
        ],
    }


def _parameter(parameter: Parameter) -> dict[str, Any]:
    widget = parameter.widget
    return {
        "name": parameter.name,
        "type": parameter.type,
        "description": parameter.description,
        "category": parameter.category,
        "default": parameter.default,
        "optional": bool(parameter.optional),
        "choices": None if parameter.choices is None else list(parameter.choices),
        "min": parameter.min,
        "max": parameter.max,
        "multiple": parameter.multiple is not None,
        "widget": None if widget is None else {"type": widget.type, "settings": widget.settings},
    }
