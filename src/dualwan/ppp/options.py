"""The options that pppd reads for a peer, each with its file and line. Pure.

Read in this order, and a later one replaces an earlier: /etc/ppp/options, the peer's file with
what it includes, and /etc/ppp/options.NIC of the PPPoE plugin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from dualwan.frozen import NamedTuple, dataclass, field
from dualwan.paths import PPP_DIR
from dualwan.ppp.words import Word, split

MAX_FILES = 32  # of one peer; pppd itself has no limit, and recurses until it crashes
MAX_OPTIONS = 4096

# The options with an argument, of pppd 2.4.9 and 2.5.2 and the plugins in their source. Any other
# option has none: if one is missing here, its argument is read as an option.
_NAMES = """
    +ua -as active-filter allow-ip allow-number asyncmap avpair bsdcomp bundle ca call callback
    capath cert chap-interval chap-max-challenge chap-restart chap-secrets chap-timeout
    child-timeout connect connect-delay crl crl-dir datarate defaultroute-metric deflate disconnect
    domain eap-interval eap-max-rreq eap-max-sreq eap-restart eap-timeout endpoint escape file
    holdoff host-uniq idle ifname init ip-down-script ip-pre-up-script ip-up-script
    ipcp-max-configure ipcp-max-failure ipcp-max-terminate ipcp-restart ipparam ipv6
    ipv6-down-script ipv6-up-script ipv6cp-max-configure ipv6cp-max-failure ipv6cp-max-terminate
    ipv6cp-restart ipx-network ipx-node ipx-router-name ipx-routing ipxcp-max-configure
    ipxcp-max-failure ipxcp-max-terminate ipxcp-restart kdebug key lcp-echo-failure
    lcp-echo-interval lcp-max-configure lcp-max-failure lcp-max-terminate lcp-restart lcp-rtt-file
    linkname logfd logfile max-tls-version maxconnect maxfail maxoctets minconnect mo mo-direction
    mo-timeout mrru mru ms-dns ms-wins mschap-challenge mschap2-peer-challenge mtu name
    net-down-script net-init-script net-pre-up-script netmask ntlm_auth-helper pap-max-authreq
    pap-restart pap-secrets pap-timeout pass-filter password passwordfd pkcs12 plugin pppoe-ac
    pppoe-host-uniq pppoe-mac pppoe-padi-attempts pppoe-padi-timeout pppoe-service pppoe-sess
    pppoe-verbose pppol2tp pppol2tp_debug_mask pppol2tp_ifname pppol2tp_reorderto
    pppol2tp_session_id pppol2tp_tunnel_id privgroup promptprog pty qos radius-config-file
    realms-config-file record remotename remotenumber rp_pppoe_ac rp_pppoe_service rp_pppoe_sess
    rp_pppoe_verbose set socket srp-interval srp-pn-secret stop-bits tls-verify-method unit unset
    user vj-max-slots welcome
"""
_WITH_ARGUMENT = frozenset(_NAMES.split())
_HIDDEN = "password"  # its argument is a secret, and not kept
_NIC = "nic-"  # before the PPPoE plugin's interface, which may stand alone too


class Option(NamedTuple):
    """An option of pppd. value: its argument, "" for none. place: file and line."""

    name: str
    value: str
    place: str


@dataclass(frozen=True)
class PeerOptions:
    """The options of a peer in the order in which pppd reads them.

    unreadable: paths that are missing or cannot be read, though an option includes them;
    with the place of that option. cut: whether a limit of this reader was reached.
    """

    options: tuple[Option, ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()
    cut: bool = field(default=False, compare=False)

    def last(self, *names: str) -> Option | None:
        """Return the last option that has one of ``names``, which is the one in force."""
        found = [option for option in self.options if option.name in names]
        return found[-1] if found else None

    def on(self, name: str, *off: str) -> Option | None:
        """Return the last option ``name`` unless one of ``off`` follows it."""
        found = self.last(name, *off)
        return found if found and found.name == name else None

    @property
    def nics(self) -> tuple[Option, ...]:
        """The options that name the Ethernet interface for the PPPoE plugin, with that as value."""
        if not any(item.name == "plugin" and "pppoe" in item.value for item in self.options):
            return ()
        return tuple(
            Option("nic", item.name.removeprefix(_NIC), item.place)
            for item in self.options
            if item.name.startswith(_NIC)
        )


class _Reading:
    """The state of reading one peer's files."""

    def __init__(self, read: Callable[[str], str], interfaces: Iterable[str]) -> None:
        self._read, self._interfaces = read, frozenset(interfaces)
        self.options: list[Option] = []
        self.unreadable: list[tuple[str, str]] = []
        self.files = 0
        self.cut = False

    def file(self, path: str, asked_by: str, *, required: bool = True) -> None:
        """Read ``path`` and what it includes; ``asked_by``: the place that includes it."""
        self.files += 1
        if self.files > MAX_FILES:
            self.cut = True
            return
        try:
            text = self._read(path)
        except OSError:
            if required:
                self.unreadable.append((path, asked_by))
            return
        self._words(path, split(text))

    def _words(self, path: str, words: Iterator[Word]) -> None:
        for name, line in words:
            if len(self.options) >= MAX_OPTIONS:
                self.cut = True
                return
            value = next(words, Word("", line)).text if name in _WITH_ARGUMENT else ""
            place = f"{path}:{line}"
            if name in {"file", "call"}:
                included = value if name == "file" else f"{PPP_DIR}/peers/{value}"
                self.file(included, place)
                continue
            full = f"{_NIC}{name}" if name in self._interfaces else name
            self.options.append(Option(full, "" if name == _HIDDEN else value, place))


def read_peer(peer: str, read: Callable[[str], str], interfaces: Iterable[str]) -> PeerOptions:
    """Return the options of `pppd call PEER`.

    ``read`` returns the text of a path, or raises OSError. ``interfaces``: names of the
    machine's interfaces, which the PPPoE plugin accepts without "nic-".
    """
    reading = _Reading(read, interfaces)
    reading.file(f"{PPP_DIR}/options", "", required=False)
    reading.file(f"{PPP_DIR}/peers/{peer}", "")
    found = PeerOptions(tuple(reading.options), tuple(reading.unreadable), reading.cut)
    if found.nics:
        reading.file(f"{PPP_DIR}/options.{found.nics[-1].value}", "", required=False)
        found = PeerOptions(tuple(reading.options), tuple(reading.unreadable), reading.cut)
    return found
