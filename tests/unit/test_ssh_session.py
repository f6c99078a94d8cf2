"""The SSH session of this process, from what proc(5) says of its ancestors and of TCP."""

from ipaddress import ip_address

import pytest

from dualwan.errors import HostError
from dualwan.host import program
from dualwan.host.around import ssh_session

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue\n"
# 192.0.2.1:22 from 198.51.100.7:50000, as little-endian machines have it.
IPV4 = "   0: 010200C0:0016 076433C6:C350 {} 00000000:00000000\n"
IPV6 = "   0: B80D0120000000000000000001000000:0016 B80D0120090000000000000007000000:C350 {} 0:0\n"
MAPPED = (
    "   0: 0000000000000000FFFF0000010200C0:0016 0000000000000000FFFF0000076433C6:C350 {} 0:0\n"
)
SESSION = "198.51.100.7 50000 192.0.2.1 22"


@pytest.fixture(name="proc", autouse=True)
def _proc(tmp_path, monkeypatch):
    """Return a function that writes /proc: SSH_CONNECTION by process, and TCP."""
    monkeypatch.setattr("sys.byteorder", "little")
    monkeypatch.setattr(
        program, "output", lambda _argv: (0, '[{"dst":"default","dev":"ppp0","flags":[]}]', "")
    )

    def make(variables, tcp="", tcp6="", state="01"):
        for number, text in enumerate(variables):
            folder = tmp_path / ("self" if number == 0 else str(100 + number))
            folder.mkdir()
            parent = 101 + number if number + 1 < len(variables) else 1
            (folder / "stat").write_text(f"7 (a) b) S {parent} 7 7\n")
            words = [b"A=b", *([b"SSH_CONNECTION=" + text.encode()] if text else []), b""]
            (folder / "environ").write_bytes(b"\0".join(words))
        (tmp_path / "self/net").mkdir()
        for name, lines in (("tcp", tcp), ("tcp6", tcp6)):
            (tmp_path / "self/net" / name).write_text(HEAD + lines.format(state))
        return ssh_session.look(tmp_path)

    return make


@pytest.mark.parametrize("variables", [[SESSION], ["", SESSION], ["", "", "", SESSION]])
def test_it_is_found_at_an_ancestor(proc, variables):
    """Sudo has taken it out of the environment of this process."""
    found = proc(variables, IPV4)
    assert (found.peer, found.own) == (ip_address("198.51.100.7"), ip_address("192.0.2.1"))
    assert (found.port, found.device, found.by_default) == (22, "ppp0", True)


@pytest.mark.parametrize(
    ("text", "tcp", "tcp6"),
    [
        ("2001:db8:0:9::7 50000 2001:db8::1 22", "", IPV6),
        (SESSION, "", MAPPED),
        ("::ffff:198.51.100.7 50000 ::ffff:192.0.2.1 22", "", MAPPED),
    ],
)
def test_by_ipv6_and_by_ipv4_in_ipv6(proc, text, tcp, tcp6):
    """Sshd may listen for both by one socket."""
    assert proc([text], tcp, tcp6).device == "ppp0"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "198.51.100.7 50000 192.0.2.1",
        "198.51.100.7 50000 192.0.2.1 22 5",
        "198.51.100.7 x 192.0.2.1 22",
        "; 50000 192.0.2.1 22",
        "198.51.100.8 50000 192.0.2.1 22",
        "198.51.100.7 50001 192.0.2.1 22",
        "\udcff",
    ],
)
def test_what_is_no_connection_of_this_machine_is_none(proc, text):
    """Anybody can write into an environment; a screen may have outlived its session."""
    try:
        found = proc([text], IPV4)
    except UnicodeEncodeError:  # the test's own writing
        return
    assert found is None


def test_a_connection_that_has_ended_is_none(proc):
    """TIME_WAIT is no session."""
    assert proc([SESSION], IPV4, state="06") is None


def test_an_ancestor_further_up_counts_where_a_nearer_one_has_ended(proc):
    """A session within a screen within a session."""
    assert proc(["198.51.100.8 1 192.0.2.1 22", SESSION], IPV4) is not None


@pytest.mark.parametrize("answer", [(2, "", "unreachable"), (0, "", ""), (0, "x", ""), None])
def test_without_a_route_there_is_nothing_to_judge(proc, monkeypatch, answer):
    """Ip(8) tells none, or is not there."""

    def output(_argv):
        if answer is None:
            raise HostError("ip is not installed")
        return answer

    monkeypatch.setattr(program, "output", output)
    assert proc([SESSION], IPV4) is None


def test_a_default_route_of_another_table_is_none_of_main(proc, monkeypatch):
    """That of PPPoE, by its source."""
    monkeypatch.setattr(
        program, "output", lambda _argv: (0, '[{"dst":"default","dev":"ppp0","table":"100"}]', "")
    )
    assert not proc([SESSION], IPV4).by_default
