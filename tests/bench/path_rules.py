"""Whole rule sets that a packet passes: this project's, and what it is compared with. See path.py.

Each lets the same traffic through: LAN to the internet by both ways, a server behind PPPoE, and
IPv6 from the LAN.
"""

from pathlib import Path

from flows import HOSTS
from line import PPPOE, SHARED
from variants import BLOCKS

NONE, MASQUERADE, OURS = "no rules", "masquerade", "dualwan-hook"
SHELL, OPENWRT = "the scripts' rules", "OpenWrt's form"
SERVER, PORT = HOSTS[0], 8080
FORWARD = """
[firewall]
inbound = ["ssh", "smtp", "http", "https"]
""" + "".join(
    f"""
[[forward]]
via = "pppoe"
protocol = "{protocol}"
port = {PORT}
to = "{SERVER}"
"""
    for protocol in ("tcp", "udp")
)
BASELINE = Path(__file__).with_name("baseline.sh")
# firewall4's chains (fw4 print) for one lan and one wan zone, and the rules of map.sh.
OPENWRT_ZONES = """\
table inet fw4 {{
    chain input {{
        type filter hook input priority filter; policy drop;
        iif "lo" accept
        ct state vmap {{ established : accept, related : accept }}
        tcp flags & (fin | syn | rst | ack) == syn jump syn_flood
        iifname "lan0" accept
        iifname {{ "wan0", "mape0", "ppp0" }} jump input_wan
    }}
    chain forward {{
        type filter hook forward priority filter; policy drop;
        ct state vmap {{ established : accept, related : accept }}
        iifname "lan0" jump forward_lan
        iifname {{ "wan0", "mape0", "ppp0" }} jump forward_wan
        jump handle_reject
    }}
    chain output {{
        type filter hook output priority filter; policy accept;
        oif "lo" accept
        ct state vmap {{ established : accept, related : accept }}
    }}
    chain handle_reject {{
        meta l4proto tcp reject with tcp reset
        reject
    }}
    chain syn_flood {{
        limit rate 25/second burst 50 packets return
        drop
    }}
    chain input_wan {{
        icmp type echo-request accept
        tcp dport {{ 22, 25, 80, 443 }} accept
        jump handle_reject
    }}
    chain forward_lan {{
        oifname {{ "wan0", "mape0", "ppp0" }} meta nfproto ipv4 ct state invalid counter drop
        oifname {{ "wan0", "mape0", "ppp0" }} counter accept
    }}
    chain forward_wan {{
        icmpv6 type {{ echo-request, echo-reply, destination-unreachable, packet-too-big,
            time-exceeded, parameter-problem }} limit rate 1000/second accept
        ct status dnat accept
    }}
    chain dstnat {{
        type nat hook prerouting priority dstnat; policy accept;
        iifname "ppp0" ip daddr {pppoe} meta l4proto {{ tcp, udp }} th dport {port} \\
            dnat ip to {server}
    }}
    chain srcnat {{
        type nat hook postrouting priority srcnat; policy accept;
        oifname "mape0" jump srcnat_map
        oifname "ppp0" meta nfproto ipv4 masquerade
    }}
    chain srcnat_map {{
{blocks}
    }}
    chain raw_prerouting {{ type filter hook prerouting priority raw; policy accept; }}
    chain raw_output {{ type filter hook output priority raw; policy accept; }}
    chain mangle_prerouting {{ type filter hook prerouting priority mangle; policy accept; }}
    chain mangle_postrouting {{
        type filter hook postrouting priority mangle; policy accept;
        oifname {{ "mape0", "ppp0" }} tcp flags & (fin | syn | rst) == syn \\
            tcp option maxseg size set rt mtu
    }}
    chain mangle_input {{ type filter hook input priority mangle; policy accept; }}
    chain mangle_output {{ type route hook output priority mangle; policy accept; }}
    chain mangle_forward {{
        type filter hook forward priority mangle; policy accept;
        iifname {{ "mape0", "ppp0" }} tcp flags & (fin | syn | rst) == syn \\
            tcp option maxseg size set rt mtu
    }}
}}
"""


def none(line):
    """No rules: packets are routed, and nothing else."""
    del line


def masquerade(line):
    """A port of netfilter's choice for what leaves, by either way; nothing is filtered."""
    line.router.nft(
        "table ip nat {\n"
        "chain prerouting {\n type nat hook prerouting priority dstnat\n"
        f' iifname "ppp0" meta l4proto {{ tcp, udp }} th dport {PORT} dnat to {SERVER}\n}}\n'
        "chain postrouting {\n type nat hook postrouting priority srcnat\n"
        ' oifname { "mape0", "ppp0" } masquerade\n}\n}\n'
    )


def ours(line):
    """All slices that go by names of devices; the tunnel's own has no rule for packets."""
    line.apply()


def shell(line):
    """What both scripts load, and what they leave to their owner: the LAN's way out."""
    for event in ("mape-start", "pppoe-start"):
        line.router.run(BASELINE, event, "mape0", "ppp0", PPPOE)
    forwards = [
        rule.format(protocol)
        for protocol in ("tcp", "udp")
        for rule in (
            f"-A FORWARD -i ppp0 -d {SERVER} -p {{}} --dport {PORT} -j ACCEPT",
            f"-t nat -A PREROUTING -i ppp0 -p {{}} --dport {PORT} -j DNAT --to {SERVER}",
        )
    ]
    for rule in (
        "-A FORWARD -i lan0 -j ACCEPT",
        "-t nat -A POSTROUTING -o ppp0 -j MASQUERADE",
        *forwards,
    ):
        line.router.run("iptables", *rule.split())


def openwrt(line):
    """The zones of firewall4, and a SNAT rule per range and protocol."""
    blocks = "\n".join(
        f"        meta l4proto {protocol} counter snat ip to {SHARED}:{low}-{high}"
        for low, high in BLOCKS
        for protocol in ("icmp", "tcp", "udp")
    )
    line.router.nft(OPENWRT_ZONES.format(blocks=blocks, pppoe=PPPOE, port=PORT, server=SERVER))


RULES = {MASQUERADE: masquerade, OURS: ours, SHELL: shell, OPENWRT: openwrt, NONE: none}
