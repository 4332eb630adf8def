"""Names that some disks, or people, take for one; macOS is simulated."""

from __future__ import annotations

import os
import unicodedata

import pytest

from localhai.data.sources.local import LocalSource
from localhai.data.uri import parse
from localhai.pipelines.filling import matching
from localhai.project import packaging
from localhai.system import names

NFC = "données-é.csv"
NFD = unicodedata.normalize("NFD", NFC)


@pytest.mark.parametrize(
    ("given", "pairs"),
    [
        (["a.csv", "b.csv", "a.csv"], []),
        (["A.csv", "a.csv", "b.csv"], [("A.csv", "a.csv")]),
        ([NFC, NFD], [(NFC, NFD)]),
        (["Straße", "STRASSE", "strasse"], [("Straße", "STRASSE"), ("Straße", "strasse")]),
    ],
)
def test_what_some_disk_takes_for_one_name(given, pairs):
    assert names.alike(given) == pairs


def test_this_disk_says_whether_it_tells_capitals_apart(tmp_path):
    (tmp_path / "A").touch()

    assert names.folds(tmp_path) == (tmp_path / "a").exists()
    assert os.listdir(tmp_path) == ["A"]


def test_a_disk_that_does_not_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(os.path, "lexists", lambda path: os.path.basename(path).lower() in lower(tmp_path))

    assert names.folds(tmp_path)
    assert os.listdir(tmp_path) == []


def lower(folder):
    return [name.lower() for name in os.listdir(folder)]


def test_a_disk_that_takes_no_file_is_not_asked(tmp_path):
    assert not names.folds(tmp_path / "missing")


@pytest.mark.parametrize("pattern", [NFC, NFD, "*é.csv", unicodedata.normalize("NFD", "donnée*")])
@pytest.mark.parametrize("name", [NFC, NFD])
def test_accents_match_in_either_form(name, pattern):
    assert names.matches(name, pattern)
    assert matching(pattern, [(f"folder/{name}", "datum://1"), ("other", "datum://2")]) == ["datum://1"]


def test_wildcards_of_local_inputs_find_names_with_accents_in_either_form(tmp_path):
    (tmp_path / NFD).write_text("1")

    found = LocalSource(tmp_path).list(parse(f"{tmp_path}/*-é.csv"))

    assert [os.path.basename(item.key) for item in found] == [NFD]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_what_vhignore_names_is_left_out_whatever_the_form_of_its_accents(tmp_path, form):
    (tmp_path / ".vhignore").write_text(unicodedata.normalize(form, "privé/\n*.clé\n"))

    ignored = packaging.ignoring(tmp_path / ".vhignore")

    for other in ("NFC", "NFD"):
        assert ignored(unicodedata.normalize(other, "privé/"))
        assert ignored(unicodedata.normalize(other, "a.clé"))
        assert not ignored(unicodedata.normalize(other, "public é"))
