"""A stand-in for an official Python image, made from Debian packages where no registry answers.

It answers as the real one does to `python`, `python3`, `pip`, `bash` and `git`; it is larger, its Python is Debian's
build, and it carries the label `localhai.stand-in`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from machine import system
from machine.say import Trouble, say, warn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from machine.engine import Engine

LABEL = "localhai.stand-in"
PACKAGES = ("python3", "python3-pip", "python3-venv", "git", "ca-certificates", "netbase", "tzdata")
BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
DEBIAN_CERTIFICATES = Path("/usr/share/ca-certificates")

# Documentation and translations are two thirds of what a slim image leaves out.
LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/lintian/*")

# Runs once, on the finished file system; $1 is its root.
FINISH = r"""
set -eu
root=$1
for name in python python3 python{version}; do ln -sf /usr/bin/python{version} "$root/usr/local/bin/$name"; done
for name in pip pip3 pip{version}; do ln -sf /usr/bin/pip3 "$root/usr/local/bin/$name"; done
rm -f "$root/usr/lib/python{version}/EXTERNALLY-MANAGED"
mkdir -p "$root/usr/local/share/ca-certificates"
cp {certificates}/*.crt "$root/usr/local/share/ca-certificates/" 2>/dev/null || true
chroot "$root" update-ca-certificates
chroot "$root" /usr/bin/python{version} --version > {certificates}/version
rm -rf "$root"/var/log/* "$root"/var/cache/*
"""


@dataclass(frozen=True)
class Recipe:
    """Which Debian release holds the Python that an image promises."""

    release: str
    python: str


RECIPES = {"python:3.11-slim": Recipe("bookworm", "3.11")}


def build(engine: Engine, image: str) -> None:
    """Make the stand-in and give it to the engine under the name `image`. Raises Trouble."""
    recipe = RECIPES[image]
    ensure_mmdebstrap(image)
    warn(
        f"No registry gave {image}. Building a STAND-IN from Debian {recipe.release} packages (about half a minute).",
        f"It is not the official image. It carries the label {LABEL}={image};",
        f"once a registry answers, `docker rmi {image}` and this script fetch the real one.",
    )
    with tempfile.TemporaryDirectory(prefix="localhai-stand-in-") as folder:
        archive, certificates = Path(folder, "image.tar"), Path(folder, "certificates")
        give_certificates(certificates)
        run_mmdebstrap(recipe, archive, certificates)
        version = Path(certificates, "version").read_text(encoding="ascii").split()[-1]
        say(f"importing {archive.stat().st_size / 1e6:.0f} MB as {image}")
        engine.load(archive, image, changes(image, version))


def ensure_mmdebstrap(image: str) -> None:
    """mmdebstrap and Debian's keys, installed where we may. Raises Trouble elsewhere."""
    if shutil.which("mmdebstrap"):
        return
    if not system.may_install():
        raise Trouble(
            f"{image} is not on the engine, no registry gave it, and there is no mmdebstrap to build a stand-in with.",
            f"With a network: docker pull {image}",
            f"Without: on another machine `docker save {image} -o python.tar`, here `docker load -i python.tar`",
            "On Debian or Ubuntu: sudo apt-get install mmdebstrap debian-archive-keyring, then try again",
        )
    system.install("mmdebstrap", "debian-archive-keyring")


def run_mmdebstrap(recipe: Recipe, archive: Path, certificates: Path) -> None:
    """Debian packages into one tar file. Raises Trouble with the last words of mmdebstrap."""
    finish = FINISH.format(version=recipe.python, certificates=certificates)
    command = ["mmdebstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}"]
    command += [f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT]
    command += ["--dpkgopt=path-include=/usr/share/doc/*/copyright", f"--customize-hook={finish}"]
    command += [recipe.release, str(archive)]
    command += [mirror] if (mirror := os.environ.get("DEBIAN_MIRROR")) else []
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, env=system.proxied(), check=False)
    if done.returncode:
        tail = done.stderr.decode(errors="replace").splitlines()[-15:]
        raise Trouble(
            "mmdebstrap could not build the stand-in; its last words:",
            *(f"  {line}" for line in tail),
            "It needs a Debian mirror: set DEBIAN_MIRROR to one that this machine reaches.",
        )


def changes(image: str, version: str) -> list[str]:
    """Dockerfile lines that give the file system the surroundings of the official image."""
    return [
        "ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
        "ENV LANG=C.UTF-8",
        f"ENV PYTHON_VERSION={version}",
        'CMD ["python3"]',
        f"LABEL {LABEL}={image}",
    ]


def give_certificates(folder: Path) -> None:
    """Put the certificates that this machine trusts beyond Debian's own into `folder`, one file each.

    Behind a company's proxy pip inside a container needs them as much as pip outside.
    """
    folder.mkdir()
    bundle = next((Path(name) for name in bundles() if os.path.isfile(name)), None)
    usual = set(certificates_in(DEBIAN_CERTIFICATES.rglob("*.crt")))
    extra = dict.fromkeys(text for text in certificates_in([bundle] if bundle else []) if text not in usual)
    for number, text in enumerate(extra, 1):
        Path(folder, f"this-machine-{number}.crt").write_text(text + "\n", encoding="ascii")
    if extra:
        say(f"{len(extra)} certificate(s) that this machine trusts ({bundle}) go into it, so that pip works there too")


def bundles() -> Iterator[str]:
    """Files that may hold the certificates this machine trusts, the user's own choice first."""
    if chosen := os.environ.get("SSL_CERT_FILE"):
        yield chosen
    yield from BUNDLES


def certificates_in(files: Iterable[Path]) -> Iterator[str]:
    """Every PEM certificate of some files, in order."""
    for file in files:
        text = file.read_text(encoding="utf-8", errors="replace")
        yield from re.findall(r"-----BEGIN CERTIFICATE-----[\w+/=\s]+-----END CERTIFICATE-----", text)
