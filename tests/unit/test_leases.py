"""DHCPv6 leases as clients keep them, and what is asked for with them."""

import os
from types import SimpleNamespace

import pytest

from dualwan import __version__
from dualwan.errors import HostError, RemoteError
from dualwan.host import leases
from dualwan.host.remote import ask, https, resolver
from dualwan.line.provisioning.answer import Answer, CachedAnswer

OPTION = "0059000f010c18cb0071003420010db8000120005a001020010db8000100000000000000000001"


@pytest.fixture(name="state")
def _state(tmp_path, monkeypatch):
    """Return a state folder that is not there yet; no client keeps a lease."""
    monkeypatch.setenv("DUALWAN_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(leases, "DHCLIENT", ())
    monkeypatch.setattr(leases, "DHCPCD", ())
    return tmp_path / "state"


def test_what_a_hook_hands_over(state):
    """It is kept by device, and asked for like a lease."""
    assert not leases.note({"interface": "wan0"})
    assert leases.note({"interface": "wan0", "new_dhcp6_unknown_94": OPTION})
    origin, _, text = ask.ask("dhcpv6", "wan0", None, 1)
    assert (origin, text) == (str(state / "dhcpv6.wan0"), OPTION)
    with pytest.raises(RemoteError, match="no DHCPv6 client keeps a lease of wan1"):
        ask.ask("dhcpv6", "wan1", None, 1)


@pytest.mark.parametrize(
    "environ",
    [
        {"new_dhcp6_unknown_94": OPTION},
        {"interface": "../../etc/passwd", "new_dhcp6_unknown_94": OPTION},
        {"interface": "wan0", "new_dhcp6_unknown_94": "0:59:0"},
    ],
)
def test_what_a_hook_hands_over_wrongly(state, environ):
    """Nothing is kept."""
    with pytest.raises(RemoteError):
        leases.note(environ)
    assert not state.exists()


def test_the_latest_lease_counts(state, tmp_path, monkeypatch):
    """Of dhclient, dhcpcd and the hook; one without the option says that it is gone."""
    kept, reply = tmp_path / "dhclient6.wan0.leases", tmp_path / "wan0.lease6"
    monkeypatch.setattr(leases, "DHCLIENT", (str(tmp_path / "dhclient6.%s.leases"),))
    monkeypatch.setattr(leases, "DHCPCD", (str(tmp_path / "%s.lease6"),))
    kept.write_text(f'lease6 {{\n  interface "wan0";\n  option dhcp6.unknown-94 {OPTION};\n}}\n')
    reply.write_bytes(b"\x07abc" + bytes.fromhex("005e" + f"{len(OPTION) // 2:04x}" + OPTION))
    os.utime(kept, (100, 100))
    os.utime(reply, (200, 200))
    assert ask.ask("dhcpv6", "wan0", None, 1) == (str(reply), 200, OPTION)
    os.utime(kept, (300, 300))
    assert ask.ask("dhcpv6", "wan0", None, 1) == (str(kept), 300, OPTION)
    reply.write_bytes(b"\x07abc")
    with pytest.raises(RemoteError, match="has no option 94"):
        ask.ask("dhcpv6", "wan0", None, 1)
    assert not state.exists()


def test_a_file_that_several_devices_share(state, tmp_path, monkeypatch):
    """Only the lease of the device counts, and another's does not hide it."""
    monkeypatch.setattr(leases, "DHCLIENT", (str(tmp_path / "dhclient6.leases"),))
    (tmp_path / "dhclient6.leases").write_text(
        "".join(
            f'lease6 {{\n  interface "{device}";\n  option dhcp6.unknown-94 {option};\n}}\n'
            for device, option in (("wan0", OPTION), ("wan1", OPTION.replace("cb", "cc")))
        )
    )
    assert leases.latest("wan0").lease.containers == (OPTION,)
    assert leases.latest("wan2").lease.containers == ()
    assert not state.exists()


@pytest.mark.usefixtures("state")
@pytest.mark.parametrize("text", ["", 'lease6 {\n  interface "lan0";\n}\n', "lease6 {\n  inter"])
def test_a_file_without_a_lease_of_the_device_hides_no_other(tmp_path, monkeypatch, text):
    """It is another device's, or made by a dhclient that has no lease yet."""
    kept, fresh = tmp_path / "dhclient6.wan0.leases", tmp_path / "dhclient6.leases"
    monkeypatch.setattr(leases, "DHCLIENT", (str(tmp_path / "dhclient6.%s.leases"), str(fresh)))
    kept.write_text(f'lease6 {{\n  interface "wan0";\n  option dhcp6.unknown-94 {OPTION};\n}}\n')
    fresh.write_text(text)
    os.utime(kept, (100, 100))
    assert leases.latest("wan0").path == str(kept)
    assert leases.latest("wan1") == leases.Found(), "the line itself can be asked then"


@pytest.mark.usefixtures("state")
def test_a_lease_that_cannot_be_read_hides_no_other(tmp_path, monkeypatch):
    """A reply that is none, a folder in place of a file: the older lease still counts."""
    monkeypatch.setattr(
        leases,
        "DHCPCD",
        tuple(str(tmp_path / name) for name in ("%s.lease6", "%s.broken", "%s.folder")),
    )
    (tmp_path / "wan0.lease6").write_bytes(
        b"\x07abc" + bytes.fromhex("005e" + f"{len(OPTION) // 2:04x}" + OPTION)
    )
    (tmp_path / "wan0.broken").write_bytes(b"\x01 no reply")
    (tmp_path / "wan0.folder").mkdir()
    os.utime(tmp_path / "wan0.lease6", (100, 100))
    assert leases.latest("wan0").path == str(tmp_path / "wan0.lease6")
    assert leases.latest("wan1") == leases.Found()


def test_a_note_that_cannot_be_kept_is_an_error(state):
    """In one line, with the path; a note holds as little for others as the answers do."""
    environ = {"interface": "wan0", "new_dhcp6_unknown_94": OPTION}
    leases.note(environ)
    assert (state / "dhcpv6.wan0").stat().st_mode & 0o777 == 0o600
    (state / "dhcpv6.wan0").unlink()
    state.rmdir()
    state.write_text("a file where the folder should be")
    with pytest.raises(HostError, match=r"dhcpv6\.wan0"):
        leases.note(environ)


class Provider:
    """A provider's DNS and server, in place of real ones."""

    def __init__(self, monkeypatch):
        self.asked, self.url, self.servers = [], "", ()
        self.body = b"{}"
        monkeypatch.setattr(resolver, "resolvers", lambda: ("192.0.2.53",))
        monkeypatch.setattr(resolver, "texts", self.texts)
        monkeypatch.setattr(resolver, "addresses", self.addresses)
        monkeypatch.setattr(https, "get", self.get)

    def texts(self, name, servers, _deadline, _port):
        """Return the TXT record."""
        assert name == "4over6.info"
        self.servers = servers
        return ("v=spf1 -all", "v=v6mig-1 url=https://vne.example/rule t=b")

    def addresses(self, host, servers, _deadline, _port):
        """Return the server's address."""
        assert (host, servers) == ("vne.example", self.servers)
        return ("2001:db8::80",)

    def get(self, url, _deadline, resolve, *, each):
        """Answer one request."""
        assert resolve("vne.example") == ("2001:db8::80",)
        self.asked.append(each(url))
        return SimpleNamespace(url=url, status=200, body=self.body)


@pytest.fixture
def provider(monkeypatch):
    """Return a provider that answers."""
    return Provider(monkeypatch)


def known(origin, token):
    """Return an answer of ORIGIN that came with TOKEN."""
    return CachedAnswer("hb46pp", origin, "", 0, Answer(token=token))


def test_the_line_s_own_name_servers_are_asked_first(state, tmp_path, monkeypatch, provider):
    """Those of the lease, because others do not know the record; then resolv.conf's."""
    monkeypatch.setattr(leases, "DHCLIENT", (str(tmp_path / "dhclient6.%s.leases"),))
    (tmp_path / "dhclient6.wan0.leases").write_text(
        'lease6 {\n  interface "wan0";\n  option dhcp6.name-servers 2001:db8:53::53;\n}\n'
    )
    origin, _, text = ask.ask("hb46pp", "wan0", None, 1)
    assert (origin, text) == ("https://vne.example/rule", "{}")
    assert provider.servers == ("2001:db8:53::53", "192.0.2.53")
    assert f"version={__version__.replace('.', '_')}" in provider.asked[0]
    assert not state.exists()


@pytest.mark.usefixtures("state")
def test_a_token_goes_back_to_who_gave_it(provider):
    """And to nobody else: another server does not learn what the first one said."""
    for origin, sent in (("https://vne.example/rule", True), ("https://other.example/", False)):
        ask.ask("hb46pp", "wan0", known(origin, "ab" * 32), 1)
        assert ("token=" in provider.asked[-1]) == sent


@pytest.mark.usefixtures("state")
def test_an_answer_that_is_no_text(provider):
    """Refused before anybody looks into it."""
    provider.body = b"\xff"
    with pytest.raises(RemoteError, match=r"the answer of https://vne\.example/rule is not UTF-8"):
        ask.ask("hb46pp", "wan0", None, 1)
