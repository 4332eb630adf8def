"""Versions of datasets and models, histories of aliases, uses of data. On SQLite; on PostgreSQL in tests/docker."""

from __future__ import annotations

import pytest

from localhai.errors import UsageError
from localhai.records import DatumRecord, new_id
from localhai.records.versions import VersionRequest
from localhai.system import strict_json


def datum(name, **more):
    values = {"size": 5, "ctime": "2026-01-01T00:00:00Z", "md5": "m", "sha1": "s", "sha256": "t", **more}
    return DatumRecord(id=new_id(), name=name, uri=f"/store/{name}", **values)


def wish(noun, name, version, **more):
    """A version without files."""
    return VersionRequest(new_id(), noun, name, version, (), **more)


def execution(records, project):
    return records.executions.create(project.id, step="make", image="i", commit=None, document={}, owner=None)


@pytest.fixture
def make(records, project):
    """Makes one version of new files: `make("dataset", "images", "v1", "a.png", "b.png")`; gives what was said."""

    def made(noun, name, version, *names, **more):
        data = [datum(item) for item in names]
        request = VersionRequest(new_id(), noun, name, version, tuple(item.id for item in data), **more)
        foreseen = records.versions.foresee(project.id, [request])
        said = records.executions.add_outputs(execution(records, project).id, data, {}, [request])
        assert said == foreseen
        return said

    return made


@pytest.fixture
def files(records, project):
    def found(noun, name, reference):
        version = records.versions.find(project.id, noun, name, reference)
        return None if version is None else [item.name for item in version.files]

    return found


def test_a_version_holds_its_files_and_says_who_made_it(records, project, make):
    assert make("dataset", "images", "v1", "b.png", "a.png", tags=("x", "y"), packaging=True) == []

    found = records.versions.find(project.id, "dataset", "images", "v1")
    document = found.to_dict()
    assert [item["name"] for item in document.pop("files")] == ["b.png", "a.png"]
    assert document == {
        "id": found.id,
        "dataset": "images",
        "name": "v1",
        "counter": 1,
        "uri": "dataset://images/v1",
        "created": found.created,
        "execution": records.executions.list()[0].id,
        "aliases": [],
        "tags": ["x", "y"],
        "from": None,
        "packaging": True,
    }
    assert [item.id for item in records.versions.of_execution(found.execution_id)] == [found.id]
    assert [item.id for item in records.versions.holding(found.files[0].id)] == [found.id]


def test_a_dataset_version_never_changes(make, files):
    make("dataset", "images", "v1", "a.png")
    assert make("dataset", "images", "v1", "b.png") == [
        "dataset://images/v1 is not made: it exists already, and dataset versions never change"
    ]
    assert files("dataset", "images", "v1") == ["a.png"]


def test_a_version_starts_from_another_without_what_is_excluded_or_replaced(records, project, make, files):
    make("dataset", "images", "v1", "a.png", "sub/b.png", "c.png", "d.png")
    said = make("dataset", "images", "v2", "c.png", base=("images", "v1"), exclude=("a.png", "b.png", "no.png"))
    assert said == ["dataset://images/v1 has no file 'no.png' to exclude"]
    assert files("dataset", "images", "v2") == ["d.png", "c.png"]
    assert files("dataset", "images", "v1") == ["a.png", "sub/b.png", "c.png", "d.png"]
    assert records.versions.find(project.id, "dataset", "images", "v2").base == "dataset://images/v1"


def test_a_version_of_nothing_known_is_refused_and_so_leaves_nothing(records, project, make, files):
    assert make("dataset", "images", "v2", "c.png", base=("images", "v1")) == [
        "dataset://images/v2 is not made: there is no dataset://images/v1 to start from"
    ]
    assert files("dataset", "images", "latest") is None
    assert records.versions.parents(project.id, "dataset") == []


