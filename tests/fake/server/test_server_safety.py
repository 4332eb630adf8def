from __future__ import annotations

import errno
import gzip
import io
import os
import socket
import stat
import subprocess
import tarfile
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests
from fastapi import FastAPI, Request

from localhai.project import tarball
from localhai.server import errors
from localhai.server.api import uploads
from localhai.server.container_api import create_inside
from localhai.server.errors import Refused
from localhai.server.listening import serving
from localhai.server.safety import LARGEST_BODY, LARGEST_CALL, Answered, Steady
from localhai.server.tokens import kept_secret, token_of
from localhai.testing import Canned
from tests.fake.server.conftest import packed


def test_the_token_that_is_made_is_readable_by_its_owner_alone(tmp_path):
    made, first = kept_secret(tmp_path / "server", "token")
    assert first
    assert len(made) >= 40
    assert kept_secret(tmp_path / "server", "token") == (made, False)
    assert stat.S_IMODE((tmp_path / "server" / "token").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "server").stat().st_mode) == 0o700


# whose host, and from where


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "", "[::1"])
def test_a_name_that_is_not_ours_is_refused(ada, host):
    assert ada.get("/api/v0/users/me/", headers={"Host": host}).status_code in {400, 403}
    assert ada.get("/health", headers={"Host": host}).status_code in {400, 403}


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.1", "[::1]:8000", "host.docker.internal:8000"])
def test_names_of_this_machine_are_answered(ada, host):
    assert ada.get("/api/v0/users/me/", headers={"Host": host}).ok


def test_only_pages_of_this_server_may_change_something(ada):
    own = ada.url.removeprefix("http://")
    for origin in ("https://evil.example", "null", "http://localhost:3000", "http://[", f"http://{own}.evil.example"):
        answer = ada.post("/api/v0/projects/", {"name": "x"}, headers={"Origin": origin})
        assert answer.status_code == 403, origin
        assert "Access-Control-Allow-Origin" not in answer.headers
    assert ada.post("/api/v0/projects/", {"name": "x"}, headers={"Origin": ada.url}).status_code == 201


# how much


