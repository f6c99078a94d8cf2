"""S2: the line's own name servers: from others' notes, or from what the line says."""

import socket

import pytest
from advertisements import RA, option
from advertisements import RESOLVER as ADDRESS

from dualwan.errors import RemoteError
from dualwan.host import leases
from dualwan.host.remote import line_news, name_servers, resolver
from dualwan.host.remote.deadline import Deadline
from dualwan.line.provisioning.dhcpv6 import Lease

NOTES = {
    "run/systemd/netif/links/1": f"# private\nADMIN_STATE=configured\nDNS={ADDRESS} fe80::1%2\n",
    "run/systemd/resolve/netif/1": f"SERVERS={ADDRESS}#dns.example fe80::1\n",
    "run/dhcpcd/hook-state/resolv.conf/lo.ra": f"nameserver {ADDRESS}\nnameserver fe80::1%lo\n",
    "run/resolvconf/interface/lo.inet6": f"nameserver {ADDRESS}\nnameserver fe80::1\n",
    "run/resolvconf/interfaces/lo.dhcp6": f"nameserver {ADDRESS}\nnameserver fe80::1\n",
    "run/rdnssd/resolv.conf": f"search x\n nameserver\t{ADDRESS}\nnameserver fe80::1\n",
}


@pytest.fixture(name="asked", autouse=True)
def _asked(monkeypatch):
    """Return a list of the devices on which the line was asked; it says nothing."""
    asked = []

    def ask(device, _deadline):
        asked.append(device)
        raise RemoteError("nothing")

    monkeypatch.setattr(line_news, "ask", ask)
    monkeypatch.setattr(leases, "latest", lambda _device: leases.Found())
    monkeypatch.setattr(socket, "if_nametoindex", lambda _device: 1)
    return asked


def of_line(root):
    """Return the name servers of the line on lo, as files below ROOT have them."""
    return name_servers.of_line("lo", Deadline(5), root)


@pytest.mark.parametrize("path", NOTES)
def test_what_others_have_noted_is_taken(tmp_path, asked, path):
    """A link-local server with its device; the line itself is not asked then."""
    note = tmp_path / path
    note.parent.mkdir(parents=True)
    note.write_text(NOTES[path])
    assert of_line(tmp_path) == (ADDRESS, "fe80::1%lo")
    assert asked == []


def test_what_is_of_no_use_is_left_out(tmp_path, asked):
    """Other devices' notes, addresses of this machine, and words that are none."""
    folder = tmp_path / "run" / "resolvconf" / "interface"
    folder.mkdir(parents=True)
    (folder / "ppp0.pppd").write_text(f"nameserver {ADDRESS}\n")
    (folder / "lo.named").write_text("nameserver 127.0.0.1\nnameserver ::1\nnameserver ff02::1\n")
    (folder / "lo.x").write_text("nameserver hello\nnameserver ::\n")
    (folder / "lo.y").mkdir()
    assert of_line(tmp_path) == ()
    assert asked == ["lo"]


def test_a_lease_goes_before_other_notes(tmp_path, monkeypatch):
    """It is the line's own answer."""
    lease = Lease((), ("2001:db8::1", ADDRESS))
    monkeypatch.setattr(leases, "latest", lambda _device: leases.Found("x", 1, lease))
    note = tmp_path / "run" / "rdnssd" / "resolv.conf"
    note.parent.mkdir(parents=True)
    note.write_text(f"nameserver {ADDRESS}\nnameserver 2001:db8::2\n")
    assert of_line(tmp_path) == ("2001:db8::1", ADDRESS, "2001:db8::2")


def test_without_a_note_the_line_is_asked(tmp_path, monkeypatch):
    """Within two seconds, however long the whole may take."""
    left = []

    def ask(_device, deadline):
        left.append(deadline.left())
        return Lease((), (ADDRESS,))

    monkeypatch.setattr(line_news, "ask", ask)
    assert of_line(tmp_path) == (ADDRESS,)
    assert 1 < left[0] <= 2


def test_a_device_that_is_not_there_has_none(tmp_path, monkeypatch):
    """Only a lease can tell of it."""

    def refuse(device):
        raise OSError(device)

    monkeypatch.setattr(socket, "if_nametoindex", refuse)
    assert of_line(tmp_path) == ()


@pytest.mark.parametrize(
    ("options", "servers"),
    [
        (b"", []),
        (option(25, 1800, ADDRESS), [ADDRESS]),
        (option(25, 1800, ADDRESS, "fe80::1"), [ADDRESS, "fe80::1"]),
        (option(3, 1800, "2001:db8::") + option(25, 9, ADDRESS), [ADDRESS]),
        (option(25, 0, ADDRESS), []),
        (option(25, 1800, ADDRESS)[:-1], []),
        (bytes([25, 0]) + bytes(6) + option(25, 1800, ADDRESS), []),
        (bytes([25]), []),
    ],
)
def test_name_servers_of_an_advertisement(options, servers):
    """RFC 8106 section 5.1; a lifetime of 0 takes them back, what is cut off ends the reading."""
    assert line_news.rdnss(RA + options) == servers


@pytest.fixture(name="answers")
def _answers(monkeypatch):
    """Return what each name server says, "" for no such name; the last question is in it too."""
    answers = {"asked": []}

    def addresses(name, servers, deadline):
        assert deadline.left() > 0
        answers["asked"].append(servers)
        for server in servers:
            if answers.get(server):
                return (answers[server],)
        raise RemoteError(f"{servers[0]} knows of no {name}")

    monkeypatch.setattr(resolver, "addresses", addresses)
    monkeypatch.setattr(resolver, "resolvers", lambda: (ADDRESS, "127.0.0.1"))
    monkeypatch.setattr(name_servers, "of_line", lambda _device, _deadline: (ADDRESS,))
    return answers


@pytest.mark.parametrize(
    ("says", "address", "groups"),
    [
        ({ADDRESS: "2001:db8::64"}, "2001:db8::64", 1),
        ({"127.0.0.1": "2001:db8::65"}, "2001:db8::65", 2),
    ],
)
def test_the_line_is_asked_first_and_then_the_machine(answers, says, address, groups):
    """Also where the line's server knows of no such name; no server is asked twice."""
    answers |= says
    assert resolver.stable_address("gw.example.jp", "wan0") == address
    assert answers["asked"] == [(ADDRESS,), ("127.0.0.1",)][:groups]


def test_both_reasons_are_told(answers):
    """Whoever reads the log sees which servers were asked."""
    assert answers["asked"] == []
    with pytest.raises(RemoteError) as caught:
        resolver.stable_address("gw.example.jp", "wan0")
    assert str(caught.value) == (
        f"{ADDRESS} knows of no gw.example.jp; 127.0.0.1 knows of no gw.example.jp"
    )


@pytest.mark.usefixtures("answers")
def test_a_machine_without_any_name_server(monkeypatch):
    """One sentence."""
    monkeypatch.setattr(resolver, "resolvers", lambda: ())
    monkeypatch.setattr(name_servers, "of_line", lambda _device, _deadline: ())
    with pytest.raises(RemoteError, match=r"^cannot ask for gw\.example\.jp: no name server is"):
        resolver.stable_address("gw.example.jp", "wan0")
