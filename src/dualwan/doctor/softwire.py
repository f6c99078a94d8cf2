"""Checks of the softwire: border relay, packets that come back, MTU, ports. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from dualwan.config.forwards import MAPE
from dualwan.config.mape import DsLite, MapE
from dualwan.config.ways import section_of
from dualwan.doctor import inquiry
from dualwan.doctor.check import Answer, Case, failed, not_applicable, ok, unchecked
from dualwan.doctor.expected import differences, expected, other_ce
from dualwan.doctor.machine import suspects
from dualwan.model.evidence import Heard, PathError
from dualwan.model.way import Softwire
from dualwan.words import listed, say

# RFC 4443 section 3: kinds and codes that say that a packet did not arrive.
_UNREACHABLE, _TOO_BIG, _TIME_EXCEEDED = 1, 2, 3
_REFUSED_BY_HOST = 4  # "port unreachable", sent by the relay itself
_WORDS = {
    0: say("no route to it"),
    1: say("administratively prohibited"),
    2: say("beyond scope"),
    3: say("address unreachable"),
    4: say("port unreachable"),
    5: say("source address failed policy"),
    6: say("reject route"),
}


def relay(case: Case) -> Answer:
    """Whether the border relay is reachable; many do not answer a ping, which is no failure."""
    heard, softwire = case.evidence.heard, case.softwire
    if heard is None or softwire is None:
        return unchecked(case.evidence.unheard or say("the border relay is not known"))
    br = softwire.br
    if told := _unreachable(heard, str(br)):
        return failed(told, _remedy(case, softwire))
    if heard.unsent:
        return failed(
            say(
                "this machine does not let packets to the border relay {br} out "
                "({unsent}){suspects}",
                br=br,
                unsent=heard.unsent[0],
                suspects=suspects(case),
            ),
            say("look for rules that drop them (`nft list ruleset`)"),
        )
    if heard.relay or _came(case, heard):
        return ok(say("{br} answers", br=br))
    known = expected(case)
    if known is not None and known.br is not None and known.br != br:
        return failed(
            say(
                "the border relay {br} does not answer, and by the rule of {provider} "
                "for this prefix it is {known_br}",
                br=br,
                provider=known.rule.provider,
                known_br=known.br,
            ),
            _remedy(case, softwire),
        )
    return ok(say("{br} does not answer a ping, as many do not", br=br))


def _unreachable(heard: Heard, br: str) -> str:
    """Return what a router reports about packets to the border relay, "" if none does."""
    for error in heard.errors:
        if error.kind == _UNREACHABLE and error.code != _REFUSED_BY_HOST:
            word = _WORDS.get(error.code, say("code {code}", code=error.code))
            return say(
                "{source} says of the border relay {br}: {word}",
                source=error.source,
                br=br,
                word=word,
            )
        if error.kind == _TIME_EXCEEDED:
            return say(
                "packets to the border relay {br} go round in a circle ({source})",
                br=br,
                source=error.source,
            )
    return ""


def of_papers(case: Case, softwire: Softwire, name: str) -> str:
    """Return what to compare with the provider's papers for a way that is not MAP-E.

    ``softwire``: of the way ``name``.
    """
    section = section_of(name, case.config)
    if isinstance(case.config.softwires[name], DsLite):
        return say(
            "compare aftr ({br}) and our end ({ce}) in [{section}] with the provider's papers; ask "
            "whether the line has DS-Lite",
            br=softwire.br,
            ce=softwire.ce,
            section=section,
        )
    return say(
        "compare br ({br}), our end ({ce}) and the address in [{section}] with the "
        "provider's papers; ask whether it knows our end",
        br=softwire.br,
        ce=softwire.ce,
        section=section,
    )


def _remedy(case: Case, softwire: Softwire) -> str:
    if not isinstance(case.config.mape, MapE):
        return of_papers(case, softwire, MAPE)
    key, known = "[mape] br", expected(case)
    if known is not None and known.br == softwire.br:
        return say("ask the provider whether its relay has moved")
    hint = (
        say(" ({br} by the rule of {provider})", br=known.br, provider=known.rule.provider)
        if known
        else ""
    )
    return say(
        "compare {key} with the provider's papers{hint}, or take its rule", key=key, hint=hint
    )


def _came(case: Case, heard: Heard) -> int:
    """Return how many packets came back through the tunnel: probes and others."""
    return len(heard.returned) + len(heard.stopped) + case.evidence.came


def tunnel(case: Case) -> Answer:
    """Whether anything comes back through the tunnel; if not, which CE the line solicits."""
    heard, softwire = case.evidence.heard, case.softwire
    if heard is None or softwire is None:
        return unchecked(case.evidence.unheard or say("the softwire is not known"))
    if came := _came(case, heard):
        return ok(say("{came} packets came back", came=came))
    sent = max(case.evidence.went, len(inquiry.probes(softwire, case.config)))
    seen = say("{sent} packets were sent to {br}, and none came back", sent=sent, br=softwire.br)
    if found := _wrong_ce(case):
        return failed(say("{seen}; {found}", seen=seen, found=found[0]), found[1])
    if odd := differences(case):
        return failed(
            say("{seen}; {odd}", seen=seen, odd=listed(", ", odd)),
            say('compare with the provider\'s papers, or take provider = "auto"'),
        )
    reasons = [*_refusals(heard.errors, softwire.br), *case.plan.line.warnings]
    told = listed("; ", [seen, *reasons]) + suspects(case)
    if not isinstance(case.config.mape, MapE):
        return failed(told, of_papers(case, softwire, MAPE))
    return failed(
        told,
        say(
            "compare border relay, CE ({ce}), PSID and layout with the provider's "
            "papers; ask the provider whether MAP-E is set up, and whether another "
            "router is registered",
            ce=softwire.ce,
        ),
    )


def _refusals(errors: tuple[PathError, ...], br: object) -> Iterator[str]:
    for error in errors[:1]:
        if error.kind != _TOO_BIG:
            yield say(
                "{source} refuses them (ICMPv6 {kind}/{code}): {br} does not know this CE",
                source=error.source,
                kind=error.kind,
                code=error.code,
                br=br,
            )


def _wrong_ce(case: Case) -> tuple[str, str] | None:
    """Return what a solicitation of another CE address means, and the remedy."""
    asked, softwire = other_ce(case), case.softwire
    if asked is None or softwire is None:
        return None
    seen = say(
        "the line asks for the CE {address} (neighbour solicitation), ours is {ce}",
        address=asked.address,
        ce=softwire.ce,
    )
    psid = softwire.port_set.psid if softwire.port_set else 0
    if asked.ipv4 != softwire.ipv4:
        return (
            say(
                "{seen}: it has the IPv4 address {ipv4} and PSID {psid}, not {softwire_ipv4}",
                seen=seen,
                ipv4=asked.ipv4,
                psid=asked.psid,
                softwire_ipv4=softwire.ipv4,
            ),
            say("the rule is not this line's: take the provider's values"),
        )
    if asked.psid != psid:
        return (
            say("{seen}: the PSID is {psid}, not {ours}", seen=seen, psid=asked.psid, ours=psid),
            say("correct psid, psid-offset and psid-length, or the length of the rule's EA bits"),
        )
    return (
        say(
            '{seen}: the same address and PSID in the layout "{layout}"',
            seen=seen,
            layout=asked.layout,
        ),
        say('set layout = "{layout}" in [mape.rule], or correct ce', layout=asked.layout),
    )


def ipv4(case: Case) -> Answer:
    """Whether a host of [wan] probe answers through the tunnel."""
    if not case.config.wan.probe:
        return not_applicable(
            say("[wan] probe names no hosts, and nothing outside is asked otherwise")
        )
    if case.evidence.answers is None:
        return unchecked(say("a ping through the tunnel needs root"))
    names = ", ".join(map(str, case.config.wan.probe))
    if case.evidence.answers:
        return ok(say("one of {names} answers", names=names))
    return failed(
        say(
            "none of {names} answers a ping through the tunnel{suspects}",
            names=names,
            suspects=suspects(case),
        ),
        say("look whether they answer by another way; if they do, ask the provider"),
    )


def mtu(case: Case) -> Answer:
    """Whether packets as large as the tunnel's MTU pass, by the probes that came back."""
    heard, whole = case.evidence.heard, case.config.mape.mtu
    if heard is None:
        return unchecked(case.evidence.unheard)
    sizes, ends = inquiry.by_size(case), inquiry.single_hop(case)
    passed = max((size for size, back in sizes.items() if back), default=0)
    if not passed and ends.get(inquiry.SMALL):  # the relay returns only errors
        passed = whole if ends.get(whole) else inquiry.SMALL
    if not passed:
        return not_applicable(say("the relay sends nothing back from which it could be told"))
    if passed >= whole:
        return ok(say("{whole} bytes pass", whole=whole))
    told = [error for error in heard.errors if error.kind == _TOO_BIG]
    how = (
        say("{source} says that {mtu} bytes of IPv6 pass", source=told[0].source, mtu=told[0].mtu)
        if told
        else say("and nothing says so (a black hole)")
    )
    return failed(
        say(
            "packets of {whole} bytes do not come back through the tunnel, those "
            "of {passed} do; {how}",
            whole=whole,
            passed=passed,
            how=how,
        ),
        say(
            "set [mape] mtu = {mtu}, and look for what has a smaller MTU on the line",
            mtu=max(1280, passed),
        ),
    )


def ports(case: Case) -> Answer:
    """Whether the relay sends every block of the port set to this line."""
    if not isinstance(case.config.mape, MapE) or case.softwire is None:
        return not_applicable(say("the address is not shared"))
    if case.evidence.heard is None:
        return unchecked(case.evidence.unheard)
    found = inquiry.by_port(case)
    missing = [port for port, back in found.items() if not back]
    if len(missing) == len(found):
        return not_applicable(say("the relay sends nothing back from which it could be told"))
    if not missing:
        return ok(say("a port of each of {count} blocks came back", count=len(found)))
    some = ", ".join(map(str, missing[:5])) + (", ..." if missing[5:] else "")
    return failed(
        say(
            "{count} of {whole} blocks do not come back, those that begin with {some}",
            count=len(missing),
            whole=len(found),
            some=some,
        ),
        say("correct psid-offset and psid-length, or the rule: those ports are another line's"),
    )
