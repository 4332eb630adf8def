"""`localhai deployment info VERSION`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from localhai.cli import formats, output
from localhai.cli.deployment.requested import version_argument
from localhai.cli.options import json_option, pass_call, project_option

if TYPE_CHECKING:
    from localhai.cli.call import Call
    from localhai.records.deployments import DeploymentVersion


@click.command("info")
@version_argument
@json_option
@project_option
@pass_call
def info(call: Call, reference: str) -> None:
    """Show all about one deployment version; default: the newest. `--json` prints the version."""
    with call.look() as look:
        version = look.home.records.deployments.find_version(reference, look.project_id)
        if call.json:
            output.emit_json(version.to_dict())
            return
        for name, text in _facts(version):
            output.emit(f"{output.style(name.ljust(14), sys.stdout, dim=True)} {text}")


def _facts(version: DeploymentVersion) -> list[tuple[str, str]]:
    facts: list[tuple[str, Any]] = [
        ("Version", f"{version.deployment}/{version.name} of {version.project}"),
        ("Aliases", ", ".join(version.aliases)),
        ("Commit", version.commit),
        ("Created", formats.moment(version.created)),
        ("Id", version.id),
    ]
    for endpoint in version.endpoints:
        facts.append(("Endpoint", f"{endpoint.name}: {endpoint.status}"))
        facts.append(("  URL", endpoint.document.get("url")))
        facts.append(("  Error", endpoint.document.get("error")))
        facts.append(("  Image", endpoint.document.get("image")))
        facts += [("  File", f"{file.name} at {file.path}: {file.uri}") for file in endpoint.files]
    return [(name, str(text)) for name, text in facts if text]
