"""The command init: what it asks, what it refuses, and that it writes nothing too early."""

import io
import os
import stat
from pathlib import Path

import pytest
from init_cases import EXAMPLE, SCRIPTS, script
from init_command import NAMED, init_path, init_run, names

from dualwan import cli
from dualwan.commands import init
from dualwan.errors import HostError, UsageError
from dualwan.host.around import setup
from dualwan.model.setup import SetupMachine, SourceFile

__all__ = ["init_path", "init_run"]  # fixtures


def test_without_a_terminal_the_options_answer(run, path):
    """WAN and LAN are enough; the file is there, readable for all, its owner's alone to write."""
    code, out, err = run(*NAMED)
    assert (code, err) == (0, "")
    assert f"{path}: written" in out
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert path.stat().st_uid == os.geteuid()
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o755
    assert names(path.parent) == ["dualwan.toml"]


@pytest.mark.parametrize(
    ("argv", "missing"),
    [
        ((), "--wan NAME and --lan NAME"),
        (("--wan", "enp1s0"), "needs --lan NAME"),
        (("--lan", "enp3s0"), "needs --wan NAME"),
        (("--yes",), "--wan NAME and --lan NAME"),
    ],
)
def test_without_a_terminal_and_without_options_it_names_them(run, path, argv, missing):
    """What is only guessed is not written."""
    code, _, err = run(*argv)
    assert code == 2
    assert missing in err
    assert "--from FILE" in err
    assert err.count("\n") == 1
    assert not path.parent.exists()


def test_scripts_that_name_the_interfaces_are_enough(run, path, monkeypatch):
    """They are as good as options."""
    files = tuple(SourceFile(f"/root/{name}", script(name)) for name in ("mape.sh", "pppoe.sh"))
    machine = SetupMachine(scripts=files)
    monkeypatch.setattr("dualwan.host.around.setup.look", lambda *_: machine)
    assert run("--yes")[0] == 0
    assert '# (from /root/mape.sh:3)\ninterface = "enp1s0"' in path.read_text()


def test_the_line_is_not_proposed_as_lan(run, path, monkeypatch):
    """Whatever the rules let in there."""
    rules = "*filter\n-A INPUT -i enp1s0 -j ACCEPT\n-A INPUT -i enp3s0 -j ACCEPT\n"
    machine = SetupMachine(rules=(SourceFile("iptables-save", rules),))
    monkeypatch.setattr("dualwan.host.around.setup.look", lambda *_: machine)
    assert run("--wan", "enp1s0")[0] == 0
    assert 'interfaces = ["enp3s0"]' in path.read_text()


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("--wan", "a b"), "--wan: 'a b' is no interface name"),
        (("--wan", "x" * 16), "--wan: "),
        (("--lan", "*"), "--lan: "),
        (("--provider", "ocm"), "--provider: unknown provider 'ocm'; did you mean 'ocn'?"),
        (("--provider", "manual"), "--provider: manual takes BR, CE, IP4 and PSID from mape.sh"),
        (("--peer", "../x"), "--peer: '../x' is no name of a file in /etc/ppp/peers"),
        (("--exit-code",), "unrecognized arguments"),
    ],
)
def test_an_option_that_cannot_be_is_named(run, path, argv, message):
    """With its reason, in one line, before anything is asked."""
    code, _, err = run(*argv, answers=[])
    assert code == 2
    assert message in err
    assert err.count("\n") == 1
    assert not path.exists()


@pytest.mark.parametrize("argv", [("--exit-code", "init"), ("--slice", "snat", "init")])
def test_options_of_a_plan_do_not_go_with_it(argv, capsys):
    """It has no plan."""
    assert cli.main(argv) == 2
    assert "do not go with 'init'" in capsys.readouterr().err


def test_interfaces_with_two_roles_are_refused(run, path):
    """As any configuration with them is."""
    code, _, err = run("--wan", "enp1s0", "--lan", "ppp0")
    assert code == 3
    assert "lan.interfaces: the interface 'ppp0' is listed twice, also in pppoe.interface" in err
    assert not path.exists()


@pytest.mark.parametrize("answers", [[], ["enp1s0"], ["", "", "", ""]])
def test_the_end_of_the_input_writes_nothing(run, path, answers):
    """At whatever question it comes; the exit code is that of a wrong use."""
    code, _, err = run(answers=answers)
    assert (code, err) == (
        2,
        "dualwan-hook: the input ended before the last answer; nothing is written\n",
    )
    assert not path.parent.exists()


