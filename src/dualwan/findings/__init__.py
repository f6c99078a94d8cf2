"""Finders of obstacles on the machine that keep the router from its work, and remedies. Pure.

A finder looks at one subject. To add one, write a module, its test and a line in ``ALL``. A finder
is imported when it runs: most read the rules of other programs, and `check` runs none of these.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from dualwan.config import Config
    from dualwan.model.finding import Finding
    from dualwan.model.surroundings import Surroundings

# About the files of the programs that serve the LAN, where there are any; no event reads these.
LAN_FILES = (
    ("lan_files", "elsewhere"),
    ("lan_files", "not_the_line"),
    ("lan_files", "prefix_unused"),
    ("lan_files", "prefix_elsewhere"),
    ("lan_files", "unannounced"),
    ("lan_files", "unproxied"),
)
# Module here and function, in the order of the output.
ALL = (
    ("other_names", "named_so"),
    ("managers", "two_managers"),
    ("managers", "foreign"),
    ("managers", "second_default"),
    ("pppd_hooks", "shadowed"),
    ("scripts", "left"),
    ("ppp_peer", "obstacles"),
    ("ppp_starters", "second"),
    ("own_addresses", "forwards_to_router"),
    ("own_addresses", "routed_networks"),
    ("own_addresses", "routed_to_router"),
    ("own_addresses", "twice"),
    ("concentrator", "addresses"),
    ("wan_routes", "of_lan"),
    ("own_advertisements", "on_lan"),
    ("elsewhere", "internet"),
    *LAN_FILES,
    ("foreign", "dropping"),
    ("foreign", "translating"),
    ("foreign", "untracked"),
    ("foreign", "marking"),
    ("foreign", "offloading"),
    ("bridges", "filtered"),
    ("reverse_path", "on_for_all"),
    ("unnamed", "unnamed"),
    ("floods", "floods"),
    ("offload", "refused"),
    ("probes", "stopped"),
    ("own_scripts", "not_run"),
    ("own_scripts", "failed"),
    ("pair", "untold"),
    ("pair", "not_running"),
)
# Not the one that fails at boot either: keepalived starts only after the first ifup.
AT_EVENTS = tuple(one for one in ALL if one not in {("pair", "not_running"), *LAN_FILES})
# About the peer that the configuration names, from files that need no root.
PEER = (("ppp_peer", "obstacles"), ("ppp_starters", "second"))
# About what the configuration asks of the kernel.
IN_KERNEL = (("offload", "refused"),)
# Those that work on what host.around.files reads.
IN_FILES = (
    ("other_names", "named_so"),
    ("pppd_hooks", "shadowed"),
    *PEER,
    ("own_scripts", "not_run"),
    ("pair", "untold"),
)


def find(
    config: Config, around: Surroundings, finders: Iterable[tuple[str, str]] = ALL
) -> tuple[Finding, ...]:
    """Return the findings of ``finders``, in their order."""
    return tuple(finding for name in finders for finding in finder(*name)(config, around))


def finder(module: str, name: str) -> Callable[[Config, Surroundings], Iterable[Finding]]:
    """Return the finder of ``ALL`` in ``module`` with ``name``."""
    found: Callable[[Config, Surroundings], Iterable[Finding]]
    found = getattr(import_module(f"{__name__}.{module}"), name)
    return found
