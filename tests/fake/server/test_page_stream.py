"""The stream of a browser: what it subscribes to comes as it changes, whoever changes it, and goes on after a cut."""

from __future__ import annotations

import json
import shutil
import socket
import threading
from contextlib import suppress
from http.client import HTTPConnection, HTTPException

import pytest
from waiting import until

from localhai.app.session import log_out
from localhai.server.page import stream as streaming
from localhai.server.page import topics

WITHIN = 20.0


class Listener:
    """Reads a stream in a thread."""

    def __init__(self, asker, last=None):
        self._asker = asker
        self._connection = HTTPConnection(asker.url.removeprefix("http://"), timeout=WITHIN)
        headers = {"Authorization": asker.headers["Authorization"], **({"Last-Event-ID": last} if last else {})}
        self._connection.request("GET", "/page/stream/", headers=headers)
        self._socket = self._connection.sock
        self._answer = self._connection.getresponse()
        assert self._answer.status == 200
        assert self._answer.headers["Content-Type"].startswith("text/event-stream")
        self.events, self.ended = [], threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        self.hello = self.wait("hello")[0]

    def _read(self):
        event = {}
        try:
            while line := self._answer.readline():
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name in {"event", "id"}:
                    event[name] = value
                elif name == "data":
                    event["data"] = json.loads(value)
                elif not name and event.get("event"):
                    self.events.append(event)
                    event = {}
        except (OSError, HTTPException):  # it was cut off
            pass
        finally:
            self.ended.set()

    def of(self, name):
        return [event["data"] for event in list(self.events) if event["event"] == name]

    def wait(self, name, number=1):
        return until(lambda: found if len(found := self.of(name)) >= number else None, said=lambda: str(self.events))

    def change(self, **body):
        answer = self._asker.post(f"/page/stream/{self.hello['stream']}/", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def subscribe(self, *names):
        found = self.change(subscribe=list(names))
        assert found["refused"] == []
        return found["topics"]

    def close(self):
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(WITHIN)
        self._connection.close()
        self._socket.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(topics.Topic, "pace", 0.05)
    monkeypatch.setattr(topics, "_DEAREST", 1.0)
    monkeypatch.setattr(streaming, "LOOK", 0.02)


@pytest.fixture
def listen(page):
    opened = []

    def begin(asker=None, last=None):
        made = Listener(asker or page, last)
        opened.append(made)
        return made

    yield begin
    for made in opened:
        made.close()


def texts(listener):
    return [line["text"] for page in listener.of("log") for line in page["lines"]]


def test_it_begins_with_its_name_and_the_server(listen):
    hello = listen().hello
    assert hello["resumed"] is False
    assert set(hello["server"]) == {"version", "bundle", "started"}
    assert hello["stream"]


def test_lines_of_one_that_another_process_runs_come_as_they_are_written(listen, data):
    row = data.execution("started", lines=[("stdout", "one"), ("stderr", "two")])
    listener = listen()
    listener.subscribe(f"log:{row.id}:2")
    assert [line["n"] for line in listener.wait("log")[0]["lines"]] == [2]
    for word in ("three", "four"):
        data.say(row, [("stdout", word)])
        until(lambda word=word: word in texts(listener))
    data.home.records.executions.transition(row.id, "complete")
    assert until(lambda: listener.of("log")[-1]["complete"])
    assert texts(listener) == ["two", "three", "four"]
    assert {page["id"] for page in listener.of("log")} == {row.id}


def test_the_table_tells_what_changed_of_it(listen, data):
    rows = [data.execution(parameters={"n": n}) for n in range(3)]
    listener = listen()
    listener.subscribe(f"table:{data.project.id}")
    whole = listener.wait("table")[0]
    assert (whole["whole"], whole["rows"], whole["project"]) == (True, 3, data.project.id)
    data.home.records.executions.update(rows[1].id, tags=["new"])
    changed = listener.wait("table", 2)[1]
    assert (changed["whole"], changed["columns"]["id"]) == (False, [rows[1].id])
    data.home.records.executions.delete(rows[0].id)
    assert listener.wait("table", 3)[2]["removed"] == [rows[0].id]


def test_metrics_of_what_runs_are_in_the_table_as_they_come(listen, data):
    row = data.execution("started", metadata=[{"loss": 3}])
    listener = listen()
    listener.subscribe(f"table:{data.project.id}")
    listener.wait("table")
    data.say(row, [], [{"loss": 2}])
    assert listener.wait("table", 2)[1]["metrics"]["loss"]["latest"] == [2]


def test_a_table_with_a_revision_goes_on_from_there(listen, page, data):
    data.execution()
    revision = page.get(f"/page/table/?project={data.project.id}").json()["revision"]
    listener = listen()
    listener.subscribe(f"table:{data.project.id}:{revision}")
    made = data.execution()
    assert listener.wait("table")[0]["columns"]["id"] == [made.id]


def test_details_come_at_once_and_when_they_change(listen, data):
    row = data.execution("started")
    listener = listen()
    listener.subscribe(f"execution:{row.id}")
    assert listener.wait("execution")[0]["status"] == "started"
    data.home.records.executions.transition(row.id, "complete", exit_code=0)
    assert until(lambda: listener.of("execution")[-1]["status"] == "complete")
    number = len(listener.of("execution"))
    data.home.records.executions.update(data.execution().id, tags=["another one"])
    listener.subscribe("projects")
    listener.wait("projects")
    assert len(listener.of("execution")) == number, "what is as it was is not said again"


def test_projects_say_what_runs(listen, data):
    listener = listen()
    listener.subscribe("projects")
    assert listener.wait("projects")[0][0]["executions"] == 0
    data.execution("started")
    until(lambda: listener.of("projects")[-1][0]["running"] == 1)


def test_what_is_deleted_is_told_and_over(listen, data, page):
    row = data.execution()
    listener = listen()
    topics_now = listener.subscribe(f"execution:{row.id}", f"log:{row.id}:1", "projects")
    assert len(topics_now) == 3
    listener.wait("log")
    page.post(f"/page/executions/{row.id}/delete/", json={})
    gone = listener.wait("gone", 2)
    assert {item["topic"] for item in gone} == {f"execution:{row.id}", f"log:{row.id}:1"}
    assert all("was deleted" in item["message"] for item in gone)
    assert listener.change()["topics"] == ["projects"]


def test_a_log_whose_folder_was_removed_is_told_in_words(listen, data):
    row = data.execution()
    shutil.rmtree(data.home.folder / row.folder)
    listener = listen()
    listener.subscribe(f"log:{row.id}:1")
    assert listener.wait("gone")[0]["message"] == "the folder of execution #1 is not on this machine"


def test_who_was_cut_off_goes_on_and_misses_nothing(listen, data):
    row = data.execution("started", lines=[("stdout", "one")])
    first = listen()
    first.subscribe(f"log:{row.id}:1")
    first.wait("log")
    seen = first.events[-1]["id"]
    data.say(row, [("stdout", "two")])  # it may be said to nobody, or into a connection that is broken
    until(lambda: "two" in texts(first))
    first.close()
    data.say(row, [("stdout", "three")])
    second = listen(last=seen)
    assert (second.hello["resumed"], second.hello["stream"]) == (True, first.hello["stream"])
    until(lambda: "three" in texts(second))
    assert texts(second) == ["two", "three"]


def test_two_listeners_of_one_stream_are_one(listen, data):
    data.execution()
    first = listen()
    first.subscribe("projects")
    first.wait("projects")
    second = listen(last=first.events[-1]["id"])
    assert first.ended.wait(WITHIN)
    data.execution()
    assert second.wait("projects")


@pytest.mark.parametrize("last", ["nonsense", "unknown.7", "a.b", "." * 100, "x" * 5000])
def test_what_is_no_stream_of_ones_own_begins_anew(listen, last):
    assert listen(last=last).hello["resumed"] is False


def test_streams_and_topics_of_others_are_not_there(listen, bob, data):
    row = data.execution()
    hers, his = listen(), listen(bob)
    answer = bob.post(f"/page/stream/{hers.hello['stream']}/", json={"subscribe": ["projects"]})
    assert answer.status_code == 404
    assert listen(bob, last=f"{hers.hello['stream']}.1").hello["stream"] != hers.hello["stream"]
    wanted = [f"execution:{row.id}", f"log:{row.id}:1", f"table:{data.project.id}"]
    found = his.change(subscribe=wanted)
    assert found["topics"] == []
    assert [item["topic"] for item in found["refused"]] == wanted
    assert all(item["message"].startswith("There is no ") for item in found["refused"])


@pytest.mark.parametrize(
    "name", ["nonsense", "table", "log:x", "execution:a:b", "projects:x", "log:{id}:0", "log:{id}:x", ":"]
)
def test_what_is_no_topic_is_refused_in_words(listen, data, name):
    row = data.execution()
    found = listen().change(subscribe=[name.format(id=row.id), "projects"])
    assert found["topics"] == ["projects"]
    assert found["refused"][0]["message"]


def test_topics_end_when_they_are_not_wanted_any_more(listen, data):
    row = data.execution("started")
    listener = listen()
    listener.subscribe(f"log:{row.id}:1", "projects")
    listener.wait("log")
    assert listener.change(unsubscribe=[f"log:{row.id}:1"])["topics"] == ["projects"]
    before = len(listener.of("log"))
    data.say(row, [("stdout", "unheard")])
    data.execution()
    until(lambda: listener.of("projects")[-1][0]["executions"] == 2)
    assert len(listener.of("log")) == before


def test_there_are_at_most_so_many_topics(listen, data, monkeypatch):
    monkeypatch.setattr(streaming, "MOST_TOPICS", 2)
    rows = [data.execution() for _ in range(3)]
    found = listen().change(subscribe=[f"execution:{row.id}" for row in rows])
    assert len(found["topics"]) == 2
    assert found["refused"] == [{"topic": f"execution:{rows[2].id}", "message": "at most 2 topics at once"}]


def test_there_are_at_most_so_many_streams(listen, page, monkeypatch):
    monkeypatch.setattr(streaming, "MOST_STREAMS", 2)
    listen(), listen()
    answer = page.get("/page/stream/")
    assert answer.status_code == 429
    assert answer.json()["hints"] == ["close some tabs"]


def test_it_ends_with_the_session(listen, state):
    listener = listen()
    log_out(state.home, state.records.users.named("ada"))
    assert listener.wait("bye") == [{"why": "session"}]
    assert listener.ended.wait(WITHIN)


def test_it_ends_with_the_server(listen, state):
    listener = listen()
    state.queue.ask_to_stop()
    assert listener.wait("bye") == [{"why": "server"}]
    assert listener.ended.wait(WITHIN)


def test_a_comment_says_that_it_goes_on(page, monkeypatch):
    monkeypatch.setattr(streaming, "BEAT", 0.05)
    with page.get("/page/stream/", stream=True, timeout=WITHIN) as answer:
        assert any(line == b": still here" for line in answer.iter_lines(chunk_size=1))


def test_a_long_log_keeps_no_other_topic_waiting(listen, data):
    long = data.long_log(20_000)
    other = data.execution()
    listener = listen()
    listener.subscribe(f"log:{long.id}:1", f"execution:{other.id}")
    until(lambda: sum(len(page["lines"]) for page in listener.of("log")) == 20_000)
    order = [event["event"] for event in listener.events]
    assert order.index("execution") < 5
    numbers = [line["n"] for page in listener.of("log") for line in page["lines"]]
    assert numbers == [*range(1, 20_001)]


def test_while_nothing_happens_nothing_is_read(listen, data, monkeypatch):
    row = data.execution("started")
    listener = listen()
    listener.subscribe(f"log:{row.id}:1", f"execution:{row.id}", f"table:{data.project.id}", "projects")
    for name in ("log", "execution", "table", "projects"):
        listener.wait(name)
    look, is_due, since = topics.Topic.look, topics.Topic.is_due, [0]

    def looks(self):
        since[0] = 0
        return look(self)

    def is_asked(self, *given):
        since[0] += 1
        return is_due(self, *given)

    monkeypatch.setattr(topics.Topic, "look", looks)
    monkeypatch.setattr(topics.Topic, "is_due", is_asked)
    until(lambda: since[0] > 200, said=lambda: f"looked at again after {since[0]} times that nothing was due")


def test_ten_listen_to_fifty_that_run(listen, data):
    rows = [data.execution("started", metadata=[{"loss": n}]) for n in range(50)]
    listeners = [listen() for _ in range(10)]
    for listener in listeners:
        listener.subscribe(f"table:{data.project.id}", *(f"log:{row.id}:1" for row in rows))
    for row in rows:
        data.say(row, [("stdout", f"line of {row.counter}")], [{"loss": 1000 + row.counter}])
    for listener in listeners:
        until(lambda listener=listener: len([text for text in texts(listener) if text.startswith("line of ")]) == 50)
        until(lambda listener=listener: any(1050 in losses(found) for found in listener.of("table")))


def losses(table):
    column = table["metrics"].get("loss", {}).get("latest", [])
    return column if isinstance(column, list) else column["values"]
