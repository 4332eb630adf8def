"""Data, their tags and aliases. Runs on SQLite here, and on PostgreSQL in tests/docker."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from localhai.errors import UsageError
from localhai.records import DatumRecord, new_id

OUTPUT_KEYS = ["id", "name", "size", "ctime", "uri", "path", "md5", "sha1", "sha256", "tags", "aliases"]


def datum(name="model.pkl", **more):
    values = {"size": 5, "ctime": "2026-01-01T00:00:00Z", "md5": "m", "sha1": "s", "sha256": "t", **more}
    return DatumRecord(id=new_id(), name=name, **{"uri": f"/store/{name}", **values})


@pytest.fixture
def execution(records, project):
    return records.executions.create(project.id, step="train", image="i", commit=None, document={}, owner=None)


def test_outputs_come_back_as_they_went_in(records, project, execution):
    one = datum("models/best.h5", size=2**40, tags=("b", "a"), properties=({"acc": 0.9}, {"valohai.tags": ["b"]}))
    two = datum("same"), datum("same")
    records.data.add(execution.id, [one, *two])
    found = records.executions.get(execution.id).outputs
    assert [item.id for item in found] == [one.id, two[0].id, two[1].id]
    assert replace(one, ctime=found[0].ctime) == replace(found[0], execution_id=None, project_id=None)
    assert (found[0].execution_id, found[0].project_id) == (execution.id, project.id)
    assert records.data.get(one.id) == found[0]
    assert set(OUTPUT_KEYS) <= set(found[0].to_dict())
    assert records.executions.get(execution.id).to_dict()["outputs"][0]["path"] == "/store/models/best.h5"


@pytest.mark.parametrize(
    ("uri", "path"), [("/s/a b", "/s/a b"), ("file:///s/a%20b", "/s/a b"), ("s3://bucket/key", None)]
)
def test_a_path_is_told_only_for_files_of_this_machine(uri, path):
    assert datum(uri=uri).path == path


def test_adding_again_changes_nothing_and_thousands_are_fine(records, execution):
    many = [datum(f"part-{number}", tags=("x",)) for number in range(3000)]
    records.data.add(execution.id, many)
    records.data.add(execution.id, [replace(many[0], name="other"), *many[1:]])
    found = records.data.list(execution_id=execution.id, limit=None)
    assert [item.name for item in found] == [f"part-{number}" for number in range(3000)]
    assert all(item.tags == ("x",) for item in found)


def test_all_or_none_are_added(records, execution):
    bad = replace(datum(), ctime="yesterday")
    with pytest.raises(ValueError, match="yesterday"):
        records.data.add(execution.id, [datum(), bad])
    with pytest.raises(UsageError, match="no execution nowhere"):
        records.data.add("nowhere", [datum()])
    records.data.add(execution.id, [])
    assert records.data.list() == []


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*", ["a%c", "Abc", "a[b]/c_d", "abc"]),
        ("a*", ["a%c", "a[b]/c_d", "abc"]),
        ("a?c", ["a%c", "abc"]),
        ("a%c", ["a%c"]),
        ("*[b]*", ["a[b]/c_d"]),
        ("*c_d", ["a[b]/c_d"]),
        ("a!c", []),
    ],
)
def test_names_are_matched_by_pattern(records, project, execution, pattern, names):
    records.data.add(execution.id, [datum(name) for name in ("abc", "a[b]/c_d", "Abc", "a%c")])
    assert [item.name for item in records.data.list(project.id, name=pattern)] == names


def test_names_with_newline_and_odd_bytes_are_kept_readable(records, execution):
    records.data.add(execution.id, [datum("two\nlines"), datum("caf\udce9")])
    assert [item.name for item in records.executions.get(execution.id).outputs] == ["two\nlines", "caf\\xe9"]


def test_lists_are_paged_filtered_and_newest_first(records, project, execution):
    added = [datum(f"n{number}", tags=("even",) if number % 2 == 0 else ()) for number in range(5)]
    records.data.add(execution.id, added)
    assert [item.name for item in records.data.list(project.id, limit=2, offset=1)] == ["n3", "n2"]
    assert [item.name for item in records.data.list(tag="even")] == ["n4", "n2", "n0"]
    records.data.purge([added[0].id])
    assert [item.name for item in records.data.list(tag="even", purged=False)] == ["n4", "n2"]
    assert records.data.get(added[0].id).purged is not None
    assert records.data.list("other project") == []


def test_an_alias_moves_from_datum_to_datum(records, project, execution):
    old, new = datum("v1"), datum("v2")
    records.data.add(execution.id, [old, new])
    first = records.aliases.point(project.id, "production", old.id)
    assert records.data.get(old.id).aliases == ("production",)
    moved = records.aliases.point(project.id, "production", new.id)
    assert moved.datum_id == new.id
    assert moved.created == first.created
    assert moved.updated >= first.updated
    assert records.data.get(old.id).aliases == ()
    assert records.aliases.get(project.id, "production") == moved
    records.aliases.point(project.id, "best", new.id)
    assert [alias.name for alias in records.aliases.list(project.id)] == ["best", "production"]
    assert records.executions.get(execution.id).to_dict()["outputs"][1]["aliases"] == ["best", "production"]


def test_aliases_belong_to_a_project_and_to_real_data(records, project, execution):
    records.data.add(execution.id, [one := datum()])
    records.aliases.point(project.id, "best", one.id)
    assert records.aliases.get(records.projects.of_folder("/b", "other").id, "best") is None
    assert records.aliases.get(project.id, "worst") is None
    with pytest.raises(UsageError, match="no datum nonsense"):
        records.aliases.point(project.id, "best", "nonsense")


def test_tags_are_replaced(records, execution):
    records.data.add(execution.id, [one := datum(tags=("old",))])
    assert records.data.tag(one.id, ["z", "a", "z"]).tags == ("z", "a")
    assert records.data.tag(one.id, []).tags == ()
    with pytest.raises(UsageError):
        records.data.tag("nonsense", ["a"])


def test_data_of_a_deleted_execution_stay_known_as_purged(records, project, execution):
    records.data.add(execution.id, [one := datum()])
    records.aliases.point(project.id, "best", one.id)
    records.executions.transition(execution.id, "error")
    records.executions.delete(execution.id)
    kept = records.data.get(one.id)
    assert kept.purged is not None
    assert kept.execution_id == execution.id
    assert records.aliases.get(project.id, "best").datum_id == one.id
