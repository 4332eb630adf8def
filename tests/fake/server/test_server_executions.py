from __future__ import annotations

import json

import orjson
import pytest
import requests
from click.testing import CliRunner
from waiting import until

from localhai.app.queue import choose
from localhai.app.recover import recover
from localhai.cli.call import Call
from localhai.cli.main import cli
from localhai.containers.engine import Gateway
from localhai.records.queue import QueueEntry
from localhai.testing import Canned

LINES = '{"epoch": 1, "loss": 0.8}\n{"epoch": 2, "loss": 0.4}\ndone\ndone\n'


def entry(number, project="a", priority=0):
    return QueueEntry(f"{number:04}", project, "user", priority, {}, created=f"2026-11-24T00:00:{number:02}.000000Z")


def test_the_oldest_comes_first_and_a_priority_before_it():
    assert choose([entry(2), entry(1)], {}, {}) == entry(1)
    assert choose([entry(1), entry(2, priority=5)], {}, {}) == entry(2, priority=5)
    assert choose([], {}, {}) is None


def test_projects_take_turns():
    many = [entry(number, "a") for number in range(5)]
    assert choose([*many, entry(9, "b")], {"a": 1}, {}) == entry(9, "b")
    assert choose([*many, entry(9, "b")], {}, {"a": 1}) == entry(9, "b")
    assert choose([*many, entry(9, "b")], {}, {"a": 1, "b": 2}) == many[0]


def test_an_execution_is_queued_and_shown_with_what_was_asked(demo):
    made = demo.queued(
        parameters={"epochs": "7"}, inputs={"data": ["s3://b/x.csv"]}, title="try", tags=["one"], priority=3
    )
    assert (made["counter"], made["status"], made["step"], made["duration"]) == (1, "queued", "train", None)
    assert made["parameters"] == {"epochs": 7}
    assert made["inputs"] == [{"name": "data", "urls": ["s3://b/x.csv"]}]
    assert (made["title"], made["tags"], made["priority"], made["creator_name"]) == ("try", ["one"], 3, "ada")
    assert made["commit"]["identifier"] == demo.commit
    assert made["url"].endswith("/")
    assert made["urls"]["stop"] == made["url"] + "stop/"


def test_absent_is_the_default_and_empty_is_none(demo):
    assert demo.queued()["parameters"] == {"epochs": 2}
    made = demo.queued(parameters={"epochs": None}, inputs={"data": []})
    assert (made["parameters"], made["inputs"]) == ({}, [{"name": "data", "urls": []}])
    wrapped = {"epochs": {"style": "single", "rules": {"value": 9}}}
    assert demo.queued(parameters=wrapped, inputs={"data": "s3://b/x"})["parameters"] == {"epochs": 9}


def test_an_execution_runs_and_tells_all_of_itself(demo, engine, state, ada):
    engine.behave(Canned(output=LINES, files={"model.txt": b"weights"}))
    made = demo.queued()
    state.queue.start()
    done = demo.ended(made["id"])
    assert (done["status"], done["exit_code"]) == ("complete", 0)
    assert done["cumulative_metadata"] == {"epoch": 2, "loss": 0.4}
    assert [item["name"] for item in done["outputs"]] == ["model.txt"]
    assert state.records.queue.waiting() == []
    events = ada.get(f"/api/v0/executions/{made['id']}/events/").json()
    said = [event["message"] for event in events["events"] if event["stream"] == "stdout"]
    assert "\n".join(said) + "\n" == LINES
    assert events["total"] == len(events["events"])
    assert len({(event["stream"], event["time"], event["message"]) for event in events["events"]}) == events["total"]
    last = ada.get(f"/api/v0/executions/{made['id']}/events/?limit=1").json()
    assert (last["events"], last["truncated"]) == (events["events"][-1:], True)
    assert ada.get(f"/api/v0/executions/{made['id']}/events/?limit=0").json()["events"] == events["events"]
    statuses = ada.get(f"/api/v0/executions/{made['id']}/status-events/").json()["status_events"]
    assert statuses[-1]["message"] == "Execution #1 is complete (exit code 0)"
    assert [row["epoch"] for row in ada.get(f"/api/v0/executions/{made['id']}/metadata/").json()] == [1, 2]
    assert ada.get(f"/api/v0/executions/{made['id']}/outputs/").json()["count"] == 1


