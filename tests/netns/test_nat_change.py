"""Another port set or one forward more, while flows are running: one transaction."""

import re
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
from burst import unlucky
from download import Download
from flows import HOSTS, elsewhere, flow, udp
from line import SHARED
from natlab import OCN, config

from dualwan.config import load
from dualwan.line import derive_line
from dualwan.nft import legacy
from dualwan.nft.table import base_chain, chain
from dualwan.nft.transaction import replacement
from dualwan.slices import firewall, snat

# PSID 0 of 5 bits has the ports of the PSIDs 0 and 1 of 6 bits: half of them stay.
WIDE, NARROW, FOREIGN = (0, 5, 6), (1, 6, 6), (2, 6, 6)
FORWARD = '\n[[forward]]\nvia = "mape"\nprotocol = "tcp"\nport = 5136\nto = "192.168.1.10:80"\n'
RESENT = 1.0  # seconds after which the server sends again what all its probes did not bring over


@pytest.fixture(name="make")
def _make(lab):
    """Return a function that makes a line with all slices, and a server."""

    def make(shape):
        line = lab("firewall", "snat", "pbr", shape=shape)
        line.internet.run(
            "ip", "route", "replace", f"{SHARED}/32", "dev", "mape", "rto_min", f"{RESENT:.0f}s"
        )
        return line, line.internet.listen(5000)

    return make


def change(line, shape, more=""):
    """Bring the router to another configuration."""
    line.config.write_text(config(*shape, more=more))
    line.apply()
    assert line.settled()


def test_a_download_goes_on_when_a_forward_is_added(make):
    """Each byte arrives, without a lost packet; then it is taken away again."""
    line, server = make(OCN)
    download = Download(line, server).start()
    change(line, OCN, FORWARD)
    assert download.goes_on()
    change(line, OCN)
    assert download.goes_on()
    download.end()


def test_a_lost_packet_would_be_noticed(make):
    """The counter of these tests works: what is lost in 20 ms is sent again."""
    line, server = make(OCN)
    download = Download(line, server).start()
    line.router.nft("table ip lossy { chain c { type filter hook forward priority 0; drop; }; }")
    time.sleep(0.02)
    line.router.run("nft", "delete", "table", "ip", "lossy")
    assert download.goes_on()
    with pytest.raises(AssertionError):
        download.end()


@pytest.mark.parametrize(("before", "after"), [(NARROW, WIDE), (WIDE, NARROW)])
def test_a_download_goes_on_with_ports_that_stay(make, before, after):
    """The port set grows, or shrinks to a half that has the download's port."""
    line, server = make(before)
    downloads = [Download(line, server) for _ in range(30)]
    download = next(one for one in downloads if one.port >> 4 & 63 == 1)  # PSID 1 of 6 bits
    download.start()
    watch = line.watch()
    change(line, after)
    assert download.goes_on()
    download.end()
    assert any(packet.sport == download.port for packet in watch.seen())
    assert line.untranslated() == 0


@pytest.mark.parametrize("after", [NARROW, FOREIGN])
def test_no_flow_goes_on_with_a_port_that_has_gone(make, after):
    """Flows of the old set that the new one lacks: nothing leaves with their ports."""
    line, server = make(WIDE if after == NARROW else OCN)
    downloads = [Download(line, server) for _ in range(30)]
    change(line, after)
    gone = [one for one in downloads if one.port not in line.ports()]
    assert gone
    watch = line.watch()
    packets = [flow("udp", HOSTS[0], 20000 + at) for at in range(100)]
    for one in gone:
        one.client.sendall(b"with the old port?")
    line.send(packets)
    time.sleep(0.25)  # what is not acknowledged is sent again after 0.2 s
    seen = watch.seen()
    assert not unlucky(seen, line.ports())
    assert len([packet for packet in seen if packet.kind == "udp"]) == 100


def test_the_guard_stops_flows_that_conntrack_still_has(lab):
    """With the translation alone changed, packets of old flows are dropped and counted."""
    line = lab("snat", shape=OCN)
    packets = [udp(HOSTS[0], 20000 + at, elsewhere(at), 443) for at in range(100)]
    assert len(line.passed(packets)) == 100
    line.config.write_text(config(*FOREIGN))
    line.apply("snat")
    seen = line.passed(packets)
    assert not unlucky(seen, line.ports())
    assert len(seen) + line.untranslated() == 100


@pytest.mark.parametrize("after", [OCN, FOREIGN])
def test_new_flows_find_rules_at_every_moment(make, after):
    """A flow each half millisecond while the rules are replaced: all leave, with right ports.

    But for one that got its port by the old rules and met the guard of the new ones.
    """
    line, _server = make(OCN)
    line.config.write_text(config(*after, more=FORWARD if after == OCN else ""))
    allowed = {
        port for shape in (OCN, after) for port in range(1024, 65536) if port >> 4 & 63 == shape[0]
    }
    watch, sent = line.watch(), 0
    with subprocess.Popen(line.command("--slice", "snat"), env=line.environment()) as process:
        while process.poll() is None:
            line.send([udp(HOSTS[sent % 8], 20000, elsewhere(sent), 443)])
            sent += 1
            time.sleep(0.0005)
    assert process.returncode == 0
    seen = watch.seen()
    assert len(seen) + line.untranslated() == sent > 100
    assert line.untranslated() <= (1 if after == FOREIGN else 0)
    assert not unlucky(seen, allowed)


