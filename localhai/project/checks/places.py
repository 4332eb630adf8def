"""What a path in a valohai.yaml is called when one speaks of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.project.sentences import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

_ENTRIES = {
    "inputs": "input",
    "parameters": "parameter",
    "outputs": "output",
    "mounts": "mount",
    "environment-variables": "environment variable",
    "nodes": "node",
    "edges": "edge",
    "actions": "action",
    "files": "file",
    "tolerations": "toleration",
    "shared-volumes": "shared volume",
    "parameter-sets": "parameter set",
}


def subject(path: Sequence[Any]) -> str:
    """The thing at `path`, to begin a sentence with: `command`, `item 2 of command`, `input 1`."""
    if not path:
        return "the file"
    last = path[-1]
    if not isinstance(last, int) or isinstance(last, bool):
        return str(last)
    if len(path) == 1:
        return f"item {last + 1} of the file"
    if isinstance(path[-2], int):  # a list in a list: one end of an edge
        return f"part {last + 1} of {subject(path[:-1])}"
    noun = _ENTRIES.get(str(path[-2]))
    return f"{noun} {last + 1}" if noun else f"item {last + 1} of {path[-2]}"


def noun(path: Sequence[Any]) -> str:
    """What kind of thing stands at `path`: `step`, `input`, `pipeline parameter`, `node`, `rules`."""
    last = path[-1] if path else "file"
    if not isinstance(last, int):
        return "pipeline" if last == "blueprint" else str(last)
    parent = str(path[-2]) if len(path) > 1 else ""
    if parent == "parameters" and len(path) == 4:  # noqa: PLR2004  # (index, kind, "parameters", index)
        return {"pipeline": "pipeline parameter", "blueprint": "pipeline parameter"}.get(str(path[1]), "parameter")
    return _ENTRIES.get(parent, "item")


def owner(path: Sequence[Any], data: Any) -> str:
    """The mapping at `path`, named where it has a name: `step 'train'`, `input 2`, `rules`."""
    name = data.get("name") if isinstance(data, dict) else None
    if isinstance(name, str) and name:
        return f"{noun(path)} {quoted(name)}"
    return subject(path) if path and isinstance(path[-1], int) else f"the {noun(path)}"
