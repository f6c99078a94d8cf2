"""Options in the files of the PPP peer that keep the router from its work."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from dualwan.config import Config
from dualwan.config.sections import Pppoe
from dualwan.config.ways import section_of
from dualwan.model.finding import Finding
from dualwan.model.surroundings import Surroundings
from dualwan.paths import PPP_DIR
from dualwan.ppp.options import Option, PeerOptions
from dualwan.words import say

_SCRIPTS = ("ip-up-script", "ip-down-script")
_NUMBER = re.compile(r"[0-9]{1,10}")


class Own(NamedTuple):
    """A session as it is configured; section: of the configuration. wan: the interface."""

    session: Pppoe
    section: str
    wan: str

    @property
    def path(self) -> str:
        """The peer's file."""
        return f"{PPP_DIR}/peers/{self.session.peer}"


def obstacles(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding for each option of a peer that is an obstacle, with its file and line."""
    for name, session in config.sessions.items():
        own = Own(session, section_of(name, config), config.wan.interface)
        files = around.ppp_of(name)
        if files.peer is not None and session.by_peer:
            yield from _of_peer(own, files.peer, files.clients)


def _of_peer(own: Own, peer: PeerOptions, clients: tuple[str, ...] | None) -> Iterator[Finding]:
    if any(path == own.path for path, _ in peer.unreadable):
        yield Finding(
            "ppp-peer-missing",
            say(
                "{own} ({section}.peer) is missing, so no PPPoE session can start",
                own=own.path,
                section=own.section,
            ),
            say("write it, pppoeconf can do that, or name another peer"),
        )
        return
    for path, place in peer.unreadable:
        yield Finding(
            "ppp-file-missing",
            say("{place}: {path} cannot be read, so pppd does not start", place=place, path=path),
            say("write that file, or remove the option"),
        )
    for finder in _FINDERS:
        yield from finder(own, peer)
    yield from _secret(peer, clients)


def _default_route(own: Own, peer: PeerOptions) -> Iterator[Finding]:
    del own
    asked = peer.on("defaultroute", "nodefaultroute", "-defaultroute")
    if not asked:
        return
    replacing = peer.on("replacedefaultroute", "noreplacedefaultroute")
    if replacing:
        yield Finding(
            "ppp-replaces-default-route",
            say(
                "{place}: replacedefaultroute, with defaultroute in {asked_place}, "
                "takes MAP-E's default route away at each connect",
                place=replacing.place,
                asked_place=asked.place,
            ),
            say("remove both lines and write nodefaultroute"),
        )
    else:
        yield Finding(
            "ppp-default-route",
            say(
                "{place}: defaultroute leads everything to PPPoE while MAP-E is not up",
                place=asked.place,
            ),
            say("replace it by nodefaultroute"),
        )
    refused = [one for one in peer.options if one.name in {"nodefaultroute", "-defaultroute"}]
    if refused:  # OPT_ENABLE: pppd refuses an option that another has disabled
        yield Finding(
            "ppp-contradiction",
            say(
                "{place}: defaultroute after nodefaultroute in {refused_place}, so "
                "pppd does not start (defaultroute option is disabled)",
                place=asked.place,
                refused_place=refused[0].place,
            ),
            say("remove this line, and replacedefaultroute"),
        )


def _resolvers(own: Own, peer: PeerOptions) -> Iterator[Finding]:
    del own
    if found := peer.on("usepeerdns"):
        yield Finding(
            "ppp-resolvers",
            say(
                "{place}: usepeerdns makes PPPoE's resolvers the router's, but "
                "questions to them leave by MAP-E, where they mostly refuse",
                place=found.place,
            ),
            say("remove the line, and take resolvers of the line (DHCPv6) or public ones"),
        )


def _giving_up(own: Own, peer: PeerOptions) -> Iterator[Finding]:
    if not own.session.dial:
        return
    persist = peer.on("persist", "nopersist")
    fails = peer.last("maxfail")
    if not persist and not peer.on("demand"):
        yield Finding(
            "ppp-not-persistent",
            say(
                "{own} has no persist, so a session that ends is not dialled again before ifup",
                own=own.path,
            ),
            say("write persist and maxfail 0 into it"),
        )
    elif fails is None or fails.value != "0":
        seen = (
            say("{place}: maxfail {value}", place=fails.place, value=fails.value)
            if fails
            else say("{own} has no maxfail 0", own=own.path)
        )
        count = fails.value if fails else "10"
        yield Finding(
            "ppp-gives-up",
            say(
                "{seen}, so pppd ends after {count} failures in a row, as when the line is away",
                seen=seen,
                count=count,
            ),
            say("write maxfail 0"),
        )


def _detaching(own: Own, peer: PeerOptions) -> Iterator[Finding]:
    found = peer.on("nodetach", "updetach") or peer.last("up_sdnotify", "-detach")
    if found and own.session.dial:
        yield Finding(
            "ppp-does-not-detach",
            say(
                "{place}: {name} keeps pon from returning, so whether the session came "
                "up is not known where we dial",
                place=found.place,
                name=found.name,
            ),
            say(
                "remove it, or have systemd start pppd and write dial = false in [{section}]",
                section=own.section,
            ),
        )


def _interface(own: Own, peer: PeerOptions) -> Iterator[Finding]:
    unit, name = peer.last("unit"), peer.last("ifname")
    wanted = name.value if name else f"ppp{unit.value}" if unit else ""
    option = name or unit
    if option and wanted != own.session.interface:
        yield Finding(
            "ppp-interface",
            say(
                "{place}: {name} {value} makes the session {wanted}, but [{section}] has "
                "interface = {interface}",
                place=option.place,
                name=option.name,
                value=option.value,
                wanted=wanted,
                section=own.section,
                interface=own.session.interface,
            ),
            say(
                'write interface = "{wanted}" in [{section}], or remove the option',
                wanted=wanted,
                section=own.section,
            ),
        )


def _nic(own: Own, peer: PeerOptions) -> Iterator[Finding]:
    if peer.nics and peer.nics[-1].value != own.wan:
        found = peer.nics[-1]
        yield Finding(
            "ppp-nic",
            say(
                "{place}: PPPoE runs on {value}, but the line is on {interface} (wan.interface)",
                place=found.place,
                value=found.value,
                interface=own.wan,
            ),
            say(
                "write nic-{interface}, unless {value} leads to a line of its own",
                interface=own.wan,
                value=found.value,
            ),
        )


def _mtu(own: Own, peer: PeerOptions) -> Iterator[Finding]:
    limit = own.session.mtu
    for found in (peer.last("mtu"), peer.last("mru")):
        if found and _NUMBER.fullmatch(found.value) and int(found.value) > limit:
            yield Finding(
                "ppp-mtu",
                say(
                    "{place}: {name} {value} is more than the {limit} of [{section}] mtu; "
                    "FLET'S carries 1454 bytes",
                    place=found.place,
                    name=found.name,
                    value=found.value,
                    limit=limit,
                    section=own.section,
                ),
                say("write {name} {limit}", name=found.name, limit=limit),
            )


def _own_scripts(own: Own, peer: PeerOptions) -> Iterator[Finding]:
    del own
    for found in (peer.last(name) for name in _SCRIPTS):
        if found:
            folder = f"{PPP_DIR}/{found.name.removesuffix('-script')}.d"
            yield Finding(
                "hook-replaced",
                say(
                    "{place}: {name} {value} is run and not {folder}, where our hook is",
                    place=found.place,
                    name=found.name,
                    value=found.value,
                    folder=folder,
                ),
                say("remove the option, and put the script into {folder}", folder=folder),
            )


def _secret(peer: PeerOptions, clients: tuple[str, ...] | None) -> Iterator[Finding]:
    user = peer.last("user") or peer.last("name")
    if user is None or clients is None or peer.last("password"):
        return
    if not {user.value, "*"} & set(clients):
        yield Finding(
            "ppp-no-secret",
            say(
                "{place}: {shown} has no secret in {ppp_dir}/chap-secrets or pap-secrets",
                place=user.place,
                shown=_shown(user),
                ppp_dir=PPP_DIR,
            ),
            say("add a line with that name to both, or correct the name"),
        )


def _shown(user: Option) -> str:
    return f'{user.name} "{user.value}"'


_FINDERS: tuple[Callable[[Own, PeerOptions], Iterator[Finding]], ...] = (
    _default_route,
    _resolvers,
    _giving_up,
    _detaching,
    _interface,
    _nic,
    _mtu,
    _own_scripts,
)