def test_latest_and_aliases_lead_to_versions_and_move(records, project, make, files):
    make("dataset", "images", "one", "1", aliases=("production",))
    make("dataset", "images", "two", "2")
    assert files("dataset", "images", "latest") == ["2"]
    assert files("dataset", "images", None) == ["2"]
    assert files("dataset", "images", "production") == ["1"]
    make("dataset", "images", "three", "3", aliases=("production",))
    assert files("dataset", "images", "production") == ["3"]
    assert files("dataset", "images", "nothing") is None
    assert files("dataset", "nothing", "latest") is None
    listed = records.versions.list(project.id, "dataset", "images")
    assert [(item.name, item.counter, item.aliases) for item in listed] == [
        ("three", 3, ("production",)),
        ("two", 2, ()),
        ("one", 1, ()),
    ]


def test_a_name_is_a_version_or_an_alias(make, files):
    make("dataset", "images", "v1", "1", aliases=("production",))
    assert make("dataset", "images", "production", "2") == [
        "dataset://images/production is not made: that name is an alias, of dataset://images/v1"
    ]
    assert make("dataset", "images", "v2", "2", aliases=("v1",)) == [
        "dataset://images/v1 is a version and cannot be an alias too"
    ]
    assert files("dataset", "images", "v1") == ["1"]


def test_a_version_called_latest_is_what_latest_means(make, files):
    make("dataset", "images", "v1", "1")
    assert make("dataset", "images", "latest", "2") == []
    make("dataset", "images", "v3", "3")
    assert files("dataset", "images", "latest") == ["2"]


def test_models_count_their_versions_and_grow(records, project, make, files):
    make("model", "churn", None, "1.pkl", tags=("dev",), release_note="first")
    make("model", "churn", "v3", "3.pkl")
    make("model", "churn", None, "2.pkl")
    make("model", "churn", None, "4.pkl")
    names = [(item.name, item.counter) for item in records.versions.list(project.id, "model", "churn")]
    assert names == [("v5", 4), ("v4", 3), ("v3", 2), ("v1", 1)]
    assert files("model", "churn", "v1") == ["1.pkl"]
    assert files("model", "churn", "1") == ["1.pkl"]
    make("model", "churn", "v1", "readme.md")
    assert files("model", "churn", "v1") == ["1.pkl", "readme.md"]
    assert records.versions.find(project.id, "model", "churn", "v1").release_note == "first"
    assert files("model", "churn", None) == ["4.pkl"]


def test_a_version_of_a_model_says_what_people_think_of_it(records, project, make):
    make("model", "other", None, "0.pkl", tags=("old",))
    make("model", "churn", None, "1.pkl", tags=("dev",), aliases=("best",), release_note="first")
    made = records.versions.find(project.id, "model", "churn", "v1")
    document = made.to_dict()
    assert [item["name"] for item in document.pop("files")] == ["1.pkl"]
    assert document == {
        "id": made.id,
        "model": "churn",
        "name": "v1",
        "counter": 1,
        "uri": "model://churn/v1",
        "created": made.created,
        "execution": made.execution_id,
        "aliases": ["best"],
        "tags": ["dev"],
        "status": "pending",
        "release_note": "first",
    }
    records.versions.set_status(made, "approved")
    found = records.versions.find(project.id, "model", "churn", "best")
    assert (found.status, found.release_note, found.tags) == ("approved", "first", ("dev",))
    (other,) = records.versions.list(project.id, "model", "other")
    assert (other.status, other.tags, other.packaging) == ("pending", ("old",), False)


@pytest.mark.parametrize("reference", ["2", "v2", "0", "vv1", "\u0661", "9999999999", "v", "other"])
def test_what_names_no_version_of_a_model_names_none(make, files, reference):
    make("model", "churn", None, "1.pkl")
    assert files("model", "churn", reference) is None
    assert files("model", "other", "v1") is None


@pytest.mark.parametrize("reference", ["1", "v1", "001"])
def test_a_version_of_a_model_has_its_number_beside_its_name(make, files, reference):
    make("model", "churn", "first", "1.pkl")
    assert files("model", "churn", reference) == ["1.pkl"]


def test_versions_of_datasets_have_no_numbers(make, files):
    make("dataset", "images", "first", "1")
    assert files("dataset", "images", "1") is None


