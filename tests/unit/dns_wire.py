"""DNS messages byte by byte, as a server writes them (RFC 1035 section 4.1)."""

TXT, AAAA, CNAME = 16, 28, 5


def number(value):
    """Return VALUE as the two bytes of a DNS message."""
    return value.to_bytes(2, "big")


def message(wire, *records, flags=0x8180, count=None):
    """Return the answer to the question WIRE: RECORDS are pairs of a type and its content."""
    body = b"".join(
        b"\xc0\x0c" + number(kind) + number(1) + b"\0\0\0\x3c" + number(len(content)) + content
        for kind, content in records
    )
    return (
        wire[:2]
        + number(flags)
        + number(1)
        + number(len(records) if count is None else count)
        + b"\0\0\0\0"
        + wire[12:]
        + body
    )


def string(text):
    """Return TEXT as a character string of DNS."""
    return bytes([len(text)]) + text
