"""What the files of the PPP peer say that keeps the router from its work."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from dualwan.config import Config
from dualwan.model.finding import Finding
from dualwan.model.surroundings import Surroundings
from dualwan.paths import PPP_DIR
from dualwan.ppp.options import Option, PeerOptions

_SCRIPTS = ("ip-up-script", "ip-down-script")
_NUMBER = re.compile(r"[0-9]{1,10}")


def obstacles(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding for each option of the peer that is in the way, with its file and line."""
    peer = around.ppp.peer
    if peer is None or not config.pppoe.by_peer:
        return
    own = f"{PPP_DIR}/peers/{config.pppoe.peer}"
    if any(path == own for path, _ in peer.unreadable):
        yield Finding(
            "ppp-peer-missing",
            f"{own} (pppoe.peer) is missing, so no PPPoE session can start",
            "write it, pppoeconf can do that, or name another peer",
        )
        return
    for path, place in peer.unreadable:
        yield Finding(
            "ppp-file-missing",
            f"{place}: {path} cannot be read, so pppd does not start",
            "write that file, or remove the option",
        )
    for finder in _FINDERS:
        yield from finder(config, peer)
    yield from _secret(peer, around.ppp.clients)


def _default_route(config: Config, peer: PeerOptions) -> Iterator[Finding]:
    del config
    asked = peer.on("defaultroute", "nodefaultroute", "-defaultroute")
    if not asked:
        return
    replacing = peer.on("replacedefaultroute", "noreplacedefaultroute")
    if replacing:
        yield Finding(
            "ppp-replaces-default-route",
            f"{replacing.place}: replacedefaultroute, with defaultroute in {asked.place}, takes "
            "MAP-E's default route away at each connect",
            "remove both lines and write nodefaultroute",
        )
    else:
        yield Finding(
            "ppp-default-route",
            f"{asked.place}: defaultroute leads everything to PPPoE while MAP-E is not up",
            "replace it by nodefaultroute",
        )
    refused = [one for one in peer.options if one.name in {"nodefaultroute", "-defaultroute"}]
    if refused:  # OPT_ENABLE: what was switched off cannot be asked for any more
        yield Finding(
            "ppp-contradiction",
            f"{asked.place}: defaultroute after nodefaultroute in {refused[0].place}, so pppd does "
            "not start (defaultroute option is disabled)",
            "remove this line, and replacedefaultroute",
        )


def _resolvers(config: Config, peer: PeerOptions) -> Iterator[Finding]:
    del config
    if found := peer.on("usepeerdns"):
        yield Finding(
            "ppp-resolvers",
            f"{found.place}: usepeerdns makes PPPoE's resolvers the router's, but questions to "
            "them leave by MAP-E, where they mostly refuse",
            "remove the line, and take resolvers of the line (DHCPv6) or public ones",
        )


def _giving_up(config: Config, peer: PeerOptions) -> Iterator[Finding]:
    if not config.pppoe.dial:
        return
    own, persist = f"{PPP_DIR}/peers/{config.pppoe.peer}", peer.on("persist", "nopersist")
    fails = peer.last("maxfail")
    if not persist and not peer.on("demand"):
        yield Finding(
            "ppp-not-persistent",
            f"{own} has no persist, so a session that ends is not dialled again before ifup",
            "write persist and maxfail 0 into it",
        )
    elif fails is None or fails.value != "0":
        seen = f"{fails.place}: maxfail {fails.value}" if fails else f"{own} has no maxfail 0"
        count = fails.value if fails else "10"
        yield Finding(
            "ppp-gives-up",
            f"{seen}, so pppd ends after {count} failures in a row, as when the line is away",
            "write maxfail 0",
        )


def _detaching(config: Config, peer: PeerOptions) -> Iterator[Finding]:
    found = peer.on("nodetach", "updetach") or peer.last("up_sdnotify", "-detach")
    if found and config.pppoe.dial:
        yield Finding(
            "ppp-does-not-detach",
            f"{found.place}: {found.name} keeps pon from returning, so whether the session came "
            "up is not known where we dial",
            "remove it, or have systemd start pppd and write dial = false in [pppoe]",
        )


def _interface(config: Config, peer: PeerOptions) -> Iterator[Finding]:
    unit, name = peer.last("unit"), peer.last("ifname")
    wanted = name.value if name else f"ppp{unit.value}" if unit else ""
    option = name or unit
    if option and wanted != config.pppoe.interface:
        yield Finding(
            "ppp-interface",
            f"{option.place}: {option.name} {option.value} makes the session {wanted}, but "
            f"[pppoe] has interface = {config.pppoe.interface}",
            f'write interface = "{wanted}" in [pppoe], or remove the option',
        )


def _nic(config: Config, peer: PeerOptions) -> Iterator[Finding]:
    if peer.nics and peer.nics[-1].value != config.wan.interface:
        found = peer.nics[-1]
        yield Finding(
            "ppp-nic",
            f"{found.place}: PPPoE runs on {found.value}, but the line is on "
            f"{config.wan.interface} (wan.interface)",
            f"write nic-{config.wan.interface}, unless {found.value} leads to a line of its own",
        )


def _mtu(config: Config, peer: PeerOptions) -> Iterator[Finding]:
    limit = config.pppoe.mtu
    for found in (peer.last("mtu"), peer.last("mru")):
        if found and _NUMBER.fullmatch(found.value) and int(found.value) > limit:
            yield Finding(
                "ppp-mtu",
                f"{found.place}: {found.name} {found.value} is more than the {limit} of [pppoe] "
                "mtu; FLET'S carries 1454 bytes",
                f"write {found.name} {limit}",
            )


def _own_scripts(config: Config, peer: PeerOptions) -> Iterator[Finding]:
    del config
    for found in (peer.last(name) for name in _SCRIPTS):
        if found:
            folder = f"{PPP_DIR}/{found.name.removesuffix('-script')}.d"
            yield Finding(
                "hook-replaced",
                f"{found.place}: {found.name} {found.value} is run and not {folder}, where our "
                "hook is",
                f"remove the option, and put the script into {folder}",
            )


def _secret(peer: PeerOptions, clients: tuple[str, ...] | None) -> Iterator[Finding]:
    user = peer.last("user") or peer.last("name")
    if user is None or clients is None or peer.last("password"):
        return
    if not {user.value, "*"} & set(clients):
        yield Finding(
            "ppp-no-secret",
            f"{user.place}: {_shown(user)} has no secret in {PPP_DIR}/chap-secrets or pap-secrets",
            "add a line with that name to both, or correct the name",
        )


def _shown(user: Option) -> str:
    return f'{user.name} "{user.value}"'


_FINDERS: tuple[Callable[[Config, PeerOptions], Iterator[Finding]], ...] = (
    _default_route,
    _resolvers,
    _giving_up,
    _detaching,
    _interface,
    _nic,
    _mtu,
    _own_scripts,
)
