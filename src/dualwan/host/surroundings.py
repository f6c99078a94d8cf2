"""The surroundings: files and kernel objects of other programs. Reading changes nothing."""

from __future__ import annotations

from pathlib import Path

from dualwan.config import Config, hooks_dir
from dualwan.config.mape import MapE
from dualwan.config.sections import Pppoe
from dualwan.frozen import replace
from dualwan.host import managers, sysctl
from dualwan.host.around import (
    bridges,
    chains,
    files,
    floods,
    flowtables,
    interfaces,
    networkd,
    own_scripts,
    pair,
    probes,
    routes,
    scripts,
    unnamed,
)
from dualwan.model.lan_files import LanFiles
from dualwan.model.surroundings import Surroundings

_RP_FILTER = "net/ipv4/conf/all/rp_filter"


def look(
    root: Path = Path("/"), config: Config | None = None, *, at_event: bool = False
) -> Surroundings:
    """Return the surroundings; ``root`` is another root folder for tests.

    ``config`` names the WAN and the PPP peer; None to read nothing of them. ``at_event``: see
    Neighbours.
    """
    wan = config.wan.interface if config else ""
    defaults = routes.ipv6_defaults() if config else ()
    devices = dict.fromkeys((wan, *(route.device for route in defaults)))
    in_files = files.look(root, config)
    place = Path(hooks_dir())
    softwires = config.softwires.values() if config else ()
    tunnels = [one.tunnel for one in softwires] or [MapE.tunnel]
    table = config.pppoe.table if config else Pppoe.table
    return replace(
        in_files,
        own_scripts=(*in_files.own_scripts, *own_scripts.failed(place)),
        unseen=own_scripts.unseen(place),
        unnamed=unnamed.counts(config),
        floods=floods.counts(),
        chains=chains.look(),
        bridges=bridges.filtered(wan) if wan else (),
        rp_filter_all=sysctl.read((_RP_FILTER,)).get(_RP_FILTER, ""),
        traces=scripts.traces(tunnels, table, root),
        managers=managers.managers((one for one in devices if one), root),
        wan_stanza=interfaces.stanza(wan, root) if wan and interfaces.is_run(root) else "",
        ipv6_defaults=defaults,
        wan_networks=routes.ipv6_networks(wan) if wan else (),
        internet_by=routes.internet_by() if wan else (),
        ipv6_internet_by=routes.internet_by(routes.FAR_IPV6) if wan else (),
        networkd_foreign=networkd.foreign(root),
        flowtables=flowtables.accepted(config),
        unprobed=probes.silent(config),
        pair=pair.running(in_files.pair, root=root) if in_files.pair else None,
        lan_files=LanFiles() if at_event else files.lan_files(root),
    )
