"""One GET: bounded in time and bytes, checked, and never without TLS."""

import socket
import ssl

import pytest

from dualwan.errors import RemoteError
from dualwan.host.remote import https
from dualwan.host.remote.deadline import Deadline

URL = "https://vne.example/rules"
SHOWN = "https://vne.example"  # the rest may hold a key


@pytest.fixture
def pair():
    """Return both ends of a connection: theirs, ours."""
    theirs, ours = socket.socketpair()
    with theirs, ours:
        yield theirs, ours


class Clock:
    """A deadline that has had enough after so many looks at it."""

    def __init__(self, looks):
        self.looks = looks

    def left(self):
        """See Deadline."""
        self.looks -= 1
        if self.looks < 0:
            raise RemoteError("no answer within 3 s")
        return 1.0


def test_a_connection_is_read_to_its_end(pair):
    """Through the file that HTTPResponse makes of it."""
    theirs, ours = pair
    theirs.sendall(b"one\r\ntwo")
    theirs.close()
    with https.Bounded(ours, Deadline(5)) as bounded:
        stream = bounded.makefile("rb")
        assert (stream.readline(), stream.read()) == (b"one\r\n", b"two")


def test_so_many_bytes_are_read_and_none_more(pair):
    """Whatever the headers pretend: it counts what comes."""
    theirs, ours = pair
    bounded = https.Bounded(ours, Deadline(5), most=10)
    buffer = bytearray(8)
    theirs.sendall(b"x" * 10)
    assert (bounded.readinto(buffer), bounded.readinto(buffer)) == (8, 2)
    theirs.sendall(b"x")
    with pytest.raises(RemoteError, match="the server sends more than 10 bytes"):
        bounded.readinto(buffer)


def test_bytes_that_come_slowly_do_not_win_time(pair):
    """The deadline is of the whole: each read has what is left of it."""
    theirs, ours = pair
    bounded = https.Bounded(ours, Clock(3))
    for _ in range(3):
        theirs.sendall(b"x")
        assert bounded.readinto(bytearray(8)) == 1
    theirs.sendall(b"x")
    with pytest.raises(RemoteError, match="no answer within 3 s"):
        bounded.readinto(bytearray(8))


def test_silence_ends_with_the_deadline(pair):
    """The socket waits no longer than there is time left."""
    bounded = https.Bounded(pair[1], Deadline(0.01))
    with pytest.raises(TimeoutError):
        bounded.readinto(bytearray(8))


def test_a_server_that_does_not_read_wins_no_time(pair):
    """Neither all at once nor a little at a time."""
    theirs, ours = pair
    bounded = https.Bounded(ours, Deadline(0.05))
    bounded.send_all(b"GET / HTTP/1.1\r\n\r\n")
    assert theirs.recv(100) == b"GET / HTTP/1.1\r\n\r\n"
    with pytest.raises((TimeoutError, RemoteError)):
        bounded.send_all(b"x" * 10_000_000)
    bounded = https.Bounded(ours.dup(), Clock(0))
    with pytest.raises(RemoteError, match="no answer within 3 s"):
        bounded.send_all(b"x")


def test_closing_it_closes_the_connection(pair):
    """Also when only the file is closed."""
    theirs, ours = pair
    https.Bounded(ours, Deadline(5)).makefile("rb").close()
    assert ours.fileno() == -1
    assert theirs.recv(1) == b""


def test_tls_is_of_1_2_or_later(monkeypatch):
    """Certificate and name are checked, whatever the system's OpenSSL allows."""
    lax = ssl.create_default_context()
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        lax.minimum_version = ssl.TLSVersion.TLSv1
    monkeypatch.setattr(ssl, "create_default_context", lambda: lax)
    made = https.context()
    assert made.minimum_version == ssl.TLSVersion.TLSv1_2
    assert made.verify_mode == ssl.CERT_REQUIRED
    assert made.check_hostname


