"""What gives out the ports: this project, and what it is compared with. See nat.py."""

from line import SHARED
from natlab import OCN

MASQUERADE, AGAIN, OURS = "masquerade", "masquerade again", "dualwan-hook"
UNMAPPED, SHELL, SEQUENCE = "dualwan-hook without mappings", "mape.sh", "OpenWrt's sequence"
BLOCKS = [(1024 * block + 16 * OCN[0], 1024 * block + 16 * OCN[0] + 15) for block in range(1, 64)]


def postrouting(*rules):
    """Return an nft table that translates."""
    body = "".join(f"    {rule}\n" for rule in rules)
    return (
        "table ip nat {\n  chain postrouting {\n"
        f"    type nat hook postrouting priority srcnat\n{body}  }}\n}}\n"
    )


def masquerade(line):
    """Any port."""
    line.router.nft(postrouting('oifname "mape0" masquerade'))


def ours(line):
    """The slice that translates, as it is by default, but for the share: one host asks here."""
    line.apply("snat")


def unmapped(line):
    """The same without learning: no endpoint keeps its port."""
    ours(line)
    rules = line.router.run("nft", "-a", "list", "table", "ip", "dualwan_snat").splitlines()
    chain = ""
    for rule in rules:
        if rule.startswith("\tchain "):
            chain = rule.split()[1]
        if "update @" in rule and "_mappings" in rule:
            line.router.run(
                "nft", "delete", "rule", "ip", "dualwan_snat", chain, "handle", rule.split()[-1]
            )


def shell(line):
    """What mape.sh's iptables commands make: a mark in turn for each new flow, a range a mark."""
    lines = ["*nat", *(f":MAPEnat{chain} -" for chain in ("PREROUTING", "OUTPUT", "POSTROUTING"))]
    for block, (low, high) in enumerate(BLOCKS):
        mark = block + 17
        lines += [
            f"-A MAPEnat{chain} -m statistic --mode nth --every 63 --packet {block} "
            f"-j MARK --set-mark {mark}"
            for chain in ("PREROUTING", "OUTPUT")
        ]
        lines += [
            f"-A MAPEnatPOSTROUTING -p {protocol} -o mape0 -m mark --mark {mark} "
            f"-j SNAT --to {SHARED}:{low}-{high}"
            for protocol in ("icmp", "tcp", "udp")
        ]
    lines += [f"-A {chain} -j MAPEnat{chain}" for chain in ("OUTPUT", "PREROUTING", "POSTROUTING")]
    line.router.run("iptables-nft-restore", input="\n".join([*lines, "COMMIT", ""]))


def sequence(line):
    """A rule per range and protocol, the first of which takes every flow."""
    line.router.nft(
        postrouting(
            *(
                f'oifname "mape0" meta l4proto {protocol} snat ip to {SHARED}:{low}-{high}'
                for low, high in BLOCKS
                for protocol in ("icmp", "tcp", "udp")
            )
        )
    )


VARIANTS = {
    MASQUERADE: masquerade,
    AGAIN: masquerade,
    OURS: ours,
    UNMAPPED: unmapped,
    SHELL: shell,
    SEQUENCE: sequence,
}
