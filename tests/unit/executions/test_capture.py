from __future__ import annotations

from pathlib import Path

from localhai.executions.log.capture import Capture
from localhai.executions.log.log import read_events
from localhai.executions.log.metadata import read_metadata
from localhai.executions.run.observer import Observer
from localhai.executions.run.secrets import Masker


class Heard(Observer):
    def __init__(self) -> None:
        self.bytes = b""
        self.words: list[str] = []

    def output(self, _stream: str, data: bytes) -> None:
        self.bytes += data

    def status(self, text: str) -> None:
        self.words.append(text)


def capture_of(folder: Path, observer: Observer, *secrets: str, **more: object) -> Capture:
    return Capture(folder, observer=observer, masker=Masker(secrets), **more)  # type: ignore[arg-type]


def test_secrets_reach_neither_screen_nor_log_nor_metadata(tmp_path: Path) -> None:
    heard = Heard()
    capture = capture_of(tmp_path, heard, "hunter2-hunter2")
    capture.take("stdout", b'{"token": "hunter2-hun')
    capture.take("stdout", b'ter2"}\n')
    capture.status("used hunter2-hunter2")
    capture.end()
    capture.close()
    everything = heard.bytes + b"".join(path.read_bytes() for path in tmp_path.iterdir()) + str(heard.words).encode()
    assert b"hunter2" not in everything
    assert capture.summary.latest == {"token": "***"}


def test_stderr_is_never_metadata(tmp_path: Path) -> None:
    capture = capture_of(tmp_path, Heard())
    capture.take("stderr", b'{"loss": 1}\n')
    capture.end()
    assert capture.summary.events == 0


def test_an_adopter_goes_on_where_the_log_ends(tmp_path: Path) -> None:
    first = capture_of(tmp_path, Heard())
    first.take("stdout", b'{"a": 1}\n{"a": ')
    first.close()
    second = capture_of(tmp_path, Heard(), adopt=True)
    for piece in (b'{"a": 1}\n', b'{"a": 2}\nthr', b"ee\n"):
        second.take("stdout", piece)
    second.end()
    second.close()
    assert [event.message for event in read_events(tmp_path)] == ['{"a": 1}', '{"a": 2}', "three"]
    assert [item["a"] for item in read_metadata(tmp_path)] == [1, 2]
    assert second.summary.events == 2


def test_after_a_lost_engine_the_same_output_is_taken_once(tmp_path: Path) -> None:
    capture = capture_of(tmp_path, Heard(), "secret-value")
    capture.take("stdout", b"a secret-v")
    capture.skip_what_is_stored()
    capture.take("stdout", b"a secret-value b\n")
    capture.end()
    capture.close()
    assert [event.message for event in read_events(tmp_path)] == ["a *** b"]


def test_more_lines_than_valohai_keeps_are_announced_once(tmp_path: Path) -> None:
    heard = Heard()
    capture = capture_of(tmp_path, heard)
    for _ in range(3):
        capture.take("stdout", b"x\n" * 400)
    capture.end()
    assert [word.startswith("More than 50 lines a second") for word in heard.words] == [True]


def test_a_met_condition_is_noticed(tmp_path: Path) -> None:
    capture = capture_of(tmp_path, Heard(), stop_condition="accuracy > 0.9")
    capture.take("stdout", b'{"accuracy": 0.8}\n')
    assert not capture.condition_met.is_set()
    capture.take("stdout", b'{"accuracy": 0.95}\n')
    assert capture.condition_met.is_set()