class Site:
    """A server's answers by URL, in place of connections."""

    def __init__(self, monkeypatch, pages):
        self.pages, self.asked = pages, []
        monkeypatch.setattr(https, "_once", self.once)

    def once(self, url, _deadline, _resolve, headers, _verify):
        """Answer one question."""
        self.asked.append((url, headers))
        status, location, body = self.pages[url]
        return https.Response(url, status, body), location


def get(**options):
    """Ask for URL."""
    return https.get(URL, Deadline(5), lambda _host: (), **options)


def test_a_redirect_is_followed_to_where_it_points(monkeypatch):
    """Relative to where it came from; each step is asked with its own parameters."""
    site = Site(
        monkeypatch,
        {f"{URL}?1": (307, "/other", b""), "https://vne.example/other?1": (200, "", b"{}")},
    )
    found = get(each=lambda url: url + "?1", headers={"X": "y"})
    assert found == ("https://vne.example/other?1", 200, b"{}")
    assert [headers for _, headers in site.asked] == [{"X": "y"}] * 2


@pytest.mark.parametrize(
    "location",
    [
        "http://vne.example/rules",
        "ftp://vne.example/",
        "file:///etc/passwd",
        "https://user@vne.example/",
    ],
)
def test_a_redirect_leads_to_https_only(monkeypatch, location):
    """What it points to is checked like the first URL, and is not asked."""
    site = Site(monkeypatch, {URL: (302, location, b"")})
    with pytest.raises(RemoteError):
        get()
    assert [url for url, _ in site.asked] == [URL]


@pytest.mark.parametrize("redirects", [0, 1, 3])
def test_redirects_have_an_end(monkeypatch, redirects):
    """After so many of them nobody is asked again."""
    site = Site(monkeypatch, {URL: (308, URL, b"")})
    with pytest.raises(RemoteError, match=f"more than {redirects} redirects"):
        get(redirects=redirects)
    assert len(site.asked) == redirects + 1


@pytest.mark.parametrize("page", [(404, "", b""), (300, URL, b""), (301, "", b""), (304, URL, b"")])
def test_other_answers_are_refused(monkeypatch, page):
    """Also a redirect to nowhere."""
    Site(monkeypatch, {URL: page})
    with pytest.raises(RemoteError, match=f"^{SHOWN} answers with status {page[0]}"):
        get()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(101, "Network is unreachable"), "Network is unreachable"),
        (ValueError("odd\x1b[2J"), r"odd\?\[2J"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_what_goes_wrong_is_one_line(monkeypatch, error, reason):
    """Without the query, which may hold a password."""

    def fail(*_):
        raise error

    monkeypatch.setattr(https, "_once", fail)
    with pytest.raises(RemoteError, match=f"^{SHOWN}: {reason}$"):
        https.get(f"{URL}?pass=secret", Deadline(5), lambda _host: ())


def test_a_timeout_is_the_end_of_the_whole(monkeypatch):
    """Then that is said, not what the socket says."""
    deadline = Deadline(0)

    def fail(*_):
        raise TimeoutError

    monkeypatch.setattr(https, "_once", fail)
    with pytest.raises(RemoteError, match=r"^no answer within 0 s$"):
        https.get(URL, deadline, lambda _host: ())


def test_each_address_is_tried_in_turn(monkeypatch):
    """A server with an address that is not reached still answers at the next."""
    tried = []

    class Refusing(socket.socket):
        def connect(self, address):
            tried.append(address)
            raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(https.socket, "socket", Refusing)
    with pytest.raises(RemoteError, match="Connection refused"):
        https.get(URL, Deadline(5), lambda _host: ("2001:db8::1", "2001:db8::2"))
    assert tried == [("2001:db8::1", 443), ("2001:db8::2", 443)]
    with pytest.raises(RemoteError, match="has no IPv6 address"):
        https.get(URL, Deadline(5), lambda _host: ())
