"""ContainerSpec to the engine's JSON, and the engine's JSON to our nouns. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from localhai.containers.engine import ContainerState, EngineInfo, Gateway, Image
from localhai.system.process import has_own_containers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localhai.containers.engine import ContainerSpec, Mount

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}
DESKTOPS = frozenset({"Docker Desktop", "OrbStack"})
NANO = 1_000_000_000
NEVER_STARTED = "0001-"


def creation(spec: ContainerSpec, *, podman: bool = False, relabel_off: bool = False) -> dict[str, Any]:
    """The body of `containers/create`.

    The command's first word is given as the entrypoint, which clears the image's on every engine. The image's health
    check is off, since nothing looks at it. Docker's `local` log driver keeps bytes as they are, cannot rotate
    anything away at this size, and is what `Engine.logs` reads after a crash; Podman has its own.
    """
    return {
        "Image": spec.image,
        "Entrypoint": list(spec.command[:1]),
        "Cmd": list(spec.command[1:]),
        "Env": [f"{name}={value}" for name, value in spec.environment.items()],
        "Labels": dict(spec.labels),
        "WorkingDir": spec.working_dir or "",
        "User": spec.user or "",
        "Tty": spec.interactive,
        "OpenStdin": spec.interactive,
        "StdinOnce": spec.interactive,
        "AttachStdin": spec.interactive,
        "AttachStdout": True,
        "AttachStderr": True,
        "StopSignal": "SIGTERM",
        "Healthcheck": {"Test": ["NONE"]},
        "ExposedPorts": {f"{port}/tcp": {} for port in spec.ports},
        "HostConfig": _host(spec, podman=podman, relabel_off=relabel_off),
    }


def _host(spec: ContainerSpec, *, podman: bool, relabel_off: bool) -> dict[str, Any]:
    host: dict[str, Any] = {
        "AutoRemove": False,
        "Mounts": [mount(item) for item in spec.mounts],
        "NetworkMode": spec.network or "default",
        "PortBindings": {
            f"{port}/tcp": [{**({"HostIp": spec.ports_at} if spec.ports_at else {}), "HostPort": str(host)}]
            for port, host in spec.ports.items()
        },
        "CpusetCpus": spec.cpuset or "",
        "NanoCpus": round((spec.cpus or 0) * NANO),
        "Memory": spec.memory or 0,
        "MemorySwap": spec.memory or 0,  # no swap beyond the limit: a limit is a limit
        "MemoryReservation": spec.memory_reservation or 0,
    }
    if spec.shm_size:
        host["ShmSize"] = spec.shm_size
    if spec.gpus:
        host["DeviceRequests"] = [{"Driver": "", "Count": spec.gpus, "Capabilities": [["gpu"]]}]
    host.update(_options(spec))
    if spec.host_users and not podman:
        host["UsernsMode"] = "host"
    options = [*(["label=disable"] if relabel_off else []), *([] if spec.new_privileges else ["no-new-privileges"])]
    if options:
        host["SecurityOpt"] = options
    if spec.pids:
        host["PidsLimit"] = spec.pids
    if not podman:
        host["LogConfig"] = {"Type": "local", "Config": {"max-size": "1024g", "max-file": "1", "compress": "false"}}
    return host


def _options(spec: ContainerSpec) -> dict[str, Any]:
    """What settings add to a container, where they do."""
    found = {
        "IpcMode": spec.ipc,
        "Runtime": spec.runtime,
        "Ulimits": [{"Name": name, "Soft": soft, "Hard": hard} for name, soft, hard in spec.ulimits],
        "Devices": [_device(text) for text in spec.devices],
        "GroupAdd": list(spec.groups),
        "CapAdd": list(spec.capabilities),
    }
    return {name: value for name, value in found.items() if value}


def _device(text: str) -> dict[str, str]:
    here, *more = text.split(":")
    return {
        "PathOnHost": here,
        "PathInContainer": more[0] if more else here,
        "CgroupPermissions": more[1] if len(more) > 1 else "rwm",
    }


def mount(item: Mount) -> dict[str, Any]:
    """A mount that fails when its source is missing, instead of making a root-owned folder there."""
    found: dict[str, Any] = {
        "Type": item.kind,
        "Source": item.source,
        "Target": item.target,
        "ReadOnly": item.read_only,
    }
    if item.kind == "volume":
        found["VolumeOptions"] = {"NoCopy": True}
    return found


def state(data: Mapping[str, Any]) -> ContainerState:
    """From `containers/ID/json`."""
    inner = data["State"]
    running = bool(inner.get("Running"))
    status = str(inner.get("Status", ""))
    networks = (data.get("NetworkSettings") or {}).get("Networks") or {}
    return ContainerState(
        id=data["Id"],
        name=str(data.get("Name", "")).lstrip("/"),
        status=status,
        running=running,
        exit_code=None if running or status == "created" else inner.get("ExitCode"),
        oom_killed=bool(inner.get("OOMKilled")),
        error=str(inner.get("Error") or ""),
        started=_moment(inner.get("StartedAt")),
        finished=_moment(inner.get("FinishedAt")),
        labels=dict((data.get("Config") or {}).get("Labels") or {}),
        addresses=tuple(
            str(network[key])
            for network in networks.values()
            for key in ("IPAddress", "GlobalIPv6Address")
            if network.get(key)
        ),
        image=str(data.get("Image", "")),
        ports=_published((data.get("NetworkSettings") or {}).get("Ports") or {}),
    )


def _published(ports: Mapping[str, Any]) -> dict[int, int]:
    """Of `{"8000/tcp": [{"HostIp": ..., "HostPort": "32768"}], ...}` the TCP ports that are open."""
    found = {}
    for name, places in ports.items():
        port, _, protocol = name.partition("/")
        if protocol == "tcp" and places and places[0].get("HostPort"):
            found[int(port)] = int(places[0]["HostPort"])
    return found


def listed(data: Mapping[str, Any]) -> ContainerState:
    """From one row of `containers/json`: no times, and the exit code out of "Exited (3) 2 minutes ago"."""
    status = str(data.get("State", "")).lower()
    code = re.match(r"Exited \((-?\d+)\)", str(data.get("Status", "")))
    return ContainerState(
        id=data["Id"],
        name=str((data.get("Names") or [""])[0]).lstrip("/"),
        status=status,
        running=status in {"running", "paused", "restarting"},
        exit_code=int(code[1]) if code else None,
        labels=dict(data.get("Labels") or {}),
        image=str(data.get("ImageID", "")),
    )


def image(reference: str, data: Mapping[str, Any]) -> Image:
    """From `images/NAME/json`."""
    config = data.get("Config") or {}
    digests = [str(digest) for digest in data.get("RepoDigests") or ()]
    repository = split_reference(reference.partition("@")[0])[0]
    fitting = [digest for digest in digests if digest.partition("@")[0].endswith(repository)] or digests
    return Image(
        reference=reference,
        id=data["Id"],
        digest=fitting[0].rsplit("@", 1)[-1] if fitting else data["Id"],
        architecture=str(data.get("Architecture", "")),
        os=str(data.get("Os", "")),
        user=str(config.get("User") or ""),
        environment=dict(item.partition("=")[::2] for item in config.get("Env") or ()),
        labels=dict(config.get("Labels") or {}),
        size=int(data.get("Size") or 0),
    )


def info(place: str, data: Mapping[str, Any]) -> EngineInfo:
    """From `info`. GPUs are there when the engine has NVIDIA's runtime or knows devices by CDI."""
    options = " ".join(str(option) for option in data.get("SecurityOptions") or ())
    devices = " ".join(str(device.get("ID", "")) for device in data.get("DiscoveredDevices") or ())
    machine = str(data.get("Architecture", ""))
    return EngineInfo(
        place=place,
        name=str(data.get("Name", "")),
        version=str(data.get("ServerVersion", "")),
        architecture=ARCHITECTURES.get(machine, machine),
        cpus=int(data.get("NCPU") or 0),
        memory=int(data.get("MemTotal") or 0),
        rootless="rootless" in options,
        remapped="userns" in options,
        gpus="nvidia" in (data.get("Runtimes") or {}) or "nvidia.com/gpu" in devices,
        counts_pids=bool(data.get("PidsLimit", True)),
        id=str(data.get("ID") or data.get("Name") or ""),
        desktop=_is_desktop(place, str(data.get("OperatingSystem", ""))),
    )


