"""What a step may leave in /valohai/outputs, and what becomes of it."""

from __future__ import annotations

import json
import os
import socket
from typing import TYPE_CHECKING, Any

import pytest

from localhai.data import outputs
from localhai.data.sidecars import DatasetVersion, ModelVersion

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "outputs"
    folder.mkdir()
    return folder


def write(folder: Path, name: str, content: Any = b"x") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def test_files_of_all_folders_are_found_and_empty_folders_are_nothing(folder: Path) -> None:
    write(folder, "model.pkl", b"12345")
    write(folder, "plots/loss.png")
    (folder / "empty").mkdir()
    scan = outputs.scan(folder)
    assert [(file.name, file.size) for file in scan.files] == [("model.pkl", 5), ("plots/loss.png", 1)]
    assert scan.files[0].path.read_bytes() == b"12345"
    assert scan.skipped == ()
    assert scan.warnings == ()


def test_a_missing_folder_has_no_outputs(tmp_path: Path) -> None:
    assert outputs.scan(tmp_path / "nothing").files == ()


def test_links_inside_are_followed_and_links_out_never(folder: Path, tmp_path: Path) -> None:
    secret = write(tmp_path, "secret.txt", b"of the host")
    write(folder, "models/best.pkl", b"best")
    (folder / "latest.pkl").symlink_to("models/best.pkl")
    (folder / "chain.pkl").symlink_to("latest.pkl")
    (folder / "absolute.pkl").symlink_to("/valohai/outputs/models/best.pkl")
    (folder / "models" / "up.pkl").symlink_to("../latest.pkl")
    (folder / "host").symlink_to(secret)
    (folder / "passwd").symlink_to("/etc/passwd")
    (folder / "dots").symlink_to("../secret.txt")
    (folder / "models" / "dots").symlink_to("../../secret.txt")
    (folder / "door").symlink_to(tmp_path)
    (folder / "through").symlink_to("door/secret.txt")
    (folder / "circle").symlink_to("circle")
    (folder / "nowhere").symlink_to("not-there")
    (folder / "folder").symlink_to("models")
    scan = outputs.scan(folder)
    assert {file.name: file.path.read_bytes() for file in scan.files} == {
        "absolute.pkl": b"best",
        "chain.pkl": b"best",
        "latest.pkl": b"best",
        "models/best.pkl": b"best",
        "models/up.pkl": b"best",
    }
    assert {file.path for file in scan.files} == {folder / "models" / "best.pkl"}
    assert {item.name for item in scan.skipped} == {
        *("circle", "door", "dots", "folder", "host", "models/dots", "nowhere", "passwd", "through")
    }
    assert all(item.reason.startswith("a link") for item in scan.skipped)


