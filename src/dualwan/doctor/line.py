"""Checks of the line itself: device, advertisement, prefix, CE address, default route. Pure."""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network

from dualwan.doctor.check import Answer, Case, down, failed, named_otherwise, ok
from dualwan.doctor.expected import LINE_BITS, expected
from dualwan.line import derive_line
from dualwan.model.evidence import Heard
from dualwan.slices.tunnel.possible import without_ipv6
from dualwan.slices.tunnel.sysctls import accept_ra
from dualwan.words import listed, say

_ASKED_TWICE = 2  # a solicitation is repeated after a second (RFC 4861 section 10)


def device(case: Case) -> Answer:
    """Whether the WAN's device is there, up, and has a carrier."""
    name = case.config.wan.interface
    seen = case.evidence.devices.get(name)
    if seen is None:
        return named_otherwise(case, name) or failed(
            say("there is no interface {name}", name=name),
            say("name the one that leads to the line in [wan] interface (`ip link` lists them)"),
        )
    if not seen.up:
        return down(name)
    if not seen.carrier:
        return failed(
            say("{name} has no carrier", name=name),
            say("look at the cable, and at the ONU behind it"),
        )
    return ok(say("{name} is up, with a carrier", name=name))


def advertisement(case: Case) -> Answer:
    """Whether a router advertises itself, and gives the line a prefix."""
    heard, wan = case.evidence.heard, case.config.wan.interface
    if off := without_ipv6(case.config, case.plan.observed.sysctls):
        return failed(listed("; ", off))
    there = bool(case.evidence.prefixes) and case.plan.observed.ipv6_default
    if heard is None or not heard.advertisements:
        if there:
            return ok(
                say("the last advertisement still holds: ") + ", ".join(case.evidence.prefixes)
            )
        asked = "" if heard is None else say(" after a router solicitation")
        return failed(
            say("no router advertisement is heard on {wan}{asked}", wan=wan, asked=asked)
            + (f" ({case.evidence.unheard})" if heard is None else ""),
            say(
                "the line has no IPv6 now: restart the ONU or the home gateway, and "
                "ask the provider whether IPoE is set up"
            ),
        )
    return _with_advertisement(case, heard)


def _with_advertisement(case: Case, heard: Heard) -> Answer:
    source = case.config.prefix_source
    routers = ", ".join(dict.fromkeys(one.router for one in heard.advertisements))
    if not any(one.lifetime for one in heard.advertisements) and not case.evidence.prefixes:
        return failed(
            say(
                "{routers} advertises itself, but as no way to the internet (lifetime 0)",
                routers=routers,
            ),
            say("restart the ONU or the home gateway, and ask the provider whether IPoE is set up"),
        )
    if case.evidence.prefixes:
        return ok(
            say(
                "{routers} advertises itself; prefix {prefixes}",
                routers=routers,
                prefixes=", ".join(case.evidence.prefixes),
            )
        )
    announced = ", ".join(prefix for one in heard.advertisements for prefix in one.prefixes)
    if not announced:
        return failed(
            say("{routers} advertises itself without a prefix", routers=routers),
            say("get one by DHCPv6-PD, and name the interface that has it in [mape] prefix-from"),
        )
    value = case.plan.observed.sysctls.get(accept_ra(source), "")
    return failed(
        say(
            "{routers} announces {announced}, and {source} has no address of it",
            routers=routers,
            announced=announced,
            source=source,
        )
        + (say(" (accept_ra is {value})", value=value) if value else ""),
        say(
            "let the kernel, dhcpcd or networkd hear advertisements on {source} (see README)",
            source=source,
        ),
    )


