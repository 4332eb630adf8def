"""The shape of the file: valohai-yaml's own schema, each fault said as a sentence about what was written.

The platform's schema looks at steps, tasks, endpoints and pipelines only. `blueprint` and `deployment` items are held
against theirs here too; what is wrong there is an error where valohai-yaml would crash on it, else a warning.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from localhai.project.checks.faults import Broken, faults

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

    from localhai.project.checks.findings import Findings

_UNCHECKED = {"blueprint": "/schemas/pipeline", "deployment": "/schemas/deployment"}


@cache
def validator() -> Draft202012Validator:
    """The schema's validator, with `blueprint` and `deployment` items included."""
    from jsonschema import Draft202012Validator
    from valohai_yaml.validation import get_json_schema

    schema = get_json_schema()
    known = schema["items"]["properties"]
    for key, reference in _UNCHECKED.items():
        known.setdefault(key, {"$ref": reference})
    return Draft202012Validator(schema)


def check(data: Any, findings: Findings) -> None:
    """Report every fault of shape in the whole file."""
    for error in validator().iter_errors(data):
        for fault in faults(Broken.of(error)):
            report = findings.error if _is_fatal(data, fault.path) else findings.warning
            report(fault.path, fault.message, fault.code, hint=fault.hint, key=fault.at_key)


def _is_fatal(data: Any, path: tuple[Any, ...]) -> bool:
    if len(path) < 2 or path[1] not in _UNCHECKED:  # noqa: PLR2004  # (index, kind, ...)
        return True
    from valohai_yaml.objs import Deployment, Pipeline

    parse = Pipeline.parse if path[1] == "blueprint" else Deployment.parse
    try:
        parse(data[path[0]][path[1]])
    except Exception:  # noqa: BLE001  # whatever it raises, the platform would raise as well
        return True
    return False
