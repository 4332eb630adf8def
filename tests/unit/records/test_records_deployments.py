"""Versions of deployments: made, named, held by one process at a time."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from localhai.errors import UsageError
from localhai.records import Owner

ME = Owner(host="here", pid=1, process_start="2", boot_id="3")
OTHER = replace(ME, pid=2)


@pytest.fixture
def project(records):
    return records.projects.of_folder("/a/newsroom", "newsroom").id


@pytest.fixture
def make(records, project):
    def create(deployment="greeting", endpoints=("greet", "ask"), **more):
        wanted = [(name, {"definition": {"image": "i"}}) for name in endpoints]
        return records.deployments.create_version(project, deployment=deployment, commit="~1", endpoints=wanted, **more)

    return create


def test_versions_are_numbered_by_day_and_named_once(records, make):
    day = records.deployments.version(make().id).created[:10].replace("-", "")
    assert [item.name for item in records.deployments.versions()] == [f"{day}.0"]
    assert make(name=f"{day}.1").name == f"{day}.1"
    assert make().name == f"{day}.2"
    assert records.deployments.suggest_version_name(make("other").deployment_id) == f"{day}.1"
    with pytest.raises(UsageError, match="has a version"):
        make(name=f"{day}.1")


def test_a_version_keeps_its_endpoints_in_order_and_has_the_shape_of_the_design(make):
    found = make(endpoints=("z", "a"), name="v1", aliases=["live"], document={"environment_variables": {"A": "1"}})
    shape = found.to_dict()
    assert [endpoint["name"] for endpoint in shape["endpoints"]] == ["z", "a"]
    assert {endpoint["status"] for endpoint in shape["endpoints"]} == {"created"}
    assert (shape["name"], shape["commit"], shape["aliases"]) == ("v1", "~1", ["live"])
    assert (shape["deployment"]["name"], shape["project"]) == ("greeting", "newsroom")
    assert shape["environment_variables"] == {"A": "1"}


def test_an_alias_points_to_one_version(records, make):
    first, second = make(name="v1", aliases=["live"]), make(name="v2", aliases=["live", "best"])
    assert records.deployments.version(first.id).aliases == ()
    assert set(records.deployments.version(second.id).aliases) == {"live", "best"}
    records.deployments.point_alias(first, "live")
    assert records.deployments.find_version("greeting/live").id == first.id


@pytest.mark.parametrize("ref", ["v1", "greeting/v1", "live", "id", "prefix"])
def test_a_version_is_found_by(records, project, make, ref):
    first = make(name="v1", aliases=["live"])
    make("other", name="v2")
    known = {"id": first.id, "prefix": first.id[:-2]}
    assert records.deployments.find_version(known.get(ref, ref), project).id == first.id
    assert records.deployments.find_version("latest", project).name == "v2"
    assert records.deployments.find_version("greeting", project).id == first.id


def test_an_unknown_version_is_a_mistake_with_candidates(records, make):
    made = make(name="v1")
    with pytest.raises(UsageError) as caught:
        records.deployments.find_version("v9")
    assert any(made.id in hint for hint in caught.value.hints)


def test_an_endpoint_is_held_by_one_process_at_a_time(records, make):
    made = make()
    assert records.deployments.hold_endpoint(made.id, "greet", "building", ME)
    assert not records.deployments.hold_endpoint(made.id, "greet", "building", OTHER)
    assert records.deployments.hold_endpoint(made.id, "ask", "building", OTHER)
    assert not records.deployments.change_endpoint(made.id, "greet", status="serving", expected_owner=OTHER)
    assert records.deployments.change_endpoint(made.id, "greet", status="serving", expected_owner=ME, url="http://here")
    assert [item.id for item in records.deployments.held_versions(host="here")] == [made.id]
    assert records.deployments.held_versions(host="elsewhere") == []

    assert records.deployments.change_endpoint(made.id, "greet", status="stopped")
    let_go = records.deployments.version(made.id).endpoint("greet")
    assert (let_go.status, let_go.owner, let_go.document["url"]) == ("stopped", None, "http://here")
    assert let_go.finished
    assert records.deployments.hold_endpoint(made.id, "greet", "starting", OTHER)


def test_only_what_is_served_can_be_asked_to_stop(records, make):
    made = make()
    assert not records.deployments.request_endpoint_stop(made.id, "greet")
    records.deployments.hold_endpoint(made.id, "greet", "serving", ME)
    assert records.deployments.request_endpoint_stop(made.id, "greet")
    first = records.deployments.version(made.id).endpoint("greet").stop_requested
    assert records.deployments.request_endpoint_stop(made.id, "greet")
    assert records.deployments.version(made.id).endpoint("greet").stop_requested == first
    assert records.deployments.stop_requested_endpoints(made.id) == {"greet"}
    records.deployments.change_endpoint(made.id, "greet", status="stopped")
    records.deployments.hold_endpoint(made.id, "greet", "starting", ME)
    assert records.deployments.stop_requested_endpoints(made.id) == frozenset()


def test_facts_of_a_version_are_added_to_what_is_known(records, make):
    made = make(document={"environment_variables": {"A": "1"}})
    assert records.deployments.change_version(made.id, enabled=False).document == {
        "environment_variables": {"A": "1"},
        "enabled": False,
    }


def test_deployments_are_listed_by_name(records, project, make):
    make("zoo")
    assert records.deployments.put(project, "ant").id == records.deployments.put(project, "ant").id
    assert [item.name for item in records.deployments.list(project)] == ["ant", "zoo"]
    assert records.deployments.list("of nobody") == []