def test_a_step_that_fails_is_an_error(demo, engine, state):
    engine.behave(Canned(exit_code=3))
    made = demo.queued()
    state.queue.start()
    assert demo.ended(made["id"])["status"] == "error"


def test_what_keeps_it_from_starting_is_in_its_record(demo, engine, state):
    engine.images = []
    made = demo.queued()
    state.queue.start()
    done = demo.ended(made["id"])
    assert done["status"] == "error"
    assert "python:3.11-slim" in done["status_detail"]


def test_variables_reach_the_container_and_secret_ones_no_answer(demo, engine, state, ada):
    seen = []

    def look(container):
        seen.append(dict(container.spec.environment))
        container.out("password is s3cret-value\n")
        return 0

    engine.behave(look)
    path = f"/api/v0/projects/{demo.id}/environment_variable/"
    ada.post(path, json={"name": "OPEN", "value": "1", "secret": False})
    ada.post(path, json={"name": "HIDDEN", "value": "s3cret-value", "secret": True})
    made = demo.queued(environment_variables={"MINE": "yes"})
    state.queue.start()
    done = demo.ended(made["id"])
    (variables,) = seen
    assert (variables["OPEN"], variables["HIDDEN"], variables["MINE"]) == ("1", "s3cret-value", "yes")
    assert {"OPEN", "HIDDEN", "MINE"} <= done["environment_variables"].keys()
    assert done["status"] == "complete"
    assert "s3cret" not in str(done) + ada.get(f"/api/v0/executions/{made['id']}/events/").text


def test_what_is_queued_survives_the_server(demo, state):
    from localhai.server.app import assemble
    from localhai.server.state import State

    made = demo.queued(inputs={})
    later = assemble(State(state.home, state.secret, jobs=1))
    later.queue.start()
    assert demo.ended(made["id"])["status"] == "complete"
    later.queue.ask_to_stop()
    later.queue.close()


def test_two_servers_run_it_once(demo, engine, state):
    from localhai.server.app import assemble
    from localhai.server.state import State

    starts = []
    engine.behave(lambda container: starts.append(container) or 0)
    made = [demo.queued()["id"] for _ in range(4)]
    other = assemble(State(state.home, state.secret, jobs=2))
    other.queue.start()
    state.queue.start()
    assert {demo.ended(one)["status"] for one in made} == {"complete"}
    assert len(starts) == 4
    other.queue.ask_to_stop()
    other.queue.close()


def test_stopping_what_waits_ends_it_at_once(demo, state, ada):
    made = demo.queued()
    assert ada.post(f"/api/v0/executions/{made['id']}/stop/").json() == {"message": "OK"}
    assert demo.get(made["id"])["status"] == "stopped"
    assert state.records.queue.waiting() == []
    again = ada.post(f"/api/v0/executions/{made['id']}/stop/")
    assert (again.status_code, again.json()["message"]) == (200, "Execution #1 is stopped already")


def test_the_command_line_ends_what_waits_at_once_too(demo, state):
    made = demo.queued()
    done = CliRunner().invoke(cli, ["execution", "stop", made["id"], "--json"], obj=Call(home=state.home))
    assert (done.exit_code, [item["status"] for item in json.loads(done.stdout)]) == (0, ["stopped"])
    assert demo.get(made["id"])["status"] == "stopped"
    assert state.records.queue.waiting() == []


def test_what_a_server_died_over_before_it_waited_is_closed(demo, state, monkeypatch):
    def die(_entry):
        raise SystemExit

    monkeypatch.setattr("localhai.records.queue.QueueRecords.let_wait", lambda _records, entry: die(entry))
    demo.create()
    monkeypatch.undo()
    (left,) = state.home.records.executions.list_open()
    assert (left.status, state.records.queue.entry(left.id)) == ("created", None)
    recover(state.home, lambda _text: None)
    assert demo.get(left.id)["status"] in {"error", "crashed"}


def test_what_runs_is_stopped_when_the_server_ends(demo, engine, state):
    started = []

    def stay(container):
        started.append(container)
        container.sleep(60)
        return 0

    engine.behave(stay)
    made = demo.queued()
    state.queue.start()
    until(lambda: started)
    state.queue.ask_to_stop()
    state.queue.close()
    assert demo.get(made["id"])["status"] == "stopped"


