from __future__ import annotations

import asyncio
import json
import threading
import tracemalloc

import pytest

from localhai.executions.log.log import read_events
from localhai.server import streaming
from localhai.server.streaming import KINDS, StreamPosition, stream
from localhai.testing import Canned


def read(answer, *, until: str = "nothing"):
    """Events as (id, kind, data), to the end or until one holds a text."""
    found = []
    for block in blocks(answer):
        fields = dict(line.split(": ", 1) for line in block if not line.startswith((":", "retry")))
        if "data" in fields:
            found.append((fields["id"], fields["event"], json.loads(fields["data"])))
            if until in fields["data"]:
                answer.close()
                break
    return found


def blocks(answer):
    block = []
    for line in answer.iter_lines(chunk_size=1, decode_unicode=True):
        if line:
            block.append(line)
        else:
            yield block
            block = []


def lines(events):
    return [data["message"] for _, kind, data in events if kind == "log" and data["stream"] == "stdout"]


@pytest.fixture
def talk(engine) -> threading.Event:
    """An execution that writes, waits to be told, and writes again."""
    told = threading.Event()

    def behaviour(container) -> int:
        container.out('first\n{"epoch": 1}\n')
        container.out("half of a ")
        told.wait(30)
        container.out('line\n{"epoch": 2}\nlast, without a newline')
        return 0

    engine.behave(behaviour)
    return told


def listen(demo, reference, **more):
    answer = demo.asker.get(f"/api/v0/executions/{reference}/stream/", stream=True, **more)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    return answer


def test_lines_metadata_and_status_come_while_it_runs_until_it_has_ended(demo, state, talk):
    made = demo.queued()
    state.queue.start()
    first = read(listen(demo, made["id"]), until='"epoch": 1')
    assert ("first" in lines(first)) or read(listen(demo, made["id"]), until="first")
    talk.set()
    every = read(listen(demo, f"{demo.id}:latest"))
    assert lines(every) == ["first", '{"epoch": 1}', "half of a line", '{"epoch": 2}', "last, without a newline"]
    assert [data["epoch"] for _, kind, data in every if kind == "metadata"] == [1, 2]
    assert every[-1][1:] == ("status", {"status": "complete"})


def test_a_client_that_was_cut_off_anywhere_misses_nothing_and_gets_nothing_twice(demo, state, engine):
    engine.behave(Canned("".join(f'line {n}\n{{"n": {n}}}\n' for n in range(20))))
    made = demo.queued()
    state.queue.start()
    demo.ended(made["id"])
    every = read(listen(demo, made["id"]))
    for number, (event_id, _, _) in enumerate(every[:-1], 1):
        after = read(listen(demo, made["id"], headers={"Last-Event-ID": event_id}))
        assert after == every[number:], event_id
    seen = demo.asker.get(f"/api/v0/executions/{made['id']}/stream/", headers={"Last-Event-ID": every[-1][0]})
    assert seen.status_code == 204, "browsers come back for ever otherwise"


def test_more_than_is_held_in_memory_comes_in_order(demo, state, engine, monkeypatch):
    monkeypatch.setattr("localhai.server.streaming.AT_ONCE", 7)
    engine.behave(Canned("".join(f'{{"n": {n}}}\n' for n in range(100)) + "end"))
    made = demo.queued()
    state.queue.start()
    demo.ended(made["id"])
    every = read(listen(demo, made["id"]))
    assert [data["n"] for _, kind, data in every if kind == "metadata"] == list(range(100))
    assert lines(every)[-1] == "end"
    assert len(lines(every)) == 101


def test_only_what_is_wanted_comes(demo, state, engine):
    engine.behave(Canned('hello\n{"n": 1}\n'))
    made = demo.queued()
    state.queue.start()
    demo.ended(made["id"])
    every = read(listen(demo, made["id"], params={"include": "metadata,status"}))
    assert [kind for _, kind, _ in every] == ["metadata", "status"]
    wrong = demo.asker.get(f"/api/v0/executions/{made['id']}/stream/?include=secrets")
    assert wrong.status_code == 400


