"""Gathering evidence: devices, hooks in /etc, pppd's log, and all of it together."""

from dataclasses import replace

import pytest
import rtnetlink

from dualwan.errors import HostError
from dualwan.host import evidence
from dualwan.host.evidence import devices, hooks, ppp, window
from dualwan.model.evidence import Device, DeviceAddress, Heard, Inquiry

ASKED = Inquiry(wan="wan0", tunnel="mape0")


class Kernel:
    """What a kernel says to the three questions."""

    def __init__(self, links, addresses):
        self._links, self._addresses = links, addresses

    def get_links(self):
        """Return the links."""
        return self._links

    def get_addr(self, family):
        """Return the addresses of a family."""
        return [one for one in self._addresses if one["family"] == family]


def test_devices_with_their_addresses():
    """Those that were asked for; why an address cannot be used."""
    kernel = Kernel(
        [rtnetlink.link("wan0", 2), rtnetlink.link("lan0", 3, up=False), rtnetlink.link("x", 4)],
        [
            rtnetlink.address("192.0.2.1", 3, 24),
            rtnetlink.address("2001:db8::1", 2, 64, flags=0x40),
            rtnetlink.address("2001:db8::2", 2, 128, flags=0x48),
            rtnetlink.address("2001:db8::3", 4, 64),
        ],
    )
    assert devices.look(kernel, ["wan0", "lan0", "mape0"]) == {
        "wan0": Device(
            up=True,
            carrier=False,
            addresses=(
                DeviceAddress("2001:db8::1", 64, "tentative"),
                DeviceAddress("2001:db8::2", 128, "dadfailed"),
            ),
        ),
        "lan0": Device(up=False, carrier=False, addresses=(DeviceAddress("192.0.2.1", 24),)),
    }


def test_hooks_that_are_gone_or_cannot_run(tmp_path):
    """Each with its path and what is wrong."""
    for at, folder in enumerate(hooks.FOLDERS):
        path = tmp_path / folder / hooks.NAME
        path.parent.mkdir(parents=True)
        path.symlink_to("/bin/sh" if at else "/nowhere")
    assert hooks.missing(tmp_path) == (
        "/etc/network/if-pre-up.d/00dualwan-hook is a dangling link",
    )
    first, second, *_ = (tmp_path / folder / hooks.NAME for folder in hooks.FOLDERS)
    first.unlink()
    second.unlink()
    second.write_text("")
    second.chmod(0o644)
    assert hooks.missing(tmp_path) == (
        "/etc/network/if-pre-up.d/00dualwan-hook is gone",
        "/etc/network/if-up.d/00dualwan-hook is not executable",
    )


@pytest.fixture(name="syslog")
def _syslog(tmp_path, monkeypatch):
    """Return a log file in place of the machine's."""
    path = tmp_path / "syslog"
    monkeypatch.setattr(ppp, "_SYSLOGS", (path,))
    return path


def journal(monkeypatch, code, said, complaint=""):
    """Let journalctl say this."""
    monkeypatch.setattr("dualwan.host.program.output", lambda _: (code, said, complaint))


def test_the_log_is_the_journals(monkeypatch, syslog):
    """Its last lines; without lines of pppd there, the file's."""
    journal(monkeypatch, 0, "one\ntwo\n")
    assert ppp.log() == ("one", "two")
    journal(monkeypatch, 0, "")
    assert ppp.log() == ()
    syslog.write_text("Jan 1 r pppd[7]: three\nJan 1 r sshd[8]: four\n")
    assert ppp.log() == ("Jan 1 r pppd[7]: three",)


def test_a_log_that_cannot_be_read_is_none(monkeypatch, syslog):
    """Neither the journal nor a file."""
    journal(monkeypatch, 0, "", "Hint: ... insufficient permissions ...")
    assert ppp.log() is None
    journal(monkeypatch, 1, "", "No journal files were opened due to insufficient permissions.")
    assert ppp.log() is None

    def fail(_):
        raise HostError("journalctl is not installed")

    monkeypatch.setattr("dualwan.host.program.output", fail)
    assert ppp.log() is None
    syslog.write_text("Jan 1 r pppd[7]: three\n")
    assert ppp.log() == ("Jan 1 r pppd[7]: three",)


def test_a_peer_is_there_or_hidden(monkeypatch, tmp_path):
    """A folder that only root can look into is no proof of absence."""
    monkeypatch.setattr(ppp, "PEERS", tmp_path)
    assert not ppp.has_peer("dsl-provider")
    (tmp_path / "dsl-provider").write_text("")
    assert ppp.has_peer("dsl-provider")

    class Hidden:
        def __truediv__(self, name):
            return self

        def exists(self):
            raise PermissionError

    monkeypatch.setattr(ppp, "PEERS", Hidden())
    assert ppp.has_peer("dsl-provider")


@pytest.fixture(name="gathered")
def _gathered(monkeypatch):
    """Return a function that gathers evidence on a machine in memory."""
    monkeypatch.setattr(ppp, "log", lambda: ("a line",))
    monkeypatch.setattr(ppp, "dialling", lambda _: True)
    monkeypatch.setattr(hooks, "missing", lambda: ())
    monkeypatch.setattr("dualwan.host.prefix.prefixes", lambda *_: ("2001:db8::/64",))
    counted = iter([{"mape0": Device(sent=5, received=3)}, {"mape0": Device(sent=9, received=4)}])

    def gather(ask, wan=Device()):  # noqa: B008 - frozen
        monkeypatch.setattr(devices, "look", lambda *_: {**next(counted), "wan0": wan})
        return evidence.gather(None, ask)

    return gather


def test_all_of_it(gathered, monkeypatch):
    """The tunnel's packets are those of the window."""
    monkeypatch.setattr(window, "listen", lambda _: Heard(relay=True))
    monkeypatch.setattr("dualwan.host.ping.any_answers", lambda *_: True)
    found = gathered(replace(ASKED, targets=("198.51.100.1",)))
    assert (found.came, found.went) == (1, 4)
    assert found.heard == Heard(relay=True)
    assert (found.answers, found.ppp_log, found.dialling) == (True, ("a line",), True)
    assert found.prefixes == ("2001:db8::/64",)


def test_a_wan_that_is_down_is_not_listened_to(gathered):
    """Nothing is sent."""
    found = gathered(ASKED, wan=Device(carrier=False))
    assert (found.heard, found.unheard) == (None, "wan0 is not up")
    assert found.answers is None


def test_what_the_machine_refuses_is_left_out(gathered, monkeypatch):
    """The rest is gathered all the same."""

    def fail(*_):
        raise HostError("a probe needs root")

    monkeypatch.setattr(window, "listen", fail)
    monkeypatch.setattr("dualwan.host.ping.any_answers", fail)
    found = gathered(replace(ASKED, targets=("198.51.100.1",)))
    assert (found.heard, found.unheard, found.answers) == (None, "a probe needs root", None)


def test_where_the_journal_is_only_half_readable_its_lines_count(monkeypatch, syslog):
    """What a user may see of it, with journalctl's hint that there is more."""
    asked = []

    def some(argv):
        asked.extend(argv)
        return 0, "one\n", "Hint: ... insufficient permissions ..."

    monkeypatch.setattr("dualwan.host.program.output", some)
    syslog.write_text("Jan 1 r pppd[7]: of last year\n")
    assert ppp.log() == ("one",)
    assert asked[0] == "journalctl"
    assert asked[asked.index("-t") + 1] == "pppd"
