from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from localhai.errors import ProjectError
from localhai.server.seed import plant_projects, plant_users, read

ID = "0178b4f0-0000-0000-0000-00000000000a"
TOML = f"""\
[[users]]
name = "ci"
token_variable = "CI_TOKEN"

[[users]]
name = "eve"
token = "token-of-eve"

[[projects]]
name = "seeded"
id = "{ID}"
owner = "ci"
description = "for CI"
environment_variables = {{ EPOCHS = 2, KEY = {{ variable = "CI_TOKEN", secret = true }} }}

[[projects.data]]
file = "samples/train.csv"
alias = "train"
tags = ["small"]

[[projects]]
name = "eves"
owner = "eve"
"""
ENVIRON = {"CI_TOKEN": "token-of-ci"}


@pytest.fixture
def file(tmp_path) -> Path:
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / "train.csv").write_text("a,b\n1,2\n")
    (tmp_path / "seed.toml").write_text(TOML)
    return tmp_path / "seed.toml"


def plant(state, file: Path) -> None:
    seed = read(file, ENVIRON)
    plant_users(state, seed)
    plant_projects(state, seed)


def asking(nobody, token: str):
    nobody.headers["Authorization"] = f"Token {token}"
    return nobody


def test_users_projects_variables_and_data_are_there_from_the_start(state, file, nobody):
    plant(state, file)
    ci = asking(nobody, "token-of-ci")
    (project,) = ci.get("/api/v0/projects/").json()["results"]
    assert (project["id"], project["name"], project["description"]) == (ID, "seeded", "for CI")
    variables = ci.get(f"/api/v0/projects/{ID}/").json()["environment_variables"]
    assert variables == {"EPOCHS": {"value": "2", "secret": False}, "KEY": {"value": None, "secret": True}}
    datum = ci.get(f"/api/v0/datum-aliases/resolve/?name=train&project={ID}").json()["datum"]
    assert (datum["name"], datum["size"], datum["tags"]) == ("train.csv", 8, ["small"])
    assert datum["output_execution"] is None
    url = ci.get(f"/api/v0/data/{datum['id']}/download/").json()["url"]
    assert ci.get(url.removeprefix(ci.url)).text == "a,b\n1,2\n"
    assert [row["name"] for row in asking(nobody, "token-of-eve").get("/api/v0/projects/").json()["results"]] == [
        "eves"
    ]


def test_planting_again_changes_nothing_and_a_changed_file_is_a_new_datum(state, file):
    plant(state, file)
    plant(state, file)
    assert len(state.home.records.projects.list()) == 2
    (first,) = state.home.records.data.list(ID, limit=None)
    source = file.parent / "samples" / "train.csv"
    source.write_text("changed")
    plant(state, file)
    assert len(state.home.records.data.list(ID, limit=None)) == 2
    assert state.home.records.aliases.get(ID, "train").datum_id != first.id
    assert Path(first.path).read_text() == "a,b\n1,2\n", "a datum never changes"
    assert source.stat().st_mode & 0o200


def test_yaml_says_the_same(file, tmp_path):
    import sys

    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    other = tmp_path / "seed.yaml"
    other.write_text(yaml.safe_dump(tomllib.loads(TOML)))
    assert read(other, ENVIRON) == read(file, ENVIRON)


def test_a_folder_is_a_project_with_its_commits(state, tmp_path, ada):
    folder = tmp_path / "code"
    folder.mkdir()
    (tmp_path / "seed.json.yaml").write_text(json.dumps({"projects": [{"name": "coded", "folder": "code"}]}))
    plant(state, tmp_path / "seed.json.yaml")
    (row,) = ada.get("/api/v0/projects/").json()["results"]
    assert row["name"] == "coded"
    assert state.home.records.projects.list()[0].path == str(folder)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("token = ", "tokn = "), "users[2] has an unknown key: tokn"),
        (('"token-of-eve"', '"short"'), "users[2].token is too short"),
        (('"token-of-eve"', "12"), "users[2].token is not a text"),
        (('token = "token-of-eve"', ""), "users[2] needs either token or token_variable"),
        (('token = "token-of-eve"', 'token_variable = "CI_TOKEN"'), "two users have the same token"),
        (('name = "eve"', 'name = "ci"'), "two users have the name ci"),
        (("CI_TOKEN", "NOT_SET"), "the environment variable NOT_SET is not set"),
        ((ID, "5"), "projects[1].id is not a UUID"),
        (("EPOCHS = 2", '"A-B" = 2'), "'A-B' is not the name of an environment variable"),
        (("EPOCHS = 2", "EPOCHS = []"), "projects[1].environment_variables.EPOCHS is not a text"),
        (("train.csv", "none.csv"), "projects[1].data[1].file"),
        (('tags = ["small"]', 'tags = "small"'), "projects[1].data[1].tags is not a list"),
        (('name = "seeded"', ""), "projects[1].name is missing"),
        (("[[projects]]", "[projects"), "seed.toml is not valid TOML"),
    ],
)
def test_mistakes_are_told_with_their_place(file, change, said):
    file.write_text(TOML.replace(*change, 1))
    with pytest.raises(ProjectError) as caught:
        read(file, ENVIRON)
    assert said in str(caught.value)
    assert "token-of" not in str(caught.value)


def test_a_token_of_somebody_else_is_refused(state, file):
    state.records.users.put("mallory", "token-of-eve")
    with pytest.raises(ProjectError, match="the seed gives eve the token of mallory"):
        plant(state, file)


def test_an_owner_whom_nobody_knows_is_told(state, file):
    file.write_text(TOML.replace('owner = "eve"', 'owner = "nobody"'))
    with pytest.raises(ProjectError, match="gives eves to nobody, whom nobody knows"):
        plant(state, file)


def test_a_project_that_has_another_id_keeps_it(state, file):
    plant(state, file)
    file.write_text(TOML.replace('name = "eves"', f'name = "eves"\nid = "{ID[:-1]}b"'))
    with pytest.raises(ProjectError, match="has another id already"):
        plant(state, file)


def test_the_page_about_serving_shows_a_seed_that_is_one(tmp_path):
    page = (Path(__file__).parents[3] / "docs" / "serve.md").read_text()
    shown = page.split("```toml\n")[1].split("```")[0]
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / "train.csv").write_text("a\n")
    (tmp_path / "seed.toml").write_text(shown)
    seed = read(tmp_path / "seed.toml", {"CI_TOKEN": "token-of-ci", "CI_KEY": "k"})
    assert [variable.secret for variable in seed.projects[0].variables] == [False, True]
    assert (seed.projects[0].folder, seed.projects[0].data[0].alias) == (tmp_path, "train")
