"""Which name server is asked, how, and which one is asked next."""

import socket
from ipaddress import IPv6Address

import pytest
from dns_wire import AAAA, TXT, message, number, string

from dualwan.errors import RemoteError
from dualwan.host.remote import resolver
from dualwan.host.remote.deadline import Deadline

NAME = "4over6.info"
SERVER, OTHER_SERVER = "2001:db8:53::53", "2001:db8:53::54"


class Servers:
    """Name servers in place of sockets: what each answers is a function of the question."""

    def __init__(self):
        self.by_udp, self.by_tcp = {}, {}
        self.asked = []

    def socket(self, family, kind):
        """Return a socket to them."""
        return Stream(self, family, kind)


class Stream:
    """One socket; a server that has nothing more to say is silent."""

    def __init__(self, servers, family, kind):
        self.servers, self.family, self.kind = servers, family, kind
        self.inbox = []
        self.timeout = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def settimeout(self, seconds):
        """See socket."""
        self.timeout = seconds

    def connect(self, address):
        """See socket."""
        assert self.timeout
        self.address = address

    def send(self, wire):
        """Ask the server, which answers at once."""
        self.servers.asked.append((self.kind, *self.address))
        answers = self.servers.by_udp if self.kind == socket.SOCK_DGRAM else self.servers.by_tcp
        self.inbox += answers.get(self.address[0], lambda _wire: [])(wire)

    def sendall(self, framed):
        """Ask by TCP."""
        assert int.from_bytes(framed[:2], "big") == len(framed) - 2
        self.send(framed[2:])

    def recv(self, size):
        """Return the next datagram, or what TCP has of SIZE bytes."""
        if not self.inbox:
            raise TimeoutError
        data = self.inbox.pop(0)
        if self.kind == socket.SOCK_DGRAM:
            return data[:size]
        if data[size:]:
            self.inbox.insert(0, data[size:])
        return data[:size]


@pytest.fixture
def servers(monkeypatch):
    """Return name servers that the resolver asks instead of real ones."""
    made = Servers()
    monkeypatch.setattr(resolver.socket, "socket", made.socket)
    return made


def saying(*strings):
    """Return a server's answer with one TXT record of STRINGS."""
    return lambda wire: [message(wire, (TXT, b"".join(map(string, strings))))]


def failing(code):
    """Return a server's answer with that code."""
    return lambda wire: [message(wire, flags=0x8180 | code)]


def texts(*servers, seconds=5):
    """Ask SERVERS for the TXT records of NAME."""
    return resolver.texts(NAME, servers, Deadline(seconds))


def test_the_strings_of_a_record_are_joined(servers):
    """A record is longer than one string may be; what is not ASCII is replaced."""
    servers.by_udp[SERVER] = saying(b"v=v6mig-1 url=https://", b"vne.example/", b"\xe3?\xff")
    assert texts(SERVER) == ("v=v6mig-1 url=https://vne.example/???",)
    assert servers.asked == [(socket.SOCK_DGRAM, SERVER, 53, 0, 0)]


def test_answers_of_others_are_not_heard(servers):
    """Junk, and an answer with another identifier, come before the one that counts."""

    def answer(wire):
        forged = message(wire, (TXT, string(b"forged")))
        return [b"junk", bytes([forged[0] ^ 1]) + forged[1:], *saying(b"good")(wire)]

    servers.by_udp[SERVER] = answer
    assert texts(SERVER) == ("good",)


def test_what_does_not_fit_is_asked_for_by_tcp(servers):
    """Byte by byte, if that is how it comes."""

    def whole(wire):
        (answer,) = saying(b"x" * 255, b"y" * 255)(wire)
        framed = number(len(answer)) + answer
        return [framed[at : at + 1] for at in range(len(framed))]

    servers.by_udp[SERVER] = lambda wire: [message(wire, flags=0x8380)]
    servers.by_tcp[SERVER] = whole
    assert texts(SERVER) == ("x" * 255 + "y" * 255,)
    assert [kind for kind, *_ in servers.asked] == [socket.SOCK_DGRAM, socket.SOCK_STREAM]


