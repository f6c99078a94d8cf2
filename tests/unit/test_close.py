"""hooks/close: which interface is the WAN of a broken configuration, and the exit codes."""

import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from machine import BASE

ROOT = Path(__file__).parents[2]
CLOSE = ROOT / "hooks" / "close"
TABLE = ROOT / "packaging" / "closed.nft"
ONE_NIC = BASE.replace('"lan0"', '"wan0"')
NAMED = BASE.replace("[pppoe]", '[pppoe]\ninterface = "ppp7"').replace(
    "[mape]", '[mape]\ntunnel = "mape9"'
)


def loaded():
    """Return the program as a module."""
    sys.dont_write_bytecode = True
    loader = SourceFileLoader("close", str(CLOSE))
    module = module_from_spec(spec_from_loader("close", loader))
    loader.exec_module(module)
    return module


close = loaded()
WRONG = {  # what happens to a text that named wan0
    "a wrong value": lambda text: text.replace("psid = 1", "psid = 64"),
    "an unknown key": lambda text: text.replace("psid = 1", "psidd = 1"),
    "no TOML": lambda text: text.replace("psid = 1", "psid = = 1"),
    "no end of the section": lambda text: text.replace("[wan]", "[wan"),
    "no quotes": lambda text: text.replace('"wan0"', "wan0"),
    "a comment": lambda text: text.replace('"wan0"', '"wan0" # and [lan] too') + "[",
    "a dotted key": lambda text: text.replace("[wan]\ninterface", "wan.interface") + "[",
    "cut off": lambda text: text[: text.index("psid")] + '"',
    "written by Windows": lambda text: text.replace("\n", "\r\n") + "[",
}


@pytest.mark.parametrize("fault", WRONG)
def test_the_wan_of_a_broken_configuration_is_found(fault):
    """By TOML, or by the lines; the LAN's interface and others are not it."""
    text = WRONG[fault](BASE)
    names, shared = close.outside("wan0", [text, ""])
    assert names == ["wan0", "mape0", "ppp0"]
    assert not shared
    assert close.outside("lan0", [text, ""]) is None
    assert close.outside("eth9", [text, ""]) is None
    assert close.outside("", [text, ""]) == (["wan0", "mape0", "ppp0"], False)


@pytest.mark.parametrize("fault", WRONG)
def test_other_names_of_tunnel_and_session_are_found(fault):
    """What comes by them comes from outside."""
    assert set(close.outside("wan0", [WRONG[fault](NAMED), ""])[0]) >= {"wan0", "mape9", "ppp7"} - (
        {"ppp7"} if fault == "cut off" else set()
    )


@pytest.mark.parametrize("fault", WRONG)
def test_one_nic_for_both_is_seen(fault):
    """Its LAN is known by private addresses then."""
    assert close.outside("wan0", [WRONG[fault](ONE_NIC), ""]) == (["wan0", "mape0", "ppp0"], True)


@pytest.mark.parametrize(
    ("text", "interface", "closes"),
    [
        ("interface wan0\n", "wan0", True),  # nothing says what it is
        ("interface wan0\n", "wan00", False),
        ("interface wan0.2\n", "wan0", False),
        ('[lan]\ninterfaces = ["lan0"]\n', "lan0", False),
        ('[lan\ninterfaces = ["lan0"\n', "lan0", False),
        ("", "wan0", False),
        ('[wan]\ninterface = ""\n[', "None", False),
    ],
)
def test_a_text_that_tells_no_wan(text, interface, closes):
    """An interface that it names is taken for the WAN, unless it is in the LAN's list."""
    assert (close.outside(interface, [text, ""]) is not None) is closes


def test_the_one_that_was_applied_last_helps():
    """A file that was emptied names nothing."""
    assert close.outside("wan0", ["", BASE]) == (["wan0", "mape0", "ppp0"], False)
    assert close.outside("lan0", ["", BASE]) is None
    assert close.outside("wan1", [BASE.replace("wan0", "wan1") + "[", BASE])[0][:1] == ["wan1"]


@pytest.mark.parametrize("fault", WRONG)
def test_the_lan_alone_is_let_in_if_it_is_known_for_certain(fault):
    """By TOML, or by the configuration that was applied last; else all that is not outside is.

    Who sits at an interface that no section names is to reach nothing, and the LAN always all.
    """
    text, names = WRONG[fault](BASE), ["wan0", "mape0", "ppp0"]
    toml = fault in {"a wrong value", "an unknown key"}
    assert close.inside([text, ""], names) == (["lan0"] if toml else None)
    assert close.inside([text, BASE], names) == ["lan0"]
    assert close.inside([text.replace("lan0", "lan 0"), ""], names) is None
    assert close.inside([text.replace('["lan0"]', "[]"), ""], names) is None
    assert close.inside([ONE_NIC, ""], names) == []
    assert close.inside([BASE, BASE.replace("lan0", "br-*")], names) == ["lan0", "br-*"]
    for lans, match in (
        (["lan0", "br-*"], '{ "lan0", "br-*" }'),
        ([], '{ "lo" }'),
        (None, '!= "lo"'),
    ):
        made = close.table(TABLE.read_text(), names, False, lans)
        assert f"iifname {match} accept" in made
        assert f"oifname {match} drop" in made


def test_at_boot_without_a_name_everything_is_outside():
    """But what has a private IPv4 address, or comes by lo."""
    names, shared = close.outside("", ["[wan", ""])
    text = close.table(TABLE.read_text(), names, shared)
    assert 'iifname != "lo" goto from_outside' in text
    assert 'iifname != "ppp*" ip saddr { 10.0.0.0/8' in text
    assert "@" not in text.partition("table inet")[2]


