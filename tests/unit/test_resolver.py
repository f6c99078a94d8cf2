"""Asking name servers: what counts as an answer, and which server is asked next."""

import random
import socket
import time
from ipaddress import IPv6Address

import pytest
from dns.exception import DNSException
from dns.message import from_wire
from hypothesis import given, settings
from hypothesis import strategies as st

from dualwan.errors import RemoteError
from dualwan.host.remote import resolver
from dualwan.host.remote.deadline import Deadline

NAME = "4over6.info"
TXT, AAAA, CNAME = 16, 28, 5
SERVER, OTHER_SERVER = "2001:db8:53::53", "2001:db8:53::54"


def number(value):
    """Return VALUE as the two bytes of a DNS message."""
    return value.to_bytes(2, "big")


def message(wire, *records, flags=0x8180, count=None):
    """Return the answer to the question WIRE: RECORDS are pairs of a type and its content."""
    body = b"".join(b"\xc0\x0c" + number(kind) + number(1) + b"\0\0\0\x3c" + number(len(content))
                    + content for kind, content in records)
    return (wire[:2] + number(flags) + number(1) + number(len(records) if count is None else count)
            + b"\0\0\0\0" + wire[12:] + body)


def string(text):
    """Return TEXT as a character string of DNS."""
    return bytes([len(text)]) + text


@pytest.fixture
def asked():
    """Return the question for the TXT records of NAME."""
    return resolver.question(NAME, "TXT")


@pytest.mark.parametrize("name", ["", "..", "a" * 64, ".".join(["a" * 60] * 5), "名前.example"])
def test_what_cannot_be_a_name_is_not_asked_for(name):
    """Too long, without a label, or not ASCII."""
    with pytest.raises(RemoteError, match="is no name that DNS could know"):
        resolver.question(name, "AAAA")


def test_a_question_is_plain(asked):
    """One question, recursion desired, no extension: an answer by UDP has 512 bytes at most."""
    wire = asked.to_wire()
    assert wire[2:] == (number(0x0100) + number(1) + b"\0" * 6
                        + b"\x064over6\x04info\0" + number(TXT) + number(1))


def test_each_question_has_an_identifier_of_its_own():
    """Who guesses it has to guess it anew each time."""
    assert len({resolver.question(NAME, "TXT").id for _ in range(50)}) > 40


def test_an_answer_is_read(asked):
    """Its records of the type that was asked for, in their order."""
    answer = resolver.reply(asked, message(
        asked.to_wire(), (TXT, string(b"one")), (AAAA, IPv6Address("::1").packed),
        (TXT, string(b"two"))))
    assert [record.strings for record in resolver.records(asked, answer)] == [(b"one",), (b"two",)]


def test_an_alias_is_followed_by_the_resolver():
    """The record of another name counts, because the resolver says that it is meant."""
    asked = resolver.question("vne.example", "AAAA")
    wire = message(asked.to_wire(), (CNAME, b"\x05other\xc0\x10"), count=2)
    wire += (b"\x05other\xc0\x10" + number(AAAA) + number(1) + b"\0\0\0\x3c" + number(16)
             + IPv6Address("2001:db8::1").packed)
    found, = resolver.records(asked, resolver.reply(asked, wire))
    assert found.address == "2001:db8::1"


def test_a_name_in_other_letters_is_the_same_name(asked):
    """A server may repeat the question in capitals."""
    wire = asked.to_wire()
    answer = message(wire[:12] + wire[12:-4].upper() + wire[-4:], (TXT, string(b"one")))
    assert len(resolver.records(asked, resolver.reply(asked, answer))) == 1


def test_what_answers_something_else_is_refused(asked):
    """Another identifier, another name, another type, a question, or none at all."""
    wire = asked.to_wire()
    good = message(wire, (TXT, string(b"one")))
    other_name = message(resolver.question("4over6.example", "TXT").to_wire(),
                         (TXT, string(b"one")))
    other_type = message(resolver.question(NAME, "AAAA").to_wire(), (TXT, string(b"one")))
    for wrong in (number(asked.id ^ 1) + good[2:], wire[:2] + other_name[2:],
                  wire[:2] + other_type[2:], wire,
                  message(wire, (TXT, string(b"one")), flags=0x0100),
                  wire[:2] + number(0x8180) + b"\0" * 8):
        with pytest.raises(RemoteError, match="no answer to the question"):
            resolver.reply(asked, wrong)
    assert resolver.reply(asked, good)


@pytest.mark.parametrize("wrong", [
    b"", b"junk", b"\0" * 12, b"\xff" * 40, b"\xc0\x0c" * 400])
def test_what_is_no_message_is_refused(asked, wrong):
    """In one line."""
    with pytest.raises(RemoteError):
        resolver.reply(asked, wrong)


def test_an_answer_that_is_cut_off_is_refused(asked):
    """Wherever it ends."""
    whole = message(asked.to_wire(), (TXT, string(b"one") + string(b"two")))
    for size in range(len(whole)):
        with pytest.raises(RemoteError):
            resolver.reply(asked, whole[:size])


def test_an_answer_that_says_it_is_cut_short_is_one(asked):
    """Also where it ends in the middle of a record: the whole is asked for by TCP."""
    whole = message(asked.to_wire(), (TXT, string(b"x" * 200)), flags=0x8380)
    for size in (len(whole), len(whole) - 100):
        assert resolver.reply(asked, whole[:size]).flags & 0x0200


