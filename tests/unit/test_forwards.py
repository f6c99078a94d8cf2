"""[[forward]]: what may be written, what is refused, and how little it costs."""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import pytest
from machine import BASE, config, wanted_of

from dualwan.config import from_text
from dualwan.errors import ConfigError
from dualwan.slices import firewall, snat

IPIP = (
    BASE[: BASE.index("[mape]")]
    + """\
[mape]
mode = "ipip"
br = "2001:db8:ffff::9"
ipv4 = "192.0.2.18"
interface-id = "::feed"

"""
)


def forward(via="", **keys):
    """Return a [[forward]] of tcp/8080 as text."""
    given = {"protocol": '"tcp"', "port": "8080", "to": '"192.168.1.5"', **keys}
    lines = ([f'via = "{via}"'] if via else []) + [
        f"{key.rstrip('_')} = {value}" for key, value in given.items() if value
    ]
    return "\n".join(["[[forward]]", *lines, ""])


def refusal(*forwards, more="", base=BASE):
    """Return the message, with its line, that FORWARDS are refused with."""
    with pytest.raises(ConfigError) as caught:
        from_text("dualwan.toml", base + more + "".join(forwards))
    return str(caught.value).removeprefix("dualwan.toml:")


def only(*forwards, more=""):
    """Return the one forward of a configuration."""
    found = config(BASE + more + "".join(forwards)).forwards
    assert len(found) == 1
    return found[0]


def test_the_server_has_the_same_port_unless_one_is_given():
    """An address, or an address and a port."""
    same, other = only(forward("pppoe")), only(forward("pppoe", to='"192.168.1.5:80"'))
    assert (same.to, same.to_port) == (IPv4Address("192.168.1.5"), 8080)
    assert (other.to, other.to_port) == (IPv4Address("192.168.1.5"), 80)


@pytest.mark.parametrize(("to", "half"), [("2001:db8::5", False), ("::5", True), ("::1", True)])
def test_without_via_an_ipv6_address_is_reached_itself(to, half):
    """A whole address, or its lower half with nothing before it."""
    found = only(forward(to=f'"{to}"'))
    assert (found.via, found.to, found.by_host_part) == ("", IPv6Address(to), half)


def test_sources_are_networks_that_do_not_overlap():
    """What lies inside another one is left out: nft takes no two that overlap."""
    found = only(forward("pppoe", from_='["192.0.2.0/24", "192.0.2.7/32"]'))
    assert found.sources == (IPv4Network("192.0.2.0/24"),)
    found = only(forward(to='"::5"', from_='["2001:db8::/33", "2001:db8:8000::/33"]'))
    assert found.sources == (IPv6Network("2001:db8::/32"),)


@pytest.mark.parametrize(
    ("written", "says"),
    [
        (
            [forward("pppoe", to='"192.168.1.5:0"')],
            "21: forward.to: '192.168.1.5:0' must be an addr",
        ),
        ([forward("pppoe", to='"router"')], "forward.to: 'router' must be an address"),
        ([forward("pppoe", to="5")], "forward.to: must be a text"),
        (
            [forward("pppoe", to='"2001:db8::5"')],
            "forward.to: is an IPv6 address, which is reached",
        ),
        ([forward()], 'forward.to: is an IPv4 address: say by which outer address, via = "pppoe"'),
        ([forward(to='"[2001:db8::5]:80"')], "is no IPv6 address; its port"),
        ([forward(to='"fe80::5"')], "cannot be reached from outside"),
        ([forward(to='"::"')], "cannot be reached from outside"),
        ([forward("ppoe")], "forward.via: must be one of mape, pppoe"),
        ([forward("pppoe", protocol='"icmp"')], "forward.protocol: must be one of tcp, udp"),
        ([forward("pppoe", port="0")], "forward.port: must be a number from 1 to 65535"),
        ([forward("pppoe", port="")], "forward: 'port' is missing"),
        ([forward("pppoe", form='"x"')], "forward.form: unknown key 'form'; did you mean 'from'?"),
        ([forward("pppoe", from_='"192.0.2.1"')], "from must be a list"),
        ([forward("pppoe", from_='["2001:db8::/32"]')], "forward.from: must be IPv4 networks"),
        ([forward(to='"::5"', from_='["192.0.2.0/24"]')], "forward.from: must be IPv6 networks"),
        ([forward("pppoe", from_="[]")], "forward.from: 'from' is empty: leave it out if"),
        ([forward(to='"::5"', from_='["fe80::%wan0/64"]')], "write the address without %wan0"),
        (
            [forward("pppoe"), forward("pppoe", to='"192.168.1.6"')],
            "25: forward.port: tcp/8080 is forwarded twice",
        ),
        ([forward("mape")], "8080 is no port of this line; the nearest are 7199 and 8208"),
    ],
)
def test_what_cannot_be_is_refused(written, says):
    """With file, line and key."""
    assert says in refusal(*written)