@example(at=BASE.index('wan0"') + 5, junk="0")
@given(at=st.integers(BASE.index('wan0"') + 5, len(BASE)), junk=st.text(max_size=20))
def test_wherever_a_text_is_cut_off(at, junk):
    """The WAN is closed and the LAN is not, as long as the line that names the WAN is there."""
    for text in (BASE[:at] + junk, BASE[:at] + "\n" + junk + "\n" + BASE[at:]):
        assert close.outside("wan0", [text, ""]) is not None
        assert close.outside("", [text, ""])[0][:1] == ["wan0"]
        assert close.outside("lan0", [text, ""]) is None


@given(text=st.text() | st.text(alphabet='[]wan0lan.="\n #\\{}'), interface=st.text(max_size=16))
def test_no_text_is_too_odd(text, interface):
    """Whatever stands in the file; another interface than those that are known is never closed."""
    close.outside(interface, [text, ""])
    names, _ = close.outside("", [text, BASE])
    assert "wan0" in names
    assert close.outside("eth9", [text, BASE]) is None or "eth9" in text


@pytest.mark.parametrize("name", ['wan0"', "wan0 }", "w" * 16, "", "../x", "wan 0"])
def test_no_odd_name_reaches_nft(name):
    """From the configuration only what can be the name of an interface does."""
    text = BASE.replace("wan0", name)
    for found in (close.outside("", [text, ""]), close.outside("", [text + "[", ""])):
        assert name not in found[0]


# --- the program -------------------------------------------------------------------------------


@pytest.fixture(name="program")
def _program(tmp_path):
    """Return a function that runs the program with an nft in its place, and what that got."""
    config = tmp_path / "dualwan.toml"
    got = tmp_path / "got"
    (tmp_path / "closed.nft").write_text(TABLE.read_text())

    def program(*arguments, text=BASE + "[", stands=(), load="exit 0"):
        if text is not None:
            config.write_text(text)
        nft = tmp_path / "nft"
        nft.write_text(
            f'#!/bin/sh\nif [ "$1" = -t ]; then case " {" ".join(stands)} " in *" $6 "*) exit 0;;'
            f' esac; exit 1; fi\ncat > {got}; echo "refused: first" >&2; echo more >&2; {load}\n'
        )
        nft.chmod(0o755)
        copy = tmp_path / "close"
        made = CLOSE.read_text()
        for old, new in (
            ("/etc/dualwan/dualwan.toml", config),
            ("/var/lib/dualwan", tmp_path),
            ("/usr/sbin/nft", nft),
        ):
            made = made.replace(f'"{old}', f'"{new}')
        copy.write_text(made)
        got.unlink(missing_ok=True)
        done = subprocess.run(
            [sys.executable, "-I", copy, *arguments], check=False, capture_output=True, text=True
        )
        assert "Traceback" not in done.stderr
        return done.returncode, done.stderr, got.read_text() if got.exists() else ""

    return program


def test_it_closes_and_says_what_it_closed(program):
    """The table goes to nft with the names in it."""
    code, said, loaded = program("pre-up", "wan0")
    assert code == 0
    assert "closed by nft table inet dualwan_firewall" in said
    assert 'iifname { "wan0", "mape0", "ppp0" } goto from_outside' in loaded
    assert said.count("\n") == 1


def test_it_leaves_other_interfaces_alone(program):
    """Without a word, and whatever nft would say."""
    assert program("pre-up", "lan0", load="exit 1") == (0, "", "")
    assert program("pre-up", "eth9", load="exit 1") == (0, "", "")


@pytest.mark.parametrize("load", ["exit 1", "kill -ABRT $$", "exit 3"])
def test_a_machine_that_cannot_be_closed_is_1(program, load):
    """Modules that are gone, an nft that aborts, no memory: the interface must not come up."""
    code, said, _ = program("pre-up", "wan0", load=load)
    assert code == 1
    assert "the machine cannot be closed: refused: first" in said
    assert program("boot", load=load)[0] == 1


def test_without_nft_or_the_table_it_is_1_too(program, tmp_path):
    """Whatever is missing of the package."""
    program("pre-up", "wan0")
    copy = tmp_path / "close"
    for missing in ("nft", "closed.nft"):
        (tmp_path / missing).unlink()
        done = subprocess.run(
            [sys.executable, "-I", copy, "pre-up", "wan0"],
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 1
        assert "cannot be closed: " in done.stderr
        assert "Traceback" not in done.stderr


def test_a_firewall_that_stands_is_the_better_one(program):
    """It is left; the table of this program is not taken for it."""
    code, said, loaded = program("pre-up", "wan0", stands=("input", "forward"))
    assert (code, loaded) == (0, "")
    assert "the firewall that was loaded before stays" in said
    code, _, loaded = program("pre-up", "wan0", stands=("input", "forward", "closed"))
    assert code == 0
    assert loaded
    assert program("pre-up", "wan0", stands=("input",))[2]


def test_another_configuration_can_be_named(program, tmp_path):
    """As `event boot --config FILE` does."""
    other = tmp_path / "other.toml"
    other.write_text(BASE.replace("wan0", "wan5") + "[")
    assert '"wan5"' in program("boot", "", str(other))[2]


def test_the_table_opens_nothing_that_the_firewall_does_not():
    """Both drop explicitly at the end, because a new chain gets its policy late."""
    text = TABLE.read_text()
    assert text.count("policy drop;") == 3
    assert "delete table inet dualwan_firewall\ntable inet dualwan_firewall {" in text
