"""What servers and DHCPv6 clients say: answers, leases, DNS messages, and what was kept of them."""

import io
import json
from contextlib import suppress
from types import SimpleNamespace

import dns_wire
from fuzzing import DATA, FileTarget, Target, files
from machine import BASE

from dualwan.config import from_text
from dualwan.errors import MapeError, RemoteError
from dualwan.host import leases
from dualwan.host.remote import default_router, https, line_news, name_servers, resolver
from dualwan.host.remote.deadline import Deadline
from dualwan.line.provisioning import aftr, cache, dhcpv6, hb46pp
from dualwan.line.provisioning.answer import ce_parameters
from dualwan.model.state import RunState

OPTION = "0059000f010c18cb0071003420010db8000120005a001020010db8000100000000000000000001"
WITH_PORTS = (
    "00590017010c18cb0071003420010db8000120005d000404000000005a001020010db8000100000000000000000001"
)
PREFIX = "2001:db8:1:2abc::/64"
COLONS = ":".join(OPTION[at : at + 2].lstrip("0") or "0" for at in range(0, len(OPTION), 2))
LEASE = f"""\
default-duid "\\000\\001";
lease6 {{
  interface "wan0";
  ia-na 52:54:00:12 {{
    starts 1700000000;
    iaaddr 2001:db8::5 {{
      preferred-life 7200;
    }}
  }}
  option dhcp6.name-servers 2001:db8:53::53,2001:db8:53::54;
  option dhcp6.unknown-94 {COLONS};
  option dhcp6.s46-cont-mape {OPTION};
}}
lease6 {{
  interface "wan1";
}}
""".encode()
REPLY = (
    b"\x07abc"
    + bytes.fromhex(f"005e{len(OPTION) // 2:04x}{OPTION}")
    + bytes.fromhex("00170020" + "20010db8005300000000000000000053" * 2)
)
ASKED = {kind: resolver.question("4over6.info", kind) for kind in ("TXT", "AAAA")}
WIRE = {kind: asked.to_wire() for kind, asked in ASKED.items()}
RECORD = b"v=v6mig-1 url=https://prov.example.jp/rule.cgi t=b"


def _lease_file(data):
    lease = dhcpv6.from_lease_file(data.decode("utf-8", "replace"), "wan0")
    _used(dhcpv6.parse(lease.text if lease else "", "a lease"))


def _reply(data):
    _used(dhcpv6.parse(dhcpv6.from_message(data).text, "a reply"))


def _option94(data):
    _used(dhcpv6.parse(data.hex() if data[:1] != b"0" else data.decode("ascii", "replace")))


def _used(answer):
    with suppress(MapeError):
        ce_parameters(answer, PREFIX)


def _noted(folder):
    del folder  # DUALWAN_STATE names it
    _used(dhcpv6.parse(leases.latest("wan0").lease.text, "kept"))


def _notes(folder):
    tuple(name_servers._noted("lo", folder))
    resolver.resolvers(folder / "run/rdnssd/resolv.conf")


def _environment(tree):
    if not isinstance(tree, dict):
        return
    text = dhcpv6.from_environment({str(key): str(value) for key, value in tree.items()})
    if text:
        _used(dhcpv6.parse(text))


def _json(data):
    _used(hb46pp.parse(data, "https://prov.example.jp/"))


def _record(data):
    text = data.decode("ascii", "replace")
    hb46pp.request(hb46pp.server([text]), "0.1.0", "f" * 64)
    hb46pp.shown(hb46pp.checked_url(text.rpartition("url=")[2].split(" ")[0]))


def _dns(kind):
    def run(data):
        answer = resolver.reply(ASKED[kind], WIRE[kind][:2] + data[2:])
        for one in resolver.records(ASKED[kind], answer):
            str(one)

    return run


def _aftr(tree):
    text = json.dumps(tree)
    services = SimpleNamespace(load_answers=lambda: cache.decode(text))
    config = from_text("x", DS_LITE)
    aftr.known(config.mape, RunState(), (PREFIX,), services)
    services.load_answers().checked(10**9)


def _cache(data):
    kept = cache.decode(data.decode("utf-8", "replace"))
    for one in kept.checked(10**9):
        one.is_fresh((PREFIX,))
    kept.may_ask("hb46pp", 10**9)
    cache.decode(cache.encode(kept))


class _Stream(io.BytesIO):
    """A connection from which a server's words come."""

    def settimeout(self, _seconds):
        """See socket."""

    def send(self, data):
        """See socket."""
        return len(data)

    def recv_into(self, buffer):
        """See socket."""
        return self.readinto(buffer)


