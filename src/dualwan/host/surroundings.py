"""The machine around the router: files and objects of other programs. Reading changes nothing."""

from __future__ import annotations

import os
from pathlib import Path

from dualwan.config import Config
from dualwan.config.mape import MapE
from dualwan.host import managers
from dualwan.host.around import (
    addresses,
    bridges,
    chains,
    interfaces,
    networkd,
    ppp,
    routes,
    scripts,
    unnamed,
)
from dualwan.model.ppp_files import PppFiles
from dualwan.model.surroundings import Surroundings

SHADOWING = ("/etc/ppp/ip-up.local", "/etc/ppp/ip-down.local")


def look(root: Path = Path("/"), config: Config | None = None) -> Surroundings:
    """Return the surroundings; ``root`` is another root folder for tests.

    ``config`` names the WAN and the PPP peer; None to read nothing of them.
    """
    wan = config.wan.interface if config else ""
    defaults = routes.ipv6_defaults() if config else ()
    devices = dict.fromkeys((wan, *(route.device for route in defaults)))
    return Surroundings(
        ppp=ppp.look(config.pppoe.peer, root) if config else PppFiles(),
        shadowing=tuple(path for path in SHADOWING if os.access(root / path.lstrip("/"), os.X_OK)),
        addresses=addresses.look(),
        unnamed=unnamed.counts(),
        chains=chains.look(),
        bridges=bridges.filtered(wan) if wan else (),
        traces=scripts.traces(config.mape.tunnel if config else MapE.tunnel, root),
        managers=managers.managers((one for one in devices if one), root),
        wan_stanza=interfaces.stanza(wan, root) if wan else "",
        ipv6_defaults=defaults,
        networkd_foreign=networkd.foreign(root),
    )
