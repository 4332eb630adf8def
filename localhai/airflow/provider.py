"""What Airflow's list of providers says of us."""

from __future__ import annotations

from typing import Any

HIDDEN = ("schema", "login")
LABELS = {"password": "API token"}
PLACEHOLDERS = {
    "host": "app.valohai.com",
    "password": "from https://app.valohai.com/auth/tokens/",
    "extra": '{"mode": "dev", "projects": {"my-project": "/path/to/it"}, "verify": true}',
}
_TEXT = {"type": ["string", "null"]}
_FIELDS = {
    "mode": {"label": "Mode", "description": "dev or remote, where LOCALHAI_MODE is not set", "schema": _TEXT},
    "projects": {
        "label": "Projects",
        "description": "A folder of projects, or NAME=PATH,NAME=PATH: where dev mode finds them",
        "schema": _TEXT,
    },
}


def get_provider_info() -> dict[str, Any]:
    """The entry point `apache_airflow_provider`. Airflow 3.2 and later take the connection's form from here."""
    from localhai.version import __version__

    return {
        "package-name": "localhai",
        "name": "Valohai, local and remote",
        "description": "Executions and pipelines of Valohai: on the platform, or in local Docker.",
        "versions": [__version__],
        "connection-types": [
            {
                "connection-type": "valohai",
                "hook-class-name": "localhai.airflow.hook.ValohaiHook",
                "hook-name": "Valohai",
                "ui-field-behaviour": {
                    "hidden-fields": list(HIDDEN),
                    "relabeling": LABELS,
                    "placeholders": PLACEHOLDERS,
                },
                "conn-fields": _FIELDS,
            },
        ],
        "extra-links": ["localhai.airflow.link.ValohaiLink"],
    }
