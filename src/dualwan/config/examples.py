"""An example of each key of dualwan.toml, for the message about a wrong one."""

from __future__ import annotations

SECTIONS = {
    "wan": "[wan]",
    "lan": "[lan]",
    "mape": "[mape]",
    "pppoe": "[pppoe]",
    "way": "[way.second]",
    "firewall": "[firewall]",
    "forward": "[[forward]]",
    "policy": "[[policy]]",
    "router": "[router]",
    "zone": "[zone.guest]",
    "mape.rule": "[mape.rule]",
    "firewall.guard": "[firewall.guard]",
}
_ROUTED = (
    ("addresses", '["198.51.100.8/29"]'),
    ("one-to-one", '{ "198.51.100.9" = "192.168.1.9" }'),
    ("open", '["ping", { service = "https", to = "198.51.100.9" }]'),
)
KEYS = {  # by section and key, as TOML
    ("wan", "interface"): '"enp1s0"',
    ("wan", "failover"): "true",
    ("wan", "probe"): '["192.0.2.1", "198.51.100.1"]',
    ("wan", "hold-down"): "120",
    ("lan", "interfaces"): '["enp3s0", "br-*"]',
    ("lan", "networks"): '["192.168.1.0/24"]',
    ("lan", "via-pppoe"): '["192.168.1.40", "192.168.1.64/26"]',
    ("lan", "fallback"): '"mape"',
    ("mape", "mode"): '"map-e"',
    ("mape", "provider"): '"auto"',
    ("mape", "provisioning"): '["hb46pp", "dhcpv6"]',
    ("mape", "prefix-from"): '"enp1s0"',
    ("mape", "wait"): "30",
    ("mape", "tunnel"): '"mape0"',
    ("mape", "mtu"): "1460",
    ("mape", "max-share"): "50",
    ("mape", "open-nat"): '["192.168.1.30"]',
    ("mape", "conntrack-timeouts"): "true",
    ("mape", "br"): '"2001:db8:ffff::9"',
    ("mape", "ce"): '"2001:db8:0:100:99:f000:0:100"',
    ("mape", "ipv4"): '"192.0.2.18"',
    ("mape", "psid"): "1",
    ("mape", "psid-length"): "6",
    ("mape", "psid-offset"): "6",
    ("mape", "interface-id"): '"::feed"',
    ("mape", "update"): '"/etc/dualwan/update"',
    ("mape", "aftr"): '"gw.example.jp"',
    ("mape.rule", "ipv6-prefix"): '"2001:db8::/40"',
    ("mape.rule", "ipv4-prefix"): '"192.0.2.0/24"',
    ("mape.rule", "ea-length"): "16",
    ("mape.rule", "psid-offset"): "6",
    ("mape.rule", "layout"): '"draft"',
    ("pppoe", "peer"): '"dsl-provider"',
    ("pppoe", "interface"): '"ppp0"',
    ("pppoe", "table"): "100",
    ("pppoe", "priority"): "100",
    ("pppoe", "mtu"): "1454",
    ("pppoe", "dial"): "true",
    **{(section, key): value for section in ("mape", "pppoe", "way") for key, value in _ROUTED},
    ("way", "type"): '"pppoe"',
    ("way", "peer"): '"second-provider"',
    ("way", "interface"): '"ppp1"',
    ("way", "br"): '"2001:db8:ffff::9"',
    ("way", "ipv4"): '"192.0.2.30"',
    ("way", "ce"): '"2001:db8:0:100::feed"',
    ("way", "interface-id"): '"::feed"',
    ("way", "update"): '"/etc/dualwan/update"',
    ("way", "aftr"): '"2001:db8:ffff::64"',
    ("way", "tunnel"): '"fixed0"',
    ("way", "mtu"): "1454",
    ("way", "dial"): "true",
    ("router", "redundant"): "true",
    ("firewall", "inbound"): '["ssh", { service = "https", from = ["192.0.2.0/24"] }]',
    ("firewall", "outbound"): '["dns", "https", "ntp"]',
    ("firewall", "ident"): '"reset"',
    ("firewall", "smb"): '"drop"',
    ("firewall", "ipsec"): '"drop"',
    ("firewall", "bogus"): '"drop"',
    ("firewall", "offload"): "true",
    ("firewall.guard", "hits"): "5",
    ("firewall.guard", "seconds"): "60",
    ("firewall.guard", "refuse"): "600",
    ("forward", "via"): '"pppoe"',
    ("forward", "protocol"): '"tcp"',
    ("forward", "port"): "8080",
    ("forward", "to"): '"192.168.1.5:80"',
    ("forward", "from"): '["192.0.2.0/24"]',
    ("policy", "interface"): '"enp3s0"',
    ("policy", "source"): '["192.168.1.40", "192.168.1.64/26"]',
    ("policy", "mac"): '"02:00:5e:10:00:01"',
    ("policy", "protocol"): '"udp"',
    ("policy", "port"): '[443, "8000-8100"]',
    ("policy", "destination"): '["192.0.2.0/24"]',
    ("policy", "way"): '"pppoe"',
    ("policy", "fallback"): '"none"',
    ("zone", "interfaces"): '["guest0", "wlan1"]',
    ("zone", "services"): '["dhcp", "dns", "ping"]',
    ("zone", "zones"): '["lan"]',
    ("zone", "ways"): '["mape", "ipv6"]',
    ("zone", "max-share"): "50",
}


_NAMED = ("way", "zone")  # sections with a name of the owner's


def of_any_name(section: str) -> str:
    """Return ``section``, without the name of a way or zone."""
    kind, _, _ = section.partition(".")
    return kind if kind in _NAMED else section


def example(section: str, key: str) -> str:
    """Return an example of ``key``, or with "" for the section one of the section ``key``.

    It is a line as in the file; "" if there is none.
    """
    if section:
        value = KEYS.get((of_any_name(section), key), "")
        return f"{key} = {value}" if value else ""
    return SECTIONS.get(key, "")
