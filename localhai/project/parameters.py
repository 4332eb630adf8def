"""Parameters on their way to the command line: explicit values cast and checked, defaults as they are, all rendered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from localhai.errors import ProjectError, UsageError
from localhai.project.names import find_by_option, option_name, unknown
from localhai.system.strict_json import finite
from localhai.vocabulary import JOINER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from valohai_yaml.objs import Step
    from valohai_yaml.objs.parameter import Parameter

_TRUE = frozenset({"1", "true", "t", "yes", "y", "on"})
_FALSE = frozenset({"0", "false", "f", "no", "n", "off"})


class ResolvedParameters(Struct, frozen=True):
    """Both in declaration order and without parameters that have no value.

    `values` are cast by declared type and JSON values, for parameters.json: what is not finite is a text there, since
    JSON has no number for it. `rendered` go into the command: explicit
    values cast, defaults exactly as YAML parsed them (platform.md 1.2: a default is never cast).
    """

    values: Mapping[str, Any]
    rendered: Mapping[str, Any]


def resolve(step: Step, explicit: Mapping[str, Any], *, flag_defaults: bool = True) -> ResolvedParameters:
    """The values of a step's parameters.

    `flag_defaults=False` leaves out flags that are not given, whatever their default: what a raw API call gets, as
    far as public code shows (platform.md 1.3, "Flag defaults trap"; unconfirmed).

    Raises UsageError for unknown names, for explicit values that are not allowed and for required parameters
    without a value; all of them at once.
    """
    given = _by_declared_name(step, explicit)
    values: dict[str, Any] = {}
    rendered: dict[str, Any] = {}
    faults: list[str] = []
    for name, parameter in step.parameters.items():
        try:
            if name in given:
                shown = _explicit_value(parameter, given[name])
            else:  # valohai-yaml never fills in the default of a flag, but `vh execution run` sends it, and so do we
                shown = parameter.default if flag_defaults or parameter.type != "flag" else None
        except ValueError as error:
            faults.append(f"parameter {name}: {error}")
            continue
        if shown is not None:
            rendered[name] = shown
            values[name] = finite(_as_declared(parameter, shown))
        elif parameter.default is None and not parameter.optional:
            faults.append(f"parameter {name} needs a value: --{option_name(name)}=...")
    if faults:
        raise UsageError("; ".join(faults), where=f"step {step.name}", hints=_allowed(step, faults))
    return ResolvedParameters(values, rendered)


def fault(parameter: Parameter, value: Any) -> str | None:
    """Why a value may not be given to a parameter, as the rest of a sentence; None when it may."""
    try:
        _explicit_value(parameter, value)
    except ValueError as error:
        return str(error)
    return None


def takes(parameter: Parameter) -> str:
    """What a parameter takes: `float, min 0, max 1`."""
    facts = [parameter.type if not parameter.multiple else f"list of {parameter.type}"]
    facts += [
        f"{word} {limit}" for word, limit in (("min", parameter.min), ("max", parameter.max)) if limit is not None
    ]
    if parameter.choices:
        facts.append("one of " + ", ".join(map(str, parameter.choices)))
    return ", ".join(facts)


def _by_declared_name(step: Step, explicit: Mapping[str, Any]) -> dict[str, Any]:
    given = {}
    for wanted, value in explicit.items():
        name = find_by_option(wanted, step.parameters)
        if name is None:
            raise unknown("parameter", "parameters", wanted, list(step.parameters), of=f" in step {step.name}")
        given[name] = value
    return given


def _explicit_value(parameter: Parameter, value: Any) -> Any:
    """Cast and checked; None stays None. Raises ValueError with the rest of a sentence."""
    if value is None:
        return None
    if not isinstance(value, (list, tuple)):
        atom = _checked(parameter, value)
        return [atom] if parameter.multiple else atom
    if not parameter.multiple:
        raise ValueError("only a single value is allowed")
    return [_checked(parameter, item) for item in value]


def _checked(parameter: Parameter, value: Any) -> Any:
    if isinstance(value, (list, tuple, dict)):
        raise ValueError(f"a list or mapping inside a list is not allowed: {value!r}")  # noqa: TRY004  a user's value
    atom = _caster(parameter)(value)
    if parameter.type == "flag":
        return atom
    _check_range(parameter, atom)
    if parameter.choices is not None and not _is_choice(parameter, parameter.choices, atom):
        raise ValueError(f"{atom!r} is not one of {', '.join(map(repr, parameter.choices))}")
    return atom


def _check_range(parameter: Parameter, atom: Any) -> None:
    """Limits that cannot be compared with the value are skipped (platform.md 1.2)."""
    try:
        if parameter.min is not None and atom < parameter.min:
            raise ValueError(f"{atom!r} is less than the minimum {parameter.min}")
    except TypeError:
        pass
    try:
        if parameter.max is not None and atom > parameter.max:
            raise ValueError(f"{atom!r} is more than the maximum {parameter.max}")
    except TypeError:
        pass


def _is_choice(parameter: Parameter, choices: Sequence[Any], atom: Any) -> bool:
    if atom in choices:
        return True
    # An unquoted number among the choices of a string: what is typed is always text, so compare as text.
    return parameter.type == "string" and str(atom) in [str(choice) for choice in choices]


def _integer(value: Any) -> int:
    try:
        return int(str(value), 10)
    except ValueError:
        raise ValueError(_not_a("an integer", value)) from None


def _float(value: Any) -> float:
    try:
        return float(str(value))
    except ValueError:
        raise ValueError(_not_a("a number", value)) from None


def _flag(value: Any) -> bool:
    """A native value must equal True or False (platform.md 1.2); a text is read as `vh` reads its command line."""
    if isinstance(value, str):
        word = value.strip().lower()
        if word in _TRUE or word in _FALSE:
            return word in _TRUE
    elif value in {True, False}:
        return bool(value)
    raise ValueError(f"{value!r} is neither true nor false")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _plain(value: Any) -> str | int | float | bool:
    """What a parameter without a type takes: numbers and booleans stay what they are, all else is text."""
    return value if isinstance(value, (str, int, float, bool)) else str(value)


_CASTS: dict[str, Callable[[Any], Any]] = {"integer": _integer, "float": _float, "flag": _flag, "string": _text}


def _caster(parameter: Parameter) -> Callable[[Any], Any]:
    return _plain if is_untyped(parameter) else _CASTS.get(parameter.type, _text)


def is_untyped(parameter: Parameter) -> bool:
    """Whether valohai.yaml gives it no type. The platform's parser calls it a string then, and never casts one."""
    written = parameter._original_data  # noqa: SLF001  # the parser keeps it nowhere else
    return isinstance(written, dict) and written.get("type") is None


