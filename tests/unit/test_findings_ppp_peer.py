"""P1, P3 and their like: what the peer's files say, named with file, line and remedy."""

import json
from pathlib import Path

import pytest
from another_root import put
from machine import BASE

from dualwan import cli
from dualwan.config import from_text
from dualwan.findings import PEER, find
from dualwan.host.around import ppp
from dualwan.host.surroundings import look

DIALS = from_text("f", BASE.replace("dial = false", "dial = true"))
NAMED = from_text("f", BASE.replace("dial = false", 'dial = false\npeer = "dsl-provider"'))
PATH = "/etc/ppp/peers/dsl-provider"
GOOD = """\
noipdefault
nodefaultroute
hide-password
noauth
persist
maxfail 0
mtu 1454
plugin rp-pppoe.so nic-wan0
user "me@example"
"""
SECRETS = {"/etc/ppp/chap-secrets": '# client server secret\n"me@example" * "sesame" *\n'}


def found(root, text, config=DIALS, **files):
    """Return what is found of a peer with TEXT."""
    more = {f"/etc/ppp/{name}": content for name, content in files.items()}
    return find(config, look(put(root, {PATH: text, **SECRETS, **more}), config), PEER)


def test_a_good_peer_is_no_obstacle(tmp_path):
    """As the README has it."""
    assert found(tmp_path, GOOD) == ()


@pytest.mark.parametrize(
    ("add", "code", "text"),
    [
        (
            "defaultroute\nreplacedefaultroute\n",
            "ppp-replaces-default-route",
            f"{PATH}:11: replacedefaultroute, with defaultroute in {PATH}:10, takes MAP-E's "
            "default route away at each connect: remove both lines and write nodefaultroute",
        ),
        (
            "defaultroute\n",
            "ppp-default-route",
            f"{PATH}:10: defaultroute leads everything to PPPoE while MAP-E is not up: replace it "
            "by nodefaultroute",
        ),
        (
            "usepeerdns\n",
            "ppp-resolvers",
            f"{PATH}:10: usepeerdns makes PPPoE's resolvers the router's, but questions to them "
            "leave by MAP-E, where they mostly refuse: remove the line, and take resolvers of the "
            "line (DHCPv6) or public ones",
        ),
        (
            "maxfail 5\n",
            "ppp-gives-up",
            f"{PATH}:10: maxfail 5, so pppd ends after 5 failures in a row, as when the line is "
            "away: write maxfail 0",
        ),
        (
            "updetach nodetach\n",
            "ppp-does-not-detach",
            f"{PATH}:10: nodetach keeps pon from returning, so whether the session came up is not "
            "known where we dial: remove it, or have systemd start pppd and write dial = false in "
            "[pppoe]",
        ),
        (
            "unit 3\n",
            "ppp-interface",
            f"{PATH}:10: unit 3 makes the session ppp3, but [pppoe] has interface = ppp0: write "
            'interface = "ppp3" in [pppoe], or remove the option',
        ),
        (
            "unit 0\nifname flets\n",
            "ppp-interface",
            f"{PATH}:11: ifname flets makes the session flets, but [pppoe] has interface = ppp0: "
            'write interface = "flets" in [pppoe], or remove the option',
        ),
        (
            "nic-eth9\n",
            "ppp-nic",
            f"{PATH}:10: PPPoE runs on eth9, but the line is on wan0 (wan.interface): write "
            "nic-wan0, unless eth9 leads to a line of its own",
        ),
        (
            "mtu 1492\n",
            "ppp-mtu",
            f"{PATH}:10: mtu 1492 is more than the 1454 of [pppoe] mtu; FLET'S carries 1454 "
            "bytes: write mtu 1454",
        ),
        (
            "mru 1492\n",
            "ppp-mtu",
            f"{PATH}:10: mru 1492 is more than the 1454 of [pppoe] mtu; FLET'S carries 1454 "
            "bytes: write mru 1454",
        ),
        (
            "ip-up-script /root/up\n",
            "hook-replaced",
            f"{PATH}:10: ip-up-script /root/up is run and not /etc/ppp/ip-up.d, where our hook "
            "is: remove the option, and put the script into /etc/ppp/ip-up.d",
        ),
        (
            'user "you@example"\n',
            "ppp-no-secret",
            f'{PATH}:10: user "you@example" has no secret in /etc/ppp/chap-secrets or '
            "pap-secrets: add a line with that name to both, or correct the name",
        ),
        (
            "file /etc/ppp/none\n",
            "ppp-file-missing",
            f"{PATH}:10: /etc/ppp/none cannot be read, so pppd does not start: write that file, "
            "or remove the option",
        ),
    ],
)
def test_each_option_in_the_way_is_named(tmp_path, add, code, text):
    """One finding, with the line that is in force and what to write instead."""
    (one,) = found(tmp_path, GOOD.replace("nodefaultroute\n", "\n") + add)
    assert (one.code, one.text) == (code, text)


def test_a_contradiction_that_pppd_refuses_is_named(tmp_path):
    """Both versions say "defaultroute option is disabled" and end."""
    first, one = found(tmp_path, GOOD + "defaultroute\nreplacedefaultroute\n")
    assert first.code == "ppp-replaces-default-route"
    assert one.text == (
        f"{PATH}:10: defaultroute after nodefaultroute in {PATH}:2, so pppd does not start "
        "(defaultroute option is disabled): remove this line, and replacedefaultroute"
    )