def test_deleting_forgets_it_and_keeps_its_outputs_until_they_are_purged(demo, engine, state, ada):
    engine.behave(Canned(files={"model.txt": b"weights"}))
    made = demo.queued()
    refused = ada.delete(f"/api/v0/executions/{demo.id}:1/")
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_state")
    state.queue.start()
    demo.ended(made["id"])
    assert ada.delete(f"/api/v0/executions/{demo.id}:1/").json() == {"ok": True}
    assert ada.get(f"/api/v0/executions/{made['id']}/").status_code == 404
    [datum] = ada.get(f"/api/v0/data/?output_execution={made['id']}").json()["results"]
    assert (datum["name"], datum["purged"]) == ("model.txt", False)
    url = ada.get(f"/api/v0/data/{datum['id']}/download/").json()["url"]
    assert requests.get(url, timeout=10).content == b"weights"
    assert ada.post(f"/api/v0/data/{datum['id']}/purge/").json() == {"ok": True}
    assert ada.get(f"/api/v0/data/?output_execution={made['id']}").json()["results"] == []


def test_executions_are_found_by_number_and_latest(demo):
    first, second = demo.queued(), demo.queued()
    assert demo.get(f"{demo.id}:1")["id"] == first["id"]
    assert demo.get(f"{demo.id}:latest")["id"] == second["id"] == demo.get(second["id"].upper())["id"]


@pytest.mark.parametrize(
    "reference", ["0", "x", "01a2", "{project}:9", "{project}:x", "{project}:", "{other}:1", "a:b:c"]
)
def test_what_is_not_there_is_not_found(demo, ada, reference):
    demo.queued()
    other = "01a20d6a-c469-7c0b-b1fc-54758173648b"
    answer = ada.get(f"/api/v0/executions/{reference.format(project=demo.id, other=other)}/")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})


def test_nobody_sees_the_executions_of_another(demo, bob):
    made = demo.queued()
    path = f"/api/v0/executions/{made['id']}/"
    for answer in (
        bob.get(path),
        bob.delete(path),
        bob.post(f"{path}stop/"),
        bob.post(f"{path}tags/", json={"tags": ["x"]}),
        bob.get(f"{path}events/"),
        bob.get(f"{path}status-events/"),
        bob.get(f"{path}metadata/"),
        bob.get(f"{path}outputs/"),
        bob.post("/api/v0/executions/", json={"project": demo.id, "commit": demo.commit, "step": "train"}),
    ):
        assert answer.status_code == 404
    assert bob.get("/api/v0/executions/").json()["results"] == []
    assert bob.get(f"/api/v0/executions/?project={demo.id}").json()["results"] == []


@pytest.mark.parametrize(
    ("query", "counters"),
    [
        ("", [3, 2, 1]),
        ("ordering=counter", [1, 2, 3]),
        ("ordering=-counter&limit=2", [3, 2]),
        ("limit=2&offset=2", [1]),
        ("counter=1&counter=3", [3, 1]),
        ("status=incomplete", [3, 2]),
        ("status=stopped&status=queued", [3, 2, 1]),
        ("status=stopped", [1]),
        ("status=nonsense", []),
        ("step=train", [3, 2, 1]),
        ("step=other", []),
        ("deleted=True", []),
        ("deleted=false&creator=%3Cnone%3E", [3, 2, 1]),
        ("counter=x", []),
    ],
)
def test_lists_are_filtered_and_ordered(demo, ada, query, counters):
    first = demo.queued()
    demo.queued()
    demo.queued()
    ada.post(first["urls"]["stop"].removeprefix(ada.url))
    rows = ada.get(f"/api/v0/executions/?project={demo.id}&{query}").json()["results"]
    assert [row["counter"] for row in rows] == counters
    assert all("duration" in row for row in rows)


def test_tags_are_added(demo, ada):
    made = demo.queued(tags=["one"])
    ada.post(f"/api/v0/executions/{made['id']}/tags/", json={"tags": ["two", "one"]})
    assert demo.get(made["id"])["tags"] == ["one", "two"]


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ({"step": "nothing"}, "non_field_errors"),
        ({"step": None}, "step"),
        ({"parameters": {"epochs": "many"}}, "non_field_errors"),
        ({"parameters": {"nothing": 1}}, "non_field_errors"),
        ({"parameters": []}, "non_field_errors"),
        ({"parameters": [1]}, "parameters"),
        ({"inputs": {"data": 5}}, "inputs"),
        ({"inputs": {"nothing": ["x"]}}, "non_field_errors"),
        ({"tags": "x"}, "tags"),
        ({"priority": "high"}, "priority"),
        ({"priority": True}, "priority"),
        ({"time_limit": [1]}, "time_limit"),
        ({"image": 5}, "image"),
        ({"environment_variables": {"A": []}}, "environment_variables"),
        ({"commit": 5}, "commit"),
    ],
)
def test_what_is_wrong_with_a_request_is_said_by_field(demo, more, name):
    answer = demo.create(**more)
    if more == {"parameters": []}:  # as PHP writes an empty object
        assert answer.status_code == 201
        return
    assert answer.status_code == 400, answer.text
    assert list(answer.json()) == [name]


