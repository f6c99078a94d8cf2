"""The surroundings by files and plain sockets, without root or nft (`dualwan-hook check`)."""

from __future__ import annotations

import os
from pathlib import Path

from dualwan.config import Config, hooks_dir
from dualwan.host.around import addresses, other_names, own_scripts, ppp
from dualwan.model import lan_files as of_lan
from dualwan.model.lan_files import LanFiles
from dualwan.model.ppp_files import PppFiles
from dualwan.model.surroundings import Pair, Surroundings

SHADOWING = ("/etc/ppp/ip-up.local", "/etc/ppp/ip-down.local")


def look(root: Path = Path("/"), config: Config | None = None) -> Surroundings:
    """Return these parts of the surroundings; see host.surroundings.look for all of them."""
    return Surroundings(
        ppp=ppp.look(config.pppoe.peer, root) if config else PppFiles(),
        further_ppp=_further(config, root) if config else {},
        shadowing=tuple(path for path in SHADOWING if os.access(root / path.lstrip("/"), os.X_OK)),
        addresses=addresses.look(),
        other_names=other_names.look(config.devices) if config else {},
        pair=_pair(root) if config and config.router.redundant else None,
        own_scripts=own_scripts.refused(root / hooks_dir().lstrip("/")),
    )


def lan_files(root: Path = Path("/")) -> LanFiles:
    """Return what the files of the programs that serve the LAN say; no event asks for it.

    What reads them is loaded only where there are any. ``root``: as for ``look``.
    """
    script = f"{hooks_dir()}/{of_lan.SCRIPT}"
    names = (of_lan.DNSMASQ_CONF, of_lan.DHCPCD_CONF, of_lan.RADVD_CONF, of_lan.NDPPD_CONF, script)
    if not any(os.path.lexists(root / name.lstrip("/")) for name in names) and not any(
        own_scripts.has_any(root / name.lstrip("/")) for name in (of_lan.DNSMASQ_D, of_lan.NETWORK)
    ):
        return LanFiles()
    from dualwan.host.around import lan_files  # noqa: PLC0415 - see above

    return lan_files.look(root)


def _further(config: Config, root: Path) -> dict[str, PppFiles]:
    """Return the files of the peers of further ways, by name."""
    return {
        name: ppp.look(session.peer, root)
        for name, session in config.sessions.items()
        if name in config.ways
    }


def _pair(root: Path) -> Pair:
    """Return the roles in keepalived's file; only one of two routers reads it."""
    from dualwan.host.around import pair  # noqa: PLC0415 - of a router of two alone

    return pair.in_files(root)
