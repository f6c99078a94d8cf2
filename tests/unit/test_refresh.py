"""When the line is asked for its rule, and what each kind of answer changes."""

import json

import pytest
from machine import Machine
from provisioning_data import good, refused

from dualwan import handle as running
from dualwan.config import from_text
from dualwan.errors import BusyError, ConfigError, HostError
from dualwan.line.provisioning.cache import RETRY, AnswerCache, Entry
from dualwan.model.event import Event
from dualwan.planning import make_plan
from dualwan.report import status

GOOD = good("every-way")
OTHER = GOOD.replace("203.0.113.0/24", "198.51.100.0/24")
PREFIX = "2001:db8:1:2abc::/64"
ORIGIN = "https://vne.example/rule"
TEXT = """\
[wan]
interface = "wan0"
[lan]
interfaces = ["lan0"]
[mape]
provider = "auto"
provisioning = ["hb46pp", "dhcpv6"]
wait = 0
[pppoe]
dial = false
"""
# The same line by DHCPv6, with another IPv4 network: 192.0.2.0/24.
OPTION = "0059000f010c18c00002003420010db8000120005a001020010db8000100000000000000000001"


@pytest.fixture(name="said")
def _said(monkeypatch):
    """Return the sentences that go to the log for a person to read."""
    sentences = []
    monkeypatch.setattr(
        "dualwan.handle.run.tell", lambda _event, sentence: sentences.append(sentence)
    )
    for module in ("dualwan.handle", "dualwan.handle.line"):
        monkeypatch.setattr(f"{module}.fail", lambda _event, error: sentences.append(str(error)))
    return sentences


def config(tmp_path, text=TEXT):
    """Return the configuration TEXT, with no rules of the machine's own."""
    return from_text("dualwan.toml", text, tmp_path)


def machine(**answers):
    """Return a router whose line has PREFIX and gives ANSWERS."""
    found = Machine("wan0", "lan0")
    found.announced = {"wan0": (PREFIX,)}
    found.clock = 1_000_000
    found.answers = {source: (ORIGIN, found.clock, text) for source, text in answers.items()}
    return found


def ipv4(cfg, host):
    """Return the IPv4 address that the softwire has now, or why it has none."""
    line = make_plan(cfg, host, Event.APPLY).line
    return str(line.softwire.ipv4) if line.softwire else line.missing


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


WRONG = refused() | {"nothing-offered": good("nothing-offered").encode()}


@pytest.mark.parametrize("answer", WRONG.values(), ids=WRONG)
def test_a_wrong_answer_changes_nothing(tmp_path, said, answer):
    """And leaves one line in the log, for each of the hostile answers."""
    cfg, host = config(tmp_path, TEXT.replace(', "dhcpv6"', "")), machine(hb46pp=GOOD)
    running.handle_event(cfg, host, Event.UP)
    host.clock += 86400
    host.applied.clear()
    said.clear()
    host.answers["hb46pp"] = (ORIGIN, host.clock, answer.decode("utf-8", "replace"))
    entries = host.cache.entries
    running.handle_event(cfg, host, Event.APPLY)
    assert host.applied == []
    assert host.cache.entries == entries
    assert len(said) == 1
    assert said[0].isprintable()
    assert said[0].startswith(f"hb46pp: the answer of {ORIGIN} is refused: ")


def test_the_order_is_the_configurations(tmp_path, said):
    """The second is asked where the first has nothing, and yields when the first answers."""
    cfg, host = config(tmp_path), machine(dhcpv6=OPTION)
    running.handle_event(cfg, host, Event.UP)
    assert host.asked == ["hb46pp", "dhcpv6"]
    assert ipv4(cfg, host) == "192.0.2.171"
    host.answers["hb46pp"] = (ORIGIN, host.clock, GOOD)
    running.handle_event(cfg, host, Event.APPLY)
    assert ipv4(cfg, host) == "203.0.113.171"
    assert [sentence.split(":")[0] for sentence in said] == ["hb46pp", "dhcpv6", "hb46pp"]


