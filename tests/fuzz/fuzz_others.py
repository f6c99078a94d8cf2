"""What other programs write: pppd, ifupdown, systemd, iptables, nft, /proc."""

import os

from fuzzing import DATA, FileTarget, Target, files
from machine import BASE

from dualwan.config import from_text
from dualwan.findings import ppp_peer
from dualwan.host import processes
from dualwan.host.around import chains, interfaces, networkd, pair, ppp
from dualwan.model.ppp_files import PppFiles
from dualwan.model.surroundings import Surroundings
from dualwan.nft import legacy, listing
from dualwan.nft.foreign import iptables, judge, listed
from dualwan.ppp import words


def _legacy(data):
    text = data.decode("utf-8", "replace")
    found = legacy.table(text)
    if found:
        found.source()
    listing.with_indexes(listing.one_table(text, "inet", "dualwan_firewall"), {"lo": 1}.get)


def _peer(data):
    text = data.decode("utf-8", "replace")
    options = ppp.read_peer("dsl-provider", _reading(text), ("wan0",))
    clients = tuple(word.text for word in words.split(text))
    around = Surroundings(ppp=PppFiles(peer=options, clients=clients))
    for found in ppp_peer.obstacles(from_text("x", BASE + 'peer = "dsl-provider"\n'), around):
        str(found)


def _reading(text):
    def read(path):
        if path.endswith("options"):
            raise FileNotFoundError(path)
        return text

    return read


def _root(root):
    ppp._clients(root)
    ppp.starters("dsl-provider", root)
    interfaces.stanza("wan0", root)
    list(interfaces.lines(root))
    networkd.foreign(root)


def _process(proc):
    processes.pppds(proc, os.getuid())
    processes.dialling("dsl-provider", proc, os.getuid())
    processes.sessions(proc, proc, os.getuid())


def _saved(data):
    text = data.decode("utf-8", "replace")
    try:
        found = iptables.chains(text, "iptables-nft", "ip")
    except chains._NOT_UNDERSTOOD:
        return
    _judged(found)


def _listed(tree):
    """Read chains as the caller does, who leaves out a table that is not understood."""
    try:
        found = listed.chains(tree["nftables"])
        listed.is_of_iptables(tree["nftables"])
        _judged(found)
    except chains._NOT_UNDERSTOOD:
        return


def _judged(found):
    packet = judge.Packet("wan0", "lan0", "ip", "tcp", "443", "198.51.100.1", "192.168.1.2")
    by_name = {one.name: one for one in found}
    for chain in found[:20]:
        judge.outcomes(chain, by_name, packet)
        list(judge.actions(chain, by_name, packet, certain=False))


PEER = b"""\
# written by pppoeconf
noipdefault
usepeerdns
defaultroute
replacedefaultroute
hide-password
lcp-echo-interval 20
noauth
persist
maxfail 0
mtu 1454
plugin rp-pppoe.so nic-wan0
user "someone@example.ne.jp"
password 'a\\x20b\\040c'
file /etc/ppp/more
call other
ifname ppp7
ip-up-script /etc/ppp/x
"""
SECRETS = b'# client server secret\n"someone@example.ne.jp" * "p w" *\n* * x\n'
INTERFACES = b"""\
source /etc/network/interfaces.d/*
source-directory /etc/network/interfaces.d
auto lo wan0
allow-hotplug wan0
mapping wan*
    script /x
iface wan0 inet6 auto
    up /usr/local/sbin/mape.sh start \\
        again
iface dsl inet ppp
    provider dsl-provider
    pre-up /sbin/ip link set wan0 up # x
    post-up pon dsl-provider
"""
NETWORKD = b"[Network]\nManageForeignRoutes=no\n#x\nManageForeignRoutingPolicyRules = yes\n"
LISTING = {
    "nftables": [
        {"metainfo": {"version": "1.0.6"}},
        {"table": {"family": "inet", "name": "f", "handle": 1}},
        {
            "chain": {
                "family": "inet",
                "table": "f",
                "name": "in",
                "handle": 1,
                "type": "filter",
                "hook": "forward",
                "prio": 0,
                "policy": "drop",
                "dev": ["wan0"],
            }
        },
        {"chain": {"family": "inet", "table": "f", "name": "more"}},
        {
            "rule": {
                "family": "inet",
                "table": "f",
                "chain": "in",
                "handle": 2,
                "expr": [
                    {
                        "match": {
                            "op": "==",
                            "left": {"payload": {"protocol": "tcp", "field": "dport"}},
                            "right": {"set": [22, {"range": [80, 90]}, {"elem": {"val": 5}}]},
                        }
                    },
                    {
                        "match": {
                            "op": "!=",
                            "left": {"meta": {"key": "iifname"}},
                            "right": {"prefix": {"addr": "10.0.0.0", "len": 8}},
                        }
                    },
                    {"jump": {"target": "more"}},
                ],
            }
        },
        {
            "rule": {
                "family": "inet",
                "table": "f",
                "chain": "more",
                "handle": 3,
                "expr": [
                    {
                        "vmap": {
                            "key": {"ct": {"key": "state"}},
                            "data": {
                                "set": [["established", {"accept": None}], ["new", {"drop": None}]]
                            },
                        }
                    },
                    {"counter": None},
                    {
                        "mangle": {
                            "key": {"meta": {"key": "mark"}},
                            "value": {"|": [{"&": [{"meta": {"key": "mark"}}, 255]}, 256]},
                        }
                    },
                    {"xt": None},
                    {"goto": {"target": "in"}},
                ],
            }
        },
    ]
}
KEEPALIVED = b"""! a pair
vrrp_instance line {
    notify_master "/usr/bin/dualwan-hook role active" # and "/etc/role"
    notify_backup /etc/keepalived/role.sh
    include /etc/keepalived/more/*.conf
}
|include "*.conf"
include role.sh
|#!/bin/sh
exec dualwan-hook role "$1"
"""
PROCESS = (
    b"/usr/sbin/pppd\0call\0dsl-provider\0|42 (pppd) S 1 42 42 0 0 0 0 0 0 0 0 0 0 0 0 777\n",
    b"/bin/sh\0/usr/bin/pon\0dsl-provider\0|42\n0::/system.slice/ppp@x.service\n",
)

TARGETS = (
    Target("listing-of-nft", _legacy, (*files(DATA, "*.nft"),), ()),
    Target("ppp-peer", _peer, (PEER, SECRETS), ()),
    FileTarget(
        "files-of-ifupdown-and-pppd",
        _root,
        (INTERFACES, SECRETS, NETWORKD),
        (),
        paths=(
            *("etc/ppp/chap-secrets", "etc/rc.local", "etc/network/interfaces"),
            "etc/systemd/networkd.conf",
        ),
    ),
    FileTarget(
        "keepalived",
        pair.in_files,
        (KEEPALIVED,),
        (),
        paths=(
            *("etc/keepalived/keepalived.conf", "etc/keepalived/more/one.conf"),
            "etc/keepalived/role.sh",
        ),
    ),
    FileTarget(
        "process",
        _process,
        PROCESS,
        (),
        paths=("42/cmdline", "42/stat", "42/cgroup", "lo.pid"),
    ),
    Target("iptables-save", _saved, files(DATA / "others", "*.iptables"), ()),
    Target("nft-json", _listed, (LISTING,), (), trees=True),
)
