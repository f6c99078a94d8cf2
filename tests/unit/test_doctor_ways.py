"""Doctor's answer for each way of [way.NAME]: up, with its address, and answered by a probe."""

from dataclasses import replace

import pytest
from doctor_cases import BASE, WORKS, Doctored

from dualwan.doctor import Result, inquiry
from dualwan.handle import handle_event
from dualwan.model.event import Event
from dualwan.model.evidence import AskedWay, DeviceAddress, OfWay
from dualwan.planning import make_plan

END = "2001:db8:0:100::feed"
TEXT = (
    BASE
    + f"""\
[way.fixed]
type = "ipip"
br = "2001:db8:ffff::7"
ipv4 = "192.0.2.77"
ce = "{END}"
[way.second]
type = "pppoe"
peer = "second"
interface = "ppp1"
"""
)
PROBING = TEXT.replace(
    '"wan0"\n', '"wan0"\nfailover = true\nprobe = ["198.51.100.1", "198.51.100.2"]\n', 1
)
WELL = {"fixed": OfWay(True, hop="192.0.2.1"), "second": OfWay(True, hop="203.0.113.254")}


class Ways(Doctored):
    """A router whose further ways are up, and answer."""

    def __init__(self, text=TEXT):
        super().__init__(text)
        self.host.connect("203.0.113.8", "ppp1")
        handle_event(self.config, self.host, Event.PPP_UP)
        wan = WORKS.devices["wan0"]
        with_end = replace(wan, addresses=(*wan.addresses, DeviceAddress(END, 128)))
        self.evidence = replace(
            WORKS, devices={**WORKS.devices, "wan0": with_end}, answers=True, ways=WELL
        )
        self.looks_again()

    def looks_again(self):
        """Make the plan of what is there now."""
        self.plan = make_plan(self.config, self.host, Event.APPLY)

    def of(self, name, **changes):
        """Change what was seen of a way."""
        seen = self.evidence.ways[name]._replace(**changes)
        self.evidence = replace(self.evidence, ways={**self.evidence.ways, name: seen})

    def answer(self, name):
        """Return doctor's answer for a way."""
        (found,) = (one for one in self.diagnose() if one.check.name == f"way.{name}")
        return found.answer


def test_each_way_has_an_answer_of_its_own():
    """In the order of the file, with its address and who answers by it."""
    made = Ways()
    found = [one for one in made.diagnose() if one.check.name.startswith("way.")]
    assert [(one.check.name, one.check.what) for one in found] == [
        ("way.fixed", "the way fixed"),
        ("way.second", "the way second"),
    ]
    assert [one.answer.seen for one in found] == [
        "fixed0 has 192.0.2.77, and 192.0.2.1 answers",
        "ppp1 has 203.0.113.8, and 203.0.113.254 answers",
    ]
    assert {one.answer.result for one in found} == {Result.OK}


def test_one_that_fails_says_nothing_of_the_others():
    """Each is judged alone."""
    made = Ways()
    made.host.unplug("fixed0")
    made.looks_again()
    assert made.answer("fixed").result is Result.FAILED
    assert made.answer("second").result is Result.OK


def test_ways_with_an_address_are_pinged_by():
    """The peers are looked at in any case."""
    made = Ways()
    made.host.unplug("ppp1")
    made.looks_again()
    asked = inquiry.inquiry(made.config, made.plan).ways
    assert asked == (AskedWay("fixed", "fixed0"), AskedWay("second", "", "second"))


