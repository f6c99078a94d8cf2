"""SHA-256 is the same with and without OpenSSL."""

import hashlib
import subprocess
import sys

import pytest

from dualwan.digest import sha256


@pytest.mark.parametrize("data", [b"", b"abc", bytes(range(256)) * 5])
def test_the_digest_is_that_of_hashlib(data):
    """Records of an earlier version stay what they are."""
    assert sha256(data).hexdigest() == hashlib.sha256(data).hexdigest()
    parts = sha256()
    parts.update(data[:3])
    parts.update(data[3:])
    assert parts.hexdigest() == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(("before", "openssl"), [("", "False"), ("NO", "True")])
def test_openssl_is_the_fallback(before, openssl):
    """An interpreter without the module of its own has hashlib."""
    gone = "sys.modules['_sha2'] = sys.modules['_sha256'] = None\n" if before else ""
    text = (
        f"import sys\n{gone}from dualwan.digest import sha256\n"
        "print('_hashlib' in sys.modules, sha256(b'abc').hexdigest()[:8])"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", text], check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == [openssl, "ba7816bf"]
