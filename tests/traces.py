"""What a router of this program would leave on the machine that the tests run on.

Nothing, because tests work in namespaces, chroots and folders of their own. The guard in conftest
compares it before and after each file of tests. With two of them side by side it can blame the
wrong one, but not miss it.
"""

import json
import subprocess
from contextlib import suppress
from pathlib import Path

FOLDERS = ("/nonexistent", "/etc/dualwan", "/run/dualwan", "/var/lib/dualwan")
SYSCTLS = ("net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding")
RTPROT_DUALWAN = "217"


def left():
    """Return files, forwarding, rules and nft tables of this program on the machine."""
    tables = _listed("nft", "-j", "list", "tables").get("nftables", [])
    rules = _listed("ip", "-N", "-json", "rule") or []
    return {
        "files": {path: _age(path) for folder in FOLDERS for path in _below(Path(folder))},
        "forwarding": [_text(Path("/proc/sys", name)) for name in SYSCTLS],
        "rules": [rule for rule in rules if rule.get("protocol") == RTPROT_DUALWAN],
        "tables": [
            item["table"]["name"]
            for item in tables
            if item.get("table", {}).get("name", "").startswith("dualwan_")
        ],
    }


def _below(folder):
    with suppress(PermissionError):
        return sorted((folder, *folder.rglob("*"))) if folder.exists() else []
    return []


def _age(path):
    with suppress(OSError):
        return path.stat().st_mtime
    return None


def _text(path):
    with suppress(OSError):
        return path.read_text()
    return ""


def _listed(*argv):
    """Return what a program lists; nothing where it is missing or may not."""
    with suppress(OSError):
        done = subprocess.run(argv, check=False, text=True, capture_output=True)
        if done.returncode == 0 and done.stdout.strip():
            return json.loads(done.stdout)
    return {}
