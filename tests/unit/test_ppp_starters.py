"""P2: what else starts the PPP peer, found with file and line."""

import os

import pytest
from another_root import put
from machine import BASE

from dualwan.config import from_text
from dualwan.findings import PEER, find
from dualwan.host.around import ppp
from dualwan.host.surroundings import look
from dualwan.interfaces_file import parse
from dualwan.ppp.starters import in_interfaces, starts

DIALS = from_text("f", BASE.replace("dial = false", "dial = true"))
PPPOECONF = """\
auto lo
iface lo inet loopback

# added by pppoeconf
auto dsl-provider
iface dsl-provider inet ppp
    pre-up /bin/ip link set eth0.7 up # line maintained by pppoeconf
    provider dsl-provider
"""


def places(root):
    """Return where dsl-provider is started on the machine below ROOT."""
    return [one.place for one in ppp.starters("dsl-provider", root)]


@pytest.mark.parametrize(
    "line",
    [
        "pon dsl-provider",
        "  /usr/bin/pon dsl-provider &",
        "@reboot root /usr/bin/pon dsl-provider",
        "[ -x /usr/bin/pon ] && pon -q dsl-provider",
        "exec /usr/sbin/pppd call dsl-provider nodetach",
        "ExecStart=-/usr/sbin/pppd nodetach call 'dsl-provider' # ours",
        "ExecStart=/usr/sbin/pppd file /etc/ppp/peers/dsl-provider",
        "result=`pon dsl-provider`",
    ],
)
def test_a_line_that_starts_the_peer(line):
    """By pon or by pppd, wherever these stand in it."""
    assert starts(line, "dsl-provider")


@pytest.mark.parametrize(
    "line",
    [
        "pon",
        "pon other",
        "poff dsl-provider",
        "pppd call other dsl-provider",
        "echo dsl-provider # pon dsl-provider",
        "coupon dsl-provider",
        "pppd call dsl-provider2",
    ],
)
def test_a_line_that_does_not(line):
    """Others' peers, other programs, and what is only said."""
    assert not starts(line, "dsl-provider")


def test_the_stanza_of_pppoeconf_is_found():
    """With the file and line of the stanza."""
    (found,) = in_interfaces(parse("/etc/network/interfaces", PPPOECONF), "dsl-provider")
    assert found.place == "/etc/network/interfaces:6"
    assert found.text == "the stanza iface dsl-provider inet ppp of ifupdown"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("iface x inet ppp\n provider dsl-provider\n", []),  # only by hand
        ("iface x inet ppp\n provider dsl-provider\nallow-hotplug y x\n", ["f:1"]),
        ("auto x\niface x inet ppp\n provider other\n", []),
        ("auto x\niface x inet ppp\n", []),  # pon's default is "provider"
        ("auto x\niface x inet6 ppp\n provider dsl-provider\n", []),
        ("auto x\niface x inet \\\n  ppp\n provider dsl-provider\n", ["f:2"]),
        ("auto x\n#iface x inet ppp\n#provider dsl-provider\n", []),
        ("auto w\niface w inet manual\n provider dsl-provider\n", []),
        ("auto w\niface w inet manual\n up pon dsl-provider\n down poff dsl-provider\n", ["f:3"]),
        ("iface w inet manual\n post-up /usr/sbin/pppd call dsl-provider &\n", ["f:2"]),
    ],
)
def test_what_ifupdown_starts(text, found):
    """Stanzas that come up by themselves, and commands in others."""
    assert [one.place for one in in_interfaces(parse("f", text), "dsl-provider")] == found


def test_sourced_files_and_other_stanzas_are_read(tmp_path):
    """`auto` may stand in another file than its stanza."""
    put(
        tmp_path,
        {
            "/etc/network/interfaces": "source interfaces.d/*\n"
            "source-directory /etc/more\nauto x\n",
            "/etc/network/interfaces.d/a": "auto lo\n",
            "/etc/more/ppp": "\niface x inet ppp\nprovider dsl-provider\n",
        },
    )
    assert places(tmp_path) == ["/etc/more/ppp:2"]


def test_scripts_and_timetables_are_read(tmp_path):
    """What runs at boot, at ifup, and by cron; a script that is not executable is not run."""
    pon = "#!/bin/sh\n# pon dsl-provider\npon dsl-provider\n"
    put(tmp_path, {"/etc/rc.local": pon, "/etc/network/if-up.d/pppoe": pon, "/etc/cron.d/p": pon})
    assert places(tmp_path) == [
        "/etc/rc.local:3",
        "/etc/network/if-up.d/pppoe:3",
        "/etc/cron.d/p:3",
    ]
    (tmp_path / "etc/rc.local").chmod(0o644)
    assert "/etc/rc.local:3" not in places(tmp_path)


