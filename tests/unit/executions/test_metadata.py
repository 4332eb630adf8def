from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from localhai.executions.log.metadata import MetadataCollector, Summary, parse_line, read_metadata, read_summary


def collected(folder: Path, *pieces: bytes) -> list[dict[str, Any]]:
    collector = MetadataCollector(folder)
    for piece in pieces:
        collector.feed(piece, 1_000_000_000.5)
    collector.end(1_000_000_001.0)
    return list(read_metadata(folder))


@pytest.mark.parametrize(
    "line",
    [b"epoch 1", b"[1, 2]", b"3", b'{"a": 1} tail', b'head {"a": 1}', b'{"a": 1}{"b": 2}', b"{not json}", b"{", b""],
)
def test_only_a_line_that_is_one_object_is_metadata(line: bytes) -> None:
    assert parse_line(line) is None


def test_an_object_with_white_space_around_it_is_metadata(tmp_path: Path) -> None:
    assert [item["a"] for item in collected(tmp_path, b'  {"a": 1}  \r\n')] == [1]


def test_every_event_has_the_time_it_came(tmp_path: Path) -> None:
    assert collected(tmp_path, b'{"loss": 0.5}\n') == [{"_time": "2001-09-09T01:46:40.500000", "loss": 0.5}]


def test_a_time_of_the_step_gives_way(tmp_path: Path) -> None:
    assert collected(tmp_path, b'{"_time": "never", "a": 1}\n')[0]["_time"].startswith("2001-")


def test_nan_and_infinity_become_null(tmp_path: Path) -> None:
    (event,) = collected(tmp_path, b'{"loss": NaN, "list": [Infinity, 1], "ok": 2}\n')
    assert (event["loss"], event["list"], event["ok"]) == (None, [None, 1], 2)
    json.loads((tmp_path / "metadata.jsonl").read_text(), parse_constant=pytest.fail)


def test_a_last_line_without_newline_counts(tmp_path: Path) -> None:
    assert [item["a"] for item in collected(tmp_path, b'{"a": 1}\n{"a"', b": 2}")] == [1, 2]


def test_a_line_of_five_megabytes_is_metadata(tmp_path: Path) -> None:
    line = json.dumps({"values": list(range(800_000)), "last": True}).encode() + b"\n"
    pieces = [line[start : start + 65536] for start in range(0, len(line), 65536)]
    assert collected(tmp_path, *pieces)[0]["last"] is True


def test_the_summary_has_latest_count_minimum_and_maximum(tmp_path: Path) -> None:
    collected(tmp_path, b'{"loss": 3, "note": "a"}\n{"loss": 1, "note": "b"}\n{"loss": 2}\n{"loss": null}\n')
    keys = read_summary(tmp_path).to_dict()
    assert keys["loss"] == {"latest": None, "count": 4, "min": 1, "max": 3}
    assert keys["note"] == {"latest": "b", "count": 2, "min": None, "max": None}


def test_booleans_are_no_numbers(tmp_path: Path) -> None:
    collected(tmp_path, b'{"done": true}\n{"done": false}\n')
    assert read_summary(tmp_path).to_dict()["done"] == {"latest": False, "count": 2, "min": None, "max": None}


def test_without_a_saved_summary_it_is_counted_again(tmp_path: Path) -> None:
    collected(tmp_path, b'{"a": 1, "b": 5}\n{"a": 3}\n')
    saved = read_summary(tmp_path)
    (tmp_path / "metadata.summary.json").unlink()
    again = read_summary(tmp_path)
    assert again.to_dict() == saved.to_dict()
    assert again.events == saved.events == 2


def test_an_event_cut_by_a_crash_is_left_out(tmp_path: Path) -> None:
    collected(tmp_path, b'{"a": 1}\n')
    with (tmp_path / "metadata.jsonl").open("ab") as file:
        file.write(b'{"_time":"2001-09-09T01:46:41","a')
    assert [item["a"] for item in read_metadata(tmp_path)] == [1]


def test_batches_and_single_events_sum_up_alike() -> None:
    events: list[dict[str, Any]] = [{"a": 1, "b": 2.5}, {"a": -1, "b": 0}, {"a": 7, "b": 3}]
    batch, single = Summary(), Summary()
    batch.add(events)
    for event in events:
        single.add([event])
    assert batch.to_dict() == single.to_dict()
