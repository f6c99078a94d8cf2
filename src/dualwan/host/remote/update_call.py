"""The update call: it tells a provider of a fixed IPv4 address by IPIP the line's new prefix.

Some of these services want one GET, from the new address, to a URL with the owner's name and
password. These are in a file of their own, which only root may read:

    url = "https://update.example.jp/request?user=me&pass=secret"
    # user = "me"            # both or neither: sent by HTTP's basic authentication
    # password = "secret"

No message contains the name, the password, or the URL past its path.
"""

from __future__ import annotations

import os
import stat
from base64 import b64encode
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from dualwan.config.values import text
from dualwan.errors import ConfigError, RemoteError
from dualwan.host.remote import resolver
from dualwan.host.remote.deadline import Deadline
from dualwan.host.remote.https import get
from dualwan.line.provisioning.hb46pp import checked_url, shown
from dualwan.toml_source import Source, TomlTable, parse

MAX_FILE = 4096  # bytes
SECONDS = 10.0
_MAX_SAID = 200  # characters of the answer that are shown


class UpdateCall(NamedTuple):
    """The URL, and the login for it ("" for none). Secret: not to be shown or logged."""

    url: str
    user: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"UpdateCall({shown(self.url)!r})"


def read(path: Path) -> UpdateCall:
    """Read the file ``path``; raises ConfigError, also if others than root have access to it."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode):
            raise ConfigError(f"{path}: is no file")
        if about.st_mode & (stat.S_IRWXG | stat.S_IRWXO) or about.st_uid not in {0, os.geteuid()}:
            raise ConfigError(
                f"{path}: holds a password, and others than root may use it:"
                f" chown root {path}; chmod 600 {path}"
            )
        data = os.read(handle, MAX_FILE + 1)
    finally:
        os.close(handle)
    if len(data) > MAX_FILE:
        raise ConfigError(f"{path}: longer than {MAX_FILE} bytes")
    try:
        content = data.decode("utf-8")
    except UnicodeDecodeError:
        raise ConfigError(f"{path}:1: is not UTF-8 text") from None
    table = TomlTable(Source(str(path), content), "", parse(str(path), content))
    found = UpdateCall(
        table.take("url", _url), table.take("user", text, ""), table.take("password", text, "")
    )
    table.done()
    if bool(found.user) != bool(found.password):
        table.fail(
            "needs the other: user and password go together", "user" if found.user else "password"
        )
    if ":" in found.user:
        table.fail("cannot contain a colon (RFC 7617)", "user")
    return found


def call(
    update: UpdateCall,
    seconds: float = SECONDS,
    resolve: Callable[[str], Sequence[str]] | None = None,
) -> str:
    """Make the call; return the first line of the reply, shortened and printable.

    Over IPv6, within ``seconds``. Redirects are not followed, because the password is for this
    server. ``resolve`` returns the IPv6 addresses of a host, by default from the machine's name
    servers. Raises RemoteError unless the status is 200 to 299.
    """
    deadline = Deadline(seconds)

    def by_resolvers(host: str) -> Sequence[str]:
        return resolver.addresses(host, resolver.resolvers(), deadline)

    headers = {}
    if update.user:
        secret = f"{update.user}:{update.password}".encode()
        headers["Authorization"] = "Basic " + b64encode(secret).decode("ascii")
    response = get(update.url, deadline, resolve or by_resolvers, headers=headers, redirects=0)
    said = response.body.decode("utf-8", "replace").strip().splitlines()[:1]
    line = said[0][:_MAX_SAID] if said else f"status {response.status}"
    return "".join(char if char.isprintable() else "?" for char in line)


def _url(value: object) -> str:
    try:
        return checked_url(text(value))
    except RemoteError:  # its text quotes the URL, which may contain a password
        raise ValueError("must be an https URL without a user name in it") from None