def _https(data):
    connected = https._connected
    https._connected = lambda *_: _Stream(data)
    try:
        found = https.get("http://x.example/", Deadline(5), lambda _: (), schemes=("http",))
    finally:
        https._connected = connected
    hb46pp.parse(found.body)


DS_LITE = (
    BASE.split("[mape]", maxsplit=1)[0]
    + '[mape]\nmode = "ds-lite"\naftr = "gw.example.jp"\n[pppoe]\ndial = false\n'
)
CACHE = {
    "answers": {
        "hb46pp": {
            "origin": "https://prov.example.jp/",
            "time": 999999000,
            "prefix": PREFIX,
            "text": (DATA / "provisioning/good/every-way.json").read_text(),
        },
        "dhcpv6": {"origin": "x", "time": 5, "prefix": PREFIX, "text": OPTION},
        "aftr": {"origin": "gw.example.jp", "time": 5, "prefix": PREFIX, "text": "2001:db8::1"},
    },
    "failed": {"hb46pp": 999999999},
}
GOOD = files(DATA / "provisioning/good")
HTTP = (
    *(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body for body in GOOD[:2]),
    b"HTTP/1.1 302 Found\r\nLocation: http://y.example/\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"HTTP/1.1 500 Oops\r\n\r\n",
)
REMOTE = (RemoteError,)
PREFIXES = bytes.fromhex("8600000040c00708" + "00" * 8) + 2 * bytes.fromhex(
    "030440c000278d0000093a800000000020010db8000100000000000000000000"
)
RDNSS = (
    bytes([134])
    + bytes(15)
    + bytes([25, 3, 0, 0, 0, 0, 7, 8])
    + bytes.fromhex("20010db8005300000000000000000053")
)

TARGETS = (
    Target("lease-dhclient", _lease_file, (LEASE,), REMOTE),
    Target("lease-dhcpcd", _reply, (REPLY,), REMOTE),
    FileTarget(
        "lease-of-a-hook",
        _noted,
        (OPTION.encode(), WITH_PORTS.encode()),
        REMOTE,
        paths=("dhcpv6.wan0",),
        variable="DUALWAN_STATE",
    ),
    Target(
        "lease-environment",
        _environment,
        ({"interface": "wan0", "new_dhcp6_unknown_94": COLONS, "raw_dhcp_option_94": OPTION},),
        REMOTE,
        trees=True,
    ),
    Target("option-94", _option94, (bytes.fromhex(OPTION), bytes.fromhex(WITH_PORTS)), REMOTE),
    FileTarget(
        "notes-of-name-servers",
        _notes,
        (
            b"ADMIN_STATE=configured\nDNS=2001:db8:53::53 fe80::1\nDOMAINS=\n",
            b"SERVERS=192.0.2.53 2001:db8::53#dns.example\n",
            b"# x\nnameserver fe80::1%wan0\nnameserver 127.0.0.53\noptions edns0\n",
        ),
        (),
        paths=("run/systemd/netif/links/1", "run/rdnssd/resolv.conf"),
    ),
    Target("hb46pp-json", _json, GOOD + files(DATA / "provisioning/refused"), REMOTE),
    Target("hb46pp-record", _record, (RECORD, RECORD + b" x=1"), REMOTE),
    Target(
        "dns-txt",
        _dns("TXT"),
        (
            dns_wire.message(WIRE["TXT"], (dns_wire.TXT, dns_wire.string(RECORD))),
            dns_wire.message(WIRE["TXT"], flags=0x8183),
            dns_wire.message(WIRE["TXT"], flags=0x8380),
        ),
        REMOTE,
    ),
    Target(
        "dns-aaaa",
        _dns("AAAA"),
        (
            dns_wire.message(WIRE["AAAA"], (dns_wire.AAAA, bytes(15) + b"\1")),
            dns_wire.message(WIRE["AAAA"], (dns_wire.CNAME, b"\1x\xc0\x0c"), (28, bytes(16))),
        ),
        REMOTE,
    ),
    Target("aftr-kept", _aftr, (CACHE,), (), trees=True),
    Target("answers-kept", _cache, (json.dumps(CACHE, indent=1).encode(),), ()),
    Target("https-answer", _https, HTTP, REMOTE),
    Target("router-advertisement-rdnss", line_news.rdnss, (RDNSS,), ()),
    Target("router-advertisement-prefixes", default_router.announced, (PREFIXES, RDNSS), ()),
)
