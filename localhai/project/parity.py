"""Fidelity, said aloud: for every key of valohai.yaml, whether localhai does as the platform does (reference 1 and 12).

`TABLE` is the one place for it. Its keys are paths from the top-level item (`step.resources.cpu.max`); an entry speaks
for the keys below it that have none of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from localhai.project.plan import ParityNote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Parity:
    """How near localhai comes for one key; `text` says how it differs, or why it does not matter here."""

    level: Literal["emulated", "approximated", "ignored"]
    text: str = ""


_SAME = Parity("emulated")
_SHOWN = Parity("ignored", "it is only shown on the platform's web page")
_PLACEMENT = "Kubernetes decides where things run on the platform; here there is one machine"

TABLE: Mapping[str, Parity] = MappingProxyType(
    {
        "step.name": _SAME,
        "step.image": _SAME,
        "step.command": _SAME,
        "step.description": _SHOWN,
        "step.icon": _SHOWN,
        "step.category": _SHOWN,
        "step.source-path": _SAME,
        "step.environment": Parity("ignored", "it is recorded; everything runs on this machine"),
        "step.runtime-config-preset": Parity("ignored", "a preset lives on the platform and cannot be read from here"),
        "step.autorestart": Parity("ignored", "this machine is no spot instance that could be taken away"),
        "step.cache-volumes": Parity(
            "ignored", "inputs are cached in LOCALHAI_HOME; there are no Kubernetes volumes here"
        ),
        "step.upload-store": Parity("approximated", "it is recorded; outputs go to the one store of the settings"),
        "step.outputs": _SAME,
        "step.outputs.description": _SHOWN,
        "step.parameters": _SAME,
        "step.parameters.description": _SHOWN,
        "step.parameters.category": _SHOWN,
        "step.parameters.widget": _SHOWN,
        "step.inputs": _SAME,
        "step.inputs.description": _SHOWN,
        "step.inputs.download": Parity("approximated", "it is downloaded beforehand, not when code asks for it"),
        "step.mounts": Parity("approximated", "a folder of this machine is mounted in place of the worker's"),
        "step.environment-variables": _SAME,
        "step.environment-variables.description": _SHOWN,
        "step.environment-variable-groups": Parity(
            "ignored", "groups live on the platform; give their variables with an environment file"
        ),
        "step.time-limit": _SAME,
        "step.no-output-timeout": _SAME,
        "step.stop-condition": _SAME,
        "step.resources.cpu.min": Parity("ignored", "nothing is reserved on one machine; only the maximum limits"),
        "step.resources.cpu.max": Parity("approximated", "it becomes Docker's CPU limit"),
        "step.resources.memory.min": Parity("ignored", "nothing is reserved on one machine; only the maximum limits"),
        "step.resources.memory.max": Parity("approximated", "it becomes Docker's memory limit"),
        "step.resources.devices": Parity(
            "approximated", "nvidia.com/gpu becomes GPUs of the Docker Engine; other devices are not handed on"
        ),
        # What follows is what the rooms pipelines, tasks and server of the design do; no plan of a step uses it.
        "task.name": _SAME,
        "task.description": _SHOWN,
        "task.step": _SAME,
        "task.type": Parity("approximated", "random draws and Bayesian proposals are not the platform's own"),
        "task.parameters": Parity("approximated", "the end of a linear range and the default base are unconfirmed"),
        "task.parameter-sets": _SAME,
        "task.execution-count": _SAME,
        "task.execution-batch-size": _SAME,
        "task.maximum-queued-executions": Parity("approximated", "it bounds all executions in progress"),
        "task.on-child-error": _SAME,
        "task.optimization-target-metric": _SAME,
        "task.optimization-target-value": _SAME,
        "task.engine": Parity("ignored", "there is one optimiser here"),
        "task.stop-condition": _SAME,
        "task.reuse-children": Parity("ignored", "every execution of the task runs"),
        "pipeline.name": _SAME,
        "pipeline.parameters": _SAME,
        "pipeline.parameters.description": _SHOWN,
        "pipeline.parameters.category": _SHOWN,
        "pipeline.reuse-executions": Parity("ignored", "every node runs"),
        "pipeline.edges": _SAME,
        "pipeline.nodes": _SAME,
        "pipeline.nodes.override.environment": Parity("ignored", "it is recorded; everything runs on this machine"),
        "pipeline.nodes.override.runtime-config-preset": Parity("ignored", "a preset lives on the platform"),
        "pipeline.nodes.override.autorestart": Parity("ignored", "this machine is no spot instance"),
        "pipeline.nodes.override.mounts": Parity(
            "approximated", "as the mounts of a step: only when settings allow them"
        ),
        "pipeline.nodes.deployment": Parity("approximated", "a local HTTP container stands for the deployment"),
        "deployment.name": _SAME,
        "deployment.defaults": Parity("ignored", "there is one target: this machine"),
        "endpoint.name": _SAME,
        "endpoint.description": _SHOWN,
        "endpoint.image": Parity("approximated", "the image is run as it is; no image is built from it and cached"),
        "endpoint.server-command": _SAME,
        "endpoint.wsgi": Parity("approximated", "the platform's WSGI server is not public; another one serves here"),
        "endpoint.port": _SAME,
        "endpoint.files": _SAME,
        "endpoint.files.description": _SHOWN,
        "endpoint.resources": Parity("approximated", "maxima become Docker limits; there is no autoscaling"),
        "endpoint.node-selector": Parity("ignored", _PLACEMENT),
        "endpoint.tolerations": Parity("ignored", _PLACEMENT),
        "endpoint.shared-volumes": Parity("ignored", "there are no Kubernetes volumes here"),
        "endpoint.workspace-volume": Parity("ignored", "there are no Kubernetes volumes here"),
    }
)

MOUNTS_REFUSED = ParityNote(
    "mounts",
    "ignored",
    "they would open this machine to the step; allow them with `mounts = true` under [docker] in localhai.toml",
)
NETWORK_MOUNT_REFUSED = ParityNote(
    "mounts.type", "ignored", "only folders of this machine are mounted, no network ones"
)


def changes_nothing(note: ParityNote) -> bool:
    """Whether what it is about is only shown on the platform's web page: no execution is the other for it."""
    return note.text == _SHOWN.text


def lookup(key: str) -> Parity | None:
    """The entry that speaks for a key path, None for a path that is not of valohai.yaml."""
    while key:
        if key in TABLE:
            return TABLE[key]
        key = key.rpartition(".")[0]
    return None


def step_notes(serialized: Mapping[str, Any]) -> tuple[ParityNote, ...]:
    """Notes for the keys that a step uses and that are not emulated, each once, in the table's order.

    `serialized` is what `Step.serialize()` gives. Keys are those a person finds inside the step.
    """
    notes = {}
    for path in _paths(serialized, "step"):
        entry = lookup(path)
        if entry is not None and entry.level != "emulated":
            key = next(known for known in _parents(path) if known in TABLE)
            notes[key] = ParityNote(key.removeprefix("step."), entry.level, entry.text)
    return tuple(notes[key] for key in TABLE if key in notes)


def _paths(value: Any, path: str) -> Iterator[str]:
    """Every key path under a value; list items share the path of their list."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _paths(item, f"{path}.{key}")
    elif isinstance(value, (list, tuple)) and any(isinstance(item, dict) for item in value):
        for item in value:
            yield from _paths(item, path)
    if value is not None:
        yield path


def _parents(path: str) -> Iterator[str]:
    while path:
        yield path
        path = path.rpartition(".")[0]
