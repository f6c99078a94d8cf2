"""The examples for hooks.d, run with the environment that the program gives."""

import json
import os
import subprocess
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from scripts import write

from dualwan.host.notice.script import LIMIT_SECONDS
from dualwan.notice.environment import environment
from dualwan.notice.pending import EVENTS, Notice

EXAMPLES = Path(__file__).parents[2] / "packaging/examples/hooks.d"
CURL = "/usr/bin/curl"
ADDRESS, OLD = "203.0.113.99", "203.0.113.7"
SETTINGS = """\
url = "https://dyndns.example/nic/update?hostname=home.example&myip=ADDRESS"
user = "name:secret"
"""


@pytest.fixture(name="run")
def _run(tmp_path):
    """Return a function that runs an example; what the programs it calls got is in files."""
    tools = tmp_path / "tools"
    write(tools, "curl", f'echo "$@" > {tmp_path}/arguments; cat > {tmp_path}/settings; echo good')
    write(tools, "sendmail", f'echo "$@" > {tmp_path}/arguments; cat > {tmp_path}/mail')
    (tmp_path / "ddns.curl").write_text(SETTINGS)

    def run(name, event, way="pppoe", new=ADDRESS):
        for one in ("arguments", "settings", "mail"):
            (tmp_path / one).unlink(missing_ok=True)
        text = (EXAMPLES / name).read_text()
        text = text.replace("/etc/dualwan/ddns.curl", str(tmp_path / "ddns.curl"))
        text = text.replace("/etc/dualwan/chat.curl", str(tmp_path / "chat.curl"))
        text = text.replace("/usr/sbin/sendmail", str(tools / "sendmail"))
        path = tmp_path / name
        path.write_text(text)
        path.chmod(0o755)
        given = environment(Notice(event, way, "ppp0", OLD, new, carrier="mape"))
        given["PATH"] = f"{tools}:{given['PATH']}"
        return subprocess.run(
            [path], check=False, capture_output=True, text=True, env=given, stdin=subprocess.DEVNULL
        )

    return run


@pytest.mark.parametrize("event", ["up", "back", "address"])
def test_dynamic_dns_is_told_the_address_by_pppoe(run, tmp_path, event):
    """The request leaves from the address; name and password are in no argument."""
    done = run("50-ddns", event)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{ADDRESS}: good\n", "")
    arguments = (tmp_path / "arguments").read_text()
    assert f"--interface {ADDRESS} --ipv4" in arguments
    assert "secret" not in arguments
    assert (tmp_path / "settings").read_text() == SETTINGS.replace("ADDRESS", ADDRESS)


@pytest.mark.parametrize(
    ("event", "way"),
    [
        *((event, "pppoe") for event in EVENTS if event not in {"up", "back", "address"}),
        ("up", "mape"),
    ],
)
def test_dynamic_dns_asks_nothing_at_another_event(run, tmp_path, event, way):
    """Nor for another way, nor without an address."""
    assert run("50-ddns", event, way).returncode == 0
    assert run("50-ddns", "up", new="").returncode == 0
    assert not (tmp_path / "arguments").exists()


def test_dynamic_dns_asks_again_within_the_time_of_a_script(run, tmp_path):
    """A name server that starts after PPPoE, as at a boot, left the old address there for days."""
    run("50-ddns", "up")
    arguments = (tmp_path / "arguments").read_text().split()
    assert "--retry-connrefused" in arguments  # a name that is not resolved is retried by itself
    given = {name: arguments[arguments.index(name) + 1] for name in arguments if name[:2] == "--"}
    tries, pause = int(given["--retry"]), int(given["--retry-delay"])
    last, each = int(given["--retry-max-time"]), int(given["--max-time"])
    assert tries * pause >= last
    assert last + each < LIMIT_SECONDS


