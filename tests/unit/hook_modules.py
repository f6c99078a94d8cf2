"""The modules that a hook may load: whatever is added here is paid for at each event."""

STANDARD = {
    *("array", "bisect", "codecs", "collections", "contextlib", "copyreg", "datetime", "enum"),
    *(
        "encodings",
        "errno",
        "fcntl",
        "fnmatch",
        "functools",
        "genericpath",
        "glob",
        "importlib",
        "io",
    ),
    *("ipaddress", "itertools", "json", "keyword", "math", "ntpath", "operator", "os", "pathlib"),
    *("posixpath", "re", "reprlib", "select", "selectors", "signal", "socket", "stat", "string"),
    *("struct", "syslog", "time", "types", "typing", "urllib", "warnings"),
    *("grp", "pwd"),  # by pathlib of Python 3.13
    "gc",  # a part of the interpreter, by the supervisor
}
TOML = {"tomli"}
LOG = {"structlog", "structlog._base", "structlog._generic", "structlog.exceptions"} | {
    "structlog.typing"
}
OURS = {
    "dualwan",
    *(f"dualwan.{name}" for name in ("digest", "errors", "files", "frozen", "handle", "hook")),
    *(f"dualwan.{name}" for name in ("journal", "line", "mape", "nft", "paths", "planning")),
    *(f"dualwan.{name}" for name in ("ppp", "reconcile", "result", "slices", "toml_source")),
    *(f"dualwan.{name}" for name in ("log", "supervisor", "unstarted", "words", "host", "model")),
    "dualwan.config",
    *(
        f"dualwan.config.{name}"
        for name in ("firewall", "forwards", "interfaces", "mape", "routed", "router", "sections")
    ),
    *(f"dualwan.config.{name}" for name in ("services", "values", "ways", "zones")),
    *("dualwan.handle.run", "dualwan.line.renumbering", "dualwan.host.kernel_line"),
    *(f"dualwan.host.{name}" for name in ("alarm", "answers", "in_use", "kernel", "lock")),
    *(
        f"dualwan.host.{name}"
        for name in ("kernel_role", "kernel_trial", "main_default", "managers")
    ),
    *(f"dualwan.host.{name}" for name in ("netlink", "netlink_changes", "news", "nfnetlink")),
    *(f"dualwan.host.{name}" for name in ("nft", "nft_counts", "nft_handles", "nft_names")),
    *(f"dualwan.host.{name}" for name in ("noted", "prefix", "processes", "records")),
    *(f"dualwan.host.{name}" for name in ("rtnl", "rtnl_message", "run_files", "store")),
    *(f"dualwan.host.{name}" for name in ("sysctl", "tables", "trials", "xtables")),
    *(f"dualwan.line.{name}" for name in ("provisioning", "provisioning.answer")),
    *(f"dualwan.line.{name}" for name in ("role", "session", "ways")),
    *(f"dualwan.mape.{name}" for name in ("packaged", "portset", "rule", "table")),
    *(f"dualwan.model.{name}" for name in ("event", "observed", "plan", "resources", "state")),
    *(f"dualwan.model.{name}" for name in ("trial", "usage", "way")),
    *(f"dualwan.nft.{name}" for name in ("carried", "listing", "stored", "table", "transaction")),
    "dualwan.ppp.session",
    *(f"dualwan.slices.{name}" for name in ("dnat", "drift", "firewall", "goals", "ipsec")),
    *(f"dualwan.slices.{name}" for name in ("marks", "offload", "pbr", "slice", "snat")),
    *(f"dualwan.slices.{name}" for name in ("tables", "zones")),
    *(f"dualwan.slices.pbr.{name}" for name in ("alone", "marking", "routed", "zone_ways")),
    *("dualwan.slices.firewall.routed", "dualwan.slices.snat.routed"),
    *(f"dualwan.slices.tunnel{name}" for name in ("", ".advertised", ".flows")),
    *(f"dualwan.slices.tunnel.{name}" for name in ("possible", "sysctls")),
    *(
        f"dualwan.slices.firewall.{name}"
        for name in ("antispoof", "forwarded", "icmpv6", "lan_flows", "services_in", "unnamed")
    ),
    *(f"dualwan.slices.firewall.{name}" for name in ("mss", "zoned")),
    *(
        f"dualwan.slices.snat.{name}"
        for name in ("allocate", "carried", "flow", "further", "mape_inbound", "match", "names")
    ),
    *(f"dualwan.slices.snat.{name}" for name in ("pppoe_inbound", "ports", "quota", "timeouts")),
    *(f"dualwan.slices.snat.{name}" for name in ("repeat", "zone_quota")),
}
# The stages of an event, and what more of them a change of addresses needs.
OF_PPP_UP = {"dualwan.handle.line", "dualwan.handle.sessions"}
OF_UP = OF_PPP_UP | {
    f"dualwan.handle.{name}" for name in ("findings", "last_good", "renumbering", "update_call")
}
OF_UP |= {"dualwan.host.last_good"}
FLOWS = {"dualwan.host.conntrack"}
# What a change loads besides: of libnftables, and of pyroute2's messages about routes and rules.
NFT = {"nftables", "nftables.nftables", "ctypes", "ctypes._endian"}
CHANGES = {"dualwan.host.rtnl_request", "platform", "logging", "traceback", "textwrap", "linecache"}
CHANGES |= {"tokenize", "token", "threading", "weakref", "_weakrefset", "uuid", "string", "ast"}
CHANGES |= {
    "pyroute2",
    *(f"pyroute2.{name}" for name in ("common", "netlink", "netlink.exceptions", "netlink.rtnl")),
    *(f"pyroute2.netlink.rtnl.{name}" for name in ("fibmsg", "rtmsg")),
}


def outside(loaded, *more):
    """Return those of the modules ``loaded`` that are on no list; ``more``: further lists."""
    listed = {*OURS, *TOML, *LOG}.union(*more)
    return sorted(
        name
        for name in loaded
        if name not in listed
        and name.partition(".")[0] not in STANDARD | {"tomli"}
        and not name.startswith("_")
        and ".__mp" not in name
        and not name.endswith("__mypyc")  # of tomli, which is compiled in Debian 13
    )
