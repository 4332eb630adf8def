"""What Airflow's list of providers says of us."""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """The entry point `apache_airflow_provider`."""
    from localhai.version import __version__

    return {
        "package-name": "localhai",
        "name": "Valohai, local and remote",
        "description": "Executions and pipelines of Valohai: on the platform, or in local Docker.",
        "versions": [__version__],
        "connection-types": [
            {"connection-type": "valohai", "hook-class-name": "localhai.airflow.hook.ValohaiHook"},
        ],
        "extra-links": ["localhai.airflow.link.ValohaiLink"],
    }
