"""Environment variables: those that the platform sets in a container (platform.md 2.2), those that it hears. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.containers.trees.layout import CONFIG, INPUTS, OUTPUTS, REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Mapping


PRIVATE = frozenset({"JUPYTER_TOKEN"})  # the right to a notebook: nobody is shown its value
_TRUE_WORDS = frozenset({"1", "yes", "true"})
_BELONGING = ("task-id", "pipeline-id", "pipeline-node-id")


def is_set(variables: Mapping[str, str], name: str) -> bool:
    """Whether a step has switched something on by a variable (platform.md 2.3)."""
    return variables.get(name, "").lower() in _TRUE_WORDS


def platform_variables(
    *, execution_id: str, project_id: str, address: str, belonging: Mapping[str, Any] | None = None
) -> dict[str, str]:
    """VH_* as every execution has them, and those of the task or pipeline that it belongs to (`RunOptions.belonging`).

    `address` is this machine's: it stands for the worker's, and a machine without a public one has its own there.
    PYTHONUNBUFFERED makes Python's output live; unconfirmed on the platform.
    """
    known = belonging or {}
    belongs = {f"VH_{key.upper().replace('-', '_')}": str(known[key]) for key in _BELONGING if key in known}
    return {
        "VH_CONFIG_DIR": CONFIG,
        "VH_INPUTS_DIR": INPUTS,
        "VH_OUTPUTS_DIR": OUTPUTS,
        "VH_REPOSITORY_DIR": REPOSITORY,
        "VH_JOB_ID": f"exec-{execution_id}",
        "VH_EXECUTION_ID": execution_id,
        "VH_PROJECT_ID": project_id,
        "VH_LOCAL_IP": address,
        "VH_PUBLIC_IP": address,
        **belongs,
        "PYTHONUNBUFFERED": "1",
    }


def container_variables(
    platform: Mapping[str, str],
    *,
    helpful: Mapping[str, str],
    planned: Mapping[str, str],
    secret: Mapping[str, str],
) -> dict[str, str]:
    """All variables of a container. A step's own beat those that only help (caches); the platform's beat all."""
    helpful = {name: value for name, value in helpful.items() if name not in planned and name not in secret}
    defaults = {name: value for name, value in platform.items() if not name.startswith("VH_")}
    fixed = {name: value for name, value in platform.items() if name.startswith("VH_")}
    return {**defaults, **helpful, **secret, **planned, **fixed}
