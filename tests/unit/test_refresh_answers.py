"""What each kind of answer of the line changes, and how it is shown."""

import json

import pytest
from asked_line import GOOD, OPTION, ORIGIN, PREFIX, TEXT, config, ipv4, machine
from provisioning_data import good, refused

from dualwan import handle as running
from dualwan.errors import HostError
from dualwan.line.provisioning.cache import AnswerCache, Entry
from dualwan.model.event import Event
from dualwan.planning import make_plan
from dualwan.report import status

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
    host.clock = 0  # a machine without a battery, before it knows the time
    data = status.as_data(cfg, make_plan(cfg, host, Event.APPLY))
    assert f"learned  by hb46pp from {ORIGIN}, 0 s ago, for {PREFIX}" in status.text(data)
