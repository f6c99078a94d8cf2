"""What brings the WAN up: the stanza, and what is changed in the files of interfaces(5)."""

import pytest

from dualwan.interfaces_file import parse
from dualwan.model.setup import SourceFile
from dualwan.setup.stanza import MARK, Old, by_hand, edits, has_stanza, odd

FILE = "/etc/network/interfaces"
OLD = Old("isp", ("/root/bin/dial", "/root/my tunnel.sh"))
PLAIN = "auto lo\niface lo inet loopback\n"
STANZA = "allow-hotplug enp1s0\niface enp1s0 inet6 auto\niface enp1s0 inet manual\n"


def edited(text, *, add=False, ifupdown2=False, path=FILE):
    """Return the text after the edit, or None where nothing is changed."""
    found = edits((SourceFile(path, text),), "enp1s0", OLD, ifupdown2=ifupdown2, add=add)
    return found[0].after if found else None


def test_the_stanza_is_added_where_there_is_none():
    """At the end, also after a last line without its end; ifupdown2 has another."""
    assert edited(PLAIN, add=True) == f"{PLAIN}\n# The line, for dualwan-hook.\n{STANZA}"
    assert edited("auto lo", add=True).startswith("auto lo\n\n#")
    assert "inet6" not in edited(PLAIN, add=True, ifupdown2=True)
    assert edited(PLAIN + STANZA, add=True) is None
    assert edited(PLAIN) is None


@pytest.mark.parametrize(
    "line",
    [
        "    up MODE=start /root/etc/mape.sh",
        "\tpost-up /usr/local/sbin/pppoe.sh start || true",
        "    down MODE=stop /root/etc/pppoe.sh",
        "    up pon isp",
        "    post-up /root/bin/dial start || true",  # read with --from, or where people keep it
        "    down sh -c '/root/bin/dial stop'",
        "    pre-up /usr/sbin/pppd call isp",
    ],
)
def test_lines_of_the_scripts_are_commented_out(line):
    """And lines that dial the peer besides; the rest stays to the letter."""
    text = f"{STANZA}{line}\niface eth9 inet dhcp\n    up route add x\n"
    assert edited(text) == text.replace(line, f"{MARK}{line}")


@pytest.mark.parametrize(
    "line",
    [
        "    # up /root/etc/mape.sh",
        "    up pon other",
        "    up /root/bin/dialled start",
        "iface mape.sh inet manual",
        "    up echo mapexsh",
    ],
)
def test_other_lines_stay(line):
    """Remarks, other scripts, other peers."""
    assert edited(f"{STANZA}{line}\n") is None


def test_the_stanza_that_pppoeconf_writes_is_commented_out():
    """With all of its options, and its `auto`; pppd is dialled when the WAN is up."""
    stanza = (
        "auto isp\niface isp inet ppp\n    pre-up /bin/ip link set enp1s0 up\n    provider isp\n"
    )
    found = edited(f"{PLAIN}{stanza}\nauto eth9\niface eth9 inet dhcp\n")
    marked = "".join(f"{MARK}{line}\n" for line in stanza.splitlines())
    assert found == f"{PLAIN}{marked}\nauto eth9\niface eth9 inet dhcp\n"


def test_other_interfaces_stay_in_the_line_that_starts_them():
    """For one without a stanza ifup -a fails, and networking.service with it."""
    stanza = "iface isp inet ppp\n    provider isp\n"
    marked = "".join(f"{MARK}{line}\n" for line in stanza.splitlines())
    found = edited(f"auto lo \\\n  isp eth9\n{stanza}")
    assert found == f"{MARK}auto lo \\\n{MARK}  isp eth9\nauto lo eth9\n{marked}"
    assert edited(found) is None
    assert edited(f"{stanza}auto lo isp").endswith(f"{MARK}auto lo isp\nauto lo\n")


@pytest.mark.parametrize("line", ["rename eth0=lan0", "no-scripts eth9", "no-auto-down eth9"])
def test_a_line_of_its_own_after_the_stanza_stays(line):
    """It begins with a word of interfaces(5), not with an option."""
    found = edited(f"{PLAIN}iface isp inet ppp\n    provider isp\n{line}\n")
    assert found.endswith(f"provider isp\n{line}\n")


