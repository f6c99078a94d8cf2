"""What may come in to servers of the LAN: forwards, pinholes, hosts with an open NAT. Pure.

A forward is known by its server, not by `ct status dnat` alone: that would let in what
somebody else on the machine publishes, a container say.
"""

from __future__ import annotations

from dualwan.config import Config, forwards
from dualwan.config.forwards import Forward
from dualwan.config.mape import MapE
from dualwan.line import Line
from dualwan.nft.table import quoted
from dualwan.slices import dnat, zones

HOST_PART = "::ffff:ffff:ffff:ffff"  # the lower 64 bits
NOT_OPENING = "ct state new tcp flags & (fin | syn | rst | ack) != syn drop"


def rules(config: Config) -> list[str]:
    """For the forward chain."""
    found = [*_translated(config), *_open_hosts(config), *_pinholes(config)]
    if not found or config.firewall.bogus != "drop":
        return found
    return [f"iifname {quoted(config.wans)} {NOT_OPENING}", *found]


def _translated(config: Config) -> list[str]:
    ways = ((forwards.PPPOE, config.pppoe.interface), (forwards.MAPE, config.mape.tunnel))
    return [f'iifname "{device}" {dnat.servers(mine)} accept' for via, device in ways
            if (mine := forwards.by(via, config.forwards))]


def _open_hosts(config: Config) -> list[str]:
    open_nat = config.mape.open_nat if isinstance(config.mape, MapE) else ()
    hosts = ", ".join(map(str, open_nat))
    return ([f'iifname "{config.mape.tunnel}" meta l4proto udp ct status dnat '
             f"ip daddr {{ {hosts} }} accept"] if hosts else [])


def _pinholes(config: Config) -> list[str]:
    """One lookup each for whole addresses and host parts, for everybody and for some.

    The port goes first: such a set is looked up field by field.
    """
    mine = forwards.by(forwards.PINHOLE, config.forwards)
    way = (f"iifname {quoted((config.wan.interface, config.pppoe.interface))} "
           f"oifname {quoted(zones.apart(config))}")
    lines = []
    for half in (False, True):
        target = f"ip6 daddr & {HOST_PART}" if half else "ip6 daddr"
        key = f"th dport . meta l4proto . {target}"
        some = [one for one in mine if one.by_host_part == half]
        free = [_target(one) for one in some if not one.sources]
        limited = [f"{_target(one)} . {network}" for one in some for network in one.sources]
        lines += [f"{way} {match} {{ {', '.join(found)} }} accept"
                  for match, found in ((key, free), (f"{key} . ip6 saddr", limited)) if found]
    return lines


def _target(one: Forward) -> str:
    return f"{one.to_port} . {one.protocol} . {one.to}"


def stranded(config: Config, line: Line) -> list[str]:
    """For the forward chain, before anything else: what was MAP-E's while there is no tunnel.

    It has MAP-E's address for good, which PPPoE cannot carry (slices.pbr drops it). Told so,
    the LAN host begins anew, by the way that works.
    """
    softwire = line.softwire
    if softwire is None or not config.wan.failover or not softwire.translated:
        return []
    of_mape = f'oifname "{config.pppoe.interface}" ct reply ip daddr {softwire.ipv4}'
    return [f"{of_mape} meta l4proto tcp reject with tcp reset", f"{of_mape} reject"]