def test_a_session_that_is_not_dialled_again_is_named(tmp_path):
    """Without persist, and with persist but pppd's default of ten failures."""
    (one,) = found(tmp_path, GOOD.replace("persist\n", ""))
    assert one.text == (
        f"{PATH} has no persist, so a session that ends is not dialled again before ifup: write "
        "persist and maxfail 0 into it"
    )
    (one,) = found(tmp_path, GOOD.replace("maxfail 0\n", ""))
    assert one.text == (
        f"{PATH} has no maxfail 0, so pppd ends after 10 failures in a row, as when the line is "
        "away: write maxfail 0"
    )
    assert found(tmp_path, GOOD.replace("persist\n", ""), NAMED) == (), "another program dials"


def test_what_another_file_says_counts_too(tmp_path):
    """/etc/ppp/options, and the file of the interface; a later line may take it back."""
    (one,) = found(tmp_path, GOOD, **{"options.wan0": "usepeerdns\n"})
    assert one.seen.startswith("/etc/ppp/options.wan0:1: usepeerdns")
    assert found(tmp_path, GOOD, options="mtu 1500\n", **{"options.wan0": ""}) == ()


@pytest.mark.parametrize("value", ["\N{SUPERSCRIPT TWO}", "9" * 5000, "-1", "1492x"])
def test_an_mtu_that_pppd_does_not_take_is_no_finding(tmp_path, value):
    """It is pppd's to refuse: a digit of another script, and a number that nothing has."""
    assert found(tmp_path, GOOD.replace("mtu 1454", f"mtu {value}")) == ()


@pytest.mark.parametrize("mtu", [1454, 1500])
def test_the_limit_is_that_of_the_configuration(tmp_path, mtu):
    """A line that carries more than FLET'S says so in [pppoe] mtu."""
    config = from_text("f", BASE.replace("dial = false", f"mtu = {mtu}"))
    assert len(found(tmp_path, GOOD + "mtu 1492\n", config)) == (mtu == 1454)


def test_a_missing_peer_is_named(tmp_path):
    """Where the configuration names it, or dials it."""
    root = put(tmp_path, {"/etc/ppp/peers/other": ""})
    (one,) = find(DIALS, look(root, DIALS), PEER)
    assert one.text == (
        f"{PATH} (pppoe.peer) is missing, so no PPPoE session can start: write it, pppoeconf can "
        "do that, or name another peer"
    )
    plain = from_text("f", BASE)
    assert find(plain, look(root, plain), PEER) == ()


def test_a_machine_without_pppd_has_no_findings_about_it(tmp_path):
    """`check` runs anywhere; what cannot be read is not judged."""
    assert find(DIALS, look(tmp_path, DIALS), PEER) == ()
    (tmp_path / "etc/ppp/peers").mkdir(parents=True)
    assert find(DIALS, look(tmp_path, DIALS), PEER)


@pytest.mark.parametrize(
    ("secrets", "count"),
    [
        ({"pap-secrets": "me@example\t*\tsesame\n"}, 0),
        ({"pap-secrets": "* * sesame\n"}, 0),
        ({"pap-secrets": "# me@example * sesame\n"}, 1),
        ({}, 1),
    ],
)
def test_a_secret_in_either_file_will_do(tmp_path, secrets, count):
    """Quoted or not, by the name or for all; none is printed."""
    put(tmp_path, {PATH: GOOD, **{f"/etc/ppp/{name}": text for name, text in secrets.items()}})
    around = look(tmp_path, DIALS)
    assert "sesame" not in repr(around)
    assert len(find(DIALS, around, PEER)) == count


def test_a_password_among_the_options_will_do(tmp_path):
    """Pppd takes it before the files."""
    put(tmp_path, {PATH: GOOD + "password sesame\n"})
    assert find(DIALS, look(tmp_path, DIALS), PEER) == ()


def test_check_prints_them_and_is_content(tmp_path, monkeypatch, capsys):
    """As warnings after the verdict about the configuration, and in --json; exit code 0."""
    root = put(tmp_path, {PATH: GOOD + "usepeerdns\n", **SECRETS})
    monkeypatch.setattr(ppp, "look", lambda peer, _, look=ppp.look: look(peer, root))
    path = tmp_path / "dualwan.toml"
    path.write_text(BASE.replace("dial = false", "dial = true"))
    assert cli.main(["check", str(path)]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"{path}: in order"
    assert second.startswith(f"warning: {PATH}:10: usepeerdns makes")
    assert cli.main(["check", str(path), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["ok"] is True
    assert [one["code"] for one in data["findings"]] == ["ppp-resolvers"]


def test_the_packages_example_is_no_obstacle(tmp_path):
    """What README tells people to write."""
    text = (Path(__file__).parents[2] / "packaging/examples/dsl-provider").read_text()
    secrets = {"/etc/ppp/chap-secrets": '"YOU@YOUR-PROVIDER.example" * "secret"\n'}
    config = from_text("f", BASE.replace("wan0", "enp1s0").replace("dial = false", "dial = true"))
    assert find(config, look(put(tmp_path, {PATH: text, **secrets}), config), PEER) == ()
