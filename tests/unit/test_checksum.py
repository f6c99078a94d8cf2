"""The Internet checksum."""

from dualwan.host.checksum import checksum


def test_the_checksum_of_the_rfc():
    """The worked example of RFC 1071, section 3; of an odd number of bytes with a 0 behind them."""
    data = bytes.fromhex("0001f203f4f5f6f7")
    assert checksum(data) == ~0xDDF2 & 0xFFFF
    assert checksum(data + b"\x01") == checksum(data + b"\x01\0")
