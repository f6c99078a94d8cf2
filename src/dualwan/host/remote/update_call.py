"""The update call: it tells a provider of a fixed IPv4 address by IPIP the line's new prefix.

Some such providers expect one GET, from the new address, of a URL with the owner's name and
password. These are in a file of their own, which only root may read:

    url = "https://update.example.jp/request?user=me&pass=secret"
    # user = "me"            # both or neither: sent by HTTP's basic authentication
    # password = "secret"
    # address-parameter = "ip"      # the URL gets &ip=ADDRESS, our end of the tunnel
    # insecure-http = true          # the URL may be http: anybody on the way can read it
    # insecure-certificate = true   # the server's certificate is not checked

No message contains the name, the password, or the URL past its path.
"""

from __future__ import annotations

import os
import re
import stat
from base64 import b64encode
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

from dualwan.config.values import flag, secret, text
from dualwan.errors import ConfigError, RemoteError
from dualwan.host.remote import name_servers, resolver
from dualwan.host.remote.deadline import Deadline
from dualwan.host.remote.https import CertificateError, get
from dualwan.line.provisioning.hb46pp import checked_url, shown
from dualwan.toml_source import Source, TomlTable, parse
from dualwan.words import say

MAX_FILE = 4096  # bytes
SECONDS = 10.0


class UpdateCall(NamedTuple):
    """The URL, and the login for it ("" for none). Secret: not to be shown or logged.

    parameter: of the query, for the address of our end; "" for none. plain: the URL may be
    http. verify: whether the server's certificate is checked.
    """

    url: str
    user: str = ""
    password: str = ""
    parameter: str = ""
    plain: bool = False
    verify: bool = True

    @property
    def schemes(self) -> tuple[str, ...]:
        """The schemes that the URL may have."""
        return ("https", "http") if self.plain else ("https",)

    def __repr__(self) -> str:
        return f"UpdateCall({shown(self.url)!r})"


def read(path: Path) -> UpdateCall:
    """Read the file ``path``; raises ConfigError, also if others than root have access to it."""
    content = _secret(path)
    table = TomlTable(Source(str(path), content), "", parse(str(path), content))
    plain = table.take("insecure-http", flag, False)
    found = UpdateCall(
        table.take("url", _any_url if plain else _url),
        table.take("user", secret, ""),
        table.take("password", secret, ""),
        table.take("address-parameter", _parameter, ""),
        plain,
        not table.take("insecure-certificate", flag, False),
    )
    table.done()
    if bool(found.user) != bool(found.password):
        table.fail(
            say("needs the other: user and password go together"),
            "user" if found.user else "password",
        )
    if ":" in found.user:
        table.fail(say("cannot contain a colon (RFC 7617)"), "user")
    return found


def _secret(path: Path) -> str:
    """Return the text of ``path``, which root alone may read; raises ConfigError."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise ConfigError(
            say("{path}: cannot be read: {reason}", path=path, reason=error.strerror)
        ) from None
    try:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode):
            raise ConfigError(say("{path}: is no regular file", path=path))
        if about.st_mode & (stat.S_IRWXG | stat.S_IRWXO) or about.st_uid not in {0, os.geteuid()}:
            raise ConfigError(
                say(
                    "{path}: holds a password, and others than root may use it: "
                    "chown root {path}; chmod 600 {path}",
                    path=path,
                )
            )
        data = os.read(handle, MAX_FILE + 1)
    finally:
        os.close(handle)
    if len(data) > MAX_FILE:
        raise ConfigError(say("{path}: is longer than {most} bytes", path=path, most=MAX_FILE))
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise ConfigError(say("{path}:1: is not UTF-8 text", path=path)) from None


def call(
    update: UpdateCall,
    seconds: float = SECONDS,
    *,
    device: str = "",
    ce: str = "",
) -> str:
    """Make the call over IPv6; return the reply's status. Its text may repeat user and password.

    It takes ``seconds`` at most. Redirects are not followed, because the password is for this
    server. The server is looked up at the name servers of the line on ``device``, then at the
    machine's: only the line may know it. ``ce``: the address of our end. Raises RemoteError unless
    the status is 200 to 299.
    """
    deadline = Deadline(seconds)

    def by_resolvers(host: str) -> Sequence[str]:
        if ":" in host:
            return (host,)
        line = name_servers.of_line(device, deadline) if device else ()
        others = (server for server in resolver.resolvers() if server not in line)
        return resolver.addresses(host, (*line, *others), deadline)

    try:
        response = get(
            _with_address(update, ce),
            deadline,
            by_resolvers,
            headers=_login(update),
            redirects=0,
            schemes=update.schemes,
            verify=update.verify,
        )
    except CertificateError as error:
        raise CertificateError(
            say(
                "{error}; where the provider is known to have such a one, "
                "insecure-certificate = true lets it pass",
                error=error,
            )
        ) from None
    return f"status {response.status}"


def _login(update: UpdateCall) -> dict[str, str]:
    """Return the headers of HTTP's basic authentication, none without a user (RFC 7617)."""
    if not update.user:
        return {}
    login = f"{update.user}:{update.password}".encode()
    return {"Authorization": "Basic " + b64encode(login).decode("ascii")}


def _with_address(update: UpdateCall, ce: str) -> str:
    """Return the URL, with the CE address in its query if the file asks for that."""
    if not update.parameter or not ce:
        return update.url
    parts = urlsplit(update.url)
    query = f"{parts.query}&" if parts.query else ""
    return urlunsplit(parts._replace(query=f"{query}{update.parameter}={ce}"))


def _url(value: object) -> str:
    """Convert an https URL; no error quotes it, because it may contain a password."""
    url = secret(value)
    with suppress(RemoteError):
        return checked_url(url)
    plain = False
    with suppress(RemoteError):
        plain = bool(checked_url(url, ("http",)))
    if plain:
        raise ValueError(
            say(
                "must be an https URL without a user name in it; insecure-http = true allows "
                "http, which anybody on the way can read and change"
            )
        )
    raise ValueError(say("must be an https URL without a user name in it"))


def _any_url(value: object) -> str:
    """Convert an http or https URL."""
    try:
        return checked_url(secret(value), ("https", "http"))
    except RemoteError:
        raise ValueError(say("must be an http or https URL without a user name in it")) from None


def _parameter(value: object) -> str:
    """Convert the name of a parameter of a URL's query."""
    name = text(value)
    if not re.fullmatch(r"[A-Za-z0-9_.~-]+", name):
        raise ValueError(say("must be a name of letters, digits and . _ ~ -"))
    return name
