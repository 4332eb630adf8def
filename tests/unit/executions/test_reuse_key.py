"""Keys of executions and the words for their differences, without records or engine."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from localhai.executions.reuse import home_key
from localhai.executions.reuse_code import content_digest
from localhai.executions.reuse_key import Digester, differences, key_of, nearest, obstacles, parts_of
from localhai.executions.reuse_words import sentences
from localhai.executions.secrets import Masker
from localhai.project.plan import ExecutionPlan, Limits, PlannedInput, PlannedMount

PLAN = ExecutionPlan("train", "i", "i", ("echo 1",), "echo 1", {"lr": 0.1}, environment_variables={"A": "b"})


def parts(plan=PLAN, *, secrets=None, key=b"k", **more):
    secrets = secrets or {}
    given = {"code": "c", "image": "sha256:1", "inputs": [], **more}
    return parts_of(plan, **given, secrets=secrets, digester=Digester(key, Masker(secrets.values())))


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


def test_the_key_of_a_home_is_made_once_and_for_its_owner(tmp_path):
    first = home_key(tmp_path)
    assert home_key(tmp_path) == first
    assert [path.name for path in tmp_path.iterdir()] == ["reuse.key"]
    assert (tmp_path / "reuse.key").stat().st_mode & 0o777 == 0o600
