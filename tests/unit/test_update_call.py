"""The file with the owner's URL and password: what it may say, and who may read it."""

import os

import pytest

from dualwan.errors import ConfigError, RemoteError
from dualwan.host.remote import https, resolver, update_call
from dualwan.host.remote.update_call import UpdateCall

URL = "https://update.example.jp/request?user=me&pass=secret"


def written(path, text, mode=0o600):
    """Return PATH with TEXT in it, for its owner alone."""
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_url_is_enough(tmp_path):
    """With all that the provider wants in it."""
    assert update_call.read(written(tmp_path / "f", f'url = "{URL}"\n')) == UpdateCall(URL)


def test_a_name_and_a_password(tmp_path):
    """Beside the URL; neither is shown."""
    found = update_call.read(
        written(tmp_path / "f", f'url = "{URL}"\nuser = "me"\npassword = "pa:ss"\n')
    )
    assert found == UpdateCall(URL, "me", "pa:ss")
    assert repr(found) == "UpdateCall('https://update.example.jp')"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o777, 0o620, 0o601])
def test_a_file_that_others_may_read_is_refused(tmp_path, mode):
    """Nor write it, nor anything else."""
    path = written(tmp_path / "f", f'url = "{URL}"\n', mode)
    with pytest.raises(ConfigError, match="holds a password"):
        update_call.read(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_of_another_owner_is_refused(tmp_path):
    """Who owns it can write it."""
    path = written(tmp_path / "f", f'url = "{URL}"\n')
    os.chown(path, 65534, -1)
    with pytest.raises(ConfigError, match="chown root"):
        update_call.read(path)


def test_what_is_no_file_is_refused(tmp_path):
    """No link, no folder, no pipe to wait at."""
    (tmp_path / "link").symlink_to(written(tmp_path / "f", f'url = "{URL}"\n'))
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name in ("link", "pipe", ".", "nothing"):
        with pytest.raises(ConfigError, match=str(tmp_path)):
            update_call.read(tmp_path / name)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "f:1: 'url' is missing"),
        ('url = "http://update.example.jp/?pass=secret"', "f:1: url: must be an https URL"),
        ('url = "https://me:secret@update.example.jp/"', "f:1: url: must be an https URL"),
        ("url = 1", "must be a text"),
        (f'url = "{URL}"\nuser = "me"', "f:2: user: needs the other"),
        (f'url = "{URL}"\npassword = "secret"', "f:2: password: needs the other"),
        (f'url = "{URL}"\nuser = "m:e"\npassword = "secret"', "cannot contain a colon"),
        (f'url = "{URL}"\nuzer = "me"', "f:2: uzer: unknown key"),
        ("url = ", "f:1: not valid TOML"),
        ("#" * 5000, "longer than 4096 bytes"),
    ],
)
def test_a_file_that_is_wrong_is_refused(tmp_path, text, reason):
    """With file and line, and without the password."""
    with pytest.raises(ConfigError, match=reason) as caught:
        update_call.read(written(tmp_path / "f", text))
    assert "secret" not in str(caught.value)


class Provider:
    """A provider's server in place of a real one."""

    def __init__(self, monkeypatch):
        self.body, self.options, self.hosts = b"OK", {}, []
        monkeypatch.setattr(update_call, "get", self.get)
        monkeypatch.setattr(resolver, "resolvers", lambda: ("192.0.2.53",))
        monkeypatch.setattr(resolver, "addresses", self.addresses)

    def get(self, url, deadline, resolve, **options):
        """Answer one request."""
        self.options = {"url": url, "left": deadline.left(), **options}
        assert resolve("update.example.jp") == ("2001:db8::80",)
        return https.Response(url, 200, self.body)

    def addresses(self, host, servers, _deadline):
        """Return the server's address."""
        self.hosts.append((host, servers))
        return ("2001:db8::80",)


@pytest.fixture
def provider(monkeypatch):
    """Return a provider that answers."""
    return Provider(monkeypatch)


def test_the_url_is_asked_for(provider):
    """The URL as it stands in the file, by the machine's name servers, within the limit."""
    assert update_call.call(UpdateCall(URL), 5) == "status 200"
    assert (provider.options["url"], provider.options["headers"]) == (URL, {})
    assert 4 < provider.options["left"] <= 5
    assert provider.hosts == [("update.example.jp", ("192.0.2.53",))]


def test_a_password_goes_to_whom_it_was_meant_for(provider):
    """By basic authentication (RFC 7617), in UTF-8; no redirect is followed."""
    update_call.call(UpdateCall(URL, "me", "pä:ss"))
    assert provider.options["headers"] == {"Authorization": "Basic bWU6cMOkOnNz"}
    assert provider.options["redirects"] == 0


@pytest.mark.parametrize("body", [b"", b"good 2001:db8::1", b"\x1b[2J", b"no such user: me pa:ss"])
def test_what_the_provider_says_goes_nowhere(provider, body):
    """It may repeat user and password, and what is returned goes into a log."""
    provider.body = body
    assert update_call.call(UpdateCall(URL, "me", "pa:ss")) == "status 200"


@pytest.mark.parametrize(
    "lines",
    [
        f'url = "{URL}"\nuser = "me"\npassword = 20481024\n',
        f'url = "{URL}"\nuser = 20481024\npassword = "x"\n',
        "url = 20481024\n",
        "url = 20481024\ninsecure-http = true\n",
    ],
)
def test_no_error_quotes_a_secret(tmp_path, lines):
    """Forgotten quotes are no reason to have it in the log."""
    with pytest.raises(ConfigError, match=r"must be a text in quotes$") as caught:
        update_call.read(written(tmp_path / "f", lines))
    assert "20481024" not in str(caught.value)


def test_a_call_in_vain(monkeypatch):
    """The error is the exchange's own; it does not name the query."""

    def refuse(url, *_, **__):
        raise RemoteError(f"{url.partition('?')[0]} answers with status 401")

    monkeypatch.setattr(update_call, "get", refuse)
    with pytest.raises(RemoteError, match="status 401"):
        update_call.call(UpdateCall(URL))