def _not_a(noun: str, value: Any) -> str:
    return f"{value!r} is not {noun}" if value != "" else f"empty text is not {noun}"


def _as_declared(parameter: Parameter, value: Any) -> Any:
    """Cast for parameters.json. A default that does not fit its type stays as it is: the linter warns of it."""
    cast = _caster(parameter)
    items = value if isinstance(value, list) else [value]
    try:
        cast_items = [cast(item) for item in items]
    except ValueError:
        cast_items = [item if isinstance(item, (str, int, float, bool)) else str(item) for item in items]
    return cast_items if isinstance(value, list) else cast_items[0]


def _allowed(step: Step, faults: list[str]) -> list[str]:
    """One line per faulty parameter on what it takes."""
    hints = []
    for name, parameter in step.parameters.items():
        if not any(fault.startswith((f"parameter {name}:", f"parameter {name} ")) for fault in faults):
            continue
        hints.append(f"{name}: {takes(parameter)}")
    return hints


def render(step: Step, values: Mapping[str, Any]) -> tuple[tuple[str, ...], str]:
    """The interpolated command items and the script (platform.md 1.3, 1.4).

    `values` must not hold None. A first item that starts with `#!` gives the script's first line, so the script has
    to be run as a file. Raises ProjectError when a `pass-as` template cannot be filled.
    """
    from valohai_yaml.commands import build_command, join_command
    from valohai_yaml.objs.parameter_map import ParameterMap

    _check_templates(step, values)
    special = {} if step.source_path is None else {"source-path": step.source_path}
    items = build_command(
        step.command, ParameterMap(parameters=step.parameters, values=values), special_interpolations=special
    )
    items = [item for item in items if item]
    return tuple(items), join_command(items, JOINER)


def _template(parameter: Parameter) -> str:
    return parameter.pass_as or parameter.pass_true_as or parameter.pass_false_as or ""


def _check_templates(step: Step, values: Mapping[str, Any]) -> None:
    """valohai-yaml formats `pass-as` while it fills placeholders, and there a fault would be lost or crash."""
    for name, parameter in step.parameters.items():
        if name not in values:
            continue
        try:
            parameter.format_cli(values[name])
        except TypeError as error:  # InvalidType: a list where one value is needed
            raise ProjectError(
                f"parameter {name} has several values but is not `multiple`",
                where=f"step {step.name}",
                hints=["add `multiple: repeat` or `multiple: separate`, or give one default"],
            ) from error
        except (AttributeError, KeyError, IndexError, ValueError) as error:
            raise ProjectError(
                f"`pass-as` of parameter {name} cannot be filled: {_template(parameter)!r} ({error!r})",
                where=f"step {step.name}",
                hints=["placeholders are {name}, {value} and {v}; write other braces twice: {{ }}"],
            ) from error