def test_the_length_of_a_list_knows_of_deleted_ones(demo, state, ada):
    made = [demo.queued() for _ in range(3)]
    state.queue.start()
    for item in made:
        demo.ended(item["id"])
    ada.delete(f"/api/v0/executions/{demo.id}:2/")
    page = ada.get(f"/api/v0/executions/?project={demo.id}&limit=1").json()
    assert (page["count"], page["results"][0]["counter"]) == (2, 3)
    assert ada.get("/api/v0/executions/").json()["count"] == 2


RESOURCES = {
    "requests": {"cpu": 0.5, "memory": 64},
    "limits": {"cpu": 1.5, "memory": 256, "devices": {"nvidia.com/gpu": 1}},
}


def runtime(resources):
    return {"kubernetes": {"containers": {"workload": {"resources": resources}}}, "no_output_timeout": 60}


def test_what_runtime_config_allows_limits_the_execution(demo, state):
    queued = demo.queued(runtime_config={**runtime(RESOURCES), "autorestart": True}, runtime_config_preset="any")
    plan = state.records.queue.entry(queued["id"]).request["plan"]
    assert plan["limits"] == {
        "time_limit": None,
        "no_output_timeout": 60.0,
        "stop_condition": None,
        "cpu_min": 0.5,
        "cpu_max": 1.5,
        "memory_min": 64.0,
        "memory_max": 256.0,
        "devices": {"nvidia.com/gpu": 1},
    }


@pytest.mark.parametrize(
    "wrong",
    [
        "all",
        {"kubernetes": 1},
        runtime({"limits": {"cpu": "many"}}),
        runtime({"limits": {"memory": -1}}),
        runtime({"limits": {"memory": True}}),
        runtime({"limits": {"devices": {"gpu": "x"}}}),
        {"no_output_timeout": float("inf")},
    ],
)
def test_a_runtime_config_that_is_wrong_is_refused(demo, wrong):
    answer = demo.asker.post(
        "/api/v0/executions/",
        data=json.dumps({"project": demo.id, "commit": demo.commit, "step": "train", "runtime_config": wrong}),
    )
    assert (answer.status_code, list(answer.json())) == (400, ["runtime_config"])


def test_this_machine_is_meant_by_any_of_its_names(demo):
    (row,) = demo.asker.get("/api/v0/environments/").json()["results"]
    for name in (row["id"], row["slug"], "PROJECT_DEFAULT", None):
        assert demo.queued(environment=name)["environment"]["name"] == "This machine"
    assert demo.queued(environment="aws-small")["environment"]["slug"] == "aws-small"


def test_executions_wait_while_no_engine_answers(demo, engine, state, monkeypatch):
    monkeypatch.setattr(engine, "gateway", lambda _network: Gateway("127.0.0.1"))  # of which nothing is said
    said = []
    object.__setattr__(state, "say", said.append)
    engine.lose("gone for a moment")
    made = demo.queued()
    state.queue.start()
    until(lambda: said)
    assert "wait for the engine" in said[0]
    assert demo.get(made["id"])["status"] == "queued"
    engine.come_back()
    state.queue.wake()
    assert demo.ended(made["id"])["status"] == "complete"
    assert said[-1] == "the engine answers again"


@pytest.mark.parametrize("uris", ["x\0y", ["x\0y"], ["/x\0y"]])
def test_an_address_with_a_null_byte_is_refused_in_words(demo, uris):
    answer = demo.create(inputs={"data": uris})
    assert (answer.status_code, answer.json()["inputs"][0]["message"]) == (400, "data: a list of URIs is needed.")


