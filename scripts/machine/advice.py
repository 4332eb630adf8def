"""How a person gets a Docker Engine, per platform, where we cannot get it for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from machine.say import Trouble

if TYPE_CHECKING:
    from collections.abc import Sequence

    from machine.places import Place

HOW = {
    "macos": (
        "macOS: install Docker Desktop, or `brew install colima docker && colima start`",
        "then start it and try again",
    ),
    "wsl": (
        "Windows: install Docker Desktop and switch on Settings > Resources > WSL integration for this distribution,",
        "or inside WSL: sudo apt-get install docker.io && sudo service docker start",
    ),
    "debian": (
        "Debian or Ubuntu: sudo apt-get install docker.io, then sudo usermod -aG docker $USER and log in anew,",
        "or let this script do it: sudo scripts/ensure-docker",
    ),
    "fedora": (
        "Fedora or RHEL: sudo dnf install moby-engine (or docker-ce), then sudo systemctl enable --now docker,",
        "or Podman: systemctl --user enable --now podman.socket",
    ),
    "arch": ("Arch: sudo pacman -S docker, then sudo systemctl enable --now docker.socket",),
    "linux": ("Install the Docker Engine or Podman from your distribution, and start it",),
}


def no_engine(tried: Sequence[tuple[Place, str]], family: str) -> Trouble:
    """No engine answers and none can be brought up here: every place tried, and what to do."""
    lines = [f"tried {place.where} ({place.why}): {answer}" for place, answer in tried]
    chosen = next((place for place, _ in tried if place.chosen), None)
    if chosen:
        lines.append(f"{chosen.why} chose it, so no other place was asked: start that engine, or undo the choice")
    elif any("permission denied" in answer.lower() for _, answer in tried):
        lines.append("An engine is there and you may not speak to it: sudo usermod -aG docker $USER, then log in anew")
    else:
        lines.extend(HOW[family])
    return Trouble("No Docker Engine answers.", *lines)