def test_an_execution_that_waits_says_so_first_and_a_server_that_ends_lets_go(demo, state):
    made = demo.queued()
    answer = listen(demo, made["id"])
    events = blocks(answer)
    assert next(events) == ["retry: 1000"]
    assert next(events)[1:] == ["event: status", 'data: {"status": "queued"}']
    state.queue.ask_to_stop()
    assert list(events) == []


def test_nobody_listens_to_the_execution_of_another(demo, bob, nobody):
    made = demo.queued()
    assert bob.get(f"/api/v0/executions/{made['id']}/stream/").status_code == 404
    assert nobody.get(f"/api/v0/executions/{made['id']}/stream/").status_code == 401


ROWS = 20_000  # 6 MB of what a row or an event takes in memory


@pytest.fixture
def long_log(demo, state):
    """An execution that wrote a long log, of which three lines are localhai's own."""
    made = demo.queued()
    folder = state.home.folder / state.home.records.executions.get(made["id"]).folder
    at, log, index = 0, [], []
    for number in range(ROWS):
        line = f"line {number}\n".encode()
        at += len(line)
        log.append(line)
        stream = "status" if number in {0, 5, ROWS - 1} else "stdout"
        index.append(f"{1_700_000_000_000_000 + number} {stream} {len(line)} @{at}\n")
    (folder / "log").write_bytes(b"".join(log))
    (folder / "log.index").write_text("".join(index))
    state.home.records.executions.transition(made["id"], "error", by="test", error="over")
    return made["id"]


def peak(work):
    """Bytes that were in use at once."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


async def read_all(state, execution_id, place=""):
    return [piece.count("event: log") async for piece in stream(state, execution_id, StreamPosition.of(place), KINDS)]


def test_a_client_of_a_long_log_costs_little_memory_and_few_questions(state, long_log, monkeypatch):
    asked, ask = [], state.home.records.executions.get
    monkeypatch.setattr(state.records.executions, "get", lambda found: asked.append(found) or ask(found))
    counts = []
    assert peak(lambda: counts.extend(asyncio.run(read_all(state, long_log)))) < 3_000_000
    assert sum(counts) == ROWS
    assert len(asked) < 5
    assert sum(asyncio.run(read_all(state, long_log, f"{ROWS - 7}-0"))) == 7


def test_status_events_of_a_long_log_are_picked_out_of_it(ada, state, long_log):
    found = ada.get(f"/api/v0/executions/{long_log}/status-events/").json()
    assert [event["message"] for event in found["status_events"]] == ["line 0", "line 5", f"line {ROWS - 1}"]
    folder = state.home.folder / state.home.records.executions.get(long_log).folder
    assert peak(lambda: list(read_events(folder, streams={"status"}))) < 2_000_000


def test_the_whole_log_is_sent_as_it_is_read(ada, state, long_log):
    found = ada.get(f"/api/v0/executions/{long_log}/events/?limit=0").json()
    assert (found["total"], found["limit"], found["truncated"], len(found["events"])) == (ROWS, 0, False, ROWS)
    assert found["events"][-1]["message"] == f"line {ROWS - 1}"
    folder = state.home.folder / state.home.records.executions.get(long_log).folder
    everything = (event.to_dict() for event in read_events(folder))
    assert peak(lambda: [None for _ in streaming.pieces(everything)]) < 3_000_000


def test_a_list_in_pieces_is_the_list():
    for length in (0, 1, streaming.AT_ONCE, streaming.AT_ONCE + 1):
        items = [{"n": number} for number in range(length)]
        assert json.loads("".join(streaming.pieces(items))) == items


def test_lines_that_are_long_come_a_few_at_a_time(demo, engine, state, monkeypatch):
    monkeypatch.setattr("localhai.server.streaming.MUCH", 1000)
    engine.behave(Canned(output="".join(f"{number}{'x' * 600}\n" for number in range(20))))
    made = demo.queued()
    state.queue.start()
    demo.ended(made["id"])
    counts = asyncio.run(read_all(state, made["id"]))
    assert max(counts) <= 8
    assert sum(counts) >= 20
