"""The items of a valohai.yaml by kind and name, for checks that look from one item to another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

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


def named(data: dict[str, Any], key: str) -> list[tuple[int, dict[str, Any]]]:
    """The entries of the list `key` of a sound item, with their indexes."""
    return list(enumerate(data.get(key) or ()))


def names(data: dict[str, Any], key: str) -> list[str]:
    """The names of the entries of the list `key`, in order."""
    return [str(entry["name"]) for _, entry in named(data, key) if "name" in entry]
