"""From what outputs say of datasets and models to the versions that are asked for."""

from __future__ import annotations

import pytest
from msgspec.structs import asdict

from localhai.data.sidecars import interpret
from localhai.executions.run.versions import base_of, requests
from localhai.records import DatumRecord


def output(name, **said):
    datum = DatumRecord(id=f"id of {name}", name=name, size=1, ctime="", uri="", md5="", sha1="", sha256="")
    return datum, interpret({f"valohai.{key.replace('_', '-')}": value for key, value in said.items()}, pytest.fail)


def facts(request):
    """A request without its id and without what it leaves open."""
    return {key: value for key, value in asdict(request).items() if value and key != "id"}


def test_files_that_name_one_version_join_it():
    found, warnings = requests(
        [
            output("a.png", dataset_versions=["dataset://images/v1"]),
            output("b.png", dataset_versions=["dataset://images/v1", "dataset://images/all"]),
            (output("c.png")[0], None),
        ]
    )
    assert [facts(item) for item in found] == [
        {"noun": "dataset", "name": "images", "version": "v1", "files": ("id of a.png", "id of b.png")},
        {"noun": "dataset", "name": "images", "version": "all", "files": ("id of b.png",)},
    ]
    assert warnings == ()


def test_what_one_file_says_of_a_version_counts_for_all():
    one = {"uri": "dataset://images/v2", "from": "dataset://images/v1", "exclude": ["x"], "valohai.tags": ["t"]}
    two = {"uri": "dataset://images/v2", "targeting_aliases": ["prod", "dataset://images/dev"], "exclude": ["x", "y"]}
    found, warnings = requests([output("a", dataset_versions=[one]), output("b", dataset_versions=[two])])
    assert [facts(item) for item in found] == [
        {
            "noun": "dataset",
            "name": "images",
            "version": "v2",
            "files": ("id of a", "id of b"),
            "base": ("images", "v1"),
            "exclude": ("x", "y"),
            "aliases": ("prod", "dev"),
            "tags": ("t",),
        }
    ]
    assert warnings == ()


def test_start_fresh_starts_from_nothing():
    said = {"uri": "dataset://images/v2", "from": "v1", "start_fresh": True}
    found, _ = requests([output("a", dataset_versions=[said])])
    assert found[0].base is None


@pytest.mark.parametrize(
    ("said", "warning"),
    [
        ({"from": "dataset://other"}, "from: dataset://NAME/VERSION is needed, not 'dataset://other': left out"),
        ({"targeting_aliases": ["dataset://other/prod"]}, "'dataset://other/prod' is no alias of images: left out"),
        ({"packaging": True}, "packaging makes no difference here"),
    ],
)
def test_what_cannot_be_done_is_said(said, warning):
    found, warnings = requests([output("a", dataset_versions=[{"uri": "dataset://images/v2", **said}])])
    assert len(found) == 1
    assert len(warnings) == 1
    assert warnings[0].startswith("dataset://images/v2: ")
    assert warning in warnings[0]


def test_two_versions_to_start_from_are_said_and_the_first_counts():
    both = [{"uri": "dataset://images/v3", "from": version} for version in ("v1", "v2")]
    found, warnings = requests([output("a", dataset_versions=both)])
    assert found[0].base == ("images", "v1")
    assert "the first one counts" in warnings[0]


def test_models_take_the_next_version_or_the_one_that_is_named():
    long = {"model_uri": "model://churn", "model_version_tags": ["dev"], "model_release_note": "better"}
    found, warnings = requests(
        [
            output("m.pkl", model_versions=["model://churn/", "model://churn/v7"]),
            output("m.json", model_versions=[long]),
        ]
    )
    assert [facts(item) for item in found] == [
        {
            "noun": "model",
            "name": "churn",
            "files": ("id of m.pkl", "id of m.json"),
            "tags": ("dev",),
            "release_note": "better",
        },
        {"noun": "model", "name": "churn", "version": "v7", "files": ("id of m.pkl",)},
    ]
    assert warnings == ()


def test_of_a_file_that_was_uploaded_twice_the_last_joins():
    first, second = (output("a", dataset_versions=["dataset://images/v1"]) for _ in range(2))
    found, _ = requests([(DatumRecord("older", "a", 1, "", "", "", "", ""), first[1]), second])
    assert found[0].files == ("id of a",)


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("dataset://a/v1", ("a", "v1")),
        ("v1", ("images", "v1")),
        ("dataset://a", None),
        ("dataset://a/", None),
        ("dataset://a/b/c", None),
    ],
)
def test_a_version_to_start_from_is_of_any_dataset_or_of_this_one(text, base):
    assert base_of(text, "images") == base
