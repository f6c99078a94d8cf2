"""Learning from real servers: DNS and https over IPv6, in a network namespace of the test's own."""

import json

import pytest
from guest.provisioning import HOST, OTHER_HOST
from provider import DNS, SECONDS, Line
from provisioning_data import good, refused

BRIEF = 1.0  # where the end of the time is what the test waits for
SLOW = ("/slow", "/slowbody", "/silent")


@pytest.fixture(scope="module", name="the_line")
def _the_line(tmp_path_factory):
    line = Line(tmp_path_factory.mktemp("line"))
    yield line
    line.close()


@pytest.fixture
def line(the_line):
    """The line, and a router that knows nothing yet."""
    the_line.reset()
    return the_line


LEARNED = (
    f"hb46pp: learned 2001:db8:1:2000::/52 -> 203.0.113.0/24, EA length 12 from https://{HOST}"
)


def test_learned_and_kept(line):
    """The TXT record, the name, the certificate, the request, the answer; then the token."""
    found = line.learn("/case/good.json")
    assert found["said"] == [f"{LEARNED}/case/good.json"]
    assert found["known"][0][0] == f"https://{HOST}/case/good.json"
    (path,) = [item["path"] for item in line.requests]
    assert path == (
        "/case/good.json?vendorid=acde48-dualwan_hook&product=dualwan-hook"
        "&version=" + path.split("version=")[1].split("&")[0] + "&capability=map_e,hubspoke"
    )
    assert line.learn("/case/good.json")["said"] == [], "it is fresh"
    assert len(line.requests) == 1
    other = ["2001:db8:1:2abd::/64"]
    assert line.learn("/case/good.json", prefixes=other)["said"] == []
    assert line.requests[1]["path"].endswith("&token=" + json.loads(good("every-way"))["token"])
    print(f"{found['seconds']:.2f} s, {found['kilobytes']} kB")


def test_a_redirect_is_followed(line):
    """To the next server, with our parameters again (3.3)."""
    assert line.learn("/to/to/case/good.json")["said"] == [f"{LEARNED}/to/to/case/good.json"]
    assert [item["path"].split("?")[0] for item in line.requests] == [
        "/to/to/case/good.json",
        "/to/case/good.json",
        "/case/good.json",
    ]
    assert all(item["path"].count("vendorid=") == 1 for item in line.requests)


def test_a_long_txt_record_comes_by_tcp(line):
    """The answer by UDP is cut off there."""
    record = "v=v6mig-1 url=https://{host}{path}?x=" + "y" * 600 + " t=b"
    assert line.learn("/case/good.json", record)["said"] == [f"{LEARNED}/case/good.json"]


HOSTILE = [
    ("/huge", "more than 65536 bytes"),
    ("/endless", "more than 65536 bytes"),
    ("/chunks/ffffffff", "more than 65536 bytes"),
    ("/chunks/-1", "more than 262144 bytes|more than 65536"),
    ("/chunks/zz", "https://"),
    ("/headers", "more than 262144 bytes|got more than"),
    ("/loop", "more than 3 redirects"),
    ("/plain", "is not https"),
    ("/slow", "no answer within 1 s"),
    ("/slowbody", "no answer within 1 s"),
    ("/silent", "no answer within 1 s"),
    ("/short", "stops in the middle"),
    ("/status/403", "answers with status 403"),
    ("/status/204", "is not JSON"),
    ("/nowhere", "https://"),
    *(
        (f"/case/{name}.json", "is refused")
        for name in ("ea-200", "html", "deep", "nan", "duplicate-key", "cut-off")
    ),
    ("/case/elsewhere.json", "none of its 1 rules covers"),
]


@pytest.mark.parametrize(("path", "reason"), HOSTILE, ids=[path for path, _ in HOSTILE])
@pytest.mark.parametrize("known", [False, True], ids=["first", "later"])
def test_a_hostile_answer_changes_nothing(line, path, reason, known):
    """One line, within the limit, in little memory; what was known stays known."""
    for name, answer in refused().items():
        (line.folder / f"{name}.json").write_bytes(answer)
    (line.folder / "elsewhere.json").write_text(good("rfc").replace("2001:db8:1:2", "2001:db8:2:2"))
    if known:
        line.learn("/case/good.json")
        before = json.loads((line.state / "provisioning.json").read_text())["answers"]
    seconds = BRIEF if path in SLOW else SECONDS
    found = line.learn(path, prefixes=["2001:db8:1:2abd::/64"], seconds=seconds)
    assert len(found["said"]) == 1
    (said,) = found["said"]
    assert said.isprintable()
    assert any(part in said for part in reason.split("|")), said
    assert found["seconds"] < seconds + 1
    assert found["kilobytes"] < 65536
    kept = json.loads((line.state / "provisioning.json").read_text())["answers"]
    assert kept == (before if known else {})
    assert said.endswith("(the earlier answer stays)") == known


@pytest.mark.parametrize(
    ("txt", "reason"),
    [
        ("-", f"{DNS} knows of no 4over6.info: this line does not offer it"),
        ("v=v6mig-1 url=https://{host}{path} t=a", "not to be checked by its certificate"),
        ("v=v6mig-1 url=http://{host}{path} t=b", "is not https"),
        ("hello", "no TXT records with v=v6mig-1"),
    ],
)
def test_records_that_are_not_followed(line, txt, reason):
    """Nobody is asked."""
    (said,) = line.learn("/case/good.json", txt)["said"]
    assert reason in said
    assert not (line.folder / "log").exists()


def test_a_certificate_of_another_name(line):
    """Refused, and so is one whose authority is unknown; no request was sent."""
    (said,) = line.learn("/case/good.json", host=OTHER_HOST)["said"]
    assert "Hostname mismatch" in said
    (said,) = line.learn("/case/good.json", environ={"SSL_CERT_FILE": "/dev/null"})["said"]
    assert "unable to get local issuer certificate" in said
    assert not (line.folder / "log").exists()


def test_nobody_there(line):
    """No resolver, or one that is silent: within the limit."""
    for servers in ("", "nameserver 2001:db8:53::99\nnameserver ::ffff:x\n"):
        (line.folder / "resolv.conf").write_text(servers)
        found = line.learn("/case/good.json", seconds=BRIEF)
        assert "4over6.info" in found["said"][0]
        assert found["seconds"] < BRIEF + 1
    (line.folder / "resolv.conf").write_text(f"nameserver 2001:db8:53::99\nnameserver {DNS}\n")
    try:
        assert line.learn("/case/good.json")["said"] == [f"{LEARNED}/case/good.json"]
    finally:
        (line.folder / "resolv.conf").write_text(f"nameserver {DNS}\n")


def test_update_call(line):
    """A name and a password for whom they are meant; the reply is not repeated."""
    (line.folder / "txt").write_text("-")
    found = line.run(update=[f"https://{HOST}/update?line=7", "me", "pa:ss"])
    assert found["said"] == "status 200"
    assert line.requests == [
        {"from": line.requests[0]["from"], "path": "/update?line=7", "login": "Basic bWU6cGE6c3M="}
    ]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/to/update", "more than 0 redirects"),
        ("/status/401", "status 401"),
        ("/slow", "no answer within 1 s"),
    ],
)
def test_update_call_in_vain(line, path, reason):
    """Without a word of the URL's query, which may hold a password."""
    found = line.run(
        update=[f"https://{HOST}{path}?pass=secret"], seconds=BRIEF if path in SLOW else SECONDS
    )
    assert reason in found["error"]
    assert "secret" not in found["error"]
