"""Texts without the owner's data: addresses, link addresses, names and secrets. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from dualwan.recording.mask import Address, Mask

HIDDEN = "hidden"
_V4 = r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?:/\d{1,2})?(?![\w]|\.\d)"
# Candidates, which ipaddress then checks; a colon after an address belongs to the sentence.
_V6 = (
    r"(?<![\w.])(?:[0-9A-Fa-f]{0,4}:){2,8}"
    r"(?:(?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f]{0,4})(?:/\d{1,3})?(?!\w|\.\d)"
)
_MAC = r"(?<![\w])(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?![\w:])"  # as [[policy]] takes it
# The name that udev derives from a link address (systemd.net-naming-scheme(7)), also of a USB NIC;
# names of leases and of networkd's files contain it.
_NIC = r"(?<!\w)(?:en|ib|sl|wl|ww)x[0-9a-f]{12}(?!\w)"
_ADDRESS = re.compile(f"(?P<mac>{_MAC})|(?P<nic>{_NIC})|(?P<v6>{_V6})|(?P<v4>{_V4})")
_URL = re.compile(r"(?P<scheme>\bhttps?://)(?:[^@\s/\"']*@)?(?P<host>[^/\s\"',;?#]+)[^\s\"',;]*")
_UNIT = r"(?!\S*\.(?:service|timer|path|socket)\b)"  # a unit's instance also has an @
_MAIL = re.compile(rf"(?<![\w.+%-]){_UNIT}[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
_SECRET = re.compile(
    r"(?i)(?P<name>-{0,2}\b(?:pass(?:word|wd|phrase)|secret|token|credentials?)\b)"
    r"(?P<between>[\"']?\s*[=:]\s*|(?<=[a-z])\s+(?=[\"'])|(?<=--password)\s+|(?<=--token)\s+)"
    r"(?P<value>\"[^\"]*\"|'[^']*'|[^\s\"',;<>]+)"
)
_COMMENT = re.compile(r"""(?P<kept>(?:[^"'#]|"(?:[^"\\]|\\.)*"|'[^']*')*)#.*""")


class Scrub:
    """Texts with the addresses of ``mask``, and with ``names``, such as user names, numbered."""

    def __init__(self, mask: Mask, names: Iterable[str] = ()) -> None:
        self._mask = mask
        known = sorted({one for one in names if one}, key=lambda one: (-len(one), one))
        self._names: Mapping[str, str] = {
            one: f"name-{number}" for number, one in enumerate(known, 1)
        }
        self._any_name = re.compile(
            "|".join(rf"(?<![\w@.-]){re.escape(one)}(?![\w@-])" for one in known) or r"(?!)"
        )

    def text(self, text: str) -> str:
        """Return ``text`` without the owner's data."""
        text = self._any_name.sub(lambda found: self._names[found[0]], text)
        text = _URL.sub(r"\g<scheme>\g<host>/...", text)
        text = _MAIL.sub("name@example.jp", text)
        text = _SECRET.sub(_hidden, text)
        return _ADDRESS.sub(self._address, text)

    def data(self, data: Any) -> Any:
        """Return ``data`` for JSON with ``text`` applied to each string, keys too."""
        if isinstance(data, str):
            return self.text(data)
        if isinstance(data, Mapping):
            return {self.text(key): self.data(one) for key, one in data.items()}
        if isinstance(data, list | tuple):
            return [self.data(one) for one in data]
        return data

    def _address(self, found: re.Match[str]) -> str:
        if found["mac"]:
            return self._mask.mac(found["mac"])
        if name := found["nic"]:
            octets = self._mask.mac(":".join(name[at : at + 2] for at in range(3, len(name), 2)))
            return name[:3] + octets.replace(":", "")
        word, slash, length = found[0].partition("/")
        rest = ""
        if found["v6"] and word.endswith(":") and not word.endswith("::"):
            word, rest = word[:-1], ":"
        try:
            address: Address = IPv6Address(word) if found["v6"] else IPv4Address(word)
            bits = int(length) if slash else address.max_prefixlen
            if bits > address.max_prefixlen:
                return found[0]
        except ValueError:  # a time of day or a version
            return found[0]
        hosts = int(address) & ((1 << (address.max_prefixlen - bits)) - 1)
        whole = bits == address.max_prefixlen or hosts
        other = self._mask.address(address) if whole else self._mask.network(address, bits)
        if other == address:  # unchanged: nft may write it in another way than Python
            return found[0]
        return f"{other}{rest}{slash}{length}"


def _hidden(found: re.Match[str]) -> str:
    quote = found["value"][0] if found["value"][0] in "\"'" else ""
    return f"{found['name']}{found['between']}{quote}{HIDDEN}{quote}"


def without_comments(text: str) -> str:
    """Return TOML ``text`` with the same lines, but without comments, which are private.

    A text with a multi-line string, which may contain a #, is returned unchanged.
    """
    if '"""' in text or "'''" in text:
        return text
    lines = []
    for line in text.split("\n"):
        found = _COMMENT.fullmatch(line)
        lines.append(found["kept"].rstrip() if found else line)
    return "\n".join(lines)
