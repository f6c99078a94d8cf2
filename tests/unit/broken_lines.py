"""What can be wrong with a line, one cause at a time, and the check that has to name it."""

from dataclasses import replace

from doctor_cases import BASE, BR, CE, OCN, OCN_CE, ONE_OF_TWO, PROBES, ROUTER, BrokenLine

from dualwan.model.evidence import Advertisement, DeviceAddress, PathError


def ocn(**values):
    """Return a configuration by hand for the line of OCN, and its evidence's prefix."""
    own = {"br": "2001:380:a120::9", "ce": OCN_CE, "psid": 47, **values}
    return {
        "text": BASE.replace(BR, own["br"])
        .replace(CE, own["ce"])
        .replace("192.0.2.18", "153.241.113.198")
        .replace("psid = 1", f"psid = {own['psid']}"),
        "prefixes": (OCN,),
    }


def at_ocn(made, ce, **heard):
    """Let the line of OCN be silent through the tunnel, the CE address in place."""
    made.device("wan0", addresses=(DeviceAddress(ce, 128),))
    made.silent_tunnel(**heard)


WRONG_CE = OCN_CE.replace("2f00", "3000")
RFC_CE = "2400:4050:5c71:af00:0:99f1:71c6:2f"  # as OCN_CE, in the layout of RFC 7597

