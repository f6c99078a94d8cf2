"""C1: the update call as real providers have it: each danger is asked for by its own key."""

import ssl

import pytest
from machine import BASE, Machine, config

from dualwan import handle
from dualwan.errors import ConfigError, HostError, RemoteError
from dualwan.handle.update_call import notify_provider
from dualwan.host.kernel import KernelHost
from dualwan.host.remote import https, name_servers, resolver, update_call
from dualwan.host.remote.deadline import Deadline
from dualwan.host.remote.update_call import UpdateCall
from dualwan.model.event import Event
from dualwan.model.state import RunState

PLAIN, SAFE = "http://update.example.jp/request?pass=secret", "https://update.example.jp/request"
CE = "2001:db8:12:3400::feed"
IPIP = (
    BASE.split("[mape]", maxsplit=1)[0]
    + '[mape]\nmode = "ipip"\nbr = "2001:db8:ffff::9"\nipv4 = "192.0.2.18"\n'
    + 'interface-id = "::feed"\nupdate = "/etc/dualwan/update"\n[pppoe]\ndial = false\n'
)


def read(path, text):
    """Return the call of a file with TEXT."""
    path.write_text(text)
    path.chmod(0o600)
    return update_call.read(path)


def test_plain_http_has_to_be_asked_for(tmp_path):
    """The error says by which key, and what it means; it quotes nothing."""
    with pytest.raises(ConfigError, match="insecure-http = true allows http") as caught:
        read(tmp_path / "f", f'url = "{PLAIN}"\n')
    assert "secret" not in str(caught.value)
    found = read(tmp_path / "f", f'url = "{PLAIN}"\ninsecure-http = true\n')
    assert (found.schemes, found.verify) == (("https", "http"), True)


def test_a_certificate_that_does_not_verify_has_to_be_asked_for(tmp_path):
    """Plain http is not allowed by that."""
    found = read(tmp_path / "f", f'url = "{SAFE}"\ninsecure-certificate = true\n')
    assert (found.schemes, found.verify) == (("https",), False)
    with pytest.raises(ConfigError, match="must be an https URL"):
        read(tmp_path / "f", f'url = "{PLAIN}"\ninsecure-certificate = true\n')


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('url = "ftp://x.example/"\ninsecure-http = true', "must be an http or https URL"),
        ('url = "http://me@x.example/"\ninsecure-http = true', "must be an http or https URL"),
        (f'url = "{SAFE}"\ninsecure-http = 1', "f:2: insecure-http: must be true or false"),
        (f'url = "{SAFE}"\naddress-parameter = "a&b"', "f:2: address-parameter: must be a name"),
        (f'url = "{SAFE}"\naddress-parameter = ""', "f:2: address-parameter: must be a name"),
        (f'url = "{SAFE}"\ninsecure = true', "f:2: insecure: unknown key"),
    ],
)
def test_a_key_that_is_wrong_is_refused(tmp_path, text, reason):
    """With file and line."""
    with pytest.raises(ConfigError, match=reason):
        read(tmp_path / "f", text)


@pytest.fixture(name="asked")
def _asked(monkeypatch):
    """Return the requests made, and what their hosts resolve by."""
    asked = []

    def get(url, _deadline, resolve, **options):
        asked.append((url, options, resolve("update.example.jp")))
        return https.Response(url, 200, b"OK")

    monkeypatch.setattr(update_call, "get", get)
    monkeypatch.setattr(resolver, "resolvers", lambda: ("192.0.2.53", "2001:db8::53"))
    monkeypatch.setattr(resolver, "addresses", lambda _host, servers, _deadline: servers)
    monkeypatch.setattr(name_servers, "of_line", lambda _device, _deadline: ("2001:db8::53",))
    return asked