def test_names_that_go_round_in_circles_are_refused(asked):
    """A pointer to itself, and one to what comes later."""
    wire = asked.to_wire()
    for at in (len(wire), len(wire) + 1, 0x3FFF):
        loop = number(0xC000 | at) + number(TXT) + number(1) + b"\0\0\0\x3c" + number(0)
        with pytest.raises(RemoteError, match="cannot be read"):
            resolver.reply(asked, message(wire, count=1) + loop)


def test_no_honest_answer_has_so_many_records(asked):
    """64 are taken, 65 are not."""
    for count in (64, 65):
        records = [(TXT, string(str(at).encode())) for at in range(count)]
        wire = message(asked.to_wire(), *records)
        if count == resolver.MAX_RECORDS:
            assert len(resolver.records(asked, resolver.reply(asked, wire))) == count
        else:
            with pytest.raises(RemoteError, match="more than 64 records"):
                resolver.reply(asked, wire)


def test_the_worst_answer_is_read_in_time(asked):
    """As many records as there is room for, each with a name as long as there is."""
    wire = asked.to_wire()
    name = b"\x01a" * 126
    start = len(wire)
    record = number(TXT) + number(1) + b"\0\0\0\x3c" + number(3)
    worst, count = name + b"\0" + record + string(b"xx"), 1
    while len(wire) + len(worst) + 20 <= resolver.MAX_TCP:
        worst += number(0xC000 | start) + record + string(number(count))
        count += 1
    began = time.process_time()
    with pytest.raises(RemoteError, match="more than 64 records"):
        resolver.reply(asked, message(wire, count=count) + worst)
    assert time.process_time() - began < 1


@settings(max_examples=300)
@given(st.binary(max_size=80), st.integers(0, 1 << 16), st.randoms(use_true_random=False))
def test_fuzz(junk, flags, chance: random.Random):
    """What a server sends is read or refused, never anything else."""
    asked = resolver.question(NAME, "TXT")
    wire = bytearray(message(asked.to_wire(), (TXT, string(b"v=v6mig-1")), (TXT, junk),
                             flags=flags & 0xFFFF))
    for _ in range(chance.randrange(4)):
        wire[chance.randrange(2, len(wire))] = chance.randrange(256)
    try:
        resolver.records(asked, resolver.reply(asked, bytes(wire)))
    except RemoteError as error:
        said = str(error)
        assert said.isprintable()


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
        answer, = saying(b"x" * 255, b"y" * 255)(wire)
        framed = number(len(answer)) + answer
        return [framed[at:at + 1] for at in range(len(framed))]

    servers.by_udp[SERVER] = lambda wire: [message(wire, flags=0x8380)]
    servers.by_tcp[SERVER] = whole
    assert texts(SERVER) == ("x" * 255 + "y" * 255,)
    assert [kind for kind, *_ in servers.asked] == [socket.SOCK_DGRAM, socket.SOCK_STREAM]


@pytest.mark.parametrize(("framed", "reason"), [
    ([number(resolver.MAX_TCP + 1)], "longer than 16384 bytes"),
    ([number(40) + b"too short", b""], "cut off"),
    ([number(4) + b"junk"], "cannot be read"),
    ([], "does not answer"),
])
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
    with pytest.raises(RemoteError, match=f"192.0.2.53 failed with code 2, {SERVER} does not"
                                          f" answer, nonsense is no address$"):
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
    with pytest.raises(RemoteError, match="does not answer"):
        texts("fe80::1%not-there")


def test_servers_of_resolv_conf(tmp_path):
    """In their order, whatever else stands there; none without the file."""
    path = tmp_path / "resolv.conf"
    path.write_text("# nameserver 192.0.2.1\nsearch x\nnameserver fe80::1%eth0\n"
                    " nameserver\t192.0.2.2 # ours\noptions rotate\n")
    assert resolver.resolvers(path) == ("fe80::1%eth0", "192.0.2.2")
    assert resolver.resolvers(tmp_path / "none") == ()


def test_the_address_of_a_name_is_always_the_same(servers, monkeypatch):
    """A server that turns them with each answer must not move the tunnel."""
    monkeypatch.setattr(resolver, "resolvers", lambda: (SERVER,))
    for turn in (["2001:db8::9", "2001:db8::1", "2001:db8::5"], ["2001:db8::5", "2001:db8::1"]):
        servers.by_udp[SERVER] = lambda wire, turn=turn: [message(wire, *(
            (AAAA, IPv6Address(address).packed) for address in turn))]
        assert resolver.stable_address("aftr.example") == "2001:db8::1"
    assert resolver.stable_address("2001:db8::7") == "2001:db8::7"


def test_an_address_that_is_none_is_no_answer(servers):
    """Of another length than an address has."""
    servers.by_udp[SERVER] = lambda wire: [message(wire, (AAAA, b"short"))]
    with pytest.raises(RemoteError, match="does not answer"):
        resolver.addresses("vne.example", [SERVER], Deadline(5))


def test_the_messages_of_these_tests_are_right(asked):
    """The library reads them; otherwise the refusals above would say nothing."""
    try:
        from_wire(message(asked.to_wire(), (TXT, string(b"one"))))
    except DNSException as error:
        pytest.fail(str(error))
