"""nmap from the internet side, and a router that would answer on every port it is asked at."""

import selectors
import socket
import subprocess
import threading
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

from space import SO_RCVBUFFORCE

SERVICES = Path("/usr/share/nmap/nmap-services")
COMMONEST, ALL_TCP = 1000, 65535
# Nobody answers at a closed port, so there is nothing to wait for; one more try covers a loss.
QUICK = (
    "-n",
    "-Pn",
    "--send-ip",
    "--disable-arp-ping",
    "-T5",
    "--max-retries",
    "1",
    "--min-rate",
    "50000",
    "--max-rtt-timeout",
    "100ms",
    "--host-timeout",
    "120s",
)


@dataclass(frozen=True)
class Found:
    """What a scan has found: open and closed ports, and how many were silent.

    Closed ones are not listed where they are many. nmap calls silent ones "filtered" and, of
    UDP, "open|filtered": an open one would have answered here (Answering).
    """

    open: frozenset[int]
    closed: frozenset[int]
    silent: int


def commonest_udp():
    """Return the UDP ports that nmap takes for the commonest."""
    rows = (line.split() for line in SERVICES.read_text().splitlines() if line[:1] != "#")
    ports = [
        (float(row[2]), int(row[1][:-4]))
        for row in rows
        if len(row) > 2 and row[1].endswith("/udp")
    ]
    return sorted(port for _, port in sorted(ports, reverse=True)[:COMMONEST])


def begin(space, target, protocol, tcp=f"1-{ALL_TCP}"):
    """Start to scan TARGET from SPACE: the ports TCP, or the commonest of UDP."""
    kind = {"tcp": ("-sS", "-p", tcp), "udp": ("-sU", "-p", ",".join(map(str, commonest_udp())))}[
        protocol
    ]
    family = ("-6",) if ":" in target else ()
    return subprocess.Popen(
        space.argv("nmap", *family, *kind, *QUICK, "-oX", "-", target),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process):
    """Return what the scan PROCESS finds."""
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    host = ET.fromstring(output).find("host")  # noqa: S314 - nmap's own output
    states = {"open": set(), "closed": set()}
    silent = 0
    for ports in host.findall("ports"):
        for extra in ports.findall("extraports"):
            silent += int(extra.get("count")) if "filtered" in extra.get("state") else 0
        for port in ports.findall("port"):
            state = port.find("state").get("state")
            if state in states:
                states[state].add(int(port.get("portid")))
            else:
                silent += 1
    return Found(frozenset(states["open"]), frozenset(states["closed"]), silent)


class Answering:
    """UDP servers on PORTS of a namespace that answer whatever they are sent."""

    def __init__(self, space, ports):
        self.heard = set()
        self._selector = selectors.DefaultSelector()
        for port in ports:
            made = space.call(socket.socket, socket.AF_INET6, socket.SOCK_DGRAM)
            made.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 18)
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
            made.bind(("::", port))
            made.setblocking(False)
            self._selector.register(made, selectors.EVENT_READ, port)
        self._wake, end = socket.socketpair()
        self._selector.register(end, selectors.EVENT_READ, None)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while True:
            for key, _ in self._selector.select():
                if key.data is None:
                    return
                self._answer(key.fileobj, key.data)

    def _answer(self, made, port):
        try:
            data, asked_at, _, sender = made.recvmsg(2048, 64)
            self.heard.add(port)
            address = [(level, kind, value[:16] + bytes(4)) for level, kind, value in asked_at]
            made.sendmsg([data or b"here"], address, 0, sender)  # from where it was asked
        except OSError:
            pass  # the answer was refused

    def close(self):
        """Stop answering."""
        self._wake.send(b".")
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()
        self._wake.close()
