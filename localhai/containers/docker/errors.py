"""What an engine refuses, in our words: its HTTP status and message in, one of our errors out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from localhai.containers.images import image_hints
from localhai.errors import DiskFull, ImageNotFound, SurroundingsError

if TYPE_CHECKING:
    from collections.abc import Callable


NOT_FOUND = 404
CONFLICT = 409
NOT_MODIFIED = 304


class EngineRefused(Exception):
    """The engine answered with an error: its HTTP status and its own words. Never leaves this room."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def image_not_found(reference: str, said: str) -> ImageNotFound:
    """Why an image could not be had: unknown, private, or the registry out of reach; and what to do."""
    text, advice = said.lower(), image_hints(reference)
    if _has(text, "unauthorized", "authentication required", "no basic auth", "forbidden", "denied: requested access"):
        registry = registry_of(reference)
        # registries say the same of a private image and of one that does not exist
        return ImageNotFound(
            f"the registry does not give out the image {reference}: it does not exist, or needs a login",
            where=reference,
            hints=[
                f"log in, if it is private: docker login {registry}".rstrip(),
                *advice,
                f"it said: {said}",
            ],
        )
    if _has(text, "manifest unknown", "not found", "repository does not exist", "no such image", "does not exist"):
        return ImageNotFound(
            f"there is no image {reference}",
            where=reference,
            hints=[*advice, f"the engine said: {said}"],
        )
    if _has(text, "invalid reference format", "invalid repository name", "must be lowercase"):
        return ImageNotFound(f"{reference!r} is no name of an image", where=reference, hints=advice)
    if _has(text, "toomanyrequests", "rate limit", "too many requests"):
        return ImageNotFound(
            f"the registry limits pulls, so the image {reference} could not be pulled",
            where=reference,
            hints=[
                f"log in: docker login {registry_of(reference)}".rstrip(),
                "or wait some hours",
                *advice,
            ],
        )
    found = ImageNotFound(
        f"the image {reference} is not on this engine and could not be pulled: the registry cannot be reached",
        where=reference,
        hints=["look at network and proxy of the engine", *advice, f"the engine said: {said}"],
    )
    found.passing = re.search(_PASSING, text) is not None
    return found


# What passes by itself: a registry that is busy or starting, a connection that broke.
_PASSING = (
    r"\b50[0234] |http status:? 50[0234]|tls handshake timeout|connection reset|unexpected eof|: eof\b|broken pipe"
)


def registry_of(reference: str) -> str:
    """The host of an image reference; empty for Docker Hub."""
    first, slash, _ = reference.partition("/")
    return first if slash and (first == "localhost" or "." in first or ":" in first) else ""


def refused(said: str, doing: str, *, reference: str | None = None) -> SurroundingsError:
    """One plain sentence for what the engine refused while `doing`, e.g. "start the container"."""
    if reference and re.search(r"no such image|image .*(not known|not found)", said, re.IGNORECASE):
        return image_not_found(reference, said)
    for pattern, make in _KNOWN:
        match = re.search(pattern, said, re.IGNORECASE)
        if match is not None:
            return make(match, said)
    return SurroundingsError(f"the Docker Engine could not {doing}: {said}")


def _plain(message: str, *hints: str) -> Callable[[re.Match[str], str], SurroundingsError]:
    def make(match: re.Match[str], said: str) -> SurroundingsError:
        found = {name: value or "" for name, value in match.groupdict().items()}
        return SurroundingsError(message.format(**found), hints=[*hints, f"the engine said: {said}"])

    return make


def _disk_full(_match: re.Match[str], said: str) -> SurroundingsError:
    return DiskFull(
        "no space left where the Docker Engine keeps its data",
        hints=["free some: docker system df, docker system prune, localhai clean", f"the engine said: {said}"],
    )


_KNOWN: tuple[tuple[str, Callable[[re.Match[str], str], SurroundingsError]], ...] = (
    (r"no space left|disk quota exceeded", _disk_full),
    (
        r"could not select device driver .*gpu|nvidia-container-cli|runtime name: nvidia|unresolvable CDI device",
        _plain(
            "the step asks for a GPU, and the Docker Engine has none to give",
            "install the NVIDIA driver and the NVIDIA Container Toolkit",
            "or run without it: leave `devices` out of the step's resources",
        ),
    ),
    (
        r"unable to find user (?P<user>[^:\s]+)|no matching entries in passwd|no users found",
        _plain("the image has no user {user}", "give a user that its /etc/passwd knows, or a number"),
    ),
    (
        r"(?:port is already allocated|address already in use|ports are not available)",
        _plain(
            "a port that the step publishes is taken on this machine", "stop what uses it, or change VH_EXPOSE_PORTS"
        ),
    ),
    (
        r"bind source path does not exist: (?P<path>.+)|statfs (?P<path2>\S+): no such file",
        _plain(
            "the Docker Engine cannot see the folder {path}{path2} of this machine",
            "it may run elsewhere (a remote DOCKER_HOST, localhai inside a container): "
            'set `files = "volumes"` under [docker] in localhai.toml, or LOCALHAI_FILES=volumes',
        ),
    ),
    (
        r"mounts denied|not shared from the host|path .* is not shared",
        _plain(
            "Docker Desktop does not share a folder that the container needs",
            "add it in Settings, Resources, File sharing; or set LOCALHAI_HOME to a folder under your home",
        ),
    ),
    (
        r"invalid mount config[^:]*: (?P<why>.*)|error while creating mount source path (?P<path>.*)",
        _plain("a mount of the step cannot be made: {why}{path}"),
    ),
    (
        r"network (?P<name>\S+) not found|unable to find network with name or ID (?P<name2>[^:\s]+)",
        _plain(
            "the Docker Engine has no network {name}{name2}",
            "make it: docker network create NAME; or change VH_DOCKER_NETWORK, or network in localhai.toml",
        ),
    ),
    (
        r'exec: \\?"(?P<what>[^"\\]+)\\?":? .*(?:executable file not found|no such file or directory)',
        _plain("the image has no {what}", "take an image that has it: --image=NAME"),
    ),
    (
        r"exec format error|image with reference .* does not match the specified platform|no matching manifest",
        _plain("the image is made for another kind of processor than the engine's", "take another image"),
    ),
    (
        r"range of cpus|requested cpus are not available|minimum memory limit|cannot allocate memory",
        _plain(
            "the step asks for more, or for less, processors or memory than the Docker Engine can give",
            "look at `resources` of the step and at VH_CPU_LIMIT",
        ),
    ),
    (r"permission denied", _plain("the Docker Engine was refused something that the container needs")),
)


def _has(text: str, *words: str) -> bool:
    return any(word in text for word in words)