def enabled(root, name, unit, text, folder="/etc/systemd/system"):
    """Let the systemd service NAME, an instance of UNIT with TEXT, be enabled."""
    put(root, {f"{folder}/{unit}": text})
    wants = root / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(parents=True, exist_ok=True)
    (wants / name).symlink_to(f"{folder}/{unit}")


def test_services_are_found_where_they_are_enabled(tmp_path):
    """Debian 13 has a template, ppp@.service, whose instance is the peer."""
    text = "[Service]\nExecStart=/usr/sbin/pppd call %I up_sdnotify\nRestart=on-failure\n"
    put(tmp_path, {"/usr/lib/systemd/system/ppp@.service": text})
    assert places(tmp_path) == []
    enabled(
        tmp_path,
        r"ppp@dsl\x2dprovider.service",
        "ppp@.service",
        text,
        folder="/usr/lib/systemd/system",
    )
    (found,) = ppp.starters("dsl-provider", tmp_path)
    assert found.place == "/usr/lib/systemd/system/ppp@.service:2"
    assert found.service == r"ppp@dsl\x2dprovider.service"
    assert not found.again


def test_a_service_that_comes_back_is_named_so(tmp_path):
    """Restart=always starts pppd again whenever we have hung up."""
    text = "[Service]\nExecStart=pppd nodetach call dsl-provider\nRestart = always\n"
    enabled(tmp_path, "flets.service", "flets.service", text)
    (found,) = find(DIALS, look(tmp_path, DIALS), PEER)
    assert found.code == "ppp-second-starter"
    assert found.text == (
        "/etc/systemd/system/flets.service:2: the service flets.service starts dsl-provider too, "
        "and systemd starts it again whenever ifdown hangs up: run systemctl disable --now "
        "flets.service, or write dial = false in [pppoe]"
    )


def test_the_stanza_is_named_with_what_to_do(tmp_path):
    """By status and check; not where another is to dial.

    It stays: with its first line gone, ifup takes its options for an error, and reads nothing.
    """
    put(tmp_path, {"/etc/network/interfaces": PPPOECONF})
    (found,) = find(DIALS, look(tmp_path, DIALS), PEER)
    assert found.text == (
        "/etc/network/interfaces:6: the stanza iface dsl-provider inet ppp of ifupdown starts "
        "dsl-provider too: take dsl-provider out of the line `auto dsl-provider` or "
        "`allow-hotplug dsl-provider`, and leave the stanza, or write dial = false in [pppoe]"
    )
    assert find(from_text("f", BASE), look(tmp_path, from_text("f", BASE)), PEER) == ()
    put(tmp_path, {"/etc/network/interfaces": PPPOECONF.replace("auto dsl-provider\n", "")})
    assert find(DIALS, look(tmp_path, DIALS), PEER) == ()


def test_nothing_that_is_no_file_is_read(tmp_path):
    """A pipe, a folder, a broken link and bytes that are no text keep nothing from being found."""
    put(tmp_path, {"/etc/network/interfaces": PPPOECONF, "/etc/cron.d/b": "pon"})
    (tmp_path / "etc/cron.d/b").write_bytes(b"\xff\xfe pon dsl-provider\n")
    os.mkfifo(tmp_path / "etc/cron.d/a")
    (tmp_path / "etc/crontab").mkdir()
    (tmp_path / "etc/cron.d/c").symlink_to("nowhere")
    assert places(tmp_path) == ["/etc/network/interfaces:6", "/etc/cron.d/b:1"]


def test_a_unit_of_the_administrator_replaces_that_of_the_package(tmp_path):
    """systemd.unit(5): the one in /etc is read, and the one in /usr is not."""
    put(
        tmp_path,
        {
            "/etc/systemd/system/x.service": "[Service]\nExecStart=/bin/true\n",
            "/usr/lib/systemd/system/x.service": "[Service]\nExecStart=pon dsl-provider\n",
            "/etc/systemd/system/multi-user.target.wants/x.service": "",
        },
    )
    assert places(tmp_path) == []
    (tmp_path / "etc/systemd/system/x.service").unlink()
    assert places(tmp_path) == ["/usr/lib/systemd/system/x.service:2"]


@pytest.mark.parametrize("word", ["pre-up", "up", "post-up"])
def test_an_option_line_that_dials_is_named(word):
    """Each word of interfaces(5) that runs a command when an interface comes up."""
    lines = parse("f", f"iface wan0 inet6 auto\n    {word} pon dsl-provider\n")
    assert [one.place for one in in_interfaces(lines, "dsl-provider")] == ["f:2"]