@pytest.mark.parametrize("half", [b'"\\ud800"', b'"\xed\xa0\x80"', b'"\xff"'])
def test_half_a_character_is_refused(demo, half):
    body = b'{"project": ' + half + b"}"
    answer = demo.asker.post("/api/v0/executions/", data=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")


ODD = rb"""{"key\udce9": "\ud800", "loss": NaN, "much": Infinity}
"""


def test_odd_metadata_and_parameters_are_answered_as_strict_json(demo, engine, state, ada):
    """What is stored once can be asked for ever, by every client."""
    files = {b"caf\xe9.txt".decode("utf-8", "surrogateescape"): b"x", "m.txt.metadata.json": rb'{"a": "\ud800"}'}
    engine.behave(Canned(output=ODD, files={**files, "m.txt": b"m"}))
    made = demo.queued(title="caf\xe9")
    state.queue.start()
    done = demo.ended(made["id"])
    assert done["status"] == "complete"
    wanted = {"key\\xe9": "\\ud800", "loss": None, "much": None}
    assert done["cumulative_metadata"] == wanted
    for path in ("", "metadata/", "events/", "outputs/"):
        answer = ada.get(f"/api/v0/executions/{made['id']}/{path}")
        assert answer.status_code == 200, path
        orjson.loads(answer.content)
    answer = ada.get(f"/api/v0/data/?output_execution={made['id']}")
    assert [item["name"] for item in orjson.loads(answer.content)["results"]] == ["caf%E9.txt", "m.txt"]


def test_environment_variables_are_told_with_their_values_but_those_of_secrets(demo, ada):
    path = f"/api/v0/projects/{demo.id}/environment_variable/"
    ada.post(path, json={"name": "OPEN", "value": "1", "secret": False})
    ada.post(path, json={"name": "TOKEN", "value": "s3cret-value", "secret": True})
    made = demo.queued(environment_variables={"SEED": "7", "SAID": "it is s3cret-value"})
    assert made["environment_variables"] == {
        "OPEN": {"value": "1", "secret": False},
        "SAID": {"value": "it is ***", "secret": False},
        "SEED": {"value": "7", "secret": False},
        "TOKEN": {"value": None, "secret": True},
    }


def test_what_has_no_effect_here_is_said_in_the_log(demo, state, ada):
    made = demo.queued(environment="aws-eu-west-1-p3", environment_variable_groups=["0178-group"])
    state.queue.start()
    demo.ended(made["id"])
    log = ada.get(f"/api/v0/executions/{made['id']}/events/").text
    assert "environment-variable-groups" in log
    assert "environment (" in log or "environment," in log
    answer = ada.post(
        "/api/v0/executions/",
        json={"project": demo.id, "commit": demo.commit, "step": "train", "environment_variable_groups": "x"},
    )
    assert (answer.status_code, list(answer.json())) == (400, ["environment_variable_groups"])


def test_a_project_without_a_repository_says_what_to_do(demo, ada):
    fetched = ada.post(f"/api/v0/projects/{demo.id}/fetch/").json()
    assert fetched["commits"] == []
    assert "--adhoc" in fetched["errors"][0]
    answer = ada.post("/api/v0/executions/", json={"project": demo.id, "commit": "a" * 40, "step": "train"})
    assert answer.status_code == 400
    assert "--adhoc" in answer.json()["commit"][0]["message"]


UNTYPED = """\
- step:
    name: untyped
    image: python:3.11-slim
    command: echo {parameters}
    parameters:
      - {name: cycle, default: 0}
      - {name: share, default: 0.5}
      - {name: dry, default: false}
"""


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, {"cycle": 0, "share": 0.5, "dry": False}),
        ({"cycle": 1, "share": 2, "dry": True}, {"cycle": 1, "share": 2, "dry": True}),
        ({"cycle": "1"}, {"cycle": "1", "share": 0.5, "dry": False}),
    ],
)
def test_parameters_without_a_type_stay_what_a_client_sends(demo, state, engine, given, wanted):
    seen = []
    engine.behave(lambda container: seen.append(container.parameters) or 0)
    commit = demo.upload_files({"valohai.yaml": UNTYPED}).json()["identifier"]
    made = demo.queued(step="untyped", commit=commit, parameters=given)
    state.queue.start()
    found = demo.ended(made["id"])["parameters"]
    assert (found, seen) == (wanted, [wanted])
    assert {name: type(value) for name, value in found.items()} == {name: type(value) for name, value in wanted.items()}
