"""Fidelity, said aloud: which keys of valohai.yaml something uses, and what becomes of each (platform.md 1 and 12).

`parity_table` knows what becomes of every key; here it is found out which ones are used, and put into words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from localhai.project.parity_table import SAME, SHOWN, TABLE, Parity
from localhai.project.plan import ParityNote

if TYPE_CHECKING:
    from localhai.project.document import Document

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
