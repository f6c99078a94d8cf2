"""A password is where its owner has put it, and in no other place, whatever goes wrong."""

import errno
import json
import logging
import ssl
from pathlib import Path

import pytest
from machine import Machine

from dualwan import cli
from dualwan.errors import DualwanError
from dualwan.handle import handle_event
from dualwan.host import answers, store
from dualwan.host.around import ppp as ppp_files
from dualwan.host.remote import https, name_servers, resolver, update_call
from dualwan.line.provisioning import hb46pp
from dualwan.line.provisioning.cache import AnswerCache, Entry
from dualwan.model.event import Event

SECRET = "hunter2correcthorse"  # noqa: S105 - of nobody
CONFIG = """\
[wan]
interface = "wan0"
[lan]
interfaces = ["lan0"]
[mape]
mode = "ipip"
br = "2001:db8:ffff::9"
ipv4 = "192.0.2.18"
ce = "2001:db8::feed"
update = "{file}"
[pppoe]
dial = false
"""
IN_QUERY = f'url = "https://ddns.example/update?pass={SECRET}"\n'
IN_PATH = f'url = "https://ddns.example/{SECRET}/update"\n'
BESIDE = f'url = "https://ddns.example/update"\nuser = "me"\npassword = "{SECRET}"\n'
GOOD = {"query": IN_QUERY, "path": IN_PATH, "password": BESIDE}
FAULTY = {
    "no quotes": f'url = "https://ddns.example/"\nuser = "me"\npassword = {SECRET}\n',
    "a number": 'url = "https://ddns.example/"\nuser = "me"\npassword = 20481024\n',
    "a list": f'url = "https://ddns.example/"\nuser = "me"\npassword = ["{SECRET}"]\n',
    "no end": f'url = "https://ddns.example/"\npassword = "{SECRET}\n',
    "a table": f'url = "https://ddns.example/"\n[password]\nis = "{SECRET}"\n',
    "twice": f'{BESIDE}password = "{SECRET}"\n',
    "without user": f'url = "https://ddns.example/"\npassword = "{SECRET}"\n',
    "user in the URL": f'url = "https://me:{SECRET}@ddns.example/"\n',
    "plain http": f'url = "http://ddns.example/?pass={SECRET}"\n',
    "no URL": f'url = "{SECRET}"\n',
    "spaces": f'url = "https://ddns.example/?pass={SECRET} x"\n',
    "no scheme": f'url = "ddns.example/?pass={SECRET}"\ninsecure-http = true\n',
    "a port": f'url = "https://ddns.example:99999/?pass={SECRET}"\n',
    "misspelt": f'url = "https://ddns.example/"\nuser = "me"\npasword = "{SECRET}"\n',
    "a colon": f'url = "https://ddns.example/"\nuser = "m:{SECRET}"\npassword = "x"\n',
}
SECRETS = (SECRET, "20481024", SECRET[:10], "Basic ")


def fails(error):
    """Return what raises ``error`` in place of a request."""

    def once(*_):
        raise error

    return once


def answers_with(status, body, location=""):
    """Return what answers every request."""
    return lambda url, *_: (https.Response(url, status, body), location)


