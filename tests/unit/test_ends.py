"""Where tunnels and questions go: what a name server, a URL or a redirect may not name."""

import socket
from types import SimpleNamespace

import pytest

from dualwan.config.mape import DsLite
from dualwan.errors import RemoteError
from dualwan.host.fake import FakeHost
from dualwan.host.remote import https, name_servers, resolver
from dualwan.host.remote.deadline import Deadline
from dualwan.line.provisioning import aftr
from dualwan.model.state import RunState

GOOD, OTHER = "2001:db8:1::80", "2001:db8:1::81"
BAD = {
    "::": "unspecified",
    "::1": "this machine",
    "::ffff:127.0.0.1": "this machine, by IPv4",
    "::ffff:192.168.1.1": "the LAN, by IPv4",
    "::ffff:198.51.100.1": "IPv4, where IPv6 alone is meant",
    "fe80::1": "the link",
    "ff02::1": "all of the link",
    "ff0e::1": "a group",
    "fd00::1": "a site",
    "fc00::1": "a site",
}


@pytest.fixture(name="says")
def _says(monkeypatch):
    """Return a function that sets the AAAA records of every name."""
    told = []
    monkeypatch.setattr(
        resolver, "_records", lambda *_: [SimpleNamespace(address=one) for one in told]
    )
    monkeypatch.setattr(resolver, "resolvers", lambda: ("2001:db8::53",))
    monkeypatch.setattr(name_servers, "of_line", lambda *_: ())
    return told.extend


def ask(name):
    """Return the addresses of ``name``, as HTTPS asks for them."""
    return resolver.addresses(name, ("2001:db8::53",), Deadline(5))


@pytest.fixture(name="_no_connection")
def _no_connection(monkeypatch):
    """Let every connection be a failure of the test."""
    monkeypatch.setattr(https.socket, "socket", lambda *_: pytest.fail("connects"))


@pytest.mark.parametrize("address", BAD, ids=BAD.get)
def test_a_name_does_not_lead_there(says, address):
    """Neither HTTPS nor a tunnel; beside it a good address counts."""
    says([address])
    for lookup in (ask, lambda name: resolver.stable_address(name, "wan0")):
        with pytest.raises(RemoteError, match=r"the address of vne\.example cannot be"):
            lookup("vne.example")
    says([OTHER, GOOD])
    assert ask("vne.example") == (OTHER, GOOD)
    assert resolver.stable_address("vne.example", "wan0") == GOOD


@pytest.mark.usefixtures("_no_connection")
@pytest.mark.parametrize("address", BAD, ids=BAD.get)
@pytest.mark.parametrize("scheme", ["https", "http"])
def test_a_url_does_not_lead_there(address, scheme):
    """Nothing is sent, not even to see whether something listens."""
    with pytest.raises(RemoteError, match="cannot be"):
        https.get(f"{scheme}://[{address}]/rule", Deadline(5), ask, schemes=(scheme,))


@pytest.mark.usefixtures("_no_connection")
@pytest.mark.parametrize("address", BAD, ids=BAD.get)
def test_a_redirect_does_not_lead_there(says, monkeypatch, address):
    """By its own words, or by the name that it gives."""
    real, once = https._once, []  # noqa: SLF001 - the first hop is answered

    def hop(url, *rest):
        once.append(url)
        if len(once) % 2:
            return https.Response(url, 302, b""), locations.pop(0)
        return real(url, *rest)

    monkeypatch.setattr(https, "_once", hop)
    says([address])
    locations = [f"https://[{address}]/", "https://other.example/"]
    for _ in range(2):
        with pytest.raises(RemoteError, match="cannot be"):
            https.get(f"https://[{GOOD}]/rule", Deadline(5), ask)
    assert not locations
    assert len(once) == 4


def test_a_connection_by_ipv6_is_never_one_by_ipv4():
    """Also if a mapped address came as far as this: the kernel refuses it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        port = server.getsockname()[1]
        with pytest.raises(RemoteError, match=r"unreachable|not supported|Invalid"):
            https.get(
                f"http://vne.example:{port}/",
                Deadline(5),
                lambda _host: ("::ffff:127.0.0.1",),
                schemes=("http",),
            )
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize("address", BAD, ids=BAD.get)
def test_a_note_does_not_lead_a_tunnel_there(address):
    """What a run of an earlier version has noted is checked when it is used."""
    mape = DsLite(aftr="gw.example.jp")
    state = RunState(aftr=address, aftr_name="gw.example.jp")
    assert aftr.known(mape, state, ("2001:db8::/64",), FakeHost()) == ""
    state = RunState(aftr=GOOD, aftr_name="gw.example.jp")
    assert aftr.known(mape, state, ("2001:db8::/64",), FakeHost()) == GOOD
