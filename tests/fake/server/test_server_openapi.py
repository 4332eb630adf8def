from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from localhai.server.api.pages import FOLDER


def test_the_document_says_what_bodies_hold(nobody):
    document = nobody.get("/api/openapi.json").json()
    body = document["paths"]["/api/v0/executions/"]["post"]["requestBody"]
    schema = body["content"]["application/json"]["schema"]
    assert {"project", "commit", "step", "parameters", "inputs"} <= schema["properties"].keys()
    assert schema["required"] == ["project", "step"]


GOLDEN = Path(__file__).with_name("openapi.json")
OPTIONAL = {  # required by an earlier document, though never by the server
    ("POST /api/v0/executions/{reference}/tags/", "/required/tags"),
    ("POST /api/v0/deployment-versions/", "/required/commit"),
    ("POST /api/v0/pipelines/", "/required/nodes"),  # a blueprint needs none
    ("POST /api/v0/pipelines/", "/properties/nodes/items/required/type"),  # else it is an execution
}


def operations(document):
    """What clients may rely on, by method and path: parameters, answers, the schema of the body."""
    found = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            body = operation.get("requestBody", {"content": {"none": {"schema": {}}}})
            ((kind, content),) = body["content"].items()
            found[f"{method.upper()} {path}"] = {
                "id": operation["operationId"],
                "summary": operation["summary"],
                "tags": operation.get("tags", []),
                "parameters": {
                    f"{item['in']} {item['name']}": [item["required"], item["schema"].get("default")]
                    for item in operation.get("parameters", [])
                },
                "answers": sorted(operation["responses"]),
                "body": {"kind": kind, **content["schema"]},
            }
    return found


def lacks(new, old, components, where=""):
    """What the old schema says and the new one does not: a new one may say more."""
    while "$ref" in new:
        new = {**components[new["$ref"].rsplit("/", 1)[-1]], **{key: new[key] for key in new if key != "$ref"}}
    found = []
    for key, value in old.items():
        if key not in new:
            found.append(f"{where}/{key}")
        elif isinstance(value, dict):
            found += lacks(new[key], value, components, f"{where}/{key}")
        elif key in {"required", "enum"}:
            found += [f"{where}/{key}/{item}" for item in value if item not in new[key]]
        elif key == "anyOf":
            found += [
                f"{where}/{key}/{item}" for item in value if all(lacks(one, item, components) for one in new[key])
            ]
        elif new[key] != value:
            found.append(f"{where}/{key}: {new[key]!r}, was {value!r}")
    return found


def test_no_operation_and_no_field_of_a_body_is_lost(nobody):
    document = nobody.get("/api/openapi.json").json()
    new = operations(document)
    if os.environ.get("RECORD_BODIES"):
        GOLDEN.write_text(json.dumps(new, indent=1, sort_keys=True) + "\n")
    old = json.loads(GOLDEN.read_text())
    bodies = {name: (new[name].pop("body"), item.pop("body")) for name, item in old.items()}
    assert {name: new[name] for name in old} == old
    components = document["components"]["schemas"]
    lost = {(name, item) for name, pair in bodies.items() for item in lacks(*pair, components)}
    assert lost <= OPTIONAL


def test_every_body_that_is_decoded_is_described(nobody):
    document = nobody.get("/api/openapi.json").json()
    bodies = [
        (name, item["body"])
        for name, item in operations(document).items()
        if item["body"]["kind"] == "application/json"
    ]
    assert len(bodies) > 25
    assert [name for name, body in bodies if not body["properties"] or not body["description"]] == []
    assert "$ref" not in json.dumps([body for _name, body in bodies]), "each is whole by itself"


def test_the_page_of_endpoints_needs_nothing_from_elsewhere(nobody):
    for spelled in ("/api/docs", "/api/docs/"):
        page = nobody.get(spelled)
        assert page.status_code == 200
        assert "://" not in page.text
        named = re.findall(r'(?:src|href)="(/[^"]+)"', page.text)
        assert named == ["/api/docs/swagger-ui.css", "/api/docs/swagger-ui-bundle.js", "/api/docs/start.js"]
        for path in named:
            answer = nobody.get(path)
            assert (answer.status_code, answer.headers["X-Content-Type-Options"]) == (200, "nosniff")
            assert answer.content == (FOLDER / Path(path).name).read_bytes()
            assert answer.headers["Content-Type"].startswith("text/css" if path.endswith("css") else "text/javascript")


def test_the_page_of_endpoints_may_load_nothing_from_elsewhere(nobody):
    policy = nobody.get("/api/docs").headers["Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["connect-src"] == "'self'"
    assert "<script>" not in nobody.get("/api/docs").text, "no script stands in the page, which the policy forbids"
    assert re.search(r"url: \"/api/openapi.json\"", nobody.get("/api/docs/start.js").text)


@pytest.mark.parametrize("name", ["LICENSE", "..%2Fapp.py", "%2e%2e/app.py", "nothing.js"])
def test_no_other_file_is_served(nobody, name):
    assert nobody.get(f"/api/docs/{name}").status_code == 404


def test_what_is_bundled_comes_with_its_licence():
    assert {"LICENSE", "NOTICE", "swagger-ui-bundle.js.LICENSE.txt"} <= {file.name for file in FOLDER.iterdir()}
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < 2_200_000, "only what the page needs"
    assert "sourceMappingURL" not in (FOLDER / "swagger-ui.css").read_text()