def learned(line, packets):
    """Return the outer ports that PACKETS leave with, whatever conntrack knows."""
    line.forget()
    seen = line.passed(packets)
    assert len(seen) == len(packets)
    assert not unlucky(seen, line.ports())
    return [packet.sport for packet in seen]


def mappings(line):
    """Return what the maps of TCP and UDP hold: inner endpoint and outer port."""
    return [
        (kind, *pair)
        for kind in ("tcp", "udp")
        for pair in sorted(
            re.findall(r"([0-9.]+ \. \d+) [^:]*: (\d+)", line.elements(f"{kind}_mappings", "map"))
        )
    ]


def test_mappings_survive_a_reload_with_the_same_ports(lab):
    """Forty endpoints keep their ports when a forward is added and when it goes."""
    line = lab("snat", shape=OCN)
    packets = [flow(kind, HOSTS[at % 5], 20000 + at) for at in range(20) for kind in ("udp", "tcp")]
    before, known = learned(line, packets), mappings(line)
    assert len(known) == len(packets)
    unused = next(port for port in range(5136, 5152) if port not in before)
    for more in (FORWARD.replace("5136", str(unused)), ""):
        line.config.write_text(config(*OCN, more=more))
        line.apply("snat")
        assert line.settled("snat")
        assert mappings(line) == known
        assert learned(line, packets) == before


def test_mappings_go_with_their_ports(lab):
    """With another port set every endpoint has a port of the new one, and keeps that."""
    line = lab("snat", shape=OCN)
    packets = [flow(kind, HOSTS[at % 5], 20000 + at) for at in range(20) for kind in ("udp", "tcp")]
    before = learned(line, packets)
    line.config.write_text(config(*FOREIGN))
    line.apply("snat")
    after = learned(line, packets)
    assert not set(before) & set(after)
    assert learned(line, packets) == after


def test_what_is_counted_survives_a_reload(lab):
    """The guard's counter and the list of refused hosts stand after a forward was added."""
    line = lab("snat", shape=OCN)
    line.send([flow("tcp", HOSTS[0], 20000 + at) for at in range(600)])
    before = line.elements("refused")
    assert "counter packets 96 " in before
    line.config.write_text(config(*OCN, more=FORWARD))
    line.apply("snat")
    assert "counter packets 96 " in line.elements("refused")


def test_flows_are_still_known_after_a_reload(lab):
    """Ports in use before a reload are not given away after it: 1008 in two halves."""
    line = lab("snat", shape=OCN, mape="max-share = 100")
    first = line.passed([flow("udp", HOSTS[0], 20000 + at) for at in range(504)])
    line.config.write_text(config(*OCN, mape="max-share = 100", more=FORWARD))
    line.apply("snat")
    second = line.passed([flow("udp", HOSTS[1], 30000 + at) for at in range(503)])
    assert len({packet.sport for packet in first + second}) >= 1006
    assert {packet.source for packet in first + second} == {SHARED}


OLD_SETS = (Path(__file__).parents[1] / "data" / "sets-of-0.1.0.nft").read_text()
LEARNED = {
    ("ip dualwan_snat", "map", "udp_mappings"): f"{HOSTS[0]} . 3074 : 5136",
    ("ip dualwan_snat", "map", "tcp_mappings"): f"{HOSTS[0]} . 3074 : 5137",
    ("ip dualwan_snat", "map", "open_ports"): f"5136 : {HOSTS[0]} . 3074",
    ("ip dualwan_snat", "set", "open_owned"): "5136",
    ("ip dualwan_snat", "set", "refused"): f"{HOSTS[1]} counter packets 7 bytes 420",
    ("inet dualwan_firewall", "set", "tries4_1"): "198.51.100.1 . 6 . 22",
    ("inet dualwan_firewall", "set", "refused4"): "198.51.100.1 . 6 . 22",
}


def test_an_upgrade_from_0_1_0_keeps_what_was_learned(bare):
    """Chains have other names now; mappings, open ports, tries and refusals live on."""
    line = bare(config=config(*OCN, mape=f'open-nat = ["{HOSTS[0]}"]'))
    made = load(line.config)
    before = [legacy.table("table" + text) for text in OLD_SETS.split("table")[1:]]
    hook = "type filter hook input priority 10; policy accept;"
    before = [
        replace(
            table,
            blocks=(
                *table.blocks,
                base_chain("guard", hook, "jump gone"),
                chain("gone", "counter"),
            ),
        )
        for table in before
    ]
    for table in before:
        line.router.nft(table.source())
    for (table, _, name), element in LEARNED.items():
        line.router.nft(f"add element {table} {name} {{ {element} }}\n")
    ways = derive_line(made).ways
    after = (snat.wanted_table(made, ways), firewall.wanted_table(made, ways))
    for old, new in zip(before, after, strict=True):
        line.router.nft(replacement(old, new))
    for (table, kind, name), element in LEARNED.items():
        listed = line.router.run("nft", "-n", "list", kind, *table.split(), name)
        assert element.split(" :")[0].split(" counter")[0] in listed
    assert "counter packets 7" in line.router.run(
        "nft", "list", "set", "ip", "dualwan_snat", "refused"
    )
    assert not line.router.run("nft", "list", "ruleset").count("chain gone")
