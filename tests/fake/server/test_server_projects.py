from __future__ import annotations


def made(asker, name="news", **more):
    answer = asker.post("/api/v0/projects/", data={"name": name, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_project_is_made_by_a_form_and_read_back(ada):
    project = made(ada, description="articles")
    assert isinstance(project["id"], str)
    assert project["owner"]["username"] == "ada"
    assert ada.get(f"/api/v0/projects/{project['id']}/").json()["description"] == "articles"


def test_urls_are_of_the_host_that_was_asked(ada):
    assert made(ada)["url"].startswith(ada.url + "/api/v0/projects/")


def test_a_name_is_taken_once_for_each_user(ada, bob):
    made(ada)
    again = ada.post("/api/v0/projects/", json={"name": "news"})
    assert (again.status_code, again.json()["name"][0]["code"]) == (400, "unique")
    made(bob)


def test_a_name_is_needed(ada):
    assert ada.post("/api/v0/projects/").json()["name"][0]["code"] == "required"


def test_nobody_sees_the_project_of_another(ada, bob):
    project = made(ada)
    assert bob.get("/api/v0/projects/").json()["results"] == []
    assert bob.get(f"/api/v0/projects/{project['id']}/").status_code == 404
    assert bob.put(f"/api/v0/projects/{project['id']}/", json={"name": "mine"}).status_code == 404


def test_projects_that_localhai_ran_are_the_first_users(state, ada, bob, tmp_path):
    state.home.records.projects.of_folder(tmp_path, "by-hand")
    assert [row["name"] for row in ada.get("/api/v0/projects/").json()["results"]] == ["by-hand"]
    assert bob.get("/api/v0/projects/").json()["results"] == []


def test_lists_come_in_pages_with_absolute_links(ada):
    for number in range(3):
        made(ada, f"p{number}")
    first = ada.get("/api/v0/projects/?limit=2").json()
    assert (first["count"], len(first["results"]), first["previous"]) == (3, 2, None)
    assert first["next"].startswith(ada.url)
    rest = ada.get(first["next"].removeprefix(ada.url)).json()
    assert [row["name"] for row in rest["results"]] == ["p2"]
    assert rest["next"] is None


def test_variables_are_set_and_forgotten_and_secret_ones_not_shown(ada):
    path = f"/api/v0/projects/{made(ada)['id']}/"
    ada.post(f"{path}environment_variable/", json={"name": "OPEN", "value": "1", "secret": False})
    ada.post(f"{path}environment_variable/", json={"name": "TOKEN", "value": "s3cret", "secret": True})
    answer = ada.get(path)
    assert answer.json()["environment_variables"] == {
        "OPEN": {"value": "1", "secret": False},
        "TOKEN": {"value": None, "secret": True},
    }
    assert "s3cret" not in answer.text
    assert ada.delete(f"{path}environment_variable/", json={"name": "OPEN"}).ok
    assert ada.delete(f"{path}environment_variable/", json={"name": "OPEN"}).status_code == 404


def test_what_is_no_json_is_refused_in_words(ada):
    answer = ada.post("/api/v0/projects/", data=b"{", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")


def test_there_is_one_environment(ada):
    (row,) = ada.get("/api/v0/environments/?limit=9000&include=unfinished_job_count").json()["results"]
    assert (row["slug"], row["enabled"], row["per_user_queue_quota"]) == ("local", True, 0)
