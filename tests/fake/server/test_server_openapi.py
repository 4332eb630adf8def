from __future__ import annotations


def test_the_document_says_what_bodies_hold(nobody):
    document = nobody.get("/api/openapi.json").json()
    body = document["paths"]["/api/v0/executions/"]["post"]["requestBody"]
    schema = body["content"]["application/json"]["schema"]
    assert {"project", "commit", "step", "parameters", "inputs"} <= schema["properties"].keys()
    assert schema["required"] == ["project", "step"]


def test_every_body_that_is_described_is_of_a_route(nobody):
    from localhai.server.openapi import BODIES

    paths = nobody.get("/api/openapi.json").json()["paths"]
    assert [key for key in BODIES if "requestBody" not in paths[f"/api/v0{key[1]}"][key[0]]] == []