@pytest.mark.parametrize(
    ("url", "whole"),
    [
        (f"{SAFE}", f"{SAFE}?ip={CE}"),
        (f"{SAFE}?user=me&pass=%3F", f"{SAFE}?user=me&pass=%3F&ip={CE}"),
    ],
)
def test_the_address_goes_into_the_query_where_that_is_asked_for(asked, url, whole):
    """The rest of the URL stays to the letter."""
    for parameter, sent in (("ip", whole), ("", url)):
        update_call.call(UpdateCall(url, parameter=parameter), device="wan0", ce=CE)
        assert asked[-1][0] == sent


def test_the_line_s_own_name_servers_are_asked_first(asked):
    """The host may be one that only the line knows; an address needs no name server."""
    update_call.call(UpdateCall(PLAIN, plain=True, verify=False), device="wan0", ce=CE)
    _, options, servers = asked[0]
    assert servers == ("2001:db8::53", "192.0.2.53")
    assert (options["schemes"], options["verify"]) == (("https", "http"), False)


def test_a_certificate_that_does_not_verify_names_the_key(monkeypatch):
    """The reason first."""

    def refuse(*_, **__):
        raise https.CertificateError("its certificate does not verify: self-signed certificate")

    monkeypatch.setattr(update_call, "get", refuse)
    with pytest.raises(
        RemoteError, match=r"self-signed certificate; .* insecure-certificate = true"
    ):
        update_call.call(UpdateCall(SAFE))


@pytest.mark.parametrize("there", ["nothing", "a file", "a folder"])
def test_a_machine_without_authorities_is_told_which_package_has_them(monkeypatch, tmp_path, there):
    """C2: without ca-certificates no certificate verifies."""
    file, folder = tmp_path / "cert.pem", tmp_path / "certs"
    folder.mkdir()
    file.write_text("x" if there == "a file" else "")
    if there == "a folder":
        (folder / "some.0").touch()
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    monkeypatch.setenv("SSL_CERT_DIR", str(folder))
    assert ("ca-certificates" in https._hint()) == (there == "nothing")  # noqa: SLF001 - it looks where the error would


def line():
    """Return a machine on the line of a fixed address."""
    machine = Machine("wan0", "lan0")
    machine.announced["wan0"] = ("2001:db8:12:3400::/64",)
    return machine


def test_a_person_or_the_timer_makes_the_call_again(log):
    """Events make it once for each address; `notify` always does."""
    machine, cfg = line(), config(IPIP)
    handle.handle_event(cfg, machine, Event.UP)
    handle.handle_event(cfg, machine, Event.APPLY)
    assert machine.called == ["/etc/dualwan/update"]
    assert notify_provider(cfg, machine) == "OK"
    assert len(machine.called) == 2
    assert machine.run_state.notified_ce == CE
    assert f"told the provider that our end is {CE}; it said: OK" in log[-1]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('update = "/etc/dualwan/update"', 'update = "/etc/dualwan/other"'),
        ("192.0.2.18", "192.0.2.19"),
        ("2001:db8:ffff::", "2001:db8:eeee::"),
    ],
)
def test_another_contract_is_told_of_the_same_end(old, new):
    """The provider of before was told, and this one has no end to send to."""
    machine, after = line(), config(IPIP.replace(old, new))
    assert after.mape != config(IPIP).mape
    for cfg in (config(IPIP), after, after):
        handle.handle_event(cfg, machine, Event.APPLY)
    assert machine.called == ["/etc/dualwan/update", after.mape.update]


def test_after_down_the_provider_is_told_anew(log):
    """Another program may have told it another end: the package may have been removed meanwhile."""
    machine, cfg = line(), config(IPIP)
    for event in (Event.UP, Event.DOWN, Event.UP):
        handle.handle_event(cfg, machine, event)
    assert len(machine.called) == 1
    handle.handle_event(cfg, machine, Event.REMOVE)
    handle.handle_event(cfg, machine, Event.APPLY)
    assert len(machine.called) == 2
    assert log


def test_a_provider_that_a_version_before_has_told_is_not_told_again():
    """That noted only the end. Another contract after it is told."""
    machine, after = line(), config(IPIP, a="192.0.2.18 -> 192.0.2.19")
    machine.run_state = RunState(notified_ce=CE)
    for _ in range(2):
        handle.handle_event(config(IPIP), machine, Event.APPLY)
    assert machine.called == []
    for _ in range(2):
        handle.handle_event(after, machine, Event.APPLY)
    assert len(machine.called) == 1


