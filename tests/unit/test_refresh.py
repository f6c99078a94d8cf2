"""When the line is asked for its rule."""

import pytest
from asked_line import GOOD, ORIGIN, OTHER, PREFIX, TEXT, config, ipv4, machine

from dualwan import handle as running
from dualwan.errors import BusyError, ConfigError, HostError
from dualwan.line.provisioning.cache import RETRY
from dualwan.model.event import Event


@pytest.mark.parametrize("event", [Event.UP, Event.APPLY, Event.PREFIX_CHANGED])
def test_learned_at_once(tmp_path, said, event):
    """A line that no rule here covers gets its tunnel from the first answer, in one event."""
    cfg, host = config(tmp_path), machine(hb46pp=GOOD)
    assert "none of the rules known here" in ipv4(cfg, host)
    assert host.asked == []
    if event is Event.PREFIX_CHANGED:
        in_vain(cfg, host)
        said.clear()
    running.handle_event(cfg, host, event)
    assert ipv4(cfg, host) == "203.0.113.171"
    assert host.state.address_of("mape0") == "203.0.113.171"
    assert host.asked == ["hb46pp"]
    assert said == [
        f"hb46pp: learned 2001:db8:1:2000::/52 -> 203.0.113.0/24, EA length 12 from {ORIGIN}"
    ]


def in_vain(cfg, host):
    """Let HOST have an ifup that finds nobody to ask, some time ago."""
    answers, host.answers = host.answers, {}
    with pytest.raises(HostError):
        running.handle_event(cfg, host, Event.UP)
    host.answers, host.asked = answers, []
    host.clock += RETRY


@pytest.mark.parametrize(
    "event", [Event.PRE_UP, Event.DOWN, Event.POST_DOWN, Event.PPP_UP, Event.PPP_DOWN, Event.REMOVE]
)
def test_nobody_is_asked_on_the_way(tmp_path, said, event):
    """What has to be quick never asks; it uses what is known."""
    cfg, host = config(tmp_path), machine(hb46pp=GOOD)
    running.handle_event(cfg, host, event)
    assert host.asked == []
    assert said == []


def test_nobody_is_asked_for_one_slice_or_without_a_prefix(tmp_path, said):
    """Nor where it is not configured."""
    host = machine(hb46pp=GOOD)
    running.handle_event(config(tmp_path), host, Event.APPLY, ["firewall"])
    host.announced = {}
    with pytest.raises(HostError):
        running.handle_event(config(tmp_path), host, Event.APPLY)
    host.announced = {"wan0": (PREFIX,)}
    without = TEXT.replace('provisioning = ["hb46pp", "dhcpv6"]\n', "")
    with pytest.raises(HostError):
        running.handle_event(config(tmp_path, without), host, Event.APPLY)
    assert host.asked == []
    assert len(said) == 2


def test_a_fresh_answer_is_not_asked_for_again(tmp_path, said):
    """After its ttl it is, and the same answer again is no news."""
    cfg, host = config(tmp_path), machine(hb46pp=GOOD)
    for _ in range(3):
        running.handle_event(cfg, host, Event.UP)
    assert host.asked == ["hb46pp"]
    host.clock += 86400
    host.answers["hb46pp"] = (ORIGIN, host.clock, GOOD)
    host.applied.clear()
    running.handle_event(cfg, host, Event.UP)
    assert host.asked == ["hb46pp", "hb46pp"]
    assert host.applied == []
    assert len(said) == 1


def test_another_prefix_asks_again(tmp_path, said):
    """An answer may differ from prefix to prefix, even where the old one would cover both."""
    cfg, host = config(tmp_path), machine(hb46pp=GOOD)
    running.handle_event(cfg, host, Event.UP)
    host.announced = {"wan0": ("2001:db8:1:2abd::/64",)}
    host.answers["hb46pp"] = (ORIGIN, host.clock, OTHER)
    running.handle_event(cfg, host, Event.PREFIX_CHANGED)
    assert host.state.address_of("mape0") == "198.51.100.171"
    assert len(said) == 2


def test_silence_keeps_what_is_known(tmp_path, said):
    """Past its ttl; one line, and ten minutes without asking except by hand."""
    cfg, host = config(tmp_path), machine(hb46pp=GOOD)
    running.handle_event(cfg, host, Event.UP)
    host.clock += 10 * 86400
    host.answers, host.asked = {}, []
    for event in (Event.UP, Event.UP, Event.PREFIX_CHANGED):
        running.handle_event(cfg, host, event)
    assert host.asked == ["hb46pp", "dhcpv6"]
    assert said[1:] == ["hb46pp: no answer (the earlier answer stays)", "dhcpv6: no answer"]
    running.handle_event(cfg, host, Event.APPLY)
    host.clock += RETRY
    running.handle_event(cfg, host, Event.UP)
    assert host.asked == ["hb46pp", "dhcpv6"] * 3
    assert ipv4(cfg, host) == "203.0.113.171"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('["hb46pp", "dhcpv6"]', '"hb46pp"', "must be a list"),
        ('["hb46pp", "dhcpv6"]', '["hb46"]', "'hb46' is none of hb46pp, dhcpv6"),
        ('["hb46pp", "dhcpv6"]', '["dhcpv6", "dhcpv6"]', "listed twice"),
        ('"auto"', '"ocn"', 'goes with provider = "auto" only'),
    ],
)
def test_a_wrong_list_of_sources_is_refused(tmp_path, old, new, reason):
    """An error names the line."""
    with pytest.raises(ConfigError, match=rf"dualwan.toml:7: mape.provisioning: .*{reason}"):
        config(tmp_path, TEXT.replace(old, new))


def test_after_ifdown_the_line_is_not_asked(tmp_path, said):
    """The watcher may still see it change."""
    cfg, host = config(tmp_path), machine(hb46pp=GOOD)
    running.handle_event(cfg, host, Event.DOWN)
    running.handle_event(cfg, host, Event.PREFIX_CHANGED)
    assert host.asked == []
    assert said == []


def test_a_run_that_asks_for_too_long_keeps_nothing_from_being_done(tmp_path, said, monkeypatch):
    """The event says so, goes on with what is known, and asks at the next one."""
    cfg, host = config(tmp_path), machine(hb46pp=GOOD)
    running.handle_event(cfg, host, Event.UP)
    host.clock += 10 * 86400
    host.asked = []

    def busy():
        raise BusyError("another run has been at work")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(host, "asking", busy)
        running.handle_event(cfg, host, Event.APPLY)
    assert host.asked == []
    assert said[-1] == "another run has been at work"
    assert ipv4(cfg, host) == "203.0.113.171"
    running.handle_event(cfg, host, Event.UP)
    assert host.asked
