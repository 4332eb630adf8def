"""Faults of shape in words: from an error of jsonschema to sentences about what the person wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from localhai.project.checks import advice
from localhai.project.sentences import all_of, any_of, article, described, guess, quoted, schema_words, type_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jsonschema.exceptions import ValidationError

Path = tuple[Any, ...]


class Fault(Struct, frozen=True):
    """One fault at `path`; `at_key` when it is the key that is wrong, or that something is missing under."""

    path: Path
    message: str
    code: str
    hint: str | None = None
    at_key: bool = False


class Broken(Struct, frozen=True):
    """A rule of the schema that the value at `path` breaks.

    For a choice, `inner` holds what each branch says; `branch` is the number of the branch that an inner one is of.
    """

    rule: str
    wanted: Any
    value: Any
    schema: dict[str, Any]
    path: Path
    inner: tuple[Broken, ...] = ()
    branch: Any = None

    @classmethod
    def of(cls, error: ValidationError) -> Broken:
        """The broken rule behind an error of jsonschema."""
        return cls(
            rule=str(error.validator),
            wanted=error.validator_value,
            value=error.instance,
            schema=error.schema if isinstance(error.schema, dict) else {},
            path=tuple(error.absolute_path),
            inner=tuple(map(cls.of, error.context or ())),
            branch=next(iter(error.schema_path), None),
        )


def faults(broken: Broken) -> Iterator[Fault]:
    """What a broken rule means, as one or more faults. Choices are narrowed to the one that was meant."""
    yield from _HANDLERS.get(broken.rule, _other)(broken, broken.path)


def _type(broken: Broken, path: Path) -> Iterator[Fault]:
    yield _wrong_value(path, broken.value, type_words(broken.wanted), broken.wanted)


def _wrong_value(path: Path, value: Any, wanted: str, kind: Any) -> Fault:
    if not path and value is None:
        return Fault(path, "the file is empty", "empty-file", advice.FIRST_STEP)
    if not path:
        return Fault(path, f"the file is {described(value)}, and a list is needed", "not-a-list", advice.FIRST_STEP)
    if len(path) == 1:
        message = f"{_subject(path)} is {described(value)}, and `- step:` or the like is needed"
        return Fault(path, message, "not-an-item", advice.FIRST_STEP)
    wanted = "a list of texts" if (kind == "array" and path[-1] in advice.TEXT_LISTS) else wanted
    if value is None:
        message = f"{_subject(path)} is empty, and {wanted} is needed"
        return Fault(path, message, "empty-value", advice.empty(path), at_key=True)
    message = f"{_subject(path)} must be {wanted}, not {described(value)}"
    return Fault(path, message, "wrong-type", advice.wrong_type(path, value, kind))


def _required(broken: Broken, path: Path) -> Iterator[Fault]:
    missing = [key for key in broken.wanted if key not in broken.value]
    message = f"{_owner(path, broken.value)} has no {' and no '.join(missing)}"
    yield Fault(path, message, "missing-key", advice.missing(path, missing), at_key=True)


def _unknown_keys(broken: Broken, path: Path) -> Iterator[Fault]:
    known = sorted(broken.schema.get("properties", {}))
    for key in broken.value:
        if key in known:
            continue
        hint = advice.misplaced(path, key) or guess(key, known, plural="keys")
        yield Fault((*path, key), f"{key} is not a key of {article(_noun(path))}", "unknown-key", hint, at_key=True)


def _enum(broken: Broken, path: Path) -> Iterator[Fault]:
    known = [str(value) for value in broken.wanted]
    if isinstance(broken.value, str):
        message = f"{_subject(path)} must be {any_of(known)}, not {quoted(broken.value)}"
        yield Fault(path, message, "unknown-value", advice.synonym(broken.value, known))


def _const(broken: Broken, path: Path) -> Iterator[Fault]:
    message = f"{_subject(path)} must be {broken.wanted}, not {described(broken.value)}"
    yield Fault(path, message, "unknown-value")


def _pattern(broken: Broken, path: Path) -> Iterator[Fault]:
    rule, hint = advice.form(path, broken.value)
    yield Fault(path, f"{_subject(path)} must be {rule}, not {quoted(broken.value)}", "wrong-form", hint)


def _bound(broken: Broken, path: Path) -> Iterator[Fault]:
    side = "at least" if broken.rule == "minimum" else "at most"
    yield Fault(path, f"{_subject(path)} must be {side} {broken.wanted}, not {broken.value}", "out-of-range")


def _too_long(broken: Broken, path: Path) -> Iterator[Fault]:
    length = len(broken.value)
    message = f"{_subject(path)} must have at most {broken.wanted} characters, and this has {length}"
    yield Fault(path, message, "too-long")


def _items(broken: Broken, path: Path) -> Iterator[Fault]:
    message = f"{_subject(path)} has {len(broken.value)} ends, and it needs two: [source, target]"
    yield Fault(path, message, "wrong-length", "write one edge for each pair")


def _not(broken: Broken, path: Path) -> Iterator[Fault]:
    both = broken.wanted.get("required")
    if both:
        message = f"{_owner(path, broken.value)} has both {all_of(both)}"
        yield Fault(path, message, "too-many-keys", "keep one", at_key=True)


def _choice(broken: Broken, path: Path) -> Iterator[Fault]:
    branches: list[dict[str, Any]] = broken.wanted
    if all(set(branch) <= {"required", "properties"} for branch in branches):
        yield from _key_choice(broken, path, branches)
        return
    chosen = _node_branch(broken, path) if path[-2:-1] == ("nodes",) else _branch_of_type(broken, branches)
    if isinstance(chosen, Fault):
        yield chosen
    elif chosen is not None:
        for inner in broken.inner:
            if inner.branch == chosen:
                yield from faults(inner)
    else:
        wanted = advice.CHOICES.get(_noun(path)) or any_of(schema_words(branch) for branch in branches)
        yield _wrong_value(path, broken.value, wanted, [branch.get("type") for branch in branches])


def _key_choice(broken: Broken, path: Path, branches: list[dict[str, Any]]) -> Iterator[Fault]:
    if not isinstance(broken.value, dict):
        return  # its type is wrong, which is said already
    keys = [key for branch in branches for key in branch.get("required", ())]
    given = [key for key in keys if key in broken.value]
    who = _owner(path, broken.value)
    if len(keys) < len(branches):
        yield Fault(path, f"{who} has no {any_of(keys)}", "missing-key", advice.missing(path, keys), at_key=True)
    elif not given:
        yield Fault(path, f"{who} has neither {' nor '.join(keys)}", "missing-key", "add one of them", at_key=True)
    elif len(given) > 1:
        yield Fault(path, f"{who} has both {all_of(given)}", "too-many-keys", "keep one", at_key=True)


def _node_branch(broken: Broken, path: Path) -> int | Fault | None:
    if not isinstance(broken.value, dict):
        return Fault(path, f"{_subject(path)} must be a mapping, not {described(broken.value)}", "wrong-type")
    kinds = ["execution", "deployment", "task"]  # in the order of the schema
    kind = broken.value.get("type")
    if kind in kinds:
        return kinds.index(kind)
    who = _owner(path, broken.value)
    if "type" not in broken.value:
        return Fault(
            path, f"{who} has no type", "missing-key", "add `type: execution`, task or deployment", at_key=True
        )
    message = f"type must be execution, task or deployment, not {described(kind)}"
    return Fault((*path, "type"), message, "unknown-value", guess(kind, kinds))


def _branch_of_type(broken: Broken, branches: list[dict[str, Any]]) -> int | None:
    """The branch for the type of value that was written, if there is one."""
    from jsonschema import Draft202012Validator

    for number, branch in enumerate(branches):
        kind = branch.get("type")
        if kind and Draft202012Validator.TYPE_CHECKER.is_type(broken.value, kind):
            return number
    return None


def _other(broken: Broken, path: Path) -> Iterator[Fault]:
    yield Fault(path, f"{_subject(path)} cannot be {described(broken.value)}", "wrong-value")


_HANDLERS: dict[str, Callable[[Broken, Path], Iterator[Fault]]] = {
    "type": _type,
    "required": _required,
    "additionalProperties": _unknown_keys,
    "enum": _enum,
    "const": _const,
    "pattern": _pattern,
    "minimum": _bound,
    "maximum": _bound,
    "maxLength": _too_long,
    "items": _items,
    "not": _not,
    "oneOf": _choice,
    "anyOf": _choice,
}


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


def _subject(path: Sequence[Any]) -> str:
    """The thing at `path`, to begin a sentence with: `command`, `item 2 of command`, `input 1`."""
    if not path:
        return "the file"
    last = path[-1]
    if not isinstance(last, int) or isinstance(last, bool):
        return str(last)
    if len(path) == 1:
        return f"item {last + 1} of the file"
    if isinstance(path[-2], int):  # a list in a list: one end of an edge
        return f"part {last + 1} of {_subject(path[:-1])}"
    noun = _ENTRIES.get(str(path[-2]))
    return f"{noun} {last + 1}" if noun else f"item {last + 1} of {path[-2]}"


def _noun(path: Sequence[Any]) -> str:
    """What kind of thing stands at `path`: `step`, `input`, `pipeline parameter`, `node`, `rules`."""
    last = path[-1] if path else "file"
    if not isinstance(last, int):
        return "pipeline" if last == "blueprint" else str(last)
    parent = str(path[-2]) if len(path) > 1 else ""
    if parent == "parameters" and len(path) == 4:  # noqa: PLR2004  # (index, kind, "parameters", index)
        return {"pipeline": "pipeline parameter", "blueprint": "pipeline parameter"}.get(str(path[1]), "parameter")
    return _ENTRIES.get(parent, "item")


def _owner(path: Sequence[Any], data: Any) -> str:
    """The mapping at `path`, named where it has a name: `step 'train'`, `input 2`, `rules`."""
    name = data.get("name") if isinstance(data, dict) else None
    if isinstance(name, str) and name:
        return f"{_noun(path)} {quoted(name)}"
    return _subject(path) if path and isinstance(path[-1], int) else f"the {_noun(path)}"