@pytest.mark.parametrize(
    "keys", [{"port": "445"}, {"to": '"192.168.1.5:445"'}, {"port": "138", "protocol": '"udp"'}]
)
def test_file_sharing_is_not_forwarded(keys):
    """Neither from nor to its ports, unless the firewall lets it through anyway."""
    assert "Windows file sharing" in refusal(forward("pppoe", **keys))
    assert config(BASE + '[firewall]\nsmb = "accept"\n' + forward("pppoe", **keys)).forwards


def test_a_port_is_offered_or_forwarded():
    """Not both: where the file says what is on offer, somebody has to decide."""
    said = '[firewall]\ninbound = ["ssh", "http"]\n'
    web = forward("pppoe", port="80")
    assert re.match(
        r"22: forward.port: forward of tcp/80: the router itself offers 'http' there",
        refusal(web, more=said),
    )
    assert config(BASE + said + forward("pppoe", port="80", protocol='"udp"')).forwards


def test_what_is_on_offer_by_default_gives_way():
    """Who forwards the web to a server and says nothing else has meant it."""
    found = config(BASE + forward("pppoe", port="80"))
    assert [offer.service.name for offer in found.firewall.inbound] == ["ssh", "smtp", "https"]
    assert "tcp dport { 25, 443 } accept" in wanted_of(firewall, found).source()


def test_a_pinhole_or_a_forward_by_mape_takes_nothing_from_pppoe():
    """They are about other addresses; with IPIP the fixed address offers the same services."""
    both = config(BASE + forward("mape", port="1040") + forward(to='"::5"', port="80"))
    assert len(both.firewall.inbound) == 4
    assert len(config(IPIP + forward("mape", port="80")).firewall.inbound) == 3


def test_ds_lite_has_nothing_to_forward_from():
    """But PPPoE has, beside it."""
    base = BASE[: BASE.index("[mape]")] + '[mape]\nmode = "ds-lite"\naftr = "gw.example.jp"\n'
    assert "DS-Lite has no address of its own" in refusal(forward("mape"), base=base)
    assert from_text("a", base + forward("pppoe")).forwards


def test_the_number_of_rules_does_not_grow():
    """Two hundred services and forwards of each kind make as many rules on a packet's way as five.

    The lists of sources are not on it: one lookup leads to one of them.
    """

    def lines(count):
        services = ", ".join(
            f'"tcp/{20000 + at}", {{ service = "udp/{20000 + at}", from = ["192.0.2.{at}/32"] }}'
            for at in range(count)
        )
        text = (
            BASE
            + f"[firewall]\ninbound = [{services}]\n"
            + "".join(
                forward("pppoe", port=str(10000 + at), from_='["192.0.2.0/24"]' if at % 2 else "")
                + forward(to='"::5"', port=str(10000 + at))
                for at in range(count)
            )
        )
        found = config(text)
        texts = [wanted_of(table, found).source() for table in (firewall, snat)]
        return [
            re.sub(r"\tchain acl_\d+ {.*?\n\t}\n", "", text, flags=re.DOTALL).count("\n")
            for text in texts
        ]

    assert lines(200) == lines(5)


def test_the_port_is_looked_up_first():
    """With the network first, all elements of the same network were gone through."""
    found = config(
        BASE
        + forward("pppoe", from_='["192.0.2.0/24"]')
        + forward(to='"::5"', from_='["2001:db8::/32"]')
    )
    assert "{ 8080 . tcp . ::5 . 2001:db8::/32 } accept" in wanted_of(firewall, found).source()
    assert "tcp dport . ip saddr map { 8080 . 192.0.2.0/24 : " in wanted_of(snat, found).source()
