"""`dualwan-hook init --your-lan`: the files of docs/your-lan for this machine, and nothing lost."""

import re
from ipaddress import ip_interface
from pathlib import Path

import pytest
from another_root import put
from init_lan import CONFIG, UNITS, runner, written

from dualwan import cli
from dualwan.commands import lan_files
from dualwan.host.around import addresses
from dualwan.model.surroundings import OwnAddress
from dualwan.setup.lan_files import SETS

DOCS = Path(__file__).parents[2] / "docs/your-lan"
RA = "etc/dnsmasq.d/ra.conf"
INTERFACES = "etc/network/interfaces"


@pytest.fixture(name="run")
def _run(tmp_path, monkeypatch, capsys):
    """Return a function that runs it on a machine below a folder."""
    return runner(tmp_path, monkeypatch, capsys)


@pytest.mark.parametrize("name", SETS)
def test_a_set_is_written_with_the_names_of_this_machine(run, name):
    """Of WAN and LAN; each other word is that of the documents."""
    code, said, err = run("--your-lan", name)
    assert (code, err) == (0, "")
    texts = written(run.root)
    assert {*texts} == {target.path.lstrip("/") for target in SETS[name].files.values()}
    for file, target in SETS[name].files.items():
        text = texts[target.path.lstrip("/")]
        back = text.replace("eth8", "enp1s0").replace("br0", "enp3s0")
        back = back.replace("10.1.2.250", "192.168.1.1").replace("10.1.2.", "192.168.1.")
        assert back == (DOCS / name / file).read_text()
        assert not re.search(r"enp|192\.168\.", text)
        assert f"{target.path}: written" in said
        assert (run.root / target.path.lstrip("/")).stat().st_mode & 0o777 == target.mode


@pytest.mark.parametrize("name", SETS)
def test_places_programs_and_commands_are_those_of_the_page(run, name):
    """Who follows the page does the same; init writes neither interfaces(5) nor a configuration."""
    pages = "\n".join(path.read_text() for path in DOCS.glob("*.md"))
    rows = re.findall(rf"^\| \[[^]]+\]\({name}/([^)]+)\) \| `([^`]+)`", pages, re.MULTILINE)
    rows += re.findall(rf"^    cp /usr/share/\S+/{name}/(\S+) (\S+)$", pages, re.MULTILINE)
    places = {file: to + file if to.endswith("/") else to for file, to in rows}
    own = {"interfaces", "dualwan.toml"}
    assert {file: to for file, to in places.items() if file not in own} == {
        file: target.path for file, target in SETS[name].files.items()
    }
    assert f"    apt install {' '.join(SETS[name].programs)}\n" in pages
    for command in SETS[name].commands:
        assert f"    {command.replace('{wan}', 'enp1s0')}\n" in pages
    said = run("--your-lan", name)[1]
    assert said.endswith(
        "\n".join(f"  {one.replace('{wan}', 'eth8')}" for one in SETS[name].commands)
    )


def test_the_options_offer_each_set(capsys):
    """The table of sets is not loaded for the words of the command line."""
    assert cli.main(["init", "--your-lan", "x"]) == 2
    offered = re.search(r"choose from (.*)\)", capsys.readouterr().err)[1]
    assert re.findall(r"[\w-]+", offered) == [*SETS]


def test_a_dry_run_writes_nothing(run):
    """It says of each file whether it is new, and what has to be changed elsewhere."""
    put(run.root, {INTERFACES: "iface eth8 inet6 auto\niface\niface eth8 inet6 dhcp\n"})
    code, said, _ = run("--your-lan", "pd-dhcpcd", "--dry-run")
    assert code == 0
    assert "/etc/dhcpcd.conf: new" in said
    assert 'write prefix-from = "br0" into [mape]' in said
    assert "/etc/network/interfaces:1: remove `iface eth8 inet6 auto` with all" in said
    assert "/etc/network/interfaces:3: remove `iface eth8 inet6 dhcp` with all" in said
    assert {*written(run.root)} == {INTERFACES}


def test_stanzas_are_in_the_way_of_networkd(run):
    """Those of WAN and LAN alone."""
    text = "iface lo inet loopback\niface eth8 inet manual\niface br0 inet static\n"
    put(run.root, {INTERFACES: text})
    run.config.write_text(CONFIG + 'prefix-from = "br0"\n')
    said = run("--your-lan", "pd-networkd", "--dry-run")[1]
    assert said.count("remove the stanza") == 2
    assert "interfaces:2: `ifdown eth8`" in said
    assert "prefix-from" not in said


