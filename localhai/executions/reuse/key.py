"""By what an execution equals another (platform.md 6): parts by name, one digest of them, and how two differ. Pure.

::

    code                    {"": content of the files}
    image                   {"": digest of the image}
    step                    {"name" | "time-limit" | "mounts" | ...: its definition, as far as no other part has it}
    command                 {"": the items after interpolation}
    parameters              {name: value}
    inputs                  {name: names, sizes and checksums of its files}
    environment variables   {name: value}

Every value is a digest: no secret can be read from a key, nor found by trying where the home's own key is unknown.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from localhai.system import strict_json

if TYPE_CHECKING:
    from localhai.executions.run.secrets import Masker
    from localhai.project.plan import ExecutionPlan

Parts = dict[str, dict[str, str]]
PARTS = ("code", "image", "step", "command", "parameters", "inputs", "environment variables")
SECRET = "secret"  # noqa: S105 - the word before digests of secrets
VERSION = 1  # of what a key is made of
_SHORT = 32  # hexadecimal digits of a digest that is kept


class Difference(Struct, frozen=True):
    """One item of a part that is not the same. `kind`: the new execution has it `added`, `removed` or `changed`."""

    part: str
    item: str
    kind: Literal["added", "removed", "changed"]


class ValueDigester(Struct, frozen=True):
    """Digests of values; of what holds a secret only with the home's own `key`."""

    key: bytes
    masker: Masker

    def of(self, value: Any) -> str:
        """Of any JSON value."""
        text = strict_json.dumps(value, sort_keys=True, default=str)
        if self.masker.mask_text(text) != text or _hides(self.masker, value):
            return self.secret(text)
        return hashlib.sha256(text.encode()).hexdigest()[:_SHORT]

    def secret(self, text: str) -> str:
        """Of a secret: `secret HOME DIGEST`, where HOME tells two homes apart."""
        home = hashlib.sha256(self.key).hexdigest()[:8]
        digest = hmac.new(self.key, text.encode(), hashlib.sha256).hexdigest()
        return f"{SECRET} {home} {digest[:_SHORT]}"


def _hides(masker: Masker, value: Any) -> bool:
    """JSON writes a quote inside of a secret in another way than the secret has it."""
    if isinstance(value, str):
        return masker.mask_text(value) != value
    if isinstance(value, dict):
        return any(_hides(masker, item) for pair in value.items() for item in pair)
    return isinstance(value, (list, tuple)) and any(_hides(masker, item) for item in value)


def parts_of(
    plan: ExecutionPlan,
    *,
    code: str,
    image: str,
    inputs: Iterable[Mapping[str, Any]],
    secrets: Mapping[str, str],
    digester: ValueDigester,
) -> Parts:
    """The parts of an execution. `code` and `image` are digests, `inputs` are `[{name, files}]`.

    Of a file its name, its sha256 and what a step can read of it beside (`metadata`) count.
    Title, tags and the environment's slug change nothing that a step could see of its work, and do not count.
    """
    variables = {name: digester.secret(value) for name, value in secrets.items()}
    variables |= {name: digester.of(value) for name, value in plan.environment_variables.items()}
    return {
        "code": {"": code},
        "image": {"": image},
        "step": {name: digester.of(value) for name, value in _definition(plan).items()},
        "command": {"": digester.of([list(plan.command), plan.script])},
        "parameters": {name: digester.of(value) for name, value in plan.parameters.items()},
        "inputs": {item["name"]: _files(item["files"]) for item in inputs},
        "environment variables": dict(sorted(variables.items())),
    }


def _definition(plan: ExecutionPlan) -> dict[str, Any]:
    limits = plan.to_dict()["limits"]
    found: dict[str, Any] = {"name": plan.step}
    found |= {name.replace("_", "-"): value for name, value in limits.items() if value is not None}
    if plan.upload_store is not None:
        found["upload-store"] = plan.upload_store
    for item in plan.inputs:
        layout = [item.keep_directories, item.filename, item.on_demand]
        if layout != ["none", None, False]:
            found[f"layout of input {item.name}"] = layout
    return found


def _files(files: Iterable[Mapping[str, Any]]) -> str:
    listed = sorted((str(file["name"]), str(file["sha256"]), *_said_of(file)) for file in files)
    return hashlib.sha256(strict_json.dumps(listed).encode()).hexdigest()[:_SHORT]


def _said_of(file: Mapping[str, Any]) -> tuple[str, ...]:
    """What a step can read of a datum beside its bytes; nothing where there is nothing."""
    metadata = [item for item in file.get("metadata") or () if item]
    return (strict_json.dumps(metadata, sort_keys=True),) if metadata else ()


def obstacles(plan: ExecutionPlan, inputs: Iterable[Mapping[str, Any]]) -> list[str]:
    """Why an execution can equal no other: it uses what nobody knows the content of. Empty where all is known."""
    found = [f"mount {mount.destination}: what {mount.source} holds is not known" for mount in plan.mounts]
    files = {item["name"]: item["files"] for item in inputs}
    for item in plan.inputs:
        listed = files.get(item.name, ())
        if item.on_demand and item.uris and not listed:
            found.append(f"input {item.name}: it is read on demand, and its files are not known before")
        unknown = [file["name"] for file in listed if not file.get("sha256")]
        if unknown:
            found.append(f"input {item.name}: the checksum of {unknown[0]} is not known before it is read")
    return found


def key_of(parts: Parts) -> str:
    """One digest of all parts, 64 hexadecimal digits."""
    return hashlib.sha256(strict_json.dumps([VERSION, parts], sort_keys=True).encode()).hexdigest()


def differences(new: Parts, old: Mapping[str, Mapping[str, str]]) -> list[Difference]:
    """What the new execution has in another way than the old one, in the order of PARTS."""
    found: list[Difference] = []
    for part in PARTS:
        ours, theirs = new.get(part, {}), old.get(part, {})
        for item in dict.fromkeys([*ours, *theirs]):
            if item not in theirs:
                found.append(Difference(part, item, "added"))
            elif item not in ours:
                found.append(Difference(part, item, "removed"))
            elif ours[item] != theirs[item]:
                found.append(Difference(part, item, "changed"))
    return found


def nearest(new: Parts, earlier: Sequence[tuple[str, Parts]]) -> tuple[str, list[Difference]] | None:
    """Of (id, parts), newest first, the one that differs in the least; the newest of several. None of none."""
    compared = [(identifier, differences(new, parts)) for identifier, parts in earlier]
    return min(compared, key=lambda item: len(item[1]), default=None)
