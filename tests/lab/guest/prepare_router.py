"""Makes a guest one of two routers exactly as docs/two-routers.md says.

Only [mape] differs from the page's files: there it is "as your line has it".
"""

from __future__ import annotations

import re
import socket
import sys
from pathlib import Path

from guest import command, product, router
from guest.addresses import BR, CE, MAPE_ADDRESS, PSID, PSID_LENGTH, WAN
from guest.cables import CABLES, card, mac

sys.path.append(str(Path(__file__).resolve().parents[2] / "netns"))
from two_routers_page import files  # type: ignore[import-not-found]

_PACKAGES = Path("/lab/results")
_MAPE = f"""\
[mape]
provider = "manual"
br = "{BR}"
ce = "{CE}"
ipv4 = "{MAPE_ADDRESS}"
psid = {PSID}
psid-length = {PSID_LENGTH}

"""
# From the next boot on the cards have these names; at the first boot they have others.
_LINKS = Path("/etc/systemd/network")
_LINK = "[Match]\nMACAddress={mac}\n\n[Link]\nName={name}\n"


def prepare() -> str:
    """Install the packages, write the files, and start their services; return dpkg's output."""
    name = socket.gethostname()
    _name_cards(name)
    packages = sorted(map(str, _PACKAGES.glob("*.deb")))
    said = command.run(
        ["env", "DEBIAN_FRONTEND=noninteractive", "dpkg", "-i", *packages], limit=1200
    )
    router.write_peer()
    for path, text in files(name).items():
        file = Path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(of_this_line(text) if file == product.CONFIG else text)
    # Synced, because a router that has run for long has all of it on disk at a power cut.
    command.run(["sync"])
    command.run(["systemctl", "daemon-reload"])
    command.run(["ifup", "-a"], limit=300)
    command.run(["ifup", WAN], limit=300)
    for unit in ("conntrackd", "keepalived"):
        command.run(["systemctl", "restart", unit], limit=300)
    return said


def of_this_line(text: str) -> str:
    """Return the page's dualwan.toml with [mape] as this line has it."""
    changed, count = re.subn(r"^\[mape\]\n(?:.+\n)+\n", _MAPE, text, flags=re.MULTILINE)
    if count != 1:
        raise ValueError(f"no [mape] in the page's {product.CONFIG}")
    return changed


def _name_cards(guest: str) -> None:
    """Give the network cards the names of the page, now and at each boot."""
    present = {
        file.read_text().strip(): file.parent.name
        for file in Path("/sys/class/net").glob("*/address")
    }
    for cable in CABLES:
        if guest in cable.ends:
            name, link = f"{cable.kind}0", mac(card(cable, guest))
            _LINKS.mkdir(exist_ok=True)
            (_LINKS / f"10-{name}.link").write_text(_LINK.format(mac=link, name=name))
            if present[link] != name:
                command.run(["ip", "link", "set", "dev", present[link], "down"])
                command.run(["ip", "link", "set", "dev", present[link], "name", name])
