"""Bridges among our interfaces whose frames netfilter sees as if they were routed."""

from __future__ import annotations

from dualwan.errors import KernelError
from dualwan.host import sysctl
from dualwan.host.netlink import Netlink

# These exist while the module br_netfilter is loaded, as by Docker.
_CALLS = ("net/bridge/bridge-nf-call-iptables", "net/bridge/bridge-nf-call-ip6tables")


def filtered(device: str) -> tuple[str, ...]:
    """Return ``device`` if it is a bridge and netfilter sees its frames, else nothing."""
    if "1" not in sysctl.read(_CALLS).values():
        return ()
    try:
        links, _, _ = Netlink().look((device,))
    except KernelError:
        return ()
    return tuple(name for name, link in links.items() if link.kind == "bridge")
