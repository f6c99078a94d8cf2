"""Answers of doctor's checks that are no failures, or are not the first thing to fail."""

import signal
import time
from dataclasses import replace

import pytest
from doctor_cases import BASE, CE, OCN, PREFIX, Doctored

from dualwan import doctor, inspection
from dualwan.doctor import Result, inquiry
from dualwan.errors import BusyError
from dualwan.host.fake import FakeHost
from dualwan.model.event import Event
from dualwan.model.evidence import Advertisement, Device, DeviceAddress, PathError
from dualwan.planning import make_plan
from dualwan.report.terminal import PLAIN

AUTO = BASE.partition("provider =")[0] + "[pppoe]\ndial = true\n"
OFF = BASE.replace("dial = true", "dial = false")
PROBED = BASE.replace('"wan0"\n', '"wan0"\nfailover = true\nprobe = ["198.51.100.1"]\n')
IN_SUBNET_1 = CE.replace("0:100:", "0:101:", 1)
IPIP = """\
[wan]
interface = "wan0"
[lan]
interfaces = ["lan0"]
[mape]
mode = "ipip"
br = "2001:db8:ffff::9"
ce = "2001:db8:0:100:c0:2:1200:100"
ipv4 = "192.0.2.18"
"""

DS_LITE = IPIP.partition("mode")[0] + 'mode = "ds-lite"\naftr = "2001:db8:f::64"\n'


def look(made, name):
    """Return what one check says of a router, whatever the others say."""
    check = next(check for check in doctor.ALL if check.name == name)
    case = doctor.Case(made.config, made.plan, made.evidence, made.findings)
    return check.look(case)


def having(made, **evidence):
    """Return the router with other evidence."""
    made.evidence = replace(made.evidence, **evidence)
    return made


def hearing(made, **heard):
    """Return the router with other things heard."""
    made.hears(**heard)
    return made


def hung_up(made, **evidence):
    """Return the router without a PPP session."""
    made.hung_up(**evidence)
    return made


def hidden(made):
    """Return the router as a user without rights sees it."""
    made.plan_changes(tables=None)
    return made


def taken_down(made):
    """Return the router after ifdown, with the WAN up again by hand."""
    made.host.state = replace(made.host.state, tunnels=())
    made.host.run_state = replace(made.host.run_state, wanted=False)
    made.plan_changes()
    return made


def occupied(made):
    """Return a router on which another device has the tunnel's name."""
    made.host.unplug("mape0")
    made.host.plug("mape0", "veth")
    made.plan = make_plan(made.config, made.host, Event.APPLY)
    made.plan = replace(made.plan, slices=tuple(replace(one, steps=()) for one in made.plan.slices))
    return made


def asking_for_another(ce, prefixes):
    """Return a router with ``ce`` whose line asks for the one with PSID 5, and is silent."""
    made = Doctored(BASE.replace(CE, ce))
    made.silent_tunnel(solicited={ce.replace(":1200:100", ":1200:500"): 3})
    return having(made, prefixes=prefixes)


ANSWERS = [
    ("advertisement", "ok", "still holds", lambda: hearing(Doctored(), advertisements=())),
    (
        "advertisement",
        "failed",
        "(needs root)",
        lambda: having(Doctored(), heard=None, unheard="needs root", prefixes=()),
    ),
    (
        "advertisement",
        "failed",
        "lifetime 0",
        lambda: having(
            hearing(Doctored(), advertisements=(Advertisement("fe80::1", 0, (PREFIX,)),)),
            prefixes=(),
        ),
    ),
    ("provider", "ok", "ocn 2400:4050", lambda: Doctored(AUTO, (OCN,))),
    ("provider", "ok", "is of this line", lambda: having(Doctored(), prefixes=())),
    ("ce", "failed", "no IPv6 prefix on wan0 yet", lambda: Doctored(AUTO, ())),
    ("ce", "ok", "could not be heard", lambda: having(Doctored(), heard=None)),
    (
        "ce",
        "failed",
        "is tentative on wan0: not usable yet",
        lambda: having(
            Doctored(), devices={"wan0": Device(addresses=(DeviceAddress(CE, 128, "tentative"),))}
        ),
    ),
    (
        "border-relay",
        "ok",
        "does not answer a ping, as many do not",
        lambda: having(
            hearing(Doctored(), relay=False, returned=frozenset(), stopped={}), came=0
        ),
    ),
    ("border-relay", "not checked", "not known", lambda: Doctored(AUTO, ())),
    ("tunnel", "not checked", "not known", lambda: Doctored(AUTO, ())),
    # The line asks for another CE of the same subnet, and nothing comes back.
    *(
        (
            "tunnel",
            "failed",
            "the PSID is 5, not 1",
            lambda ce=ce, prefixes=prefixes: asking_for_another(ce, prefixes),
        )
        for ce, prefixes in ((CE, ()), (CE, (PREFIX,)), (IN_SUBNET_1, ()))
    ),
    ("ipv4", "ok", "198.51.100.1 answers", lambda: having(Doctored(PROBED), answers=True)),
    ("ipv4", "not checked", "needs root", lambda: Doctored(PROBED)),
    (
        "mtu",
        "not applicable",
        "nothing back",
        lambda: hearing(Doctored(), returned=frozenset(), stopped={}),
    ),
    ("mtu", "ok", "1460 bytes", lambda: hearing(Doctored(), returned=frozenset())),
    ("mtu", "failed", "those of 68 do", lambda: hearing(
        Doctored(), returned=frozenset(), stopped={0: "192.0.2.1"})),
    ("mtu", "not checked", "no root", lambda: having(Doctored(), heard=None, unheard="no root")),
    ("ports", "not checked", "no root", lambda: having(Doctored(), heard=None, unheard="no root")),
    ("ports", "not applicable", "not shared", lambda: Doctored(IPIP)),
    ("pppoe-discovery", "not applicable", "not dialled", lambda: hung_up(
        Doctored(OFF), dialling=False)),
    ("pppoe-login", "not applicable", "not dialled", lambda: hung_up(
        Doctored(OFF), dialling=False)),
    ("pppoe-session", "not applicable", "not dialled", lambda: hung_up(
        Doctored(OFF), dialling=False)),
    ("pppoe-discovery", "not checked", "no root", lambda: hung_up(
        Doctored(), heard=None, unheard="no root")),
    ("pppoe-login", "not checked", "as root", lambda: hung_up(Doctored(), ppp_log=None)),
    ("pppoe-login", "ok", "accepted", lambda: hung_up(Doctored())),
    ("pppoe-login", "ok", "no refusal", lambda: hung_up(Doctored(), ppp_log=("LCP: x",))),
    # Another pppd judges who dials in here.
    ("pppoe-login", "ok", "no refusal", lambda: hung_up(
        Doctored(), ppp_log=("PAP peer authentication failed for x",))),
    ("pppoe-login", "ok", "no refusal", lambda: hung_up(
        Doctored(), ppp_log=("Peer x failed CHAP authentication",))),
    ("pppoe-login", "failed", "PAP authentication failed", lambda: hung_up(
        Doctored(), ppp_log=("PAP authentication failed", "PAP peer authentication succeeded"))),
    (
        "lan",
        "ok",
        "IPv6 on lan0",
        lambda: having(
            Doctored(),
            devices={"lan0": Device(addresses=(DeviceAddress("2001:db8:1::1", 64),))},
        ),
    ),
    ("state", "not checked", "to root only", lambda: hidden(Doctored())),
    ("state", "failed", "is not up", lambda: taken_down(Doctored())),
    ("state", "failed", "is no IPv6 tunnel", lambda: occupied(Doctored())),
]  # fmt: skip