@pytest.mark.parametrize(
    ("framed", "reason"),
    [
        ([number(resolver.MAX_TCP + 1)], "longer than 16384 bytes"),
        ([number(40) + b"too short", b""], "cut off"),
        ([number(4) + b"junk"], "cannot be read"),
        ([], "does not answer"),
    ],
)
def test_an_answer_by_tcp_that_is_wrong(servers, framed, reason):
    """The next server is asked, and the reason is told if there is none."""
    servers.by_udp[SERVER] = lambda wire: [message(wire, flags=0x8380)]
    servers.by_tcp[SERVER] = lambda _wire: list(framed)
    with pytest.raises(RemoteError, match=f"no answer about {NAME}: {SERVER} .*{reason}"):
        texts(SERVER)
    servers.by_udp[OTHER_SERVER] = saying(b"good")
    assert texts(SERVER, OTHER_SERVER) == ("good",)


def test_after_silence_the_next_server_is_asked(servers):
    """Also after one that is no address, and after one that fails; three at most."""
    servers.by_udp[OTHER_SERVER] = saying(b"good")
    servers.by_udp["192.0.2.53"] = failing(2)
    assert texts("192.0.2.53", SERVER, OTHER_SERVER) == ("good",)
    assert texts("nonsense", OTHER_SERVER) == ("good",)
    with pytest.raises(
        RemoteError,
        match=f"192.0.2.53 failed with code 2, {SERVER} does not answer, nonsense is no address$",
    ):
        texts("192.0.2.53", SERVER, "nonsense", OTHER_SERVER)


@pytest.mark.parametrize("code", [0, 3])
def test_that_there_is_no_such_name_is_an_answer(servers, code):
    """Another server would say something else only if it were not the line's."""
    servers.by_udp[SERVER] = failing(code)
    servers.by_udp[OTHER_SERVER] = saying(b"of another line")
    with pytest.raises(RemoteError, match="this line does not offer it"):
        texts(SERVER, OTHER_SERVER)


def test_without_a_server_nobody_is_asked(servers):
    """That is the reason then."""
    with pytest.raises(RemoteError, match="no name server is known"):
        texts()
    assert not servers.asked


@pytest.mark.usefixtures("servers")
def test_the_whole_has_a_limit():
    """It is the reason where it is over, whoever was being asked."""
    with pytest.raises(RemoteError, match=r"^no answer within 0 s$"):
        texts(SERVER, seconds=0)


def test_a_link_local_server_is_asked_on_its_interface(servers):
    """`fe80::1%lo`, as an advertisement's server stands in resolv.conf."""
    servers.by_udp["fe80::1"] = saying(b"good")
    assert texts("fe80::1%lo") == ("good",)
    assert servers.asked == [(socket.SOCK_DGRAM, "fe80::1", 53, 0, socket.if_nametoindex("lo"))]
    with pytest.raises(RemoteError, match=r"fe80::1%not-there No such device$"):
        texts("fe80::1%not-there")


def test_servers_of_resolv_conf(tmp_path):
    """In their order, whatever else stands there; none without the file."""
    path = tmp_path / "resolv.conf"
    path.write_text(
        "# nameserver 192.0.2.1\nsearch x\nnameserver fe80::1%eth0\n"
        " nameserver\t192.0.2.2 # ours\noptions rotate\n"
    )
    assert resolver.resolvers(path) == ("fe80::1%eth0", "192.0.2.2")
    assert resolver.resolvers(tmp_path / "none") == ()


def test_the_address_of_a_name_is_always_the_same(servers, monkeypatch):
    """A server that turns them with each answer must not move the tunnel."""
    monkeypatch.setattr(resolver, "resolvers", lambda: (SERVER,))
    for turn in (["2001:db8::9", "2001:db8::1", "2001:db8::5"], ["2001:db8::5", "2001:db8::1"]):
        servers.by_udp[SERVER] = lambda wire, turn=turn: [
            message(wire, *((AAAA, IPv6Address(address).packed) for address in turn))
        ]
        assert resolver.stable_address("aftr.example") == "2001:db8::1"
    assert resolver.stable_address("2001:db8::7") == "2001:db8::7"


def test_an_address_that_is_none_is_no_answer(servers):
    """Of another length than an address has."""
    servers.by_udp[SERVER] = lambda wire: [message(wire, (AAAA, b"short"))]
    with pytest.raises(RemoteError, match="does not answer"):
        resolver.addresses("vne.example", [SERVER], Deadline(5))