@pytest.mark.parametrize(
    ("provider", "address"), [("auto", "153.241.113.198"), ("hb46pp", "203.0.113.92")]
)
def test_learned_goes_before_the_table_only_where_the_owner_says_so(
    tmp_path, said, provider, address
):
    """A prefix of OCN: its rule here stays, unless the source itself is the provider."""
    cfg, host = config(tmp_path), machine()
    host.announced = {"wan0": ("2400:4050:5c71:af00::/64",)}
    running.handle_event(cfg, host, Event.UP)
    assert ipv4(cfg, host) == "153.241.113.198"
    said.clear()
    host.answers["hb46pp"] = (
        ORIGIN,
        host.clock,
        json.dumps(
            {
                "order": ["map_e"],
                "map_e": {
                    "br": "2001:db8:1::1",
                    "rules": [
                        {
                            "ipv6": "2400:4050::/32",
                            "ipv4": "203.0.113.0/24",
                            "ea_length": 24,
                            "psid_offset": 0,
                        }
                    ],
                },
            }
        ),
    )
    running.handle_event(cfg, host, Event.APPLY)
    if provider != "auto":
        text = TEXT.replace('"auto"', f'"{provider}"').replace(', "dhcpv6"]', "]")
        cfg = config(tmp_path, text)
    assert ipv4(cfg, host) == address
    assert len(said) == 1


def test_a_book_for_another_line_does_not_count(tmp_path):
    """The router was carried elsewhere: what it learned there says nothing of this line."""
    cfg, host = config(tmp_path), machine()
    host.announced = {"wan0": ("2400:4050:5c71:af00::/64",)}
    host.cache = AnswerCache().with_entry("hb46pp", Entry(ORIGIN, host.clock, PREFIX, GOOD))
    assert ipv4(cfg, host) == "153.241.113.198"


def test_a_book_that_cannot_be_kept(tmp_path, said, monkeypatch):
    """Said in one line; the event goes on."""
    cfg, host = config(tmp_path, TEXT.replace('"hb46pp", ', "")), machine(dhcpv6=OPTION)

    def full(_book):
        raise HostError("no space")

    monkeypatch.setattr(host, "save_answers", full)
    with pytest.raises(HostError, match="none of the rules known here"):
        running.handle_event(cfg, host, Event.UP)
    assert said[0] == "what the line said cannot be kept: no space"


def test_status_shows_origin_and_age(tmp_path, said):
    """For a person and for programs."""
    cfg, host = config(tmp_path), machine(hb46pp=GOOD)
    running.handle_event(cfg, host, Event.UP)
    host.clock += 3 * 3600
    data = status.as_data(cfg, make_plan(cfg, host, Event.APPLY))
    assert data["learned"] == [
        {
            "source": "hb46pp",
            "origin": ORIGIN,
            "service": "A VNE Highspeed 4over6",
            "prefix": PREFIX,
            "age": 10800,
            "ttl": 86400,
            "covers": True,
        }
    ]
    assert (
        f"learned  by hb46pp from {ORIGIN}, 3 hours ago, for {PREFIX}"
        in status.text(data).splitlines()
    )
    assert "by hb46pp 2001:db8:1:2000::/52 (A VNE Highspeed 4over6, " in status.text(data)
    assert len(said) == 1


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('["hb46pp", "dhcpv6"]', '"hb46pp"', "must be a list"),
        ('["hb46pp", "dhcpv6"]', '["hb46"]', "'hb46' is none of hb46pp, dhcpv6"),
        ('["hb46pp", "dhcpv6"]', '["dhcpv6", "dhcpv6"]', "listed twice"),
        ('"auto"', '"ocn"', 'goes with provider = "auto" only'),
    ],
)
def test_configuration(tmp_path, old, new, reason):
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