def test_what_is_asked_for_again_is_done_once(records, project):
    data = [datum("a.png"), datum("b.png")]
    ids = tuple(item.id for item in data)
    requests = [
        VersionRequest(new_id(), "dataset", "images", "v1", ids, aliases=("prod",)),
        VersionRequest(new_id(), "model", "churn", None, ids),
    ]
    one = execution(records, project)
    for _ in range(2):
        assert records.executions.add_outputs(one.id, data, {"best": ids[0]}, requests) == []
    assert len(records.versions.list(project.id, "model", "churn")) == 1
    assert len(records.aliases.changes(project.id, "best")) == 1
    assert strict_json.convert(strict_json.values(requests), list[VersionRequest]) == requests


def test_versions_of_one_execution_build_on_each_other(records, project):
    data = [datum("a.png"), datum("b.png")]
    requests = [
        VersionRequest(new_id(), "dataset", "images", "v1", (data[0].id,)),
        VersionRequest(new_id(), "dataset", "images", "v2", (data[1].id,), base=("images", "v1")),
    ]
    assert records.versions.foresee(project.id, requests) == []
    assert records.executions.add_outputs(execution(records, project).id, data, {}, requests) == []
    assert [item.name for item in records.versions.find(project.id, "dataset", "images", "v2").files] == [
        "a.png",
        "b.png",
    ]


def test_what_is_foreseen_counts_what_comes_before_it_alone(records, project):
    """A version that is refused does not come, one of a model is no dataset, and the next of a model has no name."""
    make = records.versions.make
    make(project.id, wish("dataset", "images", "v1"))
    images = ("images", "v2")

    def foreseen(*before):
        following = wish("dataset", "other", "x", base=images)
        return records.versions.foresee(project.id, [*before, following])[-1:]

    gone = ["dataset://other/x is not made: there is no dataset://images/v2 to start from"]
    assert foreseen() == gone
    assert foreseen(wish("dataset", "images", "v2")) == []
    assert foreseen(wish("dataset", "images", "v3", aliases=("v2",))) == []
    assert foreseen(wish("dataset", "images", "v1", aliases=("v2",))) == gone, "it is refused"
    assert foreseen(wish("model", "images", "v2")) == gone
    assert foreseen(wish("model", "images", None)) == gone
    latest = wish("dataset", "third", "x", base=("second", "latest"))
    assert records.versions.foresee(project.id, [latest]) != []
    second = wish("dataset", "second", "v1")
    assert records.versions.foresee(project.id, [second, latest]) == []
    assert records.versions.foresee(project.id, []) == []


def test_datasets_and_models_of_a_project_by_name(records, project):
    make = records.versions.make
    for name in ("b", "a", "b"):
        for noun in ("dataset", "model"):
            make(
                project.id,
                wish(noun, name, f"x{len(records.versions.list(project.id, noun, name))}"),
            )
    other = records.projects.of_folder("/b", "other")
    make(other.id, wish("dataset", "c", "v1"))
    for noun in ("dataset", "model"):
        found = records.versions.parents(project.id, noun)
        assert [(item.name, item.versions, item.latest) for item in found] == [("a", 1, "x0"), ("b", 2, "x1")]
    empty = records.versions.put_parent(project.id, "dataset", "new")
    assert empty.to_dict() == {"id": empty.id, "name": "new", "created": empty.created, "versions": 0, "latest": None}
    assert records.versions.put_parent(project.id, "dataset", "new") == empty


def test_a_version_that_nobody_ran_for_is_made_or_refused(records, project):
    request = wish("dataset", "images", "v1", aliases=("prod",))
    made = records.versions.make(project.id, request)
    assert (made.id, made.name, made.aliases, made.execution_id) == (request.id, "v1", ("prod",), None)
    assert records.versions.make(project.id, request) == made, "once"
    assert records.versions.get("dataset", made.id) == made
    assert records.versions.get("dataset", "no such id") is None
    assert records.versions.get("model", made.id) is None
    with pytest.raises(UsageError) as refused:
        records.versions.make(project.id, wish("dataset", "images", "v1"))
    assert refused.value.message == (
        "dataset://images/v1 is not made: it exists already, and dataset versions never change"
    )
    assert refused.value.where == "dataset://images/v1"
    first = records.versions.make(project.id, wish("model", "m", "v1"))
    again = records.versions.make(project.id, wish("model", "m", "v1"))
    assert again.id == first.id, "models grow"


