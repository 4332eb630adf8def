"""What the names in the text of a DAG file stand for: other names of classes, values, default arguments. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any


class Unknown:
    """A value that only running the file, or the task, would tell."""

    def __repr__(self) -> str:
        return "(known when the task runs)"


UNKNOWN = Unknown()


class Names:
    """Read once for a file: `aliases` by `import ... as` and by assignment, and the `constants`."""

    def __init__(self, tree: ast.Module) -> None:
        self._aliases = dict(_aliases(tree))
        self.constants: dict[str, Any] = {}
        for node in tree.body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
                self._set(node.target.id, node.value)
            elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                self._set(node.targets[0].id, node.value)

    def _set(self, name: str, value: ast.expr) -> None:
        self.constants[name] = UNKNOWN if name in self.constants else self.value_of(value)

    def of(self, node: ast.AST) -> str:
        """The name of what `a.b.c` or `c` is, wherever and under whatever name it was imported."""
        if isinstance(node, ast.Attribute):
            return node.attr
        name = node.id if isinstance(node, ast.Name) else ""
        seen: set[str] = set()
        while name in self._aliases and name not in seen:
            seen.add(name)
            name = self._aliases[name]
        return name

    def value_of(self, node: ast.AST) -> Any:
        """A literal's value; in dicts and lists, UNKNOWN stands for the parts that are none."""
        if isinstance(node, ast.Name):
            return self.constants.get(node.id, UNKNOWN)
        if isinstance(node, (ast.List, ast.Tuple)):
            return [self.value_of(item) for item in node.elts]
        if isinstance(node, ast.Dict):
            return self._dict(node.keys, node.values)
        if isinstance(node, ast.Call) and self.of(node.func) == "dict" and not node.args:
            found = self.arguments(node)
            return UNKNOWN if found is None else found
        try:
            return ast.literal_eval(node)  # a constant or a signed number: nothing runs
        except (ValueError, TypeError):
            return UNKNOWN

    def _dict(self, keys: list[ast.expr | None], values: list[ast.expr]) -> Any:
        found: dict[Any, Any] = {}
        for key, value in zip(keys, values, strict=True):
            if key is None:  # **more
                more = self.value_of(value)
                if not isinstance(more, dict):
                    return UNKNOWN
                found |= more
                continue
            name = self.value_of(key)
            if isinstance(name, (Unknown, list, dict)):
                return UNKNOWN
            found[name] = self.value_of(value)
        return found

    def arguments(self, node: ast.Call) -> dict[str, Any] | None:
        """The keyword arguments of a call, those of `**more` too; None when some of them are not known."""
        found: dict[str, Any] = {}
        for item in node.keywords:
            if item.arg is not None:
                found[item.arg] = self.value_of(item.value)
                continue
            more = self.value_of(item.value)
            if not isinstance(more, dict):
                return None
            found |= more
        return found


def _aliases(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from ((item.asname, item.name) for item in node.names if item.asname and item.asname != item.name)
        elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            name, value = node.targets[0].id, node.value
            if isinstance(value, (ast.Name, ast.Attribute)):
                last = value.attr if isinstance(value, ast.Attribute) else value.id
                if last != name:
                    yield name, last


def defaults_of(node: ast.AST, names: Names, dags: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    """`default_args` of what opens a DAG or a task group: a call of its class or decorator, or the DAG by its name."""
    if isinstance(node, ast.Name):
        return dags.get(node.id, {})
    if not isinstance(node, ast.Call):
        return {}
    given = next((item.value for item in node.keywords if item.arg == "default_args"), None)
    found = names.value_of(given) if given is not None else {}
    return found if isinstance(found, dict) else {}
