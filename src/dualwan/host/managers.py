"""Programs that manage a device and receive its router advertisements in place of the kernel.

Each sets accept_ra to 0 on devices where it receives them itself (networkd on every link that it
manages, NetworkManager unless ipv6.method is ignore, dhcpcd unless noipv6rs), and installs
addresses and the default route. So forwarding does not cost the router its default route there, and
we leave accept_ra to the program.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from socket import if_nametoindex

from dualwan import files

NETWORKD, NETWORKMANAGER, DHCPCD = "systemd-networkd", "NetworkManager", "dhcpcd"
_UNITS = "sys/fs/cgroup/system.slice"
_OFF = "0"


def manager(device: str, index: int, root: Path = Path("/")) -> str:
    """Return the program that manages ``device``, "" for none.

    networkd and NetworkManager leave their files when they end, so they have to run, too.
    ``root`` is another root folder for tests.
    """
    link = _keys(root / f"run/systemd/netif/links/{index}")
    if link.get("ADMIN_STATE") in ("configuring", "configured") and runs(NETWORKD, root):
        return NETWORKD
    link = _keys(root / f"run/NetworkManager/devices/{index}")
    if link.get("managed") in ("1", "true") and runs(NETWORKMANAGER, root):
        return NETWORKMANAGER
    return DHCPCD if _dhcpcd(device, root) else ""


def hearing(sysctls: Mapping[str, str], root: Path = Path("/")) -> dict[str, str]:
    """Return the program that receives advertisements, by device where the kernel does not.

    ``sysctls``: values, of which those of accept_ra name the devices.
    """
    found = {}
    for name, value in sysctls.items():
        *_, device, key = name.split("/")
        if key == "accept_ra" and value == _OFF and (who := manager_of(device, root)):
            found[device] = who
    return found


def managers(devices: Iterable[str], root: Path = Path("/")) -> dict[str, str]:
    """Return the manager of each of ``devices`` that has one."""
    return {device: who for device in devices if (who := manager_of(device, root))}


def manager_of(device: str, root: Path) -> str:
    """Return the manager of ``device``, "" for none, or if the device does not exist."""
    try:
        return manager(device, if_nametoindex(device), root)
    except OSError:
        return ""


def runs(unit: str, root: Path = Path("/")) -> bool:
    """Whether the service ``unit`` runs, by its control group; True also without systemd."""
    return is_unit(unit, root) or not (root / _UNITS).is_dir()


def is_unit(unit: str, root: Path) -> bool:
    """Whether the service ``unit`` runs under systemd, by its control group."""
    return (root / _UNITS / f"{unit}.service").is_dir()


def _dhcpcd(device: str, root: Path) -> bool:
    """Whether a dhcpcd for IPv6 runs: one of all devices, or of this one."""
    for name in ("pid", f"{device}.pid", f"{device}-6.pid"):
        try:
            process = int(files.read_foreign(root / "run/dhcpcd" / name))
            comm = (root / f"proc/{process}/comm").read_text(encoding="utf-8")
        except (OSError, ValueError):
            continue
        if comm.strip() == DHCPCD:
            return True
    return False


def _keys(path: Path) -> dict[str, str]:
    """Return the KEY=VALUE lines of a file; none if it cannot be read."""
    try:
        text = files.read_foreign(path)
    except OSError:
        return {}
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line)
    return {key.strip(): value.strip() for key, value in pairs}