def test_joined_lines_are_commented_out_whole():
    """Each of them, so that no half remains; a reader of the file sees none of it."""
    text = f"{STANZA}    up MODE=start \\\n      /root/etc/mape.sh \\\n      now\n"
    found = edited(text)
    assert found.count(MARK) == 3
    assert [line.text for line in parse(FILE, found)] == STANZA.splitlines()


def test_the_line_after_a_comment_is_no_part_of_it():
    """Whatever the comment ends with: ifup runs that line."""
    text = f"# \\\n{STANZA}    # mine \\\n    up /root/etc/mape.sh\n"
    assert edited(text) == text.replace("    up", f"{MARK}    up")
    assert edited(text, add=True).count("inet6") == 1
    joined = f"{STANZA}    up /root/etc/mape.sh \\\n# 1\n"
    assert edited(joined).count(MARK) == 2


def test_a_file_that_ends_within_a_line_is_read_to_its_end():
    """A backslash is the last of it; nothing comes that would be joined."""
    found = edited(f"{STANZA}    up MODE=start \\\n      /root/etc/mape.sh\\")
    assert found.count(MARK) == 2


@pytest.mark.parametrize(
    "text",
    [
        f"{STANZA}    up /root/mape.sh\n",
        f"{PLAIN}iface eth9 inet manual\n    up MODE=start \\\n      /root/etc/mape.sh\\",
        f"{PLAIN}iface enp1s0 inet ppp\n    provider isp\n",
    ],
    ids=["script", "within a line", "the only stanza of the WAN"],
)
def test_a_second_edit_changes_nothing(text):
    """What was commented out is no line any more, nor a stanza of the WAN."""
    once = edited(text, add=True)
    assert has_stanza([SourceFile(FILE, once)], "enp1s0")
    assert edited(once, add=True) is None


def test_the_file_with_the_line_is_the_one_that_is_changed():
    """The stanza is in another file; each change says file and line."""
    main = SourceFile(FILE, "source interfaces.d/*\n")
    other = SourceFile(f"{FILE}.d/wan", f"{STANZA}    up /root/mape.sh\n")
    found = edits((main, other), "enp1s0", OLD, ifupdown2=False, add=True)
    assert [one.path for one in found] == [other.path]
    assert found[0].why == ("line 4: dualwan-hook takes the place of the script",)
    assert has_stanza((main, other), "enp1s0")


def test_lines_with_one_reason_are_named_together():
    """With their numbers, and the stanza that is added."""
    text = f"{PLAIN}iface x inet ppp\n    provider isp\n    up a/mape.sh\n"
    found = edits((SourceFile(FILE, text),), "enp1s0", OLD, ifupdown2=False, add=True)
    assert found[0].why == (
        "lines 3, 4, 5: the stanza dials isp beside dualwan-hook",
        "the stanza of enp1s0 is added",
    )


def test_an_ipv4_address_of_the_wan_is_named():
    """DHCP would bring a default route besides MAP-E's."""
    files = (SourceFile(FILE, "iface enp1s0 inet dhcp\niface eth9 inet dhcp\n"),)
    assert [text.partition(": ")[0] for text in odd(files, "enp1s0")] == [f"{FILE}:1"]
    assert odd((SourceFile(FILE, STANZA),), "enp1s0") == []


@pytest.mark.parametrize(
    ("manager", "there", "words"),
    [
        ("", False, STANZA.splitlines()),
        ("", True, []),
        ("dhcpcd", True, ["denyinterfaces enp3s0", "interface enp1s0", "noipv4"]),
        ("NetworkManager", False, ["nmcli connection modify LAN ipv6.never-default yes"]),
        ("systemd-networkd", False, ["Name=enp1s0", "IPv6AcceptRA=yes"]),
    ],
)
def test_each_manager_has_its_own_words(manager, there, words):
    """The stanza of ifupdown, unless it is there; nmcli; a file of networkd; lines of dhcpcd."""
    lines = [line.strip() for line in by_hand("enp1s0", ("enp3s0",), manager, False, there=there)]
    assert [line for line in lines if line in words] == words
    assert bool(lines) == bool(words)