def test_versions_are_found_by_what_they_hold_and_by_who_made_them(records, project, make):
    make("dataset", "images", "v1", "a.png")
    make("model", "m", "v1", "b.pkl")
    both = records.executions.list()
    (image,) = records.versions.find(project.id, "dataset", "images", None).files
    (model,) = records.versions.find(project.id, "model", "m", "latest").files
    assert [item.uri for item in records.versions.holding(image.id)] == ["dataset://images/v1"]
    assert [item.uri for item in records.versions.holding(model.id)] == ["model://m/v1"]
    assert [[item.uri for item in records.versions.of_execution(one.id)] for one in both] == [
        ["model://m/v1"],
        ["dataset://images/v1"],
    ]
    assert records.versions.find(project.id, "dataset", "nothing", None) is None
    assert records.versions.find(project.id, "dataset", "images", "nothing") is None
    assert [item.name for item in records.versions.list(project.id, "dataset", "images")] == ["v1"]
    assert [len(item.files) for item in records.versions.list(project.id, "dataset", "images")] == [1]
    assert records.versions.list(project.id, "dataset", "nothing") == []


def test_projects_have_datasets_of_their_own(records, project, make):
    make("dataset", "images", "v1", "a.png")
    other = records.projects.of_folder("/b", "other")
    assert records.versions.find(other.id, "dataset", "images", "v1") is None
    assert [(item.name, item.versions, item.latest) for item in records.versions.parents(project.id, "dataset")] == [
        ("images", 1, "v1")
    ]
    assert records.versions.parents(other.id, "dataset") == []


def test_an_alias_remembers_where_it_pointed(records, project):
    one, two = datum("one"), datum("two")
    records.data.add(execution(records, project).id, [one, two])
    for target in (one, one, two):
        records.aliases.point(project.id, "best", target.id)
    assert records.aliases.delete(project.id, "best")
    assert not records.aliases.delete(project.id, "best")
    assert [item.datum_id for item in records.aliases.changes(project.id, "best")] == [None, two.id, one.id]
    assert records.aliases.get(project.id, "best") is None


def test_uses_of_data_are_known_from_both_sides_even_of_deleted_executions(records, project):
    model = datum("model.pkl")
    records.data.add(execution(records, project).id, [model])
    user = execution(records, project)
    uris = [f"datum://{model.id}", f"datum://{model.id}", "s3://bucket/key"]
    recorded = [{"name": "model", "files": [{"name": "m", "uri": uri} for uri in uris]}, {"name": "b", "files": []}]
    for _ in range(2):
        assert records.uses.record_inputs(user.id, recorded).document["inputs"] == recorded
    for status in ("queued", "started", "complete"):
        records.executions.transition(user.id, status)
    records.executions.delete(user.id)
    expected = [(user.id, model.id, "model")]
    for found in (records.uses.of_data([model.id]), records.uses.by_executions([user.id])):
        assert [(item.execution_id, item.datum_id, item.input) for item in found] == expected
    assert records.uses.of_data([]) == []


def test_a_datum_is_found_by_id_alias_or_the_beginning_of_its_id(records, project):
    one, two = datum("one"), datum("two")
    records.data.add(execution(records, project).id, [one, two])
    records.aliases.point(project.id, "best", two.id)
    for reference, found in [(one.id, one), (f"datum://{one.id}", one), ("best", two), ("datum://best", two)]:
        assert records.data.find(reference, project.id).id == found.id
    assert records.data.find(one.id[:-2], None).id == one.id
    with pytest.raises(UsageError, match="no datum has the id or alias 'best'"):
        records.data.find("best", None)
    with pytest.raises(UsageError, match="beginning of several ids") as caught:
        records.data.find(one.id[:4], project.id)
    assert [hint.split()[1] for hint in caught.value.hints] == ["one", "two"]


def test_rows_are_had_by_many_ids_at_once(records, project):
    data = [datum(f"part-{number}") for number in range(1200)]
    one = execution(records, project)
    records.data.add(one.id, data)
    assert len(records.data.by_id([item.id for item in data])) == 1200
    assert [item.id for item in records.data.of_executions([one.id])] == [item.id for item in data]
    assert set(records.executions.by_id([one.id, new_id()])) == {one.id}
