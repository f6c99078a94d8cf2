"""What `dualwan-hook init` reads: old scripts, rules in the kernel, interfaces(5)."""

from zlib import crc32

from fuzzing import DATA, ROOT, Target, files

from dualwan.config import from_text
from dualwan.errors import ConfigError
from dualwan.model.setup import SetupMachine, SourceFile
from dualwan.setup import proposal, reading, shown, stanza, template
from dualwan.setup.dialogue import Answers

RULES_D = ROOT / "there-is-no-rules.d"
EXAMPLE = template.packaged()
MAPE_SH, PPPOE_SH = files(DATA / "scripts", "*.sh")
ANSWERS = Answers("enp1s0", ("enp3s0",), "auto", "dsl-provider")
FORWARDS = b"""\
WAN=ppp0
iptables -t nat -A PREROUTING -i $WAN -p tcp --dport 8080 -j DNAT --to 192.168.1.5:80
iptables -t nat -A PREROUTING -i ip6tnl1 -p udp -m multiport --dports 1040,1041 \\
    -j DNAT --to 192.168.1.6
iptables -A INPUT -i $WAN -s 192.0.2.0/24 -p tcp --dport 8443 -j ACCEPT
iptables -P INPUT DROP
case $1 in stop) poff isp ;; *) pon isp ;; esac
"""
SAVED = b"""\
*filter
:INPUT DROP [0:0]
-A INPUT -i ppp0 -p tcp -m tcp --dport 443 -m comment --comment "my web" -j ACCEPT
COMMIT
"""
INTERFACES = b"""\
auto lo dsl-provider
iface dsl-provider inet ppp
    provider dsl-provider
iface enp1s0 inet6 auto
    up MODE=start \\
       /root/etc/mape.sh
"""


def _part(script, first, last):
    return b"\n".join(script.splitlines()[first:last])


def _scripts(data):
    """Read a script; every second shown, and of some the configuration is made and checked."""
    text = data.decode("utf-8", "replace")
    found = reading.read(SetupMachine(scripts=(SourceFile("/root/x.sh", text),)))
    number = crc32(data)
    if number % 2:
        list(shown.account(found, everything=bool(number % 4 > 1)))
    if number % 8 == 0:
        made = template.filled(EXAMPLE, ANSWERS.settings(found), found.wish.forwards)
        config = from_text("dualwan.toml", made, RULES_D)
        proposed = proposal.propose(SetupMachine(), found, ANSWERS, config)
        list(proposal.summary(proposed, ()))


OLD = stanza.Old("dsl-provider", ("/root/dial", "/root/tunnel"))


def _interfaces(data):
    """Edit a file; a second edit finds nothing."""
    file = SourceFile("/etc/network/interfaces", data.decode("utf-8", "replace"))
    for edit in stanza.edits((file,), "enp1s0", OLD, ifupdown2=False, add=True):
        list(shown.difference(edit))
        after = SourceFile(edit.path, edit.after)
        again = stanza.edits((after,), "enp1s0", OLD, ifupdown2=False, add=True)
        assert not again, again


TARGETS = (
    Target(
        "old-scripts",
        _scripts,
        (
            _part(MAPE_SH, 0, 30),
            _part(MAPE_SH, 60, 100),
            _part(PPPOE_SH, 0, 30),
            _part(PPPOE_SH, 58, 92),
            FORWARDS,
            SAVED,
        ),
        (ConfigError,),
    ),
    Target("interfaces-of-init", _interfaces, (INTERFACES,), ()),
)
