"""Fidelity, said aloud: for every key of valohai.yaml, whether localhai does as the platform does (platform.md 1, 12).

The table is the one source: its keys are paths from the top-level item (`step.resources.cpu.max`), entries of a list
share the path of the list. Every key of the platform's schema stands there, and no other one: a test holds that.
Behind it is found out which keys something uses, and put into words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from localhai.project.plan import ParityNote

if TYPE_CHECKING:
    from localhai.project.document import Document


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


MOUNTS_REFUSED = ParityNote(
    "mounts",
    "ignored",
    "they would open this machine to the step; allow them with `mounts = true` under [docker] in localhai.toml",
)

_AS_IF_NOT_WRITTEN = frozenset({  # what the parser fills in
    ("step.parameters.optional", "False"),
    ("step.parameters.type", "string"),
    ("step.inputs.optional", "False"),
    ("step.mounts.readonly", "False"),
    ("step.environment-variables.optional", "True"),
    ("task.reuse-children", "False"),
    ("task.parameters.rules.integerify", "False"),
    ("task.parameters.rules.numberify", "False"),
})  # fmt: skip
_DIFFERING_VALUES: Mapping[str, Callable[[Any], bool]] = MappingProxyType({  # with others they are as on the platform
    "task.type": lambda value: str(value).lower().replace("-", "_") in {"random_search", "bayesian_tpe"},
    "task.engine": lambda value: str(value).lower() != "optuna",
    "pipeline.nodes.on-error": lambda value: str(value) == "retry",
    "pipeline.nodes.actions.if": lambda value: isinstance(value, list) and len(value) > 1,
})  # fmt: skip


class KeyUse(Struct, frozen=True):
    """A key that a valohai.yaml uses, what becomes of it here, and in which lines it stands, counted from 1."""

    key: str
    parity: Parity
    lines: tuple[int, ...]

    def to_dict(self) -> dict[str, Any]:
        """`{key, level, text, lines}`."""
        return {"key": self.key, "level": self.parity.level, "text": self.parity.text, "lines": list(self.lines)}


def lookup(key: str) -> Parity | None:
    """The entry that speaks for a key path, None for a path that is not of valohai.yaml."""
    known = _known(key)
    return None if known is None else TABLE[known]


def step_notes(serialized: Mapping[str, Any]) -> tuple[ParityNote, ...]:
    """A note for every key that a step uses, each once, in the table's order.

    `serialized` is what `Step.serialize()` gives. Keys are those a person finds inside the step. A key that only holds
    others is not named beside them, unless there is something to say of it.
    """
    return notes("step", serialized)


def notes(kind: str, serialized: Mapping[str, Any]) -> tuple[ParityNote, ...]:
    """As `step_notes`, of an item of any kind (`task`, `pipeline`): what its `serialize()` gives."""
    used: dict[str, Parity] = {}
    for path, value in _paths(serialized, kind):
        key = _known(path)
        if key is not None and value != [] and (key, str(value)) not in _AS_IF_NOT_WRITTEN:
            used[key] = _worse(used.get(key), _fate(key, value))
    return tuple(ParityNote(key.removeprefix(f"{kind}."), used[key].level, used[key].text) for key in _telling(used))


def uses(document: Document) -> tuple[KeyUse, ...]:
    """Every key that a valohai.yaml uses, of all its items, in the table's order."""
    from localhai.project.checks.items import kind_of

    places: dict[str, list[int]] = {}
    used: dict[str, Parity] = {}
    for index, entry in enumerate(document.data if isinstance(document.data, list) else ()):
        kind = kind_of(entry) if isinstance(entry, dict) else None
        if kind is None:
            continue
        noun = "pipeline" if kind == "blueprint" else kind
        for path, value, where in _places(entry[kind], noun, (index, kind)):
            if path in TABLE:
                places.setdefault(path, []).append(document.positions.key(where).line)
                used[path] = _worse(used.get(path), _fate(path, value))
    return tuple(KeyUse(key, used[key], tuple(sorted(set(places[key])))) for key in _telling(used))


def differing(notes: Iterable[ParityNote]) -> tuple[ParityNote, ...]:
    """Those of keys that are approximated or ignored."""
    return tuple(note for note in notes if note.level != "emulated")


def changes_nothing(note: ParityNote) -> bool:
    """Whether what it is about is only shown on the platform's web page: no execution is the other for it."""
    return note.text == SHOWN.text


def sentence(notes: Iterable[ParityNote]) -> str:
    """One line that names each key that is approximated or ignored, once; empty when there is none."""
    found = differing(notes)
    telling = [note for note in found if not changes_nothing(note)]
    parts = []
    for level in ("approximated", "ignored"):
        keys = [_key_and_reason(note) for note in telling if note.level == level]
        parts += [f"{level}: {', '.join(keys)}"] if keys else []
    shown = [note.key for note in found if changes_nothing(note)]
    parts += [f"for the web page only: {', '.join(shown)}"] if shown else []
    return f"{'; '.join(parts)} (see localhai parity)" if parts else ""


def telling_sentence(notes: Iterable[ParityNote]) -> str:
    """`sentence` without what is only shown on the platform's web page."""
    return sentence(note for note in notes if not changes_nothing(note))


def _key_and_reason(note: ParityNote) -> str:
    """A reason that is of this machine's settings stands in no table, so it is said at once."""
    return f"{note.key} ({note.text})" if note == MOUNTS_REFUSED else note.key


def _fate(key: str, value: Any) -> Parity:
    """What becomes of a key with this value."""
    differs = _DIFFERING_VALUES.get(key)
    return SAME if differs is not None and not differs(value) else TABLE[key]


def _worse(known: Parity | None, other: Parity) -> Parity:
    """Of two uses of one key the one there is something to say of."""
    return other if known is None or known.level == "emulated" else known


def _telling(used: Mapping[str, Parity]) -> list[str]:
    """The keys in the table's order, without those that say nothing beside the others.

    These are emulated ones that only hold others, and others whose holder has the same fate.
    """
    holders = {key.rpartition(".")[0] for key in used}
    return [key for key in TABLE if key in used and not _is_beside(key, used, holders)]


def _is_beside(key: str, used: Mapping[str, Parity], holders: set[str]) -> bool:
    if used[key].level == "emulated":
        return key in holders
    holder = key.rpartition(".")[0]
    return holder in used and used[holder] == used[key]


def _known(path: str) -> str | None:
    """The key of the table that speaks for a path: its own, or that of the nearest one above."""
    while path and path not in TABLE:
        path = path.rpartition(".")[0]
    return path or None


def _paths(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every key path under a value, with what stands there; items of a list share the path of the list."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _paths(item, f"{path}.{key}")
    elif isinstance(value, (list, tuple)) and any(isinstance(item, dict) for item in value):
        for item in value:
            yield from _paths(item, path)
    if value is not None:
        yield path, value


def _places(value: Any, path: str, where: tuple[Any, ...]) -> Iterator[tuple[str, Any, tuple[Any, ...]]]:
    """Every key path under a value as it was written, with what stands there and where in the file."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield f"{path}.{key}", item, (*where, key)
            yield from _places(item, f"{path}.{key}", (*where, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _places(item, path, (*where, index))