def test_pipes_and_sockets_are_skipped_with_a_reason(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(folder / "pipe")
    monkeypatch.chdir(folder)  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        scan = outputs.scan(folder)
    assert scan.files == ()
    assert [(item.name, item.reason) for item in scan.skipped] == [("pipe", "a named pipe"), ("socket", "a socket")]


def test_names_with_newlines_are_kept_and_bytes_that_are_no_text_are_encoded(folder: Path) -> None:
    write(folder, "two\nlines.txt")
    write(folder, "100%.txt")
    (folder / os.fsdecode(b"caf\xe9 100%.txt")).write_bytes(b"latin")
    scan = outputs.scan(folder)
    assert [file.name for file in scan.files] == ["100%.txt", "caf%E9 100%25.txt", "two\nlines.txt"]
    assert scan.files[1].path.read_bytes() == b"latin"
    assert "not UTF-8" in scan.warnings[0]


def test_sidecars_are_read_and_not_listed(folder: Path) -> None:
    write(folder, "model.pkl")
    write(
        folder,
        "model.pkl.metadata.json",
        {
            "valohai.tags": ["prod", "v1"],
            "valohai.alias": "best-model",
            "valohai.dataset-versions": [
                "dataset://ds/v1",
                {
                    "uri": "dataset://ds/v2",
                    "from": "dataset://ds/v1",
                    "exclude": ["a"],
                    "targeting_aliases": ["latest"],
                },
            ],
            "valohai.model-versions": ["model://m/", {"model_uri": "model://n/", "model_release_note": "better"}],
            "accuracy": 0.9,
        },
    )
    (file,) = outputs.scan(folder).files
    assert file.name == "model.pkl"
    assert file.properties.tags == ("prod", "v1")
    assert file.properties.alias == "best-model"
    assert file.properties.dataset_versions == (
        DatasetVersion("dataset://ds/v1"),
        DatasetVersion("dataset://ds/v2", base="dataset://ds/v1", exclude=("a",), targeting_aliases=("latest",)),
    )
    assert file.properties.model_versions == (
        ModelVersion("model://m/"),
        ModelVersion("model://n/", release_note="better"),
    )
    assert file.properties.properties == {"accuracy": 0.9}
    assert file.properties.written["valohai.dataset-versions"][1]["from"] == "dataset://ds/v1"


def test_the_jsonl_speaks_for_many_files_and_a_sidecar_wins(folder: Path) -> None:
    write(folder, "a.csv")
    write(folder, "sub/b.csv")
    write(folder, "b2.csv")
    lines = [
        {"file": "a.csv", "metadata": {"n": 1, "m": 1}},
        {"file": "sub/b.csv", "metadata": {"valohai.tags": ["t"]}},
        {"file": "gone.csv", "metadata": {}},
        {"file": 3, "metadata": {}},
    ]
    write(folder, "valohai.metadata.jsonl", "\n".join([*map(json.dumps, lines), "{broken", "", "[]"]).encode())
    write(folder, "a.csv.metadata.json", {"n": 2})
    scan = outputs.scan(folder)
    by_name = {file.name: file.properties for file in scan.files}
    assert by_name.keys() == {"a.csv", "b2.csv", "sub/b.csv"}
    assert by_name["a.csv"].properties == {"n": 2, "m": 1}
    assert by_name["sub/b.csv"].tags == ("t",)
    said = "\n".join(scan.warnings)
    assert "line 4" in said
    assert "line 5" in said
    assert "line 7" in said
    assert "no output 'gone.csv'" in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{not json", "is not JSON"),
        (b"[1]", "one JSON object, not a list"),
        (b"\xff\xfe", "is not JSON"),
        (b'{"valohai.tags": 3}', "valohai.tags must be a list of texts, not a number"),
        (b'{"valohai.alias": ["a"]}', "valohai.alias must be one text, not a list"),
        (b'{"valohai.dataset-versions": ["ds/v1"]}', "dataset://NAME/VERSION is needed, not 'ds/v1'"),
        (b'{"valohai.model-versions": [{"model": 1}]}', "model://NAME/ is needed"),
    ],
)
def test_malformed_properties_warn_and_do_not_fail(folder: Path, content: bytes, said: str) -> None:
    write(folder, "model.pkl")
    write(folder, "model.pkl.metadata.json", content)
    scan = outputs.scan(folder)
    assert [file.name for file in scan.files] == ["model.pkl"]
    assert said in "\n".join(scan.warnings)


def test_a_sidecar_without_its_file_is_an_output_of_its_own(folder: Path) -> None:
    write(folder, "run.metadata.json", {"a": 1})
    scan = outputs.scan(folder)
    assert [file.name for file in scan.files] == ["run.metadata.json"]
    assert "kept as an output" in scan.warnings[0]


def test_sidecars_of_live_uploads_are_given_apart(folder: Path) -> None:
    write(folder, "early.pkl.metadata.json", {"valohai.alias": "early"})
    write(folder, "valohai.metadata.jsonl", {"file": "other.pkl", "metadata": {"k": 1}})
    scan = outputs.scan(folder, uploaded=["early.pkl", "other.pkl", "plain.pkl"])
    assert scan.files == ()
    assert scan.warnings == ()
    assert scan.late["early.pkl"].alias == "early"
    assert scan.late["other.pkl"].properties == {"k": 1}
    assert scan.late.keys() == {"early.pkl", "other.pkl"}


def test_a_bottomless_pit_of_folders_is_skipped_and_the_rest_kept(folder: Path) -> None:
    write(folder, "kept.txt")
    deep = os.open(folder, os.O_RDONLY)
    for _ in range(300):
        os.mkdir("d", dir_fd=deep)
        below = os.open("d", os.O_RDONLY, dir_fd=deep)
        os.close(deep)
        deep = below
    os.close(deep)
    scan = outputs.scan(folder)
    assert [file.name for file in scan.files] == ["kept.txt"]
    assert "below 200 folders" in scan.skipped[0].reason