@pytest.mark.parametrize("before", [[], ["", ""], ["", "", "", ""]])
def test_an_interrupt_writes_nothing(run, path, before):
    """Ctrl-C at whatever question; the exit code is that of shells."""
    code, _, err = run(answers=[*before, KeyboardInterrupt()])
    assert (code, err) == (130, "dualwan-hook: interrupted; nothing is written\n")
    assert not path.parent.exists()


def test_no_is_no(run, path):
    """Nothing is written, and that is no failure."""
    code, out, _ = run(answers=["", "", "", "", "n"])
    assert code == 0
    assert out.endswith("Nothing is written.")
    assert not path.parent.exists()


def test_all_is_shown_before_it_is_asked_for(run, path):
    """The file, what is open, then the question."""
    _, out, _ = run(answers=["", "", "", "", "y"])
    question = out.index(f"Write {path}? [y/n]: y")
    assert 0 < out.index('interface = "enp1s0"') < out.index("Open by PPPoE") < question
    assert out.index(f"{path}: written") > question


@pytest.mark.parametrize("argv", [("init", "--dry-run"), ("--dry-run", "init")])
def test_a_dry_run_shows_and_writes_nothing(run, path, argv):
    """Also where there is a configuration, and on either side of the command."""
    path.parent.mkdir()
    path.write_text("x")
    options = argv[1:] if argv[0] == "init" else ()
    if not options:
        assert cli.main([*argv, *NAMED]) == 0
    else:
        code, out, _ = run(*options, *NAMED)
        assert code == 0
        assert 'interface = "enp1s0"' in out
    assert path.read_text() == "x"
    assert names(path.parent) == ["dualwan.toml"]


def test_verbose_shows_every_comment_and_every_command(run, monkeypatch):
    """The whole file, and each line of the scripts."""
    machine = SetupMachine(scripts=(SourceFile("/root/mape.sh", script("mape.sh")),))
    monkeypatch.setattr("dualwan.host.around.setup.look", lambda *_: machine)
    _, out, _ = run("--dry-run", "--lan", "enp3s0", "-v")
    for line in EXAMPLE.splitlines():
        if line.startswith("# ") and not line.startswith(("# tunnel", "# inbound")):
            assert line.rstrip() in out, "all but what mape.sh says"
    assert "iptables -A ${CHAIN}OUTPUT -p udp --dport 123" in out


def test_a_file_that_is_no_script_is_refused(run, monkeypatch, tmp_path):
    """Whoever names a file wants it read."""
    monkeypatch.setattr(
        "dualwan.host.around.setup.look",
        lambda *_: SetupMachine(scripts=(SourceFile("notes", "# pon\necho ip tunnel add"),)),
    )
    code, _, err = run(*NAMED, "--from", "notes")
    assert code == 2
    assert "--from notes: is neither a script" in err
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        list(setup._given([str(tmp_path / "none")]))  # noqa: SLF001 - without the machine


def test_a_named_script_is_known_by_its_whole_path(tmp_path, monkeypatch):
    """As interfaces(5) names it, and as it is to be stopped, from whatever folder."""
    monkeypatch.chdir(tmp_path)
    Path("dial").write_text("pon isp\n")
    assert [one.path for one in setup._given(["dial"])] == [f"{tmp_path}/dial"]  # noqa: SLF001


def test_lines_that_run_a_script_are_commented_out_whatever_its_name(run, monkeypatch):
    """As mape.sh and pppoe.sh are; it is not run with MODE=stop if it knows no such word."""
    machine = SetupMachine(
        scripts=(SourceFile("/root/dial", "pon isp\n"),),
        interfaces=(
            SourceFile("/etc/network/interfaces", "iface a inet manual\n up /root/dial\n"),
        ),
    )
    monkeypatch.setattr("dualwan.host.around.setup.look", lambda *_: machine)
    code, out, _ = run(*NAMED, "--dry-run")
    assert code == 0
    assert "  +# dualwan-hook init:  up /root/dial\n" in out
    code, out, _ = run(*NAMED)
    assert "  (stop /root/dial, or undo by hand what it has done)\n" in out
    assert "MODE=stop" not in out


@pytest.mark.parametrize("argv", [(), ("--dry-run",), ("check",), ("status",), ("doctor",)])
def test_without_a_configuration_a_command_leads_here(path, argv, capsys):
    """Each that needs one says so."""
    assert cli.main(argv) == 3
    assert capsys.readouterr().err == (
        f"dualwan-hook: {path}: cannot be read: No such file or directory; "
        "run `dualwan-hook init`\n"
    )


