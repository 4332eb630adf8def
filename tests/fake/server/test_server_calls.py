"""What containers may call, as a container does: by what /valohai/config/api.json says."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
import requests

from localhai.containers.engine import Gateway
from localhai.server import calls
from localhai.server.app import assemble
from localhai.server.state import State
from localhai.testing import FakeEngine

LAZY = """\
- step:
    name: train
    image: python:3.11-slim
    command: python train.py
    inputs:
      - {name: data, download: on-demand}
      - {name: now}
"""


@pytest.fixture
def engine():
    made = FakeEngine()
    yield made
    made.close()


@pytest.fixture
def inside(engine):
    """Runs in a container, with its api.json; what it gave is in `seen`."""
    seen = []

    def run(code):
        def play(container):
            seen.append(code(container.config("api.json"), container))
            return 0

        engine.behave(play)
        return seen

    return run


def request(api, name, **more):
    return requests.request(**{**api[name], **more, "timeout": 9})  # noqa: S113  # it has one


def test_a_status_detail_is_shown_by_the_api_and_in_the_record(demo, state, inside):
    seen = inside(lambda api, _container: request(api, "set_status_detail", json={"status_detail": "epoch 3 of 5"}))
    made = demo.queued()
    state.queue.start()
    assert demo.ended(made["id"])["status_detail"] == "epoch 3 of 5"
    assert seen[0].status_code == 200
    assert state.home.execution(made["id"]).to_dict()["status_detail"] == "epoch 3 of 5"


def test_secrets_are_masked_in_a_status_detail(demo, state, inside, ada):
    ada.post(f"/api/v0/projects/{demo.id}/environment_variable/", json={"name": "K", "value": "s3cret", "secret": True})
    inside(lambda api, _container: request(api, "set_status_detail", json={"status_detail": "with s3cret\0"}))
    made = demo.queued()
    state.queue.start()
    assert demo.ended(made["id"])["status_detail"] == "with ***"


def test_the_token_of_a_container_does_nothing_else(demo, state, inside, ada):
    """Not for another execution, not for the API, not after its end; and no other token for it."""
    other = demo.queued(priority=-1)

    def code(api, _container):
        call = {name: value for name, value in api["set_status_detail"].items() if name != "timeout"}
        elsewhere = {**call, "url": call["url"].replace(made["id"], other["id"]), "json": {"status_detail": "x"}}
        wrong = {**call, "headers": {"Authorization": "Token token-of-ada"}, "json": {}}
        host = "{0.scheme}://{0.netloc}".format(urlsplit(call["url"]))
        return (
            requests.request(**elsewhere, timeout=9).status_code,
            requests.request(**wrong, timeout=9).status_code,
            requests.get(f"{host}/api/v0/projects/", headers=call["headers"], timeout=9).status_code,
            requests.get(f"{ada.url}/api/v0/projects/", headers=call["headers"], timeout=9).status_code,
            api,
        )

    seen = inside(code)
    made = demo.queued()
    state.queue.start()
    demo.ended(made["id"])
    *codes, api = seen[0]
    assert codes == [401, 401, 404, 401]
    after = request(api, "set_status_detail", json={"status_detail": "x"})
    assert (after.status_code, after.json()["code"]) == (403, "ended")


@pytest.fixture
def lazy(demo):
    """A step with an input that is read when its code asks for it."""
    demo.commit = demo.upload_files({"valohai.yaml": LAZY}).json()["identifier"]
    return demo


def test_on_demand_inputs_come_when_they_are_asked_for(lazy, state, inside, tmp_path, allow):
    allow(serve_folders=(tmp_path,))
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(f"bytes of {name}")

    def code(api, container):
        listed = container.config("inputs.json")
        before = sorted(path.name for path in container.path("/valohai/inputs").glob("data/*"))
        answer = request(api, "input_request", params={"inputs": [listed["data"]["input_id"]]}).json()
        refused = request(api, "input_request", params={"inputs": ["another"]}).status_code
        got = {file["filename"]: requests.get(file["url"], timeout=9).text for file in answer[0]["files"]}
        spoiled = requests.get(answer[0]["files"][0]["url"].replace("/0/", "/1/"), timeout=9).status_code
        return listed, before, answer, refused, got, spoiled

    seen = inside(code)
    made = lazy.queued(inputs={"data": [f"{tmp_path}/*.csv"], "now": [f"{tmp_path}/a.csv"]})
    state.queue.start()
    done = lazy.ended(made["id"])
    assert done["status"] == "complete", done["status_detail"]
    listed, before, answer, refused, got, spoiled = seen[0]
    assert before == []
    assert [(file["name"], "path" in file) for file in listed["data"]["files"]] == [("a.csv", False), ("b.csv", False)]
    assert "input_id" not in listed["now"]
    assert [file["input_id"] for file in answer[0]["files"]] == [listed["data"]["input_id"]] * 2
    assert (refused, spoiled) == (404, 403)
    assert got == {"a.csv": "bytes of a.csv", "b.csv": "bytes of b.csv"}
    assert not (state.home.folder / state.home.execution(made["id"]).record.folder / "scratch").exists()


def test_triggers_are_those_of_the_projects_settings(demo, state, inside):
    folder = state.project(demo.id).path
    with open(f"{folder}/localhai.toml", "w", encoding="utf-8") as file:
        file.write('[triggers]\n"re train" = "http://127.0.0.1:1/hook"\n')
    seen = inside(
        lambda api, _container: [request(api, "trigger_catalog", params={"q": name}) for name in ("re train", "other")]
    )
    made = demo.queued()
    state.queue.start()
    demo.ended(made["id"])
    found, missing = seen[0]
    assert found.json()["manifest"]["url"] == "http://127.0.0.1:1/hook"
    assert (missing.status_code, missing.json()["code"]) == (404, "does_not_exist")


def test_the_next_server_listens_where_containers_that_still_run_call(state):
    first = state.calls.of("01a20d6a-c469-7c0b-b1fc-54758173648b", None)
    state.calls.close()
    later = assemble(State(state.home, state.secret))
    later.calls.resume()
    assert later.calls.of("01a20d6a-c469-7c0b-b1fc-54758173648b", None) == first
    url = first["set_status_detail"]["url"]
    assert requests.post(url, headers=first["set_status_detail"]["headers"], timeout=9).status_code == 404
    later.close()


def test_two_servers_of_one_home_keep_a_port_each_over_their_restarts(state):
    execution = "01a20d6a-c469-7c0b-b1fc-54758173648b"
    other = assemble(State(state.home, state.secret))
    first, second = state.calls.of(execution, None), other.calls.of(execution, None)
    assert first != second
    state.calls.close()
    again = assemble(State(state.home, state.secret))
    again.calls.resume()
    assert again.calls.of(execution, None) == first
    other.calls.close()
    last = assemble(State(state.home, state.secret))
    last.calls.resume()
    assert last.calls.of(execution, None) == second
    for one in (again, last):
        one.close()


@pytest.mark.parametrize(
    ("gateway", "wanted", "place"),
    [
        (None, None, None),
        (Gateway("host.docker.internal"), None, ("127.0.0.1", "host.docker.internal")),
        (Gateway("127.0.0.1", "127.0.0.0/8"), None, ("127.0.0.1", "127.0.0.1")),
        (Gateway("203.0.113.9", "203.0.113.0/24"), None, None),
        (Gateway("203.0.113.9", "203.0.113.0/24"), "127.0.0.1", ("127.0.0.1", "127.0.0.1")),
        (None, "203.0.113.7", ("0.0.0.0", "203.0.113.7")),  # noqa: S104  # all: the address is not of this machine
    ],
)
def test_where_containers_reach_this_machine(gateway, wanted, place):
    assert calls._place(gateway, wanted) == place


def test_an_engine_without_a_way_back_is_said_and_offers_nothing(state, engine, monkeypatch):
    said = []
    object.__setattr__(state, "say", said.append)
    monkeypatch.setattr(engine, "gateway", lambda _network: Gateway("203.0.113.9", "203.0.113.0/24"))
    assert state.calls.of("01a20d6a-c469-7c0b-b1fc-54758173648b", None) == {}
    assert "--container-host" in said[0]
