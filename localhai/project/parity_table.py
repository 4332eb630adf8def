"""For every key of valohai.yaml, whether localhai does as the platform does: the one source (platform.md 1 and 12).

Keys are paths from the top-level item (`step.resources.cpu.max`); entries of a list share the path of the list. Every
key of the platform's schema stands here, and no other one: a test holds that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Literal

from msgspec import Struct


class Parity(Struct, frozen=True):
    """How near localhai comes for one key; `text` says how it differs, or why it does not matter here."""

    level: Literal["emulated", "approximated", "ignored"]
    text: str = ""


def _near(text: str) -> Parity:
    return Parity("approximated", text)


def _without(text: str) -> Parity:
    return Parity("ignored", text)


def _each(keys: str, entry: Parity) -> dict[str, Parity]:
    return dict.fromkeys(keys.split(), entry)


SAME = Parity("emulated")
SHOWN = _without("it is only shown on the platform's web page")
_ENVIRONMENT = _without("it is recorded; everything runs on this machine")
_PRESET = _without("a preset lives on the platform and cannot be read from here")
_RESTART = _without("this machine is no spot instance that could be taken away")
_MINIMUM = _without("nothing is reserved on one machine; only the maximum limits")
_PLACEMENT = _without("Kubernetes decides where things run on the platform; here there is one machine")
_VOLUME = _without("there are no Kubernetes volumes here")
_RANDOM = _near("the platform's random numbers are not known; ours are the same every time")

_PARAMETERS = {
    **_each("name type default optional choices min max multiple multiple-separator", SAME),
    **_each("pass-as pass-true-as pass-false-as", SAME),
    **_each("description category widget widget.type widget.settings", SHOWN),
}
_INPUTS = {
    **_each("name default optional keep-directories filename", SAME),
    "description": SHOWN,
    "download": _near("an on-demand input is downloaded beforehand, not when code asks for it"),
}
_MOUNTS = {
    **_each("source destination readonly", SAME),
    "type": _without("only folders of this machine are mounted, no network ones"),
    "options": _without("only folders of this machine are mounted, and they have no options"),
}
_MOUNT = _near("a folder of this machine is mounted in place of the worker's, when settings allow it")
_VARIABLES = {**_each("name default optional", SAME), "description": SHOWN}

_STEP = {
    **_each("name image command source-path", SAME),
    **_each("description icon category", SHOWN),
    "environment": _ENVIRONMENT,
    "runtime-config-preset": _PRESET,
    "autorestart": _RESTART,
    "cache-volumes": _without("inputs are cached in LOCALHAI_HOME; there are no Kubernetes volumes here"),
    "upload-store": _near("it is recorded; outputs go to the one store of the settings"),
    "outputs": {"name": SAME, "description": SHOWN},
    "parameters": _PARAMETERS,
    "inputs": _INPUTS,
    "mounts": (_MOUNT, _MOUNTS),
    "environment-variables": _VARIABLES,
    "environment-variable-groups": _without(
        "groups live on the platform; give their variables with an environment file"
    ),
    "time-limit": SAME,
    "no-output-timeout": SAME,
    "stop-condition": SAME,
    "resources": {
        "cpu": {"min": _MINIMUM, "max": _near("it becomes Docker's CPU limit")},
        "memory": {"min": _MINIMUM, "max": _near("it becomes Docker's memory limit")},
        "devices": _near("nvidia.com/gpu becomes GPUs of the Docker Engine; other devices are not handed on"),
    },
}
_TASK = {
    **_each("name step parameter-sets execution-count execution-batch-size on-child-error", SAME),
    "description": SHOWN,
    "type": _near("random draws and Bayesian proposals are not the platform's own"),
    "parameters": {
        **_each("name style", SAME),
        "rules": {
            **_each("value items start step count min max", SAME),
            "end": _near("it belongs to a linear range itself: unconfirmed"),
            "base": _near("10 where none is given: unconfirmed"),
            "distribution": _RANDOM,
            "seed": _RANDOM,
            "integerify": _near("numbers are rounded to whole ones: unconfirmed"),
            "numberify": _near("texts become numbers where they are some: unconfirmed"),
        },
    },
    "maximum-queued-executions": _near("it bounds all executions in progress"),
    "optimization-target-metric": SAME,
    "optimization-target-value": SAME,
    "engine": _near("Optuna proposes the parameters, whatever is named"),
    "stop-condition": SAME,
    "reuse-children": SAME,
}
_OVERRIDE = {
    **_each("image command", SAME),
    "environment": _ENVIRONMENT,
    "runtime-config-preset": _PRESET,
    "autorestart": _RESTART,
    "inputs": _INPUTS,
    "parameters": _PARAMETERS,
    "mounts": (_MOUNT, _MOUNTS),
    "environment-variables": _VARIABLES,
}
_PIPELINE = {
    "name": SAME,
    "parameters": {
        **_each("name default target targets", SAME),
        **_each("description category", SHOWN),
    },
    "reuse-executions": SAME,
    "nodes": {
        **_each("name type step task edge-merge-mode", SAME),
        "commit": _near("commits of this repository; steps of the platform's library cannot be had"),
        "on-error": _near("`retry` tries three times; how often the platform does is unconfirmed"),
        "actions": {
            **_each("when then", SAME),
            "if": _near("of several conditions all must hold: unconfirmed"),
        },
        "override": _OVERRIDE,
        "deployment": _near("a local HTTP container stands for the deployment"),
        "endpoints": SAME,
        "aliases": SAME,
    },
    "edges": {
        **_each("source target", SAME),
        "configuration": _without("nothing is known that it changes"),
    },
}
_DEPLOYMENT = {"name": SAME, "defaults": {"target": _without("there is one target: this machine")}}
_ENDPOINT = {
    **_each("name server-command port", SAME),
    "description": SHOWN,
    "image": SAME,
    "wsgi": _near("the platform's WSGI server is not public; another one serves here"),
    "files": {**_each("name path", SAME), "description": SHOWN},
    "resources": {
        "cpu": {"min": _MINIMUM, "max": _near("it becomes Docker's CPU limit; there is no autoscaling")},
        "memory": {"min": _MINIMUM, "max": _near("it becomes Docker's memory limit; there is no autoscaling")},
        "devices": _near("nvidia.com/gpu becomes GPUs of the Docker Engine; other devices are not handed on"),
        "ephemeral-storage": {"min": _MINIMUM, "max": _without("the disk of this machine is not divided")},
    },
    "node-selector": _PLACEMENT,
    "tolerations": (_PLACEMENT, _each("key operator value effect", _PLACEMENT)),
    "shared-volumes": (_VOLUME, _each("pvc-name mount-path sub-path read-only", _VOLUME)),
    "workspace-volume": (_VOLUME, _each("mount-path size storage-class-name", _VOLUME)),
}


def _rows(path: str, entry: Any) -> Iterator[tuple[str, Parity]]:
    """The entry of a key, then those below it. A mapping alone stands for a key that is emulated as such."""
    own, below = entry if isinstance(entry, tuple) else (SAME, entry)
    if isinstance(below, Parity):
        yield path, below
        return
    yield path, own
    for key, inner in below.items():
        yield from _rows(f"{path}.{key}", inner)


KINDS = {"step": _STEP, "task": _TASK, "pipeline": _PIPELINE, "deployment": _DEPLOYMENT, "endpoint": _ENDPOINT}
TABLE: Mapping[str, Parity] = MappingProxyType(
    dict(row for kind, keys in KINDS.items() for key in keys for row in _rows(f"{kind}.{key}", keys[key]))
)
