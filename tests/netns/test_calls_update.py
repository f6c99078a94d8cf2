"""C1, C2: the update call to real servers: plain http, a certificate that does not verify."""

import json
import os
import subprocess
import sys

import pytest
from guest.provisioning import HOST
from programs import running
from provider import DNS, HTTPS, Line

CE = "2001:db8:12:3400::feed"
# What `dualwan-hook notify` does, with nothing of the kernel but sockets. Of the line on lo only
# rdnssd's note is there.
CALL = """\
import json, sys
from pathlib import Path
from dualwan.errors import DualwanError
from dualwan.host.remote import name_servers, resolver, update_call
root = Path(sys.argv[1])
of_line = name_servers.of_line
name_servers.of_line = lambda device, deadline: of_line(device, deadline, root)
resolver.resolvers = lambda: ()
try:
    print(update_call.call(update_call.read(root / "update.toml"), 3, device="lo", ce=sys.argv[2]))
except DualwanError as error:
    print(error)
"""


class Provider(Line):
    """A line with name server, https and http server, and a router with a file for the call."""

    def call(self, text, **environ):
        """Make the call of a file with ``text``; return the reply or the error."""
        file, note = self.folder / "update.toml", self.folder / "run" / "rdnssd" / "resolv.conf"
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(f"nameserver {DNS}\n")
        file.write_text(text)
        file.chmod(0o600)
        done = subprocess.run(
            self.argv(sys.executable, "-B", "-c", CALL, self.folder, CE),
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, "SSL_CERT_FILE": str(self.authority), **environ},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.rstrip("\n")

    def http(self):
        """Run a plain http server for as long as the context lasts; its log is http.log."""
        log = self.folder / "http.log"
        (self.folder / "www").mkdir(exist_ok=True)
        (self.folder / "www" / "request").write_text("good 2001:db8::1\n")
        return running(
            self,
            *(sys.executable, "-u", "-m", "http.server", "80", "--bind", HTTPS),
            *("--directory", self.folder / "www"),
            log=log,
            ready=lambda: "Serving" in log.read_text(),
        )


@pytest.fixture(scope="module", name="the_provider")
def _the_provider(tmp_path_factory):
    provider = Provider(tmp_path_factory.mktemp("line"))
    (provider.folder / "txt").write_text("-")
    yield provider
    provider.close()


@pytest.fixture(name="provider")
def _provider(the_provider):
    the_provider.reset()
    return the_provider


def test_plain_http_on_a_host_that_only_the_line_knows(provider):
    """With the tunnel's address as a parameter, to the letter; without its key nothing is sent."""
    url = f'url = "http://{HOST}/request?user=me&pass=secret"\naddress-parameter = "ip"\n'
    with provider.http():
        assert "insecure-http = true allows http" in provider.call(url)
        assert "GET" not in (provider.folder / "http.log").read_text()
        assert provider.call(url + "insecure-http = true\n") == "status 200"
        asked = (provider.folder / "http.log").read_text()
    assert f'"GET /request?user=me&pass=secret&ip={CE} HTTP/1.1" 200' in asked


def test_a_server_that_does_not_speak_tls_is_said_to_be_one(provider):
    """An https URL with the port of plain http, a common mistake."""
    with provider.http():
        said = provider.call(f'url = "https://{HOST}:80/request"\n')
    assert said == f"https://{HOST}:80: the server does not speak TLS there"


def test_a_certificate_that_does_not_verify_passes_only_on_request(provider):
    """The error names reason and key; the name and the password are sent to nobody before."""
    text = f'url = "https://{HOST}/update"\nuser = "me"\npassword = "secret"\n'
    said = provider.call(text, SSL_CERT_FILE="/dev/null")
    assert "its certificate does not verify: " in said
    assert "insecure-certificate = true lets it pass" in said
    assert not (provider.folder / "log").exists()
    said = provider.call(text + "insecure-certificate = true\n", SSL_CERT_FILE="/dev/null")
    assert said == "status 200"
    assert provider.requests[0]["login"] == "Basic bWU6c2VjcmV0"


def test_a_router_without_ca_certificates_is_told_the_package(provider):
    """Where no authority is known at all, the certificate is not to blame."""
    nothing = str(provider.folder / "nothing")
    said = provider.call(
        f'url = "https://{HOST}/update"\n', SSL_CERT_FILE=nothing, SSL_CERT_DIR=nothing
    )
    assert "unable to get local issuer certificate" in said
    assert "apt-get install --reinstall ca-certificates" in said


def test_a_redirect_is_named_and_not_followed(provider):
    """The host that it leads to; the path can hold a secret."""
    said = provider.call(f'url = "https://{HOST}/to/update?pass=secret"\n')
    assert said == (f"https://{HOST} leads on to 'https://{HOST}', more than 0 redirects")
    assert len(provider.requests) == 1
    assert json.dumps(provider.requests).count("secret") == 1
