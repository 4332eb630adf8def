"""Keys of executions and the words for their differences, without records or engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from localhai.executions.reuse.code import code_changes, content_digest, own_files
from localhai.executions.reuse.explain import code_words, sentences
from localhai.executions.reuse.key import ValueDigester, differences, key_of, nearest, obstacles, parts_of
from localhai.executions.reuse.remember import home_key
from localhai.executions.run.secrets import Masker
from localhai.project.plan import ExecutionPlan, Limits, PlannedInput, PlannedMount

PLAN = ExecutionPlan("train", "i", "i", ("echo 1",), "echo 1", {"lr": 0.1}, environment_variables={"A": "b"})


def parts(plan=PLAN, *, secrets=None, key=b"k", **more):
    secrets = secrets or {}
    given = {"code": "c", "image": "sha256:1", "inputs": [], **more}
    return parts_of(plan, **given, secrets=secrets, digester=ValueDigester(key, Masker(secrets.values())))


@pytest.mark.parametrize("change", [{"title": "x"}, {"tags": ("a",)}, {"environment": "aws"}])
def test_what_a_step_does_not_notice_does_not_count(change):
    assert key_of(parts(replace(PLAN, **change))) == key_of(parts())


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"step": "other"}, "step"),
        ({"limits": Limits(time_limit=5.0)}, "step"),
        ({"command": ("echo 2",)}, "command"),
        ({"parameters": {"lr": 0.2}}, "parameters"),
        ({"parameters": {"lr": "0.1"}}, "parameters"),
        ({"environment_variables": {"A": "c"}}, "environment variables"),
    ],
)
def test_each_part_counts_alone(change, part):
    found = differences(parts(replace(PLAN, **change)), parts())
    assert {item.part for item in found} == {part}
    assert key_of(parts(replace(PLAN, **change))) != key_of(parts())


def test_the_nearest_differs_in_the_least_and_is_the_newest_of_several():
    far = parts(replace(PLAN, parameters={"a": 1, "b": 2}))
    near = parts(replace(PLAN, parameters={"lr": 0.3}))
    found = nearest(parts(), [("3", far), ("2", near), ("1", near)])
    assert found is not None
    assert found[0] == "2"
    assert nearest(parts(), []) is None


def test_a_secret_can_be_compared_in_its_own_home_only():
    secrets = {"TOKEN": "swordfish"}
    assert parts(secrets=secrets) == parts(secrets=secrets)
    ours, theirs = parts(secrets=secrets), parts(secrets=secrets, key=b"other")
    (found,) = differences(ours, theirs)
    (said,) = sentences([found], {"parts": ours}, {"parts": theirs}, lambda: "")
    assert said == "environment variable TOKEN: a secret, and that of another home cannot be compared"


def test_a_parameter_that_holds_a_secret_is_digested_as_one():
    plan = replace(PLAN, parameters={"url": 'a"swordfish'})
    found = parts(plan, secrets={"TOKEN": 'a"swordfish'})["parameters"]["url"]
    assert found.startswith("secret ")


def test_what_nobody_knows_the_content_of_equals_nothing():
    mounted = replace(PLAN, mounts=(PlannedMount("/data", "/mnt"),))
    assert obstacles(mounted, []) == ["mount /mnt: what /data holds is not known"]
    asked = replace(PLAN, inputs=(PlannedInput("data", ("https://a/b",), on_demand=True),))
    files = [{"name": "data", "files": [{"name": "b", "sha256": None}]}]
    assert obstacles(asked, files) == ["input data: the checksum of b is not known before it is read"]
    assert obstacles(PLAN, []) == []


def test_code_counts_by_content_mode_and_links(tmp_path):
    def snapshot(name):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "a.py").write_text("1")
        (folder / "link").symlink_to("a.py")
        return folder

    first, second, third = snapshot("one"), snapshot("two"), snapshot("three")
    (third / "a.py").chmod(0o755)
    assert content_digest(first) == content_digest(second)
    assert content_digest(first) != content_digest(third)


@pytest.fixture
def snapshots(tmp_path):
    """Two snapshots of the same code; `write` changes the second."""

    def files(name):
        folder = tmp_path / name
        (folder / "samples").mkdir(parents=True)
        (folder / "a.py").write_text("1")
        return folder

    first, second = files("one"), files("two")

    def write(path, content):
        (second / path).write_text(content)
        return content_digest(first, OWN) == content_digest(second, OWN), code_changes(first, second, OWN)

    return write


OWN = own_files(Path("/p"), {"datum://a": "/p/samples/a.csv", "s3://b/*": "/p/small", "x": "s3://y/z", "e": "/else/f"})
NOTHING = {"added": [], "removed": [], "changed": []}
REPORT = '<?xml version="1.0"?><testsuite name="x" package="localhai-assert"></testsuite>'


def test_what_inputs_stand_in_for_is_found_in_the_project():
    assert {"localhai.toml", "samples/a.csv", "small"} == OWN


@pytest.mark.parametrize(
    ("path", "content"), [("localhai.toml", "x = 1"), ("samples/a.csv", "1,2"), ("small", "x"), ("gate.xml", REPORT)]
)
def test_what_only_localhai_reads_is_no_code(snapshots, path, content):
    assert snapshots(path, content) == (True, NOTHING)


@pytest.mark.parametrize("path", ["samples/b.csv", "other.xml", "sub.toml", "a.ipynb"])
def test_all_else_is_code(snapshots, path):
    assert snapshots(path, "{}") == (False, {**NOTHING, "added": [path]})


def test_of_a_notebook_its_cells_count(tmp_path):
    def notebook(folder, source, **shown):
        cell = {"cell_type": "code", "source": source, "outputs": [], "execution_count": None, **shown}
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "n.ipynb").write_text(json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4}))
        return content_digest(tmp_path / folder)

    once = notebook("one", ["a = 1\n", "b"])
    assert once == notebook("two", ["a = 1\n", "b"], execution_count=7, outputs=[{"text": "7"}])
    assert once != notebook("three", ["a = 2\n", "b"])


def test_files_that_are_seldom_code_come_with_their_line_for_vhignore():
    found = {"note": None, "added": ["docs/my notes.md"], "removed": [], "changed": ["a.py"]}
    assert code_words(found, "a", "b") == (
        "a.py changed, docs/my notes.md added (no code? .vhignore can say so, a line for each: /docs/my\\ notes.md)"
    )
    assert code_words({**found, "added": []}, "a", "b") == "a.py changed"


def test_the_key_of_a_home_is_made_once_and_for_its_owner(tmp_path):
    first = home_key(tmp_path)
    assert home_key(tmp_path) == first
    assert [path.name for path in tmp_path.iterdir()] == ["reuse.key"]
    assert (tmp_path / "reuse.key").stat().st_mode & 0o777 == 0o600


def test_what_a_step_can_read_of_a_datum_counts_and_its_absence_changes_no_key():
    def of(**more):
        return key_of(parts(inputs=[{"name": "data", "files": [{"name": "a", "sha256": "1", **more}]}]))

    assert of() == of(metadata=[]) == of(metadata=[{}])
    assert len({of(), of(metadata=[{"k": 1}]), of(metadata=[{"k": 2}]), of(metadata=[{"k": 1, "l": 1}])}) == 4
    assert of(metadata=[{"k": 1, "l": 1}]) == of(metadata=[{"l": 1, "k": 1}])
