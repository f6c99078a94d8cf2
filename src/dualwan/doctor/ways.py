"""The check of each way besides MAP-E and the first PPPoE session. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from dualwan.config import Config
from dualwan.config.ways import section
from dualwan.doctor import line, pppoe, softwire
from dualwan.doctor.check import Answer, Case, Check, Result, failed, ok, unchecked
from dualwan.doctor.machine import suspects
from dualwan.model.way import Way
from dualwan.words import listed, say


def of_each(check: Check, config: Config) -> Iterator[Check]:
    """Yield ``check`` for each further way of ``config``, in the order of the file."""
    for name in config.ways:
        what = say("the way {way}", way=name)
        yield check._replace(name=section(name), what=what, look=partial(_carries, name=name))


def _carries(case: Case, name: str) -> Answer:
    """Whether the way ``name`` is up with its address, and a host answers a ping by it."""
    way = next(one for one in case.plan.line.ways if one.name == name)
    if way.vpn:
        there = _vpn(case, way)
    elif name in case.config.sessions:
        there = pppoe.of_way(case, name)
    else:
        there = _tunnel(case, way)
    if there.result is not Result.OK:
        return there
    seen = case.evidence.ways.get(name)
    if seen is None or not seen.asked:
        return unchecked(say("a ping by {device} needs root", device=way.device))
    if seen.host:
        return ok(say("{seen}, and {host} answers", seen=there.seen, host=seen.host))
    if case.config.wan.probe:
        return _silent(case, way, there.seen, seen.hop)
    if seen.hop:
        return ok(say("{seen}, and {host} answers", seen=there.seen, host=seen.hop))
    return ok(
        say(
            "{seen}; nothing answers from which more could be told ([wan] probe names no hosts)",
            seen=there.seen,
        )
    )


def _silent(case: Case, way: Way, there: str, hop: str) -> Answer:
    """Return a failure: no host of [wan] probe answers by ``way``; with the remedy."""
    names = ", ".join(map(str, case.config.wan.probe))
    seen = say(
        "none of {names} answers a ping by {device} ({seen}){suspects}",
        seen=there,
        names=names,
        device=way.device,
        suspects=suspects(case),
    )
    if hop:
        seen = say("{seen}, though {hop} does", seen=seen, hop=hop)
    if hop or way.softwire is None:
        return failed(
            seen, say("look whether they answer by another way; if they do, ask the provider")
        )
    return failed(seen, softwire.of_papers(case, way.softwire, way.name))


def _device_missing(case: Case, way: Way, remedy: str) -> Answer | None:
    """Return a failure if the device of ``way`` is missing or down, else None."""
    observed = case.plan.observed
    if observed.is_up(way.device):
        return None
    if way.device in observed.links:
        return failed(say("{name} is down", name=way.device), remedy)
    return failed(say("there is no interface {name}", name=way.device), remedy)


def _vpn(case: Case, way: Way) -> Answer:
    """Whether the device of a VPN is up with an address."""
    remedy = say("bring it up by the program that makes it, as with `wg-quick up`")
    if missing := _device_missing(case, way, remedy):
        return missing
    if address := case.plan.observed.address_of(way.device):
        return ok(say("{interface} has {session}", interface=way.device, session=address))
    return failed(say("{name} has no IPv4 address", name=way.device), remedy)


def _tunnel(case: Case, way: Way) -> Answer:
    """Whether the tunnel of ``way`` is up with its address, and its CE address on the WAN."""
    observed = case.plan.observed
    remedy = say("`dualwan-hook` brings it up, or says what is in the way")
    if way.softwire is None:
        return failed(listed("; ", case.plan.line.lacking))
    if missing := line.end_missing(case, str(way.softwire.ce)):
        return missing
    if missing := _device_missing(case, way, remedy):
        return missing
    if way.address != (address := observed.address_of(way.device)):
        return failed(
            say(
                "{device} has {address}, not {wanted}",
                device=way.device,
                address=address or say("no address"),
                wanted=way.address,
            ),
            remedy,
        )
    return ok(say("{interface} has {session}", interface=way.device, session=address))


CHECK = Check(
    "way.NAME",
    say("the way {way}", way="NAME"),
    lambda case: _carries(case, next(iter(case.config.ways))),
    ("device",),
    lambda config: bool(config.ways),
)
