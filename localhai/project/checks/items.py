"""The items of a valohai.yaml by kind and name, and the file as a whole: names and keys that come twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from localhai.errors import Problem
from localhai.project.document import ODD_SPACE_HINT, find_odd_space, is_odd_in_structure, place
from localhai.project.sentences import all_of, article, described, guess, quoted

if TYPE_CHECKING:
    from collections.abc import Collection

    from localhai.project.checks.findings import Findings
    from localhai.project.document import Document


KINDS = ("step", "task", "endpoint", "pipeline", "blueprint", "deployment")  # in the order that reading tries them


@dataclass(frozen=True)
class Item:
    """One item: `key` is its kind as written (`blueprint` is an alias of `pipeline`), `data` what stands under it.

    `is_sound` says that it has the right shape, so that its insides may be relied upon.
    """

    key: str
    index: int
    data: Any
    is_sound: bool
    _names: dict[str, dict[str, None]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def kind(self) -> str:
        """`step`, `task`, `endpoint`, `pipeline` or `deployment`."""
        return "pipeline" if self.key == "blueprint" else self.key

    @property
    def path(self) -> tuple[Any, ...]:
        """Where `data` stands in the file."""
        return (self.index, self.key)

    @property
    def name(self) -> str | None:
        """Its name, when it has one."""
        name = self.data.get("name") if isinstance(self.data, dict) else None
        return name if isinstance(name, str) else None

    def names(self, key: str) -> Collection[str]:
        """The names of the entries of the list `key` of a sound item, in order; looked up once, each once."""
        if key not in self._names:
            self._names[key] = dict.fromkeys(names(self.data, key))
        return self._names[key]


@dataclass
class Items:
    """All items in the order of the file, and the last one of each name, which is the one that counts."""

    all: list[Item] = field(default_factory=list)
    steps: dict[str, Item] = field(default_factory=dict)
    tasks: dict[str, Item] = field(default_factory=dict)
    endpoints: dict[str, Item] = field(default_factory=dict)
    pipelines: dict[str, Item] = field(default_factory=dict)
    deployments: dict[str, Item] = field(default_factory=dict)

    def add(self, item: Item) -> None:
        """Take in an item; one without a name can only be looked at itself."""
        self.all.append(item)
        if item.name is not None:
            self.of_kind(item.kind)[item.name] = item

    def of_kind(self, kind: str) -> dict[str, Item]:
        """The items of one kind by name."""
        by_name: dict[str, Item] = getattr(self, f"{kind}s")
        return by_name


def kind_of(entry: dict[Any, Any]) -> str | None:
    """The key of an item that is read: the first known kind (platform.md 1.0)."""
    return next((kind for kind in KINDS if kind in entry), None)


def each(path: tuple[Any, ...], data: dict[str, Any], key: str) -> list[tuple[tuple[Any, ...], Any]]:
    """What stands at a key that may hold one value or a list of them: each with its path."""
    value = data.get(key)
    if isinstance(value, list):
        return [((*path, key, index), item) for index, item in enumerate(value)]
    return [] if value is None else [((*path, key), value)]


def named(data: dict[str, Any], key: str) -> list[tuple[int, dict[str, Any]]]:
    """The entries of the list `key` of a sound item, with their indexes."""
    return list(enumerate(data.get(key) or ()))


def names(data: dict[str, Any], key: str) -> list[str]:
    """The names of the entries of the list `key`, in order."""
    return [str(entry["name"]) for _, entry in named(data, key) if "name" in entry]


def check_text(document: Document, findings: Findings) -> None:
    """What the text shows and its data does not: keys that stand twice, odd spaces, a byte order mark."""
    for key in document.duplicate_keys:
        message = f"{key.name} stands here a second time; only this one counts"
        hint = f"remove one of them: the first is in line {key.first.line}"
        findings.add(Problem("warning", message, "duplicate-key", key.position, hint))
    odd = find_odd_space(document.positions.text)
    if odd is not None and is_odd_in_structure(document.data):
        position = place(document.positions, document.positions.text[: odd[0]])
        findings.add(Problem("warning", odd[1], "odd-space", position, ODD_SPACE_HINT))
    if document.has_byte_order_mark:
        message = "the file begins with a byte order mark"
        hint = "harmless, but other tools stumble over it: save as UTF-8 without it"
        findings.add(Problem("hint", message, "byte-order-mark", document.positions.start(), hint))


def collect(data: Any, findings: Findings) -> Items:
    """The items of the file; reports entries that are none, and names that come twice."""
    items = Items()
    for index, entry in enumerate(data if isinstance(data, list) else ()):
        if not isinstance(entry, dict):
            continue
        kind = kind_of(entry)
        if kind is None:
            _unknown_kind(index, entry, findings)
            continue
        if entry[kind] is not None:  # else it is an indentation fault, and said as such
            _ignored_kinds(index, entry, kind, findings)
        is_sound = isinstance(entry[kind], dict) and (index, kind) not in findings.misshapen
        item = Item(kind, index, entry[kind], is_sound)
        _same_name(item, items, findings)
        items.add(item)
    _nothing_to_run(items, findings)
    return items


def _unknown_kind(index: int, entry: dict[Any, Any], findings: Findings) -> None:
    if not entry:
        findings.warning((index,), f"item {index + 1} of the file is empty and ignored", "unknown-item")
        return
    key = next(iter(entry))
    hint = guess(key, KINDS, plural="kinds of items")
    message = f"{key if isinstance(key, str) else described(key)} is no kind of item, so this one is ignored"
    findings.warning((index, key), message, "unknown-item", hint=hint, key=True)


def _ignored_kinds(index: int, entry: dict[Any, Any], kind: str, findings: Findings) -> None:
    for key in entry:
        if key in KINDS and key != kind:
            message = f"{key} is ignored: this item is a {kind} already"
            findings.warning((index, key), message, "ignored-item", hint=f"begin it with `- {key}:`", key=True)
        elif key != kind:
            message = f"{key} stands beside {kind} and is ignored"
            hint = f"indent it to make it a part of the {kind}"
            findings.warning((index, key), message, "ignored-key", hint=hint, key=True)


def _same_name(item: Item, items: Items, findings: Findings) -> None:
    earlier = items.of_kind(item.kind).get(item.name) if item.name is not None else None
    if earlier is not None:
        line = findings.positions.value((*earlier.path, "name")).line
        message = f"there is {article(item.kind)} {quoted(item.name)} already; only this one counts"
        findings.warning((*item.path, "name"), message, "duplicate-name", hint=f"the first is in line {line}")


def _nothing_to_run(items: Items, findings: Findings) -> None:
    if findings.has_errors_in(()) or items.steps or any(item.key == "step" for item in items.all):
        return
    hint = "add a step: `- step:` with name, image and command"
    if items.all:
        kinds = all_of(sorted({f"{item.kind}s" for item in items.all}))
        findings.hint((), f"the file has {kinds} but no steps, so nothing can be executed", "no-steps", hint=hint)
    else:
        findings.warning((), "the file has no steps", "no-steps", hint=hint)


def check_unique(
    path: tuple[Any, ...], entries: list[tuple[int, dict[str, Any]]], noun: str, owner: str, findings: Findings
) -> None:
    """Warn of entries of one list that share a name: the last one counts."""
    seen: dict[str, int] = {}
    for index, entry in entries:
        name = entry.get("name")
        if not isinstance(name, str):
            continue
        if name in seen:
            line = findings.positions.value((*path, seen[name], "name")).line
            message = f"{owner} has {noun} {quoted(name)} twice; only this one counts"
            findings.warning((*path, index, "name"), message, "duplicate-name", hint=f"the first is in line {line}")
        seen.setdefault(name, index)