def test_another_file_that_is_there_stays(run):
    """Without --force nothing at all is written; with it a copy is kept, where nobody reads it."""
    (run.root / RA).parent.mkdir(parents=True)
    (run.root / RA).write_text("mine\n")
    code, _, err = run("--your-lan", "bare-64")
    assert code == 2
    assert f"there already, with another text: /{RA}; --force replaces that" in err
    assert written(run.root) == {RA: "mine\n"}
    assert run("--your-lan", "bare-64", "--force")[0] == 0
    (copy,) = run.config.parent.glob("*.before-init")
    assert copy.read_text() == "mine\n"
    assert "br0" in (run.root / RA).read_text()


def test_what_is_written_already_is_not_written_again(run):
    """Run twice, it asks nothing, and a script that lost its mode is as before."""
    run("--your-lan", "bare-64")
    code, said, _ = run("--your-lan", "bare-64", answers=[])
    assert code == 0
    assert said.count("is there already") == 4
    assert ": written" not in said


def test_a_person_may_refuse(run):
    """The question names each file."""
    code, said, _ = run("--your-lan", "dns-dhcp", answers=["n"])
    assert code == 0
    assert "Nothing is written." in said
    assert written(run.root) == {}
    run("--your-lan", "dns-dhcp", answers=["y"])
    assert "dhcp-range=10.1.2.100,10.1.2.199,12h" in written(run.root)["etc/dnsmasq.d/lan.conf"]


@pytest.mark.parametrize(
    ("address", "seen"), [(None, "no IPv4 address"), ("10.1.2.3/16", "10.1.2.3/16")]
)
def test_addresses_of_another_length_are_a_persons_business(run, monkeypatch, address, seen):
    """The file is for a /24."""
    there = () if address is None else (OwnAddress("br0", ip_interface(address)),)
    monkeypatch.setattr(addresses, "look", lambda: there)
    code, _, err = run("--your-lan", "dns-dhcp")
    assert code == 2
    assert f"br0 has {seen}" in err
    assert written(run.root) == {}


def test_programs_are_installed_before(run, monkeypatch):
    """Otherwise apt would ask about the files."""
    monkeypatch.setattr(lan_files.shutil, "which", lambda *_, **_words: None)
    (run.root / UNITS[1]).unlink()
    code, _, err = run("--your-lan", "bare-64")
    assert code == 2
    assert "not installed: dnsmasq, ndppd; run `apt install dnsmasq ndppd` before" in err
    assert written(run.root) == {}


@pytest.mark.parametrize(("unit", "name"), zip(UNITS, ("dhcpcd", "dnsmasq"), strict=True))
def test_a_program_without_its_service_is_not_installed(run, unit, name):
    """Debian 13 has dhcpcd-base from the start, and libvirt brings dnsmasq-base."""
    (run.root / unit).unlink()
    masked = run.root / f"etc/systemd/system/{name}.service"
    masked.parent.mkdir(parents=True)
    masked.symlink_to("/dev/null")
    code, _, err = run("--your-lan", "pd-dhcpcd")
    assert code == 2
    assert f"not installed: {name}; run `apt install dhcpcd dnsmasq` before" in err
    assert written(run.root) == {}


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("--your-lan", "bare-64", "--your-lan", "pd-dhcpcd"), "exclude each other"),
        (("--your-lan", "bare-64", "--lan", "br0"), "not with --lan"),
        (("--your-lan", "bare-64", "--from", "x"), "not with --from"),
    ],
)
def test_what_does_not_go_together_is_refused(run, argv, message):
    """With the option."""
    code, _, err = run(*argv)
    assert code == 2
    assert message in err


def test_without_a_configuration_it_says_so(run):
    """The names come from there."""
    run.config.unlink()
    code, _, err = run("--your-lan", "bare-64")
    assert code != 0
    assert str(run.config) in err


def test_a_lan_of_patterns_alone_has_no_name(run):
    """Nothing is guessed, nor where line and LAN are one wire."""
    for lan in ("", ', "eth8"'):
        run.config.write_text(CONFIG.replace(', "br0"', lan))
        code, _, err = run("--your-lan", "bare-64")
        assert code == 2
        assert "[lan] interfaces has no whole name besides the WAN's" in err
