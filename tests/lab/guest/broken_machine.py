"""Machines with an obstacle, each for the length of a `with` block."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from guest import command, product, router, waiting
from guest.addresses import BR, CE, FIRST_PPPOE_ADDRESS, LAN, PPP, PPPOE_PEER, WAN
from guest.line import Line

_LOCAL = Path("/etc/ppp/ip-up.local")
_PEER = Path("/etc/ppp/peers", PPPOE_PEER)
_STRANGE = """
table inet stranger {
    chain forward { type filter hook forward priority 10; policy drop; }
}
"""


@contextmanager
def shadowed_hook(line: Line) -> Iterator[None]:
    """Somebody's old script, which pppd runs instead of the folder."""
    assert line
    _LOCAL.write_text("#!/bin/sh\n")
    _LOCAL.chmod(0o755)
    try:
        yield
    finally:
        _LOCAL.unlink()


@contextmanager
def foreign_drop(line: Line) -> Iterator[None]:
    """Another program's chain drops all that is forwarded."""
    line.router.run("nft", "-f", "-", text=_STRANGE)
    try:
        yield
    finally:
        line.router.run("nft", "delete", "table", "inet", "stranger")


@contextmanager
def _with_lines(path: Path, lines: str) -> Iterator[None]:
    """A file has more lines."""
    before = path.read_text()
    path.write_text(before + lines)
    try:
        yield
    finally:
        path.write_text(before)


@contextmanager
def replaced_default_route(line: Line) -> Iterator[None]:
    """The peer's file as pppoeconf writes it, and a connection made with it."""
    with _with_lines(_PEER, "defaultroute\nreplacedefaultroute\n"):
        router.forget_stamps()
        line.isp.reconnect(FIRST_PPPOE_ADDRESS)
        router.wait_for_hooks(FIRST_PPPOE_ADDRESS)
        yield
    product.run()


@contextmanager
def second_pppd(line: Line) -> Iterator[None]:
    """A stanza that starts the session too, and the pppd that it has started."""
    assert line
    stanza = f"\nauto {PPPOE_PEER}\niface {PPPOE_PEER} inet ppp\n    provider {PPPOE_PEER}\n"
    with _with_lines(router.INTERFACES, stanza):
        second = subprocess.Popen(
            ["pppd", "call", PPPOE_PEER, "nodetach"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        try:
            yield
        finally:
            second.terminate()
            second.wait(20)


@contextmanager
def no_ce(line: Line) -> Iterator[None]:
    """Somebody takes the CE address away; nothing puts it back."""
    line.router.ip(f"address del {CE}/128 dev {WAN}")
    try:
        yield
    finally:
        product.run()


@contextmanager
def old_script(line: Line) -> Iterator[None]:
    """What mape.sh makes and leaves: its tunnel, its chains, its address."""
    _run("ip", "-6", "tunnel", "add", "ip6tnl1", "mode", "ip4ip6", "remote", BR, "local", CE,
         "dev", LAN, "encaplimit", "none")  # fmt: skip
    _run("ip", "link", "set", "dev", "ip6tnl1", "mtu", "1460")
    for words in ("-N MAPEFORWARD", "-A MAPEFORWARD -o ip6tnl1 -j ACCEPT",
                  "-A FORWARD -j MAPEFORWARD"):  # fmt: skip
        _run("iptables", *words.split())
    try:
        yield
    finally:
        for words in ("-D FORWARD -j MAPEFORWARD", "-F MAPEFORWARD", "-X MAPEFORWARD"):
            _run("iptables", *words.split())
        line.router.ip("link del dev ip6tnl1")


def _run(*argv: str) -> None:
    command.run(list(argv))


def settled(limit: float = 40) -> None:
    """Wait until the session is up again and the product has nothing left to do."""
    deadline = time.monotonic() + limit
    while FIRST_PPPOE_ADDRESS not in router.addresses(PPP) or _pending():
        if time.monotonic() > deadline:
            raise waiting.TimedOutError(f"the router as before: not within {limit:.0f} s")


def _pending() -> bool:
    return product.run("--dry-run", "--exit-code").returncode != 0
