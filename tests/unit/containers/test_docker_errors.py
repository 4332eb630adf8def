from __future__ import annotations

import pytest

from localhai.containers.docker.errors import image_not_found, refused, registry_of
from localhai.errors import DiskFull, ImageNotFound, SurroundingsError


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ('could not select device driver "" with capabilities: [[gpu]]', "asks for a GPU"),
        ("unable to find user nobody9: no matching entries in passwd file", "no user nobody9"),
        ("driver failed: Bind for 0.0.0.0:8080 failed: port is already allocated", "port that the step publishes"),
        ('invalid mount config for type "bind": bind source path does not exist: /a/b', "cannot see the folder /a/b"),
        ("network nope not found", "has no network nope"),
        ('OCI runtime create failed: exec: "bash": executable file not found in $PATH', "the image has no bash"),
        ("exec /bin/sh: exec format error", "another kind of processor"),
        ("Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available", "more, or for less, processors"),
    ],
)
def test_what_the_engine_refuses_becomes_a_plain_sentence(said, words):
    error = refused(said, "start the container")

    assert words in error.message
    assert any(said in hint for hint in error.hints)


def test_a_full_disk_has_its_own_kind():
    assert isinstance(refused("mkdir /var/lib/docker/x: no space left on device", "x"), DiskFull)


def test_what_nobody_foresaw_says_what_was_tried():
    error = refused("the moon is in the wrong phase", "start the container")

    assert type(error) is SurroundingsError
    assert error.message == "the Docker Engine could not start the container: the moon is in the wrong phase"


def test_an_image_that_went_away_is_not_found():
    assert isinstance(refused("No such image: x:1", "make the container", reference="x:1"), ImageNotFound)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("manifest for python:9 not found: manifest unknown: manifest unknown", "there is no image"),
        (
            "pull access denied for x, repository does not exist or may require login: denied: requested access",
            "needs a login",
        ),
        ("unauthorized: authentication required", "needs a login"),
        ('Get "https://registry.example/v2/": dial tcp: lookup registry.example: no such host', "cannot be reached"),
        (
            'Get "https://registry.example/v2/": net/http: request canceled (Client.Timeout exceeded)',
            "cannot be reached",
        ),
        ("toomanyrequests: You have reached your pull rate limit", "limits pulls"),
        ("invalid reference format", "is no name of an image"),
    ],
)
def test_why_an_image_could_not_be_had(said, words):
    error = image_not_found("registry.example/a/b:1", said)

    assert words in error.message
    assert "registry.example/a/b:1" in error.message
    hints = " ".join(error.hints)
    assert "--image" in hints
    assert "[images] in localhai.toml" in hints


def test_the_registry_to_log_in_at_is_named():
    hints = image_not_found("registry.example:5000/a:1", "unauthorized: authentication required").hints

    assert "log in, if it is private: docker login registry.example:5000" in hints
    assert registry_of("library/python") == ""
    assert registry_of("python:3.11") == ""
    assert registry_of("localhost/x") == "localhost"
