from __future__ import annotations

import pytest


def test_a_token_says_who_asks(ada, bob):
    assert ada.get("/api/v0/users/me/").json()["username"] == "ada"
    assert bob.get("/api/v0/users/me/").json()["username"] == "bob"


@pytest.mark.parametrize("header", [None, "Token wrong", "Basic token-of-ada", "Token", "token-of-ada"])
def test_without_a_token_that_is_known_nothing_is_said(nobody, header):
    headers = {"Authorization": header} if header else {}
    answer = nobody.get("/api/v0/users/me/", headers=headers)
    assert answer.status_code == 401
    assert set(answer.json()) == {"message", "code"}


def test_the_scheme_may_be_written_small(nobody):
    assert nobody.get("/api/v0/users/me/", headers={"Authorization": "token token-of-ada"}).ok


def test_the_password_of_a_login_is_the_token(nobody):
    right = nobody.post("/api/v0/get-token/", data={"username": "ada", "password": "token-of-ada"})
    assert right.json() == {"token": "token-of-ada"}
    wrong = nobody.post("/api/v0/get-token/", data={"username": "bob", "password": "token-of-ada"})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "invalid_credentials")
    assert "token-of-ada" not in wrong.text


def test_slashes_may_be_doubled_or_left_out(ada):
    assert ada.get("/api/v0//users//me").json()["username"] == "ada"


def test_another_host_name_is_refused(ada):
    answer = ada.get("/api/v0/users/me/", headers={"Host": "rebound.example"})
    assert (answer.status_code, answer.json()["code"]) == (403, "bad_host")


def test_a_page_of_another_site_may_read_nothing_into_being(ada):
    answer = ada.post("/api/v0/projects/", data={"name": "x"}, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert ada.get("/api/v0/projects/").json()["count"] == 0


def test_what_is_not_there_is_not_found_in_json(ada):
    answer = ada.get("/api/v0/nothing-of-the-kind/")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})
