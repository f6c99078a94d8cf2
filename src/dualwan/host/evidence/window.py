"""A time window in which all questions are sent on the line, and answers are received.

It ends early once all questions are answered. No address, route, rule or setting is changed; the
packets have only the effects of any packet.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress

from dualwan.errors import HostError
from dualwan.host import ndp
from dualwan.host.evidence import ear, frames
from dualwan.model.evidence import Advertisement, Heard, Inquiry, PathError, Probe
from dualwan.words import say

AT_LEAST = 1.2  # seconds until another machine defends the CE, or the line solicits another
REPEATS = (0.0, 1.0, 2.5)  # seconds at which unanswered questions are sent
_IPV6_MTU_DISCOVER, _IPV6_PMTUDISC_PROBE = 23, 3
_BROADCAST = b"\xff" * 6
_ETH_P_IPV6 = 0x86DD
_BURST = 16  # probes in a row
_PAUSE = 0.01  # seconds between bursts


def listen(ask: Inquiry) -> Heard:
    """Make the inquiry; raises HostError with the reason if the WAN cannot be listened to."""
    with ExitStack() as opened:
        try:
            listener = opened.enter_context(ear.listen(ask.wan, ask.ipv4))
        except PermissionError:
            raise HostError(say("listening on {wan} needs root", wan=ask.wan)) from None
        except OSError as error:
            raise HostError(
                say("{wan} cannot be listened to: {reason}", wan=ask.wan, reason=error.strerror)
            ) from None
        window = _Window(ask, listener, opened)
        window.run()
        return window.heard()


class _Window:
    """The state of a window: sockets, and the answers so far."""

    def __init__(self, ask: Inquiry, listener: socket.socket, opened: ExitStack) -> None:
        self.ask, self._ear, self._token = ask, listener, os.urandom(frames.TOKEN)
        self._by_id = {frames.identification(one, self._token): one.number for one in ask.probes}
        self.advertisements: list[Advertisement] = []
        self.solicited: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.claimed: dict[str, None] = {}
        self.errors: list[PathError] = []
        self.returned: set[int] = set()
        self.stopped: dict[int, str] = {}
        self.offers: dict[str, None] = {}
        self.unsent: dict[str, None] = {}
        self.relay = False
        self._tunnel: socket.socket | None = None
        self._echo: socket.socket | None = None
        if ask.ce and ask.br:
            self._echo = _raw(opened, frames.ICMPV6)
            with suppress(OSError):  # bind(2) fails while the CE address is missing
                sender = _raw(opened, frames.IPIP)
                sender.bind((ask.ce, 0))
                self._tunnel = sender

    def run(self) -> None:
        """Ask and listen, until all is answered or the time is over."""
        started = time.monotonic()
        poll = select.poll()
        poll.register(self._ear, select.POLLIN)
        pending = [started + delay for delay in REPEATS]
        while (now := time.monotonic()) < started + self.ask.seconds:
            if now >= started + AT_LEAST and self._complete():
                return
            if pending and now >= pending[0]:
                pending.pop(0)
                self._ask()
                continue
            ends = (AT_LEAST, self.ask.seconds) if now < started + AT_LEAST else (self.ask.seconds,)
            until = min((*pending, *(started + seconds for seconds in ends)))
            if poll.poll(max(1.0, (until - time.monotonic()) * 1000)):
                self._hear()

    def _complete(self) -> bool:
        """Whether all questions are answered."""
        ask = self.ask
        back = {one.number for one in ask.probes if one.hops > 1} <= self.returned
        return (
            bool(self.advertisements)
            and (bool(self.offers) or not ask.discover)
            and (not ask.br or (self.relay and back))
        )

    # --- asking ------------------------------------------------------------------------------

    def _ask(self) -> None:
        ask = self.ask
        if not self.advertisements:
            with suppress(HostError):  # the missing answer is evidence enough
                ndp.solicit(ask.wan)
        if ask.ce:
            self._frame(ndp.detection(ask.ce), _ETH_P_IPV6, _group(ask.ce))
        if ask.discover and not self.offers:
            self._frame(frames.discovery(self._token), frames.ETH_PPPOE, _BROADCAST)
        if self._echo is not None and not self.relay:
            echo = struct.pack("!BBHHH", frames.ECHO_REQUEST6, 0, 0, os.getpid() & 0xFFFF, 1)
            sender = self._echo
            self._try(lambda: sender.sendto(echo + self._token, (ask.br, 0)))
        answered = self.returned | set(self.stopped)
        for at, probe in enumerate(one for one in ask.probes if one.number not in answered):
            if at % _BURST == _BURST - 1:
                time.sleep(_PAUSE)
                self._hear()
            self._probe(probe)

    def _probe(self, probe: Probe) -> None:
        packet, sender = frames.inner(probe, self.ask.ipv4, self._token), self._tunnel
        if sender is not None:
            self._try(lambda: sender.sendto(packet, (self.ask.br, 0)))

    def _frame(self, data: bytes, protocol: int, to: bytes) -> None:
        with suppress(OSError):
            self._ear.sendto(data, (self.ask.wan, protocol, 0, 0, to))

    def _try(self, send: Callable[[], object]) -> None:
        try:
            send()
        except OSError as error:
            # Other errors are sizes that do not pass, or refusals that the line reports by ICMPv6.
            if error.errno in (errno.EPERM, errno.EACCES):
                self.unsent[os.strerror(error.errno)] = None

    # --- hearing -----------------------------------------------------------------------------

    def _hear(self) -> None:
        while (packet := ear.heard(self._ear)) is not None:
            if packet.protocol == frames.ETH_PPPOE:
                if not packet.outgoing and (name := frames.read_offer(packet.data, self._token)):
                    self.offers[name] = None
            elif packet.data[6:7] == bytes([frames.IPIP]):
                self._hear_inner(packet.data[40:])
            elif (message := frames.read_icmpv6(packet.data)) is not None:
                self._hear_icmpv6(message, packet)

    def _hear_inner(self, data: bytes) -> None:
        found = frames.read_inner(data, self.ask.ipv4, self._token)
        if found.number is not None:
            self.returned.add(found.number)
        elif found.stopped in self._by_id:
            self.stopped[self._by_id[found.stopped]] = found.source

    def _hear_icmpv6(self, message: frames.Message, packet: ear.Packet) -> None:
        ask = self.ask
        if packet.outgoing:
            self.answered[message.target] += message.kind == frames.NEIGHBOUR
        elif message.advertisement is not None:
            self.advertisements.append(message.advertisement)
        elif message.kind == frames.SOLICITATION:
            self.solicited[message.target] += 1
        elif message.kind == frames.NEIGHBOUR and message.target == ask.ce:
            self.claimed[packet.sender] = None
        elif message.kind == frames.ECHO_REPLY6 and message.payload.endswith(self._token):
            self.relay = True
        elif message.target and message.target == ask.br:
            self.errors.append(PathError(message.source, message.kind, message.code, message.mtu))

    def heard(self) -> Heard:
        """Return what has come."""
        return Heard(
            advertisements=tuple(dict.fromkeys(self.advertisements)),
            solicited=dict(self.solicited),
            answered={name: number for name, number in self.answered.items() if number},
            claimed=tuple(self.claimed),
            relay=self.relay,
            errors=tuple(dict.fromkeys(self.errors)),
            returned=frozenset(self.returned),
            stopped=dict(self.stopped),
            offers=tuple(self.offers),
            unsent=tuple(self.unsent),
        )


def _raw(opened: ExitStack, protocol: int) -> socket.socket:
    """Return a raw socket that only sends, and ignores the known path MTU."""
    made = opened.enter_context(socket.socket(socket.AF_INET6, socket.SOCK_RAW, protocol))
    ear.attach(made, [(0x06, 0, 0, 0)])  # receives nothing: the ear does
    made.setsockopt(socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, _IPV6_PMTUDISC_PROBE)
    made.setblocking(False)
    return made


def _group(address: str) -> bytes:
    """Return the link address of the multicast group (RFC 2464 section 7)."""
    return b"\x33\x33" + ndp.solicited_node(address).packed[-4:]