@pytest.mark.parametrize(
    ("breaks", "seen", "remedy"),
    [
        (lambda it: it.host.unplug("fixed0"), "there is no interface fixed0", "`dualwan-hook`"),
        (
            lambda it: it.host.switch("fixed0", up=False),
            "fixed0 is down",
            "`dualwan-hook` brings it up",
        ),
        (
            lambda it: setattr(
                it.host,
                "state",
                replace(
                    it.host.state,
                    addresses=tuple(
                        one for one in it.host.state.addresses if one.device != "fixed0"
                    ),
                ),
            ),
            "fixed0 has no address, not 192.0.2.77",
            "`dualwan-hook` brings it up",
        ),
        (
            lambda it: it.device("wan0", addresses=WORKS.devices["wan0"].addresses),
            f"the CE address {END} is not on wan0",
            "`dualwan-hook` adds it",
        ),
        (
            lambda it: it.device(
                "wan0",
                addresses=(
                    *WORKS.devices["wan0"].addresses,
                    DeviceAddress(END, 128, "dadfailed"),
                ),
            ),
            "another machine has it",
            "take it from the other machine",
        ),
    ],
)
def test_what_a_tunnel_lacks_is_named(breaks, seen, remedy):
    """Its device, its address, or its end on the WAN."""
    made = Ways()
    breaks(made)
    made.looks_again()
    found = made.answer("fixed")
    assert found.result is Result.FAILED
    assert seen in found.seen
    assert remedy in found.remedy


def test_a_tunnel_waits_for_the_prefix_of_the_line():
    """Its end follows from it."""
    made = Ways(TEXT.replace(f'ce = "{END}"', 'interface-id = "::feed"'))
    made.host.announced = {}
    with made.host.lock(1):
        made.host.save_state(replace(made.host.run_state, prefix=""))
    made.looks_again()
    found = made.answer("fixed")
    assert found.result is Result.FAILED
    assert "no IPv6 prefix on wan0 yet: fixed begins" in found.seen


@pytest.mark.parametrize(
    ("changes", "seen", "remedy"),
    [
        (
            {"peer_there": False},
            "there is no /etc/ppp/peers/second ([way.second] peer)",
            "pppoeconf",
        ),
        ({}, "no pppd of the peer second runs", "pon second"),
        ({"dialling": True}, "pppd runs, and ppp1 has no address", "journalctl"),
    ],
)
def test_what_a_session_lacks_is_named(changes, seen, remedy):
    """Its file, its pppd, or an address; the last word in the log may be another session's."""
    made = Ways()
    made.host.unplug("ppp1")
    made.looks_again()
    made.of("second", **changes)
    made.evidence = replace(made.evidence, ppp_log=("LCP: timeout",))
    found = made.answer("second")
    assert found.result is Result.FAILED
    assert found.seen == seen
    assert remedy in found.remedy


def test_a_session_that_nobody_dials_is_no_fault():
    """With dial = false it is there when its owner wants it."""
    made = Ways(TEXT + "dial = false\n")
    made.host.unplug("ppp1")
    made.looks_again()
    assert made.answer("second").result is Result.NOT_APPLICABLE


@pytest.mark.parametrize("name", ["fixed", "second"])
def test_hosts_that_do_not_answer_by_a_way_are_a_failure(name):
    """Those of [wan] probe, as for MAP-E; what answers nearer by is told."""
    made = Ways(PROBING)
    made.of(name, host="198.51.100.2")
    assert made.answer(name).seen.endswith(", and 198.51.100.2 answers")
    made.of(name, host="")
    found = made.answer(name)
    assert found.result is Result.FAILED
    assert "none of 198.51.100.1, 198.51.100.2 answers a ping by" in found.seen
    assert f"though {WELL[name].hop} does" in found.seen
    assert "by another way" in found.remedy
    made.of(name, hop="")
    remedy = made.answer(name).remedy
    if name == "fixed":
        assert f"br (2001:db8:ffff::7), our end ({END}) and the address in [way.fixed]" in remedy
    else:
        assert "by another way" in remedy


def test_silence_is_no_failure_where_no_host_may_be_asked():
    """Many relays say nothing of a packet that ends there; the answer says what would tell more."""
    made = Ways()
    made.of("fixed", hop="")
    found = made.answer("fixed")
    assert found.result is Result.OK
    assert "[wan] probe names no hosts" in found.seen


def test_without_root_a_way_is_not_said_to_answer():
    """It is up with its address, and that is all that is known."""
    made = Ways()
    made.of("second", asked=False, hop="")
    found = made.answer("second")
    assert (found.result, found.seen) == (Result.UNCHECKED, "a ping by ppp1 needs root")