@pytest.mark.skipif(not Path(CURL).exists(), reason="needs curl")
@pytest.mark.parametrize(("status", "times"), [(401, 1), (503, 2)])
def test_a_service_that_refuses_a_password_is_not_asked_again(run, tmp_path, status, times):
    """It may count the tries, and shut out who makes many; one at rest is asked again."""
    asked = []

    class Service(BaseHTTPRequestHandler):
        def do_GET(self):
            """Refuse."""
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_):
            """Say nothing."""

    write(tmp_path / "tools", "curl", f'exec {CURL} "$@" --retry 1 --retry-delay 1')
    with HTTPServer(("127.0.0.1", 0), Service) as service:
        (tmp_path / "ddns.curl").write_text(f'url = "http://127.0.0.1:{service.server_port}/"\n')
        Thread(target=service.serve_forever, daemon=True).start()
        done = run("50-ddns", "up", new="127.0.0.1")
        service.shutdown()
    assert done.returncode != 0
    assert len(asked) == times


def test_dynamic_dns_that_fails_is_a_failure(run, tmp_path):
    """The server does not answer, or there are no settings: the exit code says so."""
    (tmp_path / "tools" / "curl").write_text("#!/bin/sh\necho no answer >&2\nexit 28\n")
    done = run("50-ddns", "address")
    assert (done.returncode, done.stderr) == (28, "no answer\n")
    (tmp_path / "ddns.curl").unlink()
    assert run("50-ddns", "address").returncode != 0


@pytest.mark.parametrize("event", ["lost", "back", "failover", "failback"])
def test_a_mail_says_what_happened(run, tmp_path, event):
    """To root, with way and addresses."""
    done = run("60-mail", event, new="" if event == "lost" else ADDRESS)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "arguments").read_text() == "-t\n"
    head, body = (tmp_path / "mail").read_text().split("\n\n", 1)
    assert head.splitlines() == ["To: root", f"Subject: {os.uname().nodename}: pppoe: {event}"]
    assert f"address before: {OLD}\n" in body
    assert f"address now:    {'none' if event == 'lost' else ADDRESS}\n" in body


@pytest.mark.parametrize("event", ["up", "down", "address", "change"])
def test_no_mail_about_what_is_as_usual(run, tmp_path, event):
    """What a person has done himself, and mendings."""
    assert run("60-mail", event).returncode == 0
    assert not (tmp_path / "mail").exists()


@pytest.mark.parametrize("event", ["lost", "back", "failover", "failback"])
def test_a_chat_is_told_what_happened(run, tmp_path, event):
    """As JSON with a text; the URL, which is a secret, is in no argument."""
    (tmp_path / "chat.curl").write_text('url = "https://chat.example/hooks/secret"\n')
    done = run("60-chat", event, new="" if event == "lost" else ADDRESS)
    assert (done.returncode, done.stderr) == (0, "")
    arguments = (tmp_path / "arguments").read_text()
    assert f"--config {tmp_path}/chat.curl" in arguments
    assert "secret" not in arguments
    told = json.loads((tmp_path / "settings").read_text())
    now = "none" if event == "lost" else ADDRESS
    assert told == {
        "text": f"{os.uname().nodename}: pppoe (ppp0): {event}; address before: {OLD}, now: {now}; "
        "the LAN takes: mape"
    }


@pytest.mark.parametrize("event", ["up", "down", "address", "change"])
def test_no_chat_about_what_is_as_usual(run, tmp_path, event):
    """As with the mail."""
    assert run("60-chat", event).returncode == 0
    assert not (tmp_path / "arguments").exists()


@pytest.mark.skipif(not Path(CURL).exists(), reason="needs curl")
def test_a_chat_gets_it_by_its_webhook(run, tmp_path):
    """A POST of curl itself, with the type that such services ask for."""
    got = []

    class Service(BaseHTTPRequestHandler):
        def do_POST(self):
            """Keep what was sent."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.path, self.headers["Content-Type"], json.loads(body)["text"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            """Say nothing."""

    write(tmp_path / "tools", "curl", f'exec {CURL} "$@"')
    with HTTPServer(("127.0.0.1", 0), Service) as service:
        url = f"http://127.0.0.1:{service.server_port}/hooks/x"
        (tmp_path / "chat.curl").write_text(f'url = "{url}"\n')
        Thread(target=service.serve_forever, daemon=True).start()
        assert run("60-chat", "lost", new="").returncode == 0
        service.shutdown()
    ((path, kind, text),) = got
    assert (path, kind) == ("/hooks/x", "application/json")
    assert ": pppoe (ppp0): lost;" in text