def _is_desktop(place: str, system: str) -> bool:
    """Docker Desktop and OrbStack say so. Any engine of a Mac is in a virtual machine: Colima, Rancher, Podman too."""
    return system in DESKTOPS or (place.startswith("unix://") and not has_own_containers())


def gateway(data: Mapping[str, Any]) -> Gateway | None:
    """From a network's description; of two address families, IPv4.

    An engine that has just made its bridge names no gateway until it starts anew: it is the subnet's first address.
    """
    for item in (data.get("IPAM") or {}).get("Config") or ():
        subnet = str(item.get("Subnet", ""))
        address = str(item.get("Gateway") or "").partition("/")[0]
        if not address and data.get("Driver") == "bridge":
            address = _first_address(subnet)
        if "." in address:
            return Gateway(address, subnet)
    return None


def _first_address(subnet: str) -> str:
    import ipaddress

    try:
        return str(next(iter(ipaddress.ip_network(subnet, strict=False).hosts())))
    except ValueError:
        return ""


def split_reference(reference: str) -> tuple[str, str]:
    """Image name and tag or digest, `latest` where none is written."""
    name, at, digest = reference.partition("@")
    if at:
        return name, digest
    head, slash, last = reference.rpartition("/")
    base, colon, tag = last.partition(":")
    return f"{head}{slash}{base}", tag if colon else "latest"


def label_filter(labels: Mapping[str, str | None]) -> list[str]:
    return [name if value is None else f"{name}={value}" for name, value in labels.items()]


def _moment(text: Any) -> str | None:
    return str(text) if text and not str(text).startswith(NEVER_STARTED) else None