def test_a_body_that_is_too_long_is_refused_before_and_while_it_comes(ada):
    answer = ada.post("/api/v0/projects/", data=b"x" * (LARGEST_BODY + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    for kind, path in (("json", "projects"), ("x-www-form-urlencoded", "projects"), ("json", "get-token")):
        pieces = (b"x" * 100_000 for _ in range(LARGEST_BODY // 100_000 + 2))
        answer = ada.post(f"/api/v0/{path}/", data=pieces, headers={"Content-Type": f"application/{kind}"})
        assert answer.status_code in {400, 413}, "a form has a limit of its own for each field"
        assert answer.status_code == 413 or kind != "json"


def test_a_page_has_ten_thousand_rows_at_most(ada, demo):
    page = ada.get(f"/api/v0/executions/?project={demo.id}&limit=99999999&offset=10001").json()
    assert "limit=10000&" in page["previous"] or page["previous"].endswith("limit=10000")


def test_few_packages_of_one_user_come_in_at_a_time_and_those_of_others_beside_them(demo, bob, state):
    ada = state.records.users.named("ada").id
    with ExitStack() as stack:
        for _ in range(uploads.AT_ONCE):
            stack.enter_context(uploads.PLACES.taken(ada))
        answer = demo.upload_files({"valohai.yaml": ""})
        assert (answer.status_code, answer.json()["code"]) == (429, "throttled")
        project = bob.post("/api/v0/projects/", data={"name": "bobs"}).json()["id"]
        files = {"data": ("data.tgz", packed(), "application/gzip")}
        assert bob.post(f"/api/v0/projects/{project}/import-package/", files=files).status_code == 201
    assert demo.upload(packed()).status_code == 201


def test_all_together_have_places_too():
    places = uploads.UploadSlots(each=2, together=3)
    with places.taken("a"), places.taken("a"), places.taken("b"):
        for who in "abc":
            with pytest.raises(Refused), places.taken(who):
                pass
    with places.taken("a"):
        pass


def test_a_body_that_stands_still_is_ended(state):
    """An application of its own: the others wait a minute."""
    app = FastAPI()
    errors.add_handlers(app)

    @app.put("/x")
    async def taking(request: Request) -> int:
        return len(await request.body())

    app.add_middleware(Steady, longest=0.05)
    app.add_middleware(Answered)
    app.state.localhai = state
    with serving(app) as url, socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), 10) as client:
        client.sendall(b"PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
        assert b"408" in client.recv(1000).split(b"\r\n")[0]


def test_a_container_sends_no_more_than_its_calls_need(state, demo):
    made = demo.queued()["id"]
    with serving(create_inside(state)) as url:
        headers = {"Authorization": f"Execution {token_of(state.secret, made)}", "Content-Type": "application/json"}
        where = f"{url}/executions/{made}/status-detail/"
        with requests.Session() as session:
            session.trust_env = False
            whole = session.post(where, data=b"x" * (LARGEST_CALL + 1), headers=headers, timeout=10)
            pieces = (b"x" * 100_000 for _ in range(LARGEST_CALL // 100_000 + 2))
            in_pieces = session.post(where, data=pieces, headers=headers, timeout=10)
            right = session.post(where, json={"status_detail": "y" * 100_000}, headers=headers, timeout=10)
    assert (whole.status_code, in_pieces.status_code, right.status_code) == (413, 413, 200)
    assert state.home.execution(made).to_dict()["status_detail"] == "y" * 2000


# packages that are bombs


def bomb(name: str, size: int) -> bytes:
    """A package whose one file says that it is larger than it is when packed."""
    found = io.BytesIO()
    entry = tarfile.TarInfo(name)
    entry.size = size
    with gzip.GzipFile(fileobj=found, mode="wb", compresslevel=9) as packed:
        packed.write(entry.tobuf())
        for _ in range(size // 1_000_000):
            packed.write(bytes(1_000_000))
    return found.getvalue()


def test_a_package_that_unpacks_to_too_much_is_refused(demo, monkeypatch):
    monkeypatch.setattr(tarball, "LARGEST", 10_000_000)
    answer = demo.upload(bomb("zeros", 15_000_000))
    assert answer.status_code == 400
    assert "unpacks to more than" in answer.text


def test_a_package_of_too_many_files_is_refused(demo, monkeypatch):
    monkeypatch.setattr(tarball, "MOST_FILES", 50)
    answer = demo.upload_files({f"file-{number}": "" for number in range(60)})
    assert "more than 50 files" in answer.text


def test_a_header_that_is_endless_is_refused(demo):
    found = io.BytesIO()
    entry = tarfile.TarInfo("././@LongLink")
    entry.type, entry.size = tarfile.GNUTYPE_LONGNAME, 1 << 40
    with gzip.GzipFile(fileobj=found, mode="wb") as packed:
        packed.write(entry.tobuf())
        packed.write(bytes(5_000_000))
    assert demo.upload(found.getvalue()).status_code == 400


# what is said, and what is served


def test_errors_name_no_folder_of_this_machine(ada, state, tmp_path):
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "readme").write_text("no configuration here")
    who = ["-c", "user.name=a", "-c", "user.email=a@b.example"]
    for words in (["init", "-qb", "main"], ["add", "."], ["commit", "-qm", "the first"]):
        subprocess.run(["git", *who, *words], cwd=folder, check=True)
    project = state.home.records.projects.of_folder(folder, "coded").id
    sha = ada.get(f"/api/v0/projects/{project}/commits/").json()[0]["identifier"]
    for answer in (
        ada.post("/api/v0/executions/", json={"project": project, "commit": sha, "step": "a"}),
        ada.get(f"/api/v0/commits/{sha}/?include=config&project={project}"),
        ada.post("/api/v0/executions/", json={"project": project, "commit": "none", "step": "a"}),
    ):
        assert answer.status_code == 400
        for place in (str(state.home.folder), str(folder), str(Path.home()) + "/", "token-of-ada"):
            assert place not in answer.text


def test_a_disk_that_is_full_is_told(demo, monkeypatch):
    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(Path.home() / "private"))

    monkeypatch.setattr("localhai.server.code._copy", full)
    answer = demo.upload_files({"valohai.yaml": ""})
    assert (answer.status_code, answer.json()["code"]) == (507, "disk_full")
    assert "private" not in answer.text


def test_a_fault_says_nothing_of_itself(ada, demo, state, monkeypatch):
    def broken(*_arguments: object) -> None:
        raise RuntimeError(f"a secret: {os.environ['HOME']}")

    monkeypatch.setattr(state.records.executions, "page", broken)
    answer = ada.get(f"/api/v0/executions/?project={demo.id}")
    assert (answer.status_code, set(answer.json())) == (500, {"message", "code"})
    assert "secret" not in answer.text


def test_an_output_that_leads_out_of_the_store_is_not_served(demo, engine, state, ada, tmp_path):
    (tmp_path / "private").write_text("a secret of this machine")

    def lead_out(container) -> int:
        target = container.path("/valohai/outputs/model.bin")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(tmp_path / "private")
        return 0

    engine.behave(lead_out)
    made = demo.queued()
    state.queue.start()
    for output in demo.ended(made["id"])["outputs"]:
        assert "secret" not in ada.get(output["url"].removeprefix(ada.url)).text


def test_whoever_asks_for_many_ranges_gets_the_whole(demo, engine, state, ada):
    engine.behave(Canned(files={"model.bin": b"0123456789"}))
    made = demo.queued()
    state.queue.start()
    (output,) = demo.ended(made["id"])["outputs"]
    where = output["url"].removeprefix(ada.url)
    many = ada.get(where, headers={"Range": "bytes=" + ",".join(["0-8"] * 500)})
    assert (many.status_code, many.content) == (200, b"0123456789")
    assert ada.get(where, headers={"Range": "bytes=20-"}).status_code == 416
    head = ada.head(where)
    assert (head.status_code, head.headers["Content-Length"], head.headers["Accept-Ranges"]) == (200, "10", "bytes")


@pytest.mark.parametrize(
    ("asked", "status", "found"),
    [
        ("", 200, b"0123456789"),
        ("bytes=2-4", 206, b"234"),
        ("bytes=7-", 206, b"789"),
        ("bytes=-3", 206, b"789"),
        ("bytes=-30", 200, b"0123456789"),
        ("bytes=4-2", 416, None),
        ("bytes=10-", 416, None),
        ("bytes=1-2,4-5", 200, b"0123456789"),
        ("lines=1-2", 200, b"0123456789"),
    ],
)
def test_bytes_that_are_elsewhere_come_in_ranges_too(demo, engine, state, ada, monkeypatch, asked, status, found):
    """As from a store in S3, of which no file is here."""
    engine.behave(Canned(files={"model.bin": b"0123456789"}))
    made = demo.queued()
    state.queue.start()
    (output,) = demo.ended(made["id"])["outputs"]
    path = Path(state.home.records.data.get(output["id"]).path)
    monkeypatch.setattr("localhai.data.store.LocalStore.path", lambda *_: None)
    monkeypatch.setattr("localhai.data.store.LocalStore.open", lambda *_: path.open("rb"))
    answer = ada.get(output["url"].removeprefix(ada.url), headers={"Range": asked} if asked else {})
    assert answer.status_code == status
    if found is not None:
        assert answer.content == found
        assert answer.headers["Content-Length"] == str(len(found))
    if status == 206:
        assert answer.headers["Content-Range"].endswith("/10")
