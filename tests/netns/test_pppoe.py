import pytest
from line import CLIENT, CONFIG, OTHER_PPPOE, PPPOE, SERVERS, SHARED, SHUT
from scenes import reconnect
from sniffer import SYN_ACK
from space import until


@pytest.mark.parametrize("port", [22, 25, 80, 443])
def test_services_on_offer_are_reached_and_answer_by_pppoe(line, port):
    """The internet reaches the router's servers; what they answer leaves by ppp0 alone."""
    server = line.router.listen(port)
    by_pppoe, by_mape = line.internet.sniff("ppp"), line.internet.sniff("mape")
    client = line.internet.connect(PPPOE, port)
    accepted, _ = server.accept()
    accepted.sendall(b"welcome")
    assert client.recv(7) == b"welcome"
    assert by_pppoe.segments(SYN_ACK, sport=port)
    assert PPPOE not in by_mape.sources()


@pytest.mark.parametrize("port", [21, 23, 445, 3306, 8080])
def test_other_ports_stay_shut(line, port):
    """A server that is not on offer is not reached, and nothing says that it is there.

    It is the firewall that keeps it: without it the same server answers.
    """
    server = line.router.listen(port)
    tap = line.internet.sniff("ppp")
    with pytest.raises(TimeoutError):
        line.internet.connect(PPPOE, port, timeout=SHUT)
    assert PPPOE not in tap.sources()
    line.open()
    line.internet.connect(PPPOE, port)
    server.accept()


def test_ident_is_refused_aloud(line):
    """Mail servers that ask for it need not wait."""
    with pytest.raises(ConnectionRefusedError):
        line.internet.connect(PPPOE, 113, timeout=SHUT)


def test_the_shared_address_offers_nothing(line):
    """What comes in by MAP-E unasked is dropped, whatever is on offer on PPPoE.

    It is our tables that keep it: without them the same server answers.
    """
    server = line.router.listen(22)
    with pytest.raises(TimeoutError):
        line.internet.connect(SHARED, 22, timeout=SHUT)
    line.open()
    line.router.run("nft", "delete", "table", "ip", "dualwan_snat")  # which has its own word
    line.internet.connect(SHARED, 22)
    server.accept()


def test_a_list_of_services_is_what_is_open(bare):
    """TCP and UDP by number, ping by name; the defaults are not added."""
    line = bare(config=CONFIG + '[firewall]\ninbound = ["tcp/8443", "udp/51820", "ping"]\n')
    line.apply()
    server, tunnel = line.router.listen(8443), line.router.udp(port=51820)
    line.router.listen(22)
    line.internet.connect(PPPOE, 8443)
    server.accept()
    line.internet.udp(SERVERS[0]).sendto(b"hello", (PPPOE, 51820))
    assert tunnel.recv(5) == b"hello"
    assert line.internet.ping(PPPOE) == {1}
    with pytest.raises(TimeoutError):
        line.internet.connect(PPPOE, 22, timeout=SHUT)


FORWARD = f"""\
table ip theirs {{
    chain prerouting {{
        type nat hook prerouting priority dstnat; policy accept;
        iifname "ppp0" tcp dport 8080 dnat to {CLIENT}:80
    }}
}}
"""


def test_answers_of_a_server_behind_the_router_leave_by_pppoe(bare):
    """They carry a LAN address while they are routed: the mark of their connection leads them."""
    line = bare()
    line.apply("snat", "pbr")  # the firewall has no forwards yet
    line.router.nft(FORWARD)
    server = line.lan.listen(80)
    by_mape = line.internet.sniff("mape")
    client = line.internet.connect(PPPOE, 8080)
    accepted, _ = server.accept()
    accepted.sendall(b"welcome")
    assert client.recv(7) == b"welcome"
    assert by_mape.sources() == set()


def test_what_the_router_begins_itself_goes_by_mape(line):
    """Only answers are led to PPPoE; the router's own requests take the default route."""
    server = line.internet.listen(80)
    by_pppoe = line.internet.sniff("ppp")
    line.router.connect(SERVERS[0], 80)
    assert server.accept()[1][0] == SHARED
    assert by_pppoe.sources() == set()


def test_what_is_sent_from_the_pppoe_address_goes_by_pppoe(line):
    """A server that begins a connection from its own address, mail say, leaves by ppp0."""
    server = line.internet.udp(SERVERS[0], 53, timeout=2)
    by_mape = line.internet.sniff("mape")
    line.router.udp(PPPOE).sendto(b"query", (SERVERS[0], 53))
    assert server.recvfrom(5)[1][0] == PPPOE
    assert by_mape.sources() == set()


def test_marks_of_others_are_kept(bare):
    """A mark that somebody else uses passes through ours, and ours through theirs."""
    line = bare()
    line.apply("snat", "pbr")
    line.router.nft(
        FORWARD
        + """\
        table ip marks {
            counter kept { }
            chain early { type filter hook prerouting priority raw; meta mark set 0x00c0ffee; }
            chain late {
                type filter hook forward priority filter;
                ct direction reply meta mark & 0x00ffffff == 0x00c0ffee counter name kept
            }
        }
    """
    )
    server = line.lan.listen(80)
    line.internet.connect(PPPOE, 8080)
    server.accept()
    assert until(
        lambda: "packets 0 " not in line.router.run("nft", "list", "counter", "ip", "marks", "kept")
    )


def test_a_new_address_is_mended_by_the_event(line):
    """Rule, route and flows follow; the server answers; the port set's table is untouched."""
    server = line.router.listen(80)
    line.internet.connect(PPPOE, 80).sendall(b"a")
    server.accept()
    line.lan.udp().sendto(b"", (SERVERS[0], 5000))
    before = line.table("ip", "dualwan_snat")
    assert f"src={PPPOE}" in line.router.run("conntrack", "-L")
    reconnect(line, OTHER_PPPOE)
    assert any(f"from {OTHER_PPPOE} lookup 100" in rule for rule in line.rules())
    assert PPPOE not in "".join(
        (
            *line.rules(),
            *line.routes(),
            line.router.run("conntrack", "-L"),
            line.router.run("nft", "-t", "list", "ruleset"),
        )
    )
    assert "default dev ppp0 table 100" in "".join(line.routes())
    assert line.table("ip", "dualwan_snat") == before
    assert f"dst={SERVERS[0]}" in line.router.run("conntrack", "-L")
    line.internet.connect(OTHER_PPPOE, 80)
    server.accept()
    assert line.settled()


def test_the_same_address_keeps_its_connections(line):
    """A short cut: the route is put back, and what was open goes on."""
    server = line.router.listen(80)
    client = line.internet.connect(PPPOE, 80)
    accepted, _ = server.accept()
    reconnect(line, PPPOE)
    accepted.sendall(b"still here")
    assert client.recv(10) == b"still here"


def test_a_lost_pppoe_leaves_no_rule_behind(line):
    """At ip-down the address and the device are gone already."""
    line.router.run("ip", "link", "del", "ppp0")
    line.event("ppp-down", PPP_IFACE="ppp0")
    assert not any(PPPOE in rule for rule in line.rules())
    assert "table 100" not in "".join(line.routes())


def test_another_pppd_changes_nothing(line):
    """A VPN that comes up by pppd is not our PPPoE."""
    before = (line.rules(), line.routes(), line.router.run("nft", "-a", "list", "ruleset"))
    line.router.ip("link add ppp9 type veth peer name vpn\nlink set ppp9 up")
    line.event("ppp-up", PPP_IFACE="ppp9")
    assert (line.rules(), line.routes(), line.router.run("nft", "-a", "list", "ruleset")) == before
