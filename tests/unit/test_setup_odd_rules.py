"""Rules and names as people write them, which iptables accepts and a configuration does not."""

import pytest
from init_command import NAMED, init_path, init_run

from dualwan.model.setup import SetupMachine, SourceFile
from dualwan.setup import script as scripts

__all__ = ["init_path", "init_run"]  # fixtures
SCRIPT = 'WANDEV=enp1s0\nLAN="enp3s0 enp4s0"\n{}\npon isp\n'


@pytest.mark.parametrize(
    ("line", "key", "value"),
    [
        ("iptables -A INPUT -i br+ -j ACCEPT", "lan.interfaces", "br*"),
        ("iptables -A INPUT -i $INSIDE -j ACCEPT", "", None),
        ("LAN=eth0:1", "", None),
        ("WANDEV=all", "", None),
        ('pon "my provider"', "", None),
        ("pppd call ../isp", "", None),
        ("sysctl -w accept_ra=1", "", None),
    ],
)
def test_a_name_that_no_key_takes_is_not_taken_over(line, key, value):
    """Each ended init with a traceback, where nobody was there to answer otherwise."""
    (found,) = scripts.account(SourceFile("x", f"{line}\n"))
    assert (found.outcome.key, found.outcome.value) == (key, value)
    assert found.outcome.done == bool(key)


@pytest.mark.parametrize("line", ["iptables -A INPUT -i $INSIDE -j ACCEPT", "pon 'my provider'"])
def test_init_goes_on_without_what_it_cannot_take(run, monkeypatch, line):
    """The other names of the script are enough."""
    machine = SetupMachine(scripts=(SourceFile("/root/x", SCRIPT.format(line)),))
    monkeypatch.setattr("dualwan.host.around.setup.look", lambda *_: machine)
    code, out, _ = run("--dry-run")
    assert code == 0
    assert 'interfaces = ["enp3s0", "enp4s0"]' in out


def test_a_name_of_the_machine_that_cannot_be_written_is_an_error(run, monkeypatch):
    """The kernel has no rule against it; the options name another."""
    machine = SetupMachine(peers=("odd peer",))
    monkeypatch.setattr("dualwan.host.around.setup.look", lambda *_: machine)
    code, _, err = run(*NAMED, "--dry-run")
    assert (code, err) == (
        2,
        "dualwan-hook: 'odd peer' is no name of a file in /etc/ppp/peers\n",
    )