def provider(case: Case) -> Answer:
    """Whether the configured CE, or one that a rule derives, can belong to the announced prefix."""
    prefixes = case.evidence.prefixes
    if not case.config.mape.fixed:
        line = case.plan.line
        if line.prefix not in prefixes:  # the plan keeps the last one where none is announced
            aftr = case.plan.state.aftr
            line = derive_line(case.config, prefixes, "", line.answers, aftr)
        if line.softwire is None:
            return failed(line.missing)
        return ok(say("{prefix}: {origin}", prefix=line.prefix, origin=line.softwire.origin))
    if case.softwire is None:
        return failed(say("the configuration gives no softwire"))
    ce, known = case.softwire.ce, expected(case)
    if not prefixes or any(_same_line(ce, prefix) for prefix in prefixes):
        return ok(say("the CE {ce} is of this line", ce=ce))
    hint = (
        say(
            "; by the rule of {provider} it would be {ce}",
            provider=known.rule.provider,
            ce=known.ce,
        )
        if known
        else ""
    )
    return failed(
        say(
            "the CE {ce} ([mape] ce) is not in {prefixes}, which the line announces{hint}",
            ce=ce,
            prefixes=", ".join(prefixes),
            hint=hint,
        ),
        say('take provider = "auto", or the values of this line'),
    )


def _same_line(ce: IPv6Address, prefix: str) -> bool:
    """Whether the CE address ``ce`` can belong to the line with ``prefix``: in the same /56."""
    network = IPv6Network(prefix, strict=False)
    length = min(network.prefixlen, LINE_BITS)
    return ce in IPv6Network((int(network.network_address), length), strict=False)


def ce(case: Case) -> Answer:
    """Whether the CE address is on the WAN, usable, and this machine alone answers for it."""
    if case.softwire is None:
        return failed(case.plan.line.missing or say("the CE address is not known"))
    address = str(case.softwire.ce)
    return end_missing(case, address) or _answered_for(address, case.evidence.heard)


def end_missing(case: Case, address: str) -> Answer | None:
    """Return a failure unless ``address``, our end of a tunnel, is on the WAN and usable."""
    wan = case.config.wan.interface
    seen = case.evidence.devices.get(wan)
    state = next(
        (one for one in seen.addresses if one.address == address) if seen else iter(()), None
    )
    if state is None:
        return failed(
            say("the CE address {address} is not on {wan}", address=address, wan=wan),
            say(
                "`dualwan-hook` adds it; if it goes again, look for the program that takes it away"
            ),
        )
    if state.unusable:
        reason = (
            say("another machine has it")
            if state.unusable == "dadfailed"
            else say("not usable yet")
        )
        return failed(
            say(
                "the CE address {address} is {unusable} on {wan}: {reason}",
                address=address,
                unusable=state.unusable,
                wan=wan,
                reason=reason,
            ),
            say(
                "take it from the other machine (a home gateway does MAP-E itself?), "
                "then run `dualwan-hook`"
            ),
        )
    return None


def _answered_for(address: str, heard: Heard | None) -> Answer:
    if heard is None:
        return ok(
            say("{address} is there (whether others claim it could not be heard)", address=address)
        )
    if heard.claimed:
        return failed(
            say(
                "{claimed} answers for the CE address {address} too",
                claimed=", ".join(heard.claimed),
                address=address,
            ),
            say("end MAP-E on the other machine, such as a home gateway: a line has one CE"),
        )
    if heard.solicited.get(address, 0) >= _ASKED_TWICE and not heard.answered.get(address):
        return failed(
            say(
                "the line asks for the CE address {address}, and this machine does not answer",
                address=address,
            ),
            say("look for rules that drop ICMPv6 neighbour discovery (`nft list ruleset`)"),
        )
    return ok(say("{address} is there", address=address))


def ipv6_route(case: Case) -> Answer:
    """Whether IPv6 has a default route by the WAN."""
    wan = case.config.wan.interface
    if case.plan.observed.ipv6_default:
        return ok(say("by {wan}", wan=wan))
    return failed(
        say("there is no IPv6 default route by {wan}, though a router advertises itself", wan=wan),
        say(
            "accept_ra of {wan} must be 2 while this machine forwards: "
            "`dualwan-hook` sets it, and asks for an advertisement",
            wan=wan,
        ),
    )
