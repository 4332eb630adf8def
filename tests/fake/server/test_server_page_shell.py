"""What a browser gets before it has a session: a shell without data, and the files of the bundle."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from localhai.server.page.bundle import FOLDER, Bundle

SCRIPT = b"console.log('a page');\n" * 50
MANIFEST = '{"entry": "app.0a1b.js", "css": ["app.2c3d.css"], "more": "for others"}'


@pytest.fixture
def bundle(running: tuple[FastAPI, str], tmp_path: Path) -> Iterator[Path]:
    """A bundle of this test's own."""
    app, _where = running
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "manifest.json").write_text(MANIFEST)
    (folder / "app.0a1b.js").write_bytes(SCRIPT)
    (folder / "app.2c3d.css").write_text("body { margin: 0 }")
    app.state.bundle = Bundle(folder)
    yield folder
    app.state.bundle = Bundle(FOLDER)


def policy_of(answer) -> dict[str, str]:
    rules = answer.headers["Content-Security-Policy"].split("; ")
    return {rule.partition(" ")[0]: rule.partition(" ")[2] for rule in rules}


@pytest.mark.usefixtures("bundle")
@pytest.mark.parametrize("path", ["/", "/p/0190/", "/p/0190/execution/0191/log", "/queue/", "//p//0190/"])
def test_every_address_of_the_page_gets_the_same_shell(nobody, path):
    answer = nobody.get(path)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    assert '<script type="module" src="/page/assets/app.0a1b.js"></script>' in answer.text
    assert '<link rel="stylesheet" href="/page/assets/app.2c3d.css">' in answer.text
    assert answer.text == nobody.get("/").text
    assert answer.headers["Cache-Control"] == "no-cache", "a newer server has other files"


@pytest.mark.usefixtures("bundle")
def test_the_shell_lets_in_nothing_but_its_own_files(nobody):
    answer = nobody.get("/p/0190/")
    policy = policy_of(answer)

    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["img-src"] == "'self' data: blob:"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in str(policy)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "set-cookie" not in answer.headers


@pytest.mark.usefixtures("bundle")
def test_the_shell_says_nothing_of_what_is_here(nobody, demo):
    known = nobody.get(f"/p/{demo.id}/").text

    assert known == nobody.get("/p/nothing-like-it/").text
    assert demo.id not in known


@pytest.mark.usefixtures("bundle")
def test_files_are_packed_and_kept_for_ever(nobody):
    packed = nobody.get("/page/assets/app.0a1b.js", headers={"Accept-Encoding": "gzip"}, stream=True)
    sent = packed.raw.read(decode_content=False)
    plain = nobody.get("/page/assets/app.0a1b.js", headers={"Accept-Encoding": "identity"})

    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(sent) == plain.content == SCRIPT
    assert len(sent) < len(SCRIPT) / 4
    assert "Content-Encoding" not in plain.headers
    assert plain.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert plain.headers["Vary"] == "Accept-Encoding"
    assert plain.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert nobody.get("/page/assets/app.2c3d.css").headers["Content-Type"].startswith("text/css")


@pytest.mark.usefixtures("bundle")
@pytest.mark.parametrize("name", ["app.ffff.js", "manifest.json", "..%2fbundle.py", "%2e%2e", "app.0a1b.js%00"])
def test_a_file_that_is_not_of_the_bundle_is_missing_in_words(nobody, name):
    answer = nobody.get(f"/page/assets/{name}")

    assert answer.status_code == 404
    if name == "app.ffff.js":
        assert "another version of localhai. Load the page anew" in answer.text
        assert answer.headers["Cache-Control"] == "no-cache"


def test_a_file_that_a_newer_localhai_took_away_is_not_there(nobody, bundle):
    assert nobody.get("/page/assets/app.2c3d.css").status_code == 200
    (bundle / "app.0a1b.js").unlink()
    answer = nobody.get("/page/assets/app.0a1b.js")
    assert answer.status_code == 404
    assert "another version of localhai" in answer.text


@pytest.mark.parametrize("content", [None, "{", '{"css": []}'])
def test_a_missing_bundle_says_how_to_build_it(nobody, bundle, content):
    manifest = bundle / "manifest.json"
    manifest.unlink() if content is None else manifest.write_text(content)
    answer = nobody.get("/")

    assert answer.status_code == 503
    assert "the web page is not built" in answer.text
    assert "make page" in answer.text
    assert str(bundle) not in answer.text
    assert policy_of(answer)["default-src"] == "'none'"
