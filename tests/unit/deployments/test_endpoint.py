"""What an endpoint of valohai.yaml means, and what is wrong with what was typed for it."""

from __future__ import annotations

import pytest

from localhai.deployments.endpoint import (
    check_files,
    find_endpoint,
    parse_files,
    port_of,
    server_script,
)
from localhai.errors import ProjectError, UsageError

ONE = {"name": "one", "image": "i", "files": [{"name": "model", "path": "m.txt"}, {"name": "words", "path": "a/w"}]}
TWO = {"name": "two", "image": "i", "files": [{"name": "model", "path": "m.txt"}], "port": 9000}
BARE = {"name": "bare", "image": "i"}


def parsed(*items):
    from valohai_yaml.objs import Config

    return Config.parse([{"endpoint": {"server-command": "serve", **item}} for item in items])


def test_an_endpoint_is_found_by_name_or_beginning() -> None:
    config = parsed(ONE, TWO)
    assert find_endpoint(config, "one")["name"] == "one"
    assert find_endpoint(config, "tw")["port"] == 9000
    with pytest.raises(UsageError, match="there is no endpoint 'oen'") as caught:
        find_endpoint(config, "oen")
    assert "did you mean one?" in caught.value.hints
    with pytest.raises(ProjectError, match="has no endpoints"):
        find_endpoint(parsed(), "one")


def test_the_port_is_8000_unless_it_is_said() -> None:
    assert (port_of(ONE), port_of(TWO)) == (8000, 9000)


@pytest.mark.parametrize(
    ("server", "script"),
    [
        ({"server-command": "python serve.py"}, "python serve.py\n"),
        ({"server-command": ["cd app", "python serve.py"]}, "cd app && python serve.py\n"),
        ({"wsgi": "web:app"}, "wsgi.py web:app 8000\n"),
        ({"wsgi": "web; rm -r x"}, "'web; rm -r x' 8000\n"),
    ],
)
def test_the_script_that_starts_a_server(server, script) -> None:
    assert server_script({**ONE, **server}).endswith(script)


def test_an_endpoint_without_a_server_is_refused() -> None:
    with pytest.raises(ProjectError, match="neither `server-command` nor `wsgi`"):
        server_script(ONE)


def test_files_are_for_every_endpoint_that_has_them_or_for_one() -> None:
    found = parse_files(["model=s3://b/m", "one.words=w=1.txt", "two.model=x"], [ONE, TWO])
    assert found == {"one": {"model": "s3://b/m", "words": "w=1.txt"}, "two": {"model": "x"}}


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("model", "is not NAME=URI"),
        ("model=", "is not NAME=URI"),
        ("modle=x", "there is no file 'modle'"),
        ("two.words=x", "there is no file 'words'"),
    ],
)
def test_files_that_are_typed_wrong(word, said) -> None:
    with pytest.raises(UsageError, match=said):
        parse_files([word], [ONE, TWO])


def test_every_file_of_an_endpoint_is_given_once() -> None:
    assert check_files(ONE, {"words": ["w"], "model": ["m"]}) == {"model": "m", "words": "w"}
    assert check_files(BARE, {}) == {}
    with pytest.raises(UsageError, match="not given: words") as caught:
        check_files(ONE, {"model": ["m"]})
    assert "--file words=" in caught.value.hints[0]
    with pytest.raises(UsageError, match="is one file, and 2 are given"):
        check_files(TWO, {"model": ["a", "b"]})
    with pytest.raises(UsageError, match="there is no file 'modle' of endpoint two"):
        check_files(TWO, {"modle": ["a"]})


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", ".", ".."])
def test_a_path_out_of_the_working_directory_is_refused(path) -> None:
    with pytest.raises(ProjectError, match="leads out of the working directory"):
        check_files({**TWO, "files": [{"name": "model", "path": path}]}, {"model": ["m"]})
