"""Executions and pipelines of this machine in the shape of the platform's API (wire.md 2.4, 2.6, 2.9). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.airflow.request import ORIGIN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

OUTPUT_KEYS = ("name", "ctime", "size", "id", "uri")


def outputs_for_xcom(outputs: Sequence[Mapping[str, Any]], url_of: Callable[[str], str]) -> list[dict[str, Any]]:
    """What the original plugin puts under `outputs`: name, ctime, size, id, uri, and a url that can be opened."""
    return [{**{key: item.get(key) for key in OUTPUT_KEYS}, "url": url_of(item["id"])} for item in outputs]


def find_outputs(details: Any, name: str | None) -> list[Mapping[str, Any]]:
    """The outputs of this name in XComs of a submit operator: at most one of each execution."""
    return [item for item in outputs_in(details) if item.get("name") == name]


def output_names(details: Any) -> list[str]:
    """Each name once."""
    return list(dict.fromkeys(str(item.get("name")) for item in outputs_in(details)))


def outputs_in(details: Any) -> list[Mapping[str, Any]]:
    """The outputs in an XCom of a submit operator; those of all where there are several."""
    if isinstance(details, dict):
        return list(details.get("outputs") or [])
    if details is None or isinstance(details, str):
        return []
    return [item for one in details for item in outputs_in(one)]


def local_details(
    document: Mapping[str, Any], *, project_id: str, folder: Path, metadata: Mapping[str, Any]
) -> dict[str, Any]:
    """An execution's JSON shape (docs/json.md) as the platform would give it. Its address is its folder."""
    address = folder.absolute().as_uri()
    return {
        "id": document["id"],
        "counter": document["counter"],
        "status": str(document["status"]),
        "step": document["step"],
        "url": address,
        "urls": {"display": address},
        "project": {"id": project_id, "name": document["project"]},
        "environment": {"name": document.get("environment") or "this machine"},
        "commit": {"identifier": document.get("commit")},
        "duration": document.get("duration"),
        "inputs": [
            {"name": item["name"], "urls": [file.get("uri") for file in item.get("files", ())]}
            for item in document.get("inputs", ())
        ],
        "parameters": dict(document.get("parameters") or {}),
        "cumulative_metadata": dict(metadata),
        "ctime": document.get("created"),
        "end_time": document.get("finished"),
        "title": document.get("title"),
        "tags": [tag for tag in document.get("tags") or () if not tag.startswith(ORIGIN)],
        "image": document.get("image"),
        "exit_code": document.get("exit_code"),
        "error": document.get("error"),
        "outputs": [{**{key: item.get(key) for key in OUTPUT_KEYS}} for item in document.get("outputs", ())],
    }


def pipeline_details(document: Mapping[str, Any], *, project_id: str, project: str) -> dict[str, Any]:
    """A pipeline's JSON shape (docs/json.md) as the platform would give it."""
    return {
        "id": document["id"],
        "counter": document["counter"],
        "status": str(document["status"]),
        "title": document.get("title") or document.get("name"),
        "name": document.get("name"),
        "url": None,
        "urls": {"display": None},
        "project": {"id": project_id, "name": project},
        "nodes": [
            {key: node.get(key) for key in ("name", "type", "status", "execution", "task") if key in node}
            for node in document.get("nodes", ())
        ],
        "tags": [tag for tag in document.get("tags") or () if not tag.startswith(ORIGIN)],
        "error": document.get("error"),
    }


def failure_text(details: Mapping[str, Any], what: str, last_lines: Sequence[str]) -> str:
    """One message for a task that failed: what, how, and its last words."""
    code = details.get("exit_code")
    parts = [f"{what} ended as {details['status']}"]
    if code is not None:
        parts.append(f"exit code {code}")
    if details.get("error") and str(details["error"]) not in parts:
        parts.append(str(details["error"]))
    text = ": ".join([parts[0], ", ".join(parts[1:])]) if parts[1:] else parts[0]
    if last_lines:
        text += "\nIts last lines:\n" + "\n".join(f"  {line}" for line in last_lines)
    return text