@pytest.mark.parametrize(("name", "check"), [("wan0", "device"), ("lan0", "lan")])
def test_an_interface_is_brought_up_whatever_has_taken_it_down(name, check):
    """By `ip link set`, say: ifup takes it for configured then, and does nothing."""
    made = Doctored()
    made.device(name, up=False)
    answer = look(made, check)
    assert answer.seen == f"{name} is down"
    assert f"`ifdown {name}; ifup {name}`, or by" in answer.remedy


@pytest.mark.parametrize("silent", ["border-relay", "tunnel"])
@pytest.mark.parametrize(
    ("made", "papers"),
    [
        (lambda: Doctored(IPIP), "br (2001:db8:ffff::9), our end (2001:db8:0:100:c0:2:1200:100)"),
        (
            lambda: Doctored(DS_LITE, (PREFIX,), "2001:db8:f::64"),
            "aftr (2001:db8:f::64) and our end (2001:db8:0:100:b4::2) in [mape]",
        ),
    ],
)
def test_what_to_compare_is_of_the_service(made, papers, silent):
    """IPIP and DS-Lite have neither a rule nor a PSID, and DS-Lite has no key br."""
    found = made()
    found.silent_tunnel(
        errors=(PathError("2001:db8::1", 1, 0),) if silent == "border-relay" else ()
    )
    answer = look(found, silent)
    assert answer.result is Result.FAILED
    assert f"compare {papers}" in answer.remedy
    assert "PSID" not in answer.remedy


@pytest.mark.parametrize(("name", "result", "words", "made"), ANSWERS)
def test_what_a_check_says(name, result, words, made):
    """Its result, and the sentence that goes with it."""
    answer = look(made(), name)
    assert answer.result is Result(result), answer
    assert words in answer.seen


def test_a_diagnosis_has_a_deadline(config, monkeypatch):
    """Whatever hangs: it is over in time, and says so with the code for that."""

    class Hanging(FakeHost):
        def evidence(self, inquiry):
            """Hang."""
            del inquiry
            time.sleep(30)

    monkeypatch.setattr(inspection, "DOCTOR_SECONDS", 1)
    monkeypatch.setattr("dualwan.host.kernel.KernelHost", Hanging)
    before = signal.getsignal(signal.SIGALRM)
    assert config
    with pytest.raises(BusyError, match="gave up after 1 s"):
        inspection.doctor(Doctored().config, as_json=False, everything=False, terminal=PLAIN)
    assert signal.getsignal(signal.SIGALRM) is before


def test_only_sizes_that_were_tried_alone_say_what_does_not_pass():
    """The small probes are one a block: where one is lost, its port is to blame."""
    made = hearing(Doctored(), returned=frozenset())
    case = doctor.Case(made.config, made.plan, made.evidence, made.findings)
    assert inquiry.SMALL not in inquiry.by_size(case)
    assert made.config.mape.mtu in inquiry.by_size(case)
    assert inquiry.by_size(case._replace(evidence=Doctored().evidence))[inquiry.SMALL] is True


def test_a_finding_about_a_sysctl_is_a_failure_of_that_check():
    """Though each has the value that is configured."""
    made = Doctored()
    made.finding("sysctl-of-others", "/etc/sysctl.d/x.conf:1 turns it off at the next boot")
    answer = look(made, "sysctls")
    assert answer.result is Result.FAILED
    assert "x.conf:1" in answer.seen
