"""Notify a provider of a fixed IPv4 address by IPIP that the line's prefix has changed.

Some of these services want one GET, from the new address, to a URL with the owner's name and
password. They stand in a file of their own, which only root may read:

    url = "https://update.example.jp/request?user=me&pass=secret"
    # user = "me"            # both or neither: sent by HTTP's basic authentication
    # password = "secret"

Nothing of the URL past its path, and neither name nor password, gets into a message.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from dualwan.config.values import text
from dualwan.errors import ConfigError, RemoteError
from dualwan.host.remote import resolver
from dualwan.host.remote.deadline import Deadline
from dualwan.line.provisioning.hb46pp import checked_url, shown
from dualwan.toml_source import Source, TomlTable, parse

MAX_FILE = 4096  # bytes
SECONDS = 10.0
_MAX_SAID = 200  # characters of the answer that are shown


class UpdateCall(NamedTuple):
    """The URL to call, and the login for it ("" for none). Not to be shown or logged."""

    url: str
    user: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"UpdateCall({shown(self.url)!r})"


def read(path: Path) -> UpdateCall:
    """Read the file ``path``; raises ConfigError, also where others than root may use it."""
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
    """Make the call; return the start of what the provider says, as one printable line.

    Over IPv6, within ``seconds``, without following redirects: a password goes to whom it
    was meant for. ``resolve`` gives a host's IPv6 addresses, by default from the machine's
    name servers. Raises RemoteError unless the status is 200 to 299.
    """
    from base64 import b64encode  # noqa: PLC0415 - only for a call

    from dualwan.host.remote.https import get  # noqa: PLC0415

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
    except RemoteError:  # its text quotes the URL, and this one may hold a password
        raise ValueError("must be an https URL without a user name in it") from None