def test_without_a_prefix_there_is_nothing_to_tell(log):
    """The reason is said, and logged."""
    machine = line()
    machine.announced.clear()
    with pytest.raises(HostError, match="no IPv6 prefix on wan0"):
        notify_provider(config(IPIP), machine)
    assert machine.called == []
    assert "no IPv6 prefix" in log[-1]


def test_the_command_prints_the_reply(run, machine, config):
    """And refuses where no update call is configured."""
    code, _, error = run("notify")
    assert (code, "has no update call" in error) == (2, True)
    config.write_text(IPIP)
    machine.announced["wan0"] = ("2001:db8:12:3400::/64",)
    assert run("notify")[:2] == (0, "OK\n")
    assert run("notify", "--json")[1] == '{"reply": "OK"}\n'


def test_a_standby_does_not_make_the_call(run, machine, config):
    """The provider may go by the sender, and would send all to this machine."""
    config.write_text(f"{IPIP}[router]\nredundant = true\n")
    machine.announced["wan0"] = ("2001:db8:12:3400::/64",)
    code, said, error = run("notify")
    assert (code, "the active one makes" in said, error) == (0, True, "")
    assert run("notify", "--json")[1] == '{"reply": ""}\n'
    assert machine.called == []
    run("role", "active")
    machine.called.clear()
    assert run("notify")[:2] == (0, "OK\n")
    assert len(machine.called) == 1


def failing(monkeypatch, error):
    """Let each request fail with ERROR."""

    def fail(*_):
        raise error

    monkeypatch.setattr(https, "_once", fail)


def tls_error(kind, **more):
    """Return an error of Python's ssl module."""
    error = kind(1, "[SSL] whatever")
    for name, value in more.items():
        setattr(error, name, value)
    return error


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (
            tls_error(ssl.SSLCertVerificationError, verify_message="self-signed certificate"),
            https.CertificateError,
            "its certificate does not verify: self-signed certificate",
        ),
        (
            tls_error(ssl.SSLError, reason="WRONG_VERSION_NUMBER"),
            RemoteError,
            "the server does not speak TLS there",
        ),
    ],
)
def test_a_handshake_that_fails_names_its_cause(monkeypatch, error, kind, said):
    """In words that the owner of a router can act upon."""
    failing(monkeypatch, error)
    with pytest.raises(kind, match=said):
        https.get(SAFE, Deadline(5), lambda _host: ())


def test_a_certificate_is_not_checked_where_that_was_asked_for():
    """TLS stays of 1.2 or later."""
    lax = https.context(verify=False)
    assert (lax.verify_mode, lax.check_hostname) == (ssl.CERT_NONE, False)
    assert lax.minimum_version == ssl.TLSVersion.TLSv1_2
    assert https.context().verify_mode == ssl.CERT_REQUIRED


def test_the_real_host_hands_over_device_and_address(monkeypatch, tmp_path):
    """The host of a real machine hands over device and address."""
    file = tmp_path / "update"
    file.write_text(f'url = "{SAFE}"\n')
    file.chmod(0o600)
    calls = []
    monkeypatch.setattr(update_call, "call", lambda call, **words: calls.append((call, words)))
    KernelHost().call_update_url(str(file), "wan0", CE)
    assert calls == [(UpdateCall(SAFE), {"device": "wan0", "ce": CE})]


def test_a_file_may_have_its_whole_length(tmp_path):
    """One byte more is refused, for what is cut off could be another file."""
    text = f'url = "{SAFE}"\n#'
    whole = text + "x" * (update_call.MAX_FILE - len(text))
    assert read(tmp_path / "f", whole).url == SAFE
    with pytest.raises(ConfigError, match="longer than 4096 bytes"):
        read(tmp_path / "f", whole + "x")