def test_a_named_file_that_is_missing_is_a_mistake(path, capsys):
    """The name is wrong, and init does not mend that."""
    assert cli.main(["--config", f"{path}x", "check"]) == 3
    assert "init" not in capsys.readouterr().err


def test_the_terminal_says_and_asks(monkeypatch, capsys):
    """The question stands before the answer; the end of the input is an error."""
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    terminal = init.Terminal()
    terminal.say("hello")
    terminal.say("a\tb \x1b[2J\u30de")
    assert terminal.ask("really? ") == "yes"
    assert capsys.readouterr().out == "hello\na       b ?[2J\u30de\nreally? "
    with pytest.raises(EOFError):
        terminal.ask("again? ")


def test_this_machine_can_be_looked_at(tmp_path):
    """By anybody, whatever is there: interfaces in order, loopback none of them."""
    found = setup.look((), tmp_path)
    names_found = [one.name for one in found.nics]
    assert names_found == sorted(set(names_found))
    assert "lo" not in names_found
    assert all(one.speed >= 0 for one in found.nics)
    assert (found.unseen == "") == (os.geteuid() == 0)
    assert found.scripts == found.interfaces == found.peers == ()


def test_rules_are_read_of_each_program_that_can_save_them(tmp_path, monkeypatch):
    """One that is not installed, refuses or has none does not hide those of another."""
    printed = {"iptables-save": (0, "", ""), "iptables-legacy-save": (1, "-A X", "not root")}
    printed["ip6tables-legacy-save"] = (0, "*nat", "")

    def output(command):
        if command[0] not in printed:
            raise HostError(f"{command[0]} is not installed")
        return printed[command[0]]

    monkeypatch.setattr(setup.nics, "look", lambda _: ())
    monkeypatch.setattr(setup.program, "output", output)
    legacy = ("iptables-legacy nat", "ip6tables-legacy nat")
    monkeypatch.setattr(setup.xtables, "tables", lambda: legacy)
    assert setup.look((), tmp_path).rules == (SourceFile("ip6tables-legacy-save", "*nat"),)


def test_scripts_are_found_where_people_keep_them(tmp_path, monkeypatch):
    """Where interfaces(5) runs them, then in usual places; each once, no link twice.

    What others than root may change is not read.
    """
    monkeypatch.setattr(setup.nics, "look", lambda _: ())
    monkeypatch.setattr(setup, "_rules", lambda: iter(()))
    for folder in (
        "srv/net",
        "etc/network/interfaces.d",
        "root/etc",
        "usr/local/sbin",
        "etc/ppp/peers",
    ):
        Path(tmp_path, folder).mkdir(parents=True)
    Path(tmp_path, "srv/net/mape.sh").write_text((SCRIPTS / "mape.sh").read_text())
    Path(tmp_path, "root/etc/pppoe.sh").write_text((SCRIPTS / "pppoe.sh").read_text())
    Path(tmp_path, "usr/local/sbin/pppoe.sh").symlink_to(tmp_path / "root/etc/pppoe.sh")
    Path(tmp_path, "etc/network/interfaces").write_text(
        "source interfaces.d/*\n"
        "iface enp1s0 inet6 auto\n    up MODE=start /srv/net/mape.sh >/dev/null\n"
    )
    Path(tmp_path, "etc/network/interfaces.d/euc").write_bytes(b"# \xb2\xf3\xc0\xfe\nauto x\n")
    Path(tmp_path, "etc/pppoe.sh").write_bytes(b"# \xb2\xf3\xc0\xfe\npon isp\n")
    Path(tmp_path, "etc/network/pppoe.sh").write_text("pon theirs\n")
    Path(tmp_path, "etc/network/pppoe.sh").chmod(0o666)
    for name in ("provider", "isp", "isp.bak", "isp~"):
        Path(tmp_path, "etc/ppp/peers", name).write_text("plugin pppoe.so\nnic-enp1s0\n")
    found = setup.look((), tmp_path)
    assert [one.path for one in found.scripts] == [
        "/srv/net/mape.sh",
        "/root/etc/pppoe.sh",
        "/etc/pppoe.sh",
    ]
    assert "/etc/network/interfaces.d/euc, which is not UTF-8 text" in found.unseen
    assert "/etc/network/pppoe.sh, which others than root may change" in found.unseen
    assert found.peers == ("isp",)
    assert found.peer_nics == (("isp", "enp1s0"),)
    assert [one.path for one in found.interfaces] == ["/etc/network/interfaces"]