CASES = (
    BrokenLine("no device", "device", ("no interface wan0",), lambda it: it.device("wan0")),
    BrokenLine("the WAN down", "device", ("ifup wan0",), lambda it: it.device("wan0", up=False)),
    BrokenLine(
        "no carrier", "device", ("no carrier", "ONU"), lambda it: it.device("wan0", carrier=False)
    ),
    BrokenLine(
        "no advertisement",
        "advertisement",
        ("after a router solicitation",),
        lambda it: (it.hears(advertisements=()), it.plan_changes(ipv6_default=False)),
    ),
    BrokenLine(
        "an advertisement that is not listened to",
        "advertisement",
        ("accept_ra is 0", "no address of it"),
        lambda it: (
            setattr(it, "evidence", replace(it.evidence, prefixes=())),
            it.host.set_sysctl("net/ipv6/conf/wan0/accept_ra", "0"),
            it.plan_changes(),
        ),
    ),
    BrokenLine(
        "an advertisement without a prefix",
        "advertisement",
        ("without a prefix", "DHCPv6-PD"),
        lambda it: (
            it.hears(advertisements=(Advertisement(ROUTER, 1800),)),
            setattr(it, "evidence", replace(it.evidence, prefixes=())),
        ),
    ),
    BrokenLine(
        "the prefix of another line",
        "provider",
        (CE, "2001:db8:77:100::/64"),
        lambda it: setattr(
            it, "evidence", replace(it.evidence, prefixes=("2001:db8:77:100::/64",))
        ),
    ),
    BrokenLine(
        "a prefix that no rule covers",
        "provider",
        ("2404:1a8:",),
        lambda it: setattr(it, "evidence", replace(it.evidence, prefixes=("2404:1a8:1:2::/64",))),
        BASE.partition("provider =")[0] + "[pppoe]\ndial = true\n",
        (OCN,),
    ),
    BrokenLine(
        "the CE address gone",
        "ce",
        ("is not on wan0",),
        lambda it: it.device("wan0", addresses=()),
    ),
    BrokenLine(
        "a double",
        "ce",
        ("dadfailed", "another machine"),
        lambda it: it.device("wan0", addresses=(DeviceAddress(CE, 128, "dadfailed"),)),
    ),
    BrokenLine(
        "another machine has the CE",
        "ce",
        ("02:00:00:00:00:01",),
        lambda it: it.hears(claimed=("02:00:00:00:00:01",)),
    ),
    BrokenLine(
        "neighbour discovery unanswered",
        "ce",
        ("does not answer",),
        lambda it: it.hears(solicited={CE: 4}, answered={}),
    ),
    BrokenLine(
        "no default route",
        "ipv6-route",
        ("accept_ra",),
        lambda it: it.plan_changes(ipv6_default=False),
    ),
    BrokenLine(
        "no way to the border relay",
        "border-relay",
        ("fe80::1 says", BR, "address unreachable"),
        lambda it: it.silent_tunnel(relay=False, errors=(PathError(ROUTER, 1, 3),)),
    ),
    BrokenLine(
        "a circle before the border relay",
        "border-relay",
        ("in a circle",),
        lambda it: it.silent_tunnel(relay=False, errors=(PathError(ROUTER, 3, 0),)),
    ),
    BrokenLine(
        "rules that keep the packets in",
        "border-relay",
        ("does not let packets", "Operation not permitted", "chain x drops"),
        lambda it: (
            it.silent_tunnel(relay=False, unsent=("Operation not permitted",)),
            it.finding("foreign-drop", "chain x drops"),
        ),
    ),
    BrokenLine(
        "another border relay than the rule's",
        "border-relay",
        ("2001:380:a120::99", "2001:380:a120::9 by the rule of ocn"),
        lambda it: at_ocn(it, OCN_CE, relay=False),
        **ocn(br="2001:380:a120::99"),
    ),
    BrokenLine(
        "a wrong PSID, asked for otherwise by the line",
        "tunnel",
        ("none came back", OCN_CE, "the PSID is 47, not 48"),
        lambda it: at_ocn(it, WRONG_CE, solicited={OCN_CE: 2, WRONG_CE: 1}),
        **ocn(ce=WRONG_CE, psid=48),
    ),
    BrokenLine(
        "a wrong PSID, by the table",
        "tunnel",
        ("the PSID is 48, by the rule of ocn it is 47",),
        lambda it: at_ocn(it, WRONG_CE, solicited={}),
        **ocn(ce=WRONG_CE, psid=48),
    ),
    BrokenLine(
        "a wrong layout",
        "tunnel",
        (OCN_CE, 'the same address and PSID in the layout "draft"'),
        lambda it: at_ocn(it, RFC_CE, solicited={OCN_CE: 1, ROUTER: 3}),
        **ocn(ce=RFC_CE),
    ),
    BrokenLine(
        "another address than the line asks for",
        "tunnel",
        ("it has the IPv4 address 153.241.113.199",),
        lambda it: at_ocn(it, OCN_CE, solicited={"2400:4050:5c71:af00:99:f171:c700:2f00": 1}),
        **ocn(),
    ),
    BrokenLine(
        "a relay that does not know the CE",
        "tunnel",
        ("does not know this CE",),
        lambda it: it.silent_tunnel(errors=(PathError(BR, 1, 4),)),
    ),
    BrokenLine("a silent relay", "tunnel", ("none came back",), lambda it: it.silent_tunnel()),
    BrokenLine(
        "no answer through the tunnel",
        "ipv4",
        ("none of 198.51.100.1 answers",),
        lambda it: setattr(it, "evidence", replace(it.evidence, answers=False)),
        BASE.replace('"wan0"\n', '"wan0"\nfailover = true\nprobe = ["198.51.100.1"]\n'),
    ),
    BrokenLine(
        "an MTU black hole",
        "mtu",
        ("1460 bytes do not come back", "those of 1400 do", "mtu = 1400", "black hole"),
        lambda it: it.hears(returned=frozenset(range(2, 65)) | frozenset(range(69, PROBES))),
    ),
    BrokenLine(
        "a smaller MTU of which is told",
        "mtu",
        ("fe80::1 says that 1400",),
        lambda it: it.hears(
            returned=frozenset(range(2, 65)), errors=(PathError(ROUTER, 2, 0, 1400),)
        ),
    ),
    BrokenLine(
        "blocks of another line",
        "ports",
        ("61 of 63 blocks", "3088"),
        lambda it: it.hears(returned=frozenset((2, 3, *range(65, PROBES)))),
    ),
    BrokenLine(
        "a standby that nobody has told",
        "role",
        ("standby since boot", "notify_backup"),
        lambda it: it,
        text=ONE_OF_TWO,
    ),
    BrokenLine(
        "a standby without keepalived",
        "pair",
        ("mend it",),
        lambda it: (it.becomes(active=False), it.finding("pair-keepalived-off")),
        text=ONE_OF_TWO,
    ),
    BrokenLine(
        "no concentrator",
        "pppoe-discovery",
        ("PPPoE bridge",),
        lambda it: it.hung_up(),
    ),
    BrokenLine(
        "a wrong password",
        "pppoe-login",
        ("PAP authentication failed", "chap,pap"),
        lambda it: (
            it.hung_up(ppp_log=("PAP authentication succeeded", "x", "PAP authentication failed")),
            it.hears(offers=("bas-1",)),
        ),
    ),
    BrokenLine(
        "nobody dials",
        "pppoe-session",
        ("no pppd of the peer dsl-provider runs",),
        lambda it: (it.hung_up(dialling=False, ppp_log=()), it.hears(offers=("bas-1",))),
    ),
    BrokenLine(
        "no peer",
        "pppoe-session",
        ("no /etc/ppp/peers/dsl-provider",),
        lambda it: (it.hung_up(peer_there=False, ppp_log=()), it.hears(offers=("bas-1",))),
    ),
    BrokenLine(
        "a session without an address",
        "pppoe-session",
        ("pppd runs", "LCP: timeout"),
        lambda it: (
            it.hung_up(ppp_log=("LCP: timeout sending Config-Requests",)),
            it.hears(offers=("bas-1",)),
        ),
    ),
    BrokenLine(
        "a further way without an address",
        "way.second",
        ("no pppd of the peer second runs", "pon second"),
        lambda it: it,
        text=BASE + '[way.second]\ntype = "pppoe"\npeer = "second"\ninterface = "ppp1"\n',
    ),
    BrokenLine(
        "two that dial", "pppd-starters", ("mend it",), lambda it: it.finding("ppp-second-starter")
    ),
    BrokenLine(
        "replacedefaultroute",
        "peer-file",
        ("mend it",),
        lambda it: it.finding("ppp-replaces-default-route"),
    ),
    BrokenLine("a hook shadowed", "hooks", ("mend it",), lambda it: it.finding("hook-shadowed")),
    BrokenLine(
        "a hook gone",
        "hooks",
        ("x is gone, and 2 more", "--reinstall"),
        lambda it: setattr(
            it, "evidence", replace(it.evidence, hooks_missing=("/etc/ppp/x is gone", "y", "z"))
        ),
    ),
    BrokenLine("a foreign drop", "firewalls", ("mend it",), lambda it: it.finding("foreign-drop")),
    BrokenLine(
        "a sysctl overridden",
        "sysctls",
        ("net/ipv4/ip_forward 0 -> 1", "/etc/sysctl.d"),
        lambda it: (it.host.set_sysctl("net/ipv4/ip_forward", "0"), it.plan_changes()),
    ),
    BrokenLine("two managers", "managers", ("mend it",), lambda it: it.finding("two-managers")),
    BrokenLine("no LAN", "lan", ("no interface lan0",), lambda it: it.device("lan0")),
    BrokenLine("the LAN down", "lan", ("ifup lan0",), lambda it: it.device("lan0", up=False)),
    BrokenLine(
        "the ruleset flushed",
        "state",
        ("nft table", "`dualwan-hook`"),
        lambda it: (it.host.flush_ruleset(), it.plan_changes()),
    ),
    BrokenLine(
        "a script has failed",
        "owner-scripts",
        ("mend it",),
        lambda it: it.finding("hooksd-failed"),
    ),
    BrokenLine(
        "mape.sh still there", "leftovers", ("mend it",), lambda it: it.finding("script-tunnel")
    ),
    BrokenLine("something new", "others", ("mend it",), lambda it: it.finding("something-new")),
)