OUTCOMES = {
    "well": answers_with(200, f"good, {SECRET}".encode()),
    "refused": answers_with(401, f"no such password: {SECRET}".encode()),
    "moved": answers_with(302, b"", f"https://other.example/{SECRET}"),
    "moved to http": answers_with(302, b"", f"http://other.example/?pass={SECRET}"),
    "reset": fails(OSError(errno.ECONNRESET, "Connection reset by peer")),
    "no TLS": fails(ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number")),
    "certificate": fails(ssl.SSLCertVerificationError(1, "certificate verify failed")),
    "a bug": fails(ValueError("no idea")),
}


@pytest.fixture(name="everything")
def _everything(monkeypatch, capsys, caplog, tmp_path):
    """Return a function that returns all that was written anywhere until now."""
    logged, caught = [], []
    monkeypatch.setattr("syslog.syslog", lambda _level, line: logged.append(line))
    monkeypatch.setenv("DUALWAN_RUN", str(tmp_path / "run"))
    monkeypatch.setenv("DUALWAN_STATE", str(tmp_path / "lib"))
    caplog.set_level(logging.DEBUG)

    def collect():
        out, err = capsys.readouterr()
        texts = [*logged, out, err, caplog.text, *map(repr, caught), *map(str, caught)]
        return "\n".join(texts)

    collect.caught = caught
    return collect


@pytest.fixture(name="router")
def _router(monkeypatch, tmp_path):
    """Return a function: a router with a configuration, the update file and its server."""
    machine = Machine("wan0", "lan0")
    monkeypatch.setattr("dualwan.host.kernel.KernelHost", lambda: machine)
    monkeypatch.setattr(resolver, "resolvers", lambda: ("2001:db8::53",))
    monkeypatch.setattr(resolver, "addresses", lambda *_: ("2001:db8::80",))
    monkeypatch.setattr(name_servers, "of_line", lambda *_: ())
    machine.call_update_url = lambda path, device, ce: update_call.call(
        update_call.read(Path(path)), device=device, ce=ce
    )

    def make(text):
        file, config = tmp_path / "update.toml", tmp_path / "dualwan.toml"
        file.write_text(text)
        file.chmod(0o600)
        config.write_text(CONFIG.format(file=file))
        return config, machine

    return make


def all_commands(config):
    """Run every command that tells something."""
    for argv in (
        [],
        ["-v"],
        ["--json"],
        ["--dry-run"],
        ["notify"],
        ["notify", "--json"],
        ["status"],
        ["status", "--json"],
        ["status", "--prometheus"],
        ["check"],
        ["check", "--json"],
        ["doctor", "-v"],
        ["doctor", "--json"],
        ["report"],
        ["down"],
    ):
        cli.main(["--config", str(config), *argv])


def clean(text):
    """Whether no secret is in ``text``, and there is a text."""
    return bool(text.strip()) and not [one for one in SECRETS if one in text]


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("where", GOOD)
def test_no_outcome_of_a_call_tells_it(router, everything, monkeypatch, where, outcome):
    """Nor does any command afterwards; the request alone has it."""
    asked = []

    def once(url, _deadline, _resolve, headers, _verify):
        asked.append((url, headers))
        return OUTCOMES[outcome](url)

    monkeypatch.setattr(https, "_once", once)
    config, machine = router(GOOD[where])
    all_commands(config)
    assert asked
    assert clean(everything())
    assert clean(json.dumps(store.encode(machine.load_state())))


@pytest.mark.parametrize("fault", FAULTY)
def test_no_fault_of_its_file_tells_it(router, everything, fault):
    """With file and line, to terminal and log, and by every command."""
    config, machine = router(FAULTY[fault])
    for event in (Event.UP, Event.PREFIX_CHANGED, Event.APPLY):
        try:
            handle_event(cli_config(config), machine, event)
        except DualwanError as error:
            everything.caught.append(error)
    all_commands(config)
    text = everything()
    assert "update.toml" in text
    assert clean(text)


def cli_config(path):
    """Return the configuration of a file."""
    from dualwan.config import load  # noqa: PLC0415 - used here alone

    return load(path)


def test_its_values_are_not_in_what_a_debugger_shows(router):
    """A core or a traceback with values has the repr of what holds it."""
    for text in GOOD.values():
        config, _ = router(text)
        file = config.with_name("update.toml")
        assert clean(repr(update_call.read(file)))


def test_a_token_of_the_line_is_roots_alone(router, everything):
    """It is in its file, for root, and in no report."""
    token = "5ec3e7" * 10 + "abcd"
    told = json.dumps({"order": [], "token": token})
    answers.save(AnswerCache({"hb46pp": Entry("https://vne.example", 1, "", told)}))
    path = answers.directory() / answers.NAME
    assert token in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    config, _ = router(BESIDE)
    config.write_text(
        '[wan]\ninterface = "wan0"\n[lan]\ninterfaces = ["lan0"]\n'
        '[mape]\nprovisioning = ["hb46pp"]\n[pppoe]\ndial = false\n'
    )
    all_commands(config)
    assert token[:12] not in everything()
    assert token not in hb46pp.shown(hb46pp.request("https://vne.example/rule", "1", token))


def test_a_password_in_the_peers_file_is_not_kept(tmp_path, everything):
    """Pppd reads it there; what looks for faults in the file has the option's name alone."""
    peers = tmp_path / "etc/ppp/peers"
    peers.mkdir(parents=True)
    (peers / "dsl-provider").write_text(
        f'user "me"\npassword "{SECRET}"\npassword {SECRET}\n+ua /{SECRET}\nnodefaultroute\n'
    )
    (tmp_path / "etc/ppp/chap-secrets").write_text(f'"me" * "{SECRET}" *\n')
    found = ppp_files.look("dsl-provider", tmp_path)
    everything.caught.append(found)
    assert SECRET not in everything().replace(f"/{SECRET}", "")
