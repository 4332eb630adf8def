"""What one execution changes of its step: what was typed or given from Python, and the limits of its environment."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import force_setattr, replace

from localhai.errors import ProjectError, UsageError
from localhai.project.names import find_by_option, listing, option_name, unknown
from localhai.project.plan import Number, ParityNote
from localhai.system.text import as_bytes, clean, clean_value, is_clean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from valohai_yaml.objs import Step

    from localhai.project.plan import ExecutionPlan


class Overrides(Struct, frozen=True):
    """Explicit values; whatever is absent or None comes from the step.

    `parameters` hold texts or native values, lists for multiple ones; None takes away a default. `inputs` replace the
    step's URIs: one text or several, empty ones are dropped, so that `""` and `[]` clear.
    `environment_variable_groups` are of the platform and without effect here, which the plan's parity says.
    `time_limit` is seconds or a text such as `1h 30m`, `cpu_max` vCPUs and `memory_max` megabytes.

    Text is cleaned here, wherever it came from; paths of files stay such that they are found.
    """

    parameters: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    environment_variables: Mapping[str, str] = field(default_factory=dict)
    environment_variable_groups: Sequence[str] = ()
    image: str | None = None
    environment: str | None = None
    time_limit: Number | str | None = None
    cpu_max: Number | None = None
    memory_max: Number | None = None
    title: str | None = None
    tags: Sequence[str] = ()

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            given = getattr(self, name)
            cleaned = _addresses(given) if name == "inputs" else clean_value(given)
            if cleaned is not given:
                force_setattr(self, name, cleaned)


def _addresses(given: Mapping[str, str | Sequence[str]]) -> Mapping[str, str | Sequence[str]]:
    """Inputs whose addresses are valid Unicode."""
    found = {
        clean(name): address_of(uris) if isinstance(uris, str) else tuple(address_of(uri) for uri in uris)
        for name, uris in given.items()
    }
    return found if any(not is_clean(text) for text in _texts(given)) else given


def _texts(given: Mapping[str, str | Sequence[str]]) -> Iterator[str]:
    for name, uris in given.items():
        yield name
        yield from (uris,) if isinstance(uris, str) else uris


def address_of(text: str) -> str:
    """A URI or path as it was typed; a path that is not UTF-8 as the `file://` address of the same file."""
    if is_clean(text) or "://" in text:
        return clean(text)
    from urllib.parse import quote

    relative = "" if text.startswith(("/", "~")) else "./"
    return f"file://{relative}{quote(as_bytes(text), safe='/*~')}"


class Mistyped(UsageError):
    """STEP or a word behind it is none that the project knows: it may have been meant for somebody else."""


def with_words(overrides: Overrides, step: Step, words: Sequence[str]) -> Overrides:
    """`overrides` and, over them, `--NAME=value` and `--NAME value` as `vh execution run STEP` sorts them.

    Repeating gives a list for inputs and multiple parameters; of other parameters the last value counts. A flag may
    stand alone. Where a parameter and an input share a name the input gets the value, as with `vh`.
    Raises UsageError for options the step does not have, missing values and stray words.
    """
    parameters: dict[str, Any] = {}
    inputs: dict[str, list[str]] = {}
    rest = iter(words)
    for word in rest:
        name, equals, text = _split_option(step, word)
        if (found := find_by_option(name, step.inputs)) is not None:
            inputs.setdefault(found, []).append(text if equals else _next_word(word, rest))
            continue
        found = find_by_option(name, step.parameters)
        if found is None:
            raise _unknown_option(step, name)
        parameter = step.parameters[found]
        if not equals:
            text = "true" if parameter.type == "flag" else _next_word(word, rest)
        if parameter.multiple:
            parameters.setdefault(found, []).append(text)
        else:
            parameters[found] = text
    if not parameters and not inputs:
        return overrides
    return replace(overrides, parameters={**overrides.parameters, **parameters}, inputs={**overrides.inputs, **inputs})


def _split_option(step: Step, word: str) -> tuple[str, str, str]:
    if not word.startswith("--") or word == "--":
        raise UsageError(
            f"{word!r} is not an option of step {step.name}",
            hints=["write --NAME=value; a flag alone or as --NAME=false", _options_of(step)],
        )
    return word[2:].partition("=")


def _next_word(option: str, words: Iterator[str]) -> str:
    try:
        return next(words)
    except StopIteration:
        raise UsageError(f"{option} needs a value", hints=[f"write {option}=value"]) from None


def _unknown_option(step: Step, name: str) -> UsageError:
    known = [option_name(known) for known in (*step.parameters, *step.inputs)]
    return unknown("parameter or input", "parameters and inputs", name, known, of=f" in step {step.name}")


def _options_of(step: Step) -> str:
    known = [f"--{option_name(name)}" for name in (*step.parameters, *step.inputs)]
    return f"options of the step: {listing(known)}" if known else "the step has no parameters and no inputs"


_BIT = r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([A-Za-z]*)"
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def seconds(value: float | str) -> float:
    """Seconds from a number of seconds or a text: `1h 30m 5s`, `1.5d`, `60 minutes` (platform.md 1.1).

    Bare digits are seconds: here a mistake would cost more than a guess.

    Raises UsageError for what is not a duration or not more than zero.
    """
    found = _sum_of_bits(value) if isinstance(value, str) else float(value)
    if isinstance(value, bool) or found is None or not math.isfinite(found) or found <= 0:
        raise UsageError(
            f"{value!r} is not a duration", hints=["write seconds (90) or numbers with units (1h 30m; s, m, h, d or w)"]
        )
    return found


def _sum_of_bits(text: str) -> float | None:
    text, bit = text.strip(), re.compile(_BIT)
    total, end = 0.0, 0
    while end < len(text):
        match = bit.match(text, end)
        if match is None:
            return None
        number, unit = match.groups()
        if not unit and match.group(0) != text:
            return None
        factor = _UNITS.get(unit[:1].lower()) if unit else 1
        if factor is None:
            return None
        total, end = total + float(number) * factor, match.end()
    return total


_FACTORS = {"": 1.0, "m": 1.0, "mb": 1.0, "g": 1024.0, "gb": 1024.0}
_number_re = re.compile(r"(\d+(?:\.\d+)?)([a-z]*)")
_HINT = 'write for example "cpus=4, memory=8192" (vCPU and megabytes, or memory=8g)'


def limited(plan: ExecutionPlan, environments: Mapping[str, str]) -> ExecutionPlan:
    """The plan with what its environment may use here. Limits that the step itself names stay.

    An exact name beats a wildcard. Raises ProjectError for a text that cannot be read.
    """
    wanted = plan.environment
    if wanted is None:
        return plan
    key = wanted if wanted in environments else next((key for key in environments if fnmatchcase(wanted, key)), None)
    if key is None:
        return plan
    found = read_limits(key, environments[key])
    limits = plan.limits
    limits = replace(
        limits,
        cpu_max=limits.cpu_max if limits.cpu_max is not None else found.get("cpus"),
        memory_max=limits.memory_max if limits.memory_max is not None else found.get("memory"),
    )
    note = ParityNote(
        "environment", "approximated", f"{wanted} runs on this machine, limited to {environments[key]} by localhai.toml"
    )
    kept = [item for item in plan.parity if item.key not in {"environment", "step.environment"}]
    return replace(plan, limits=limits, parity=(*kept, note))


def read_limits(name: str, text: str) -> dict[str, float]:
    """`cpus` (vCPU) and `memory` (megabytes) of a text such as `cpus=4, memory=8g`. Raises ProjectError."""
    found: dict[str, float] = {}
    for part in text.replace(",", " ").split():
        key, _, value = part.partition("=")
        match = _number_re.fullmatch(value.lower())
        unit = match[2] if match else ""
        if match is None or key not in {"cpus", "memory"} or unit not in _FACTORS or (key == "cpus" and unit):
            where = f"environments.{name}"
            raise ProjectError(f"{where} in localhai.toml: {part!r} cannot be read", where=where, hints=[_HINT])
        found[key] = float(match[1]) * _FACTORS[unit]
    return found
