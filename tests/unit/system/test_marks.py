"""Some editors put a byte order mark before a text: every file that people write means the same with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from localhai.airflow.check import check
from localhai.executions.run.secrets import read_env_file
from localhai.project import packaging
from localhai.project.document import parse, read_bytes
from localhai.server import seed
from localhai.settings import Settings, read_projects

DAG = '''"""A DAG."""
from airflow import DAG
from localhai.airflow import SubmitExecutionOperator

with DAG("d"):
    SubmitExecutionOperator(task_id="t", step="train", project="p")
'''


def ignored(path: Path) -> list[bool]:
    test = packaging.ignoring(path)
    assert test is not None
    return [test("secret.txt"), test("other.txt")]


READERS: list[tuple[str, str, Callable[[Path], Any]]] = [
    (".env", "TOKEN=secret\n", read_env_file),
    ("localhai.toml", '[project]\nname = "news"\n', lambda path: Settings.load(path.parent, environ={}).project_name),
    ("localhai.toml", '[projects]\nnews = "news"\n', read_projects),
    (".vhignore", "secret.txt\n", ignored),
    ("seed.toml", '[[users]]\nname = "ada"\ntoken = "0123456789"\n', lambda path: seed.read(path, {}).users[0].name),
    ("seed.yaml", "users:\n- {name: ada, token: '0123456789'}\n", lambda path: seed.read(path, {}).users[0].name),
    ("valohai.yaml", "- step: {name: a}\n", lambda path: parse(read_bytes(path), path.name).data),
    ("parameters.json", '{"a": 1}', lambda path: parse(path.read_bytes(), path.name).data),
    ("dag.py", DAG, lambda path: [len(file.tasks) for file in check(path.parent, settings=Settings())]),
]


@pytest.mark.parametrize(
    ("name", "content", "read"), READERS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_byte_order_mark_changes_nothing(tmp_path, name, content, read):
    path = tmp_path / name
    path.write_text(content)
    wanted = read(path)
    assert wanted
    path.write_bytes(b"\xef\xbb\xbf" + content.encode())
    assert read(path) == wanted
