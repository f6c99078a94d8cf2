"""Learning from real servers: DNS and https over IPv6, in a network namespace of the test's own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from guest.provisioning import HOST, OTHER_HOST, make_certificates
from provisioning_data import good, refused

ROOT = Path(__file__).parents[2]
GUEST = ROOT / "tests" / "lab" / "guest"

PREFIX = "2001:db8:1:2abc::/64"
DNS, HTTPS = "2001:db8:53::53", "2001:db8:53::80"
SECONDS = 3.0  # instead of 10
BRIEF = 1.0  # where the end of the time is what the test waits for
SLOW = ("/slow", "/slowbody", "/silent")

# What dualwan does at an event, with nothing of the kernel but sockets.
CLIENT = """\
import json, sys, time
from pathlib import Path
from dualwan.errors import DualwanError
from dualwan.host import answers
from dualwan.host.remote import ask, resolver, update_call
from dualwan.host.fake import FakeHost
from dualwan.line.provisioning import refresh
from dualwan.config import from_text

class Host(FakeHost):
    def now(self): return int(time.time())
    def load_answers(self): return answers.load()
    def save_answers(self, fresh): answers.save(fresh)
    def fetch_provisioning(self, source, device, previous, seconds):
        return ask.ask(source, device, previous, seconds)

job = json.loads(sys.argv[1])
resolvers = resolver.resolvers
resolver.resolvers = lambda: resolvers(Path(job["resolv_conf"]))
started = time.monotonic()
answer = {}
if "update" in job:
    try:
        answer["said"] = update_call.call(update_call.UpdateCall(*job["update"]), job["seconds"])
    except DualwanError as error:
        answer["error"] = str(error)
else:
    refresh.SECONDS = job["seconds"]
    host = Host()
    host.announced = {"wan0": tuple(job["prefixes"])}
    config = from_text("test", '[wan]\\ninterface = "wan0"\\n[lan]\\ninterfaces = ["lan0"]\\n'
                               '[mape]\\nprovisioning = ["hb46pp"]\\n')
    answer["said"] = refresh.refresh(config, host, on_request=True)
    answer["known"] = [[item.origin, item.age] for item in refresh.cached_answers(config, host)]
answer["seconds"] = time.monotonic() - started
# VmHWM is of this program; ru_maxrss would be that of who started it, where it is larger.
answer["kilobytes"] = next(int(line.split()[1]) for line in open("/proc/self/status")
                           if line.startswith("VmHWM"))
print(json.dumps(answer))
"""


class Line:
    """A namespace with a provider's resolver and server in it."""

    def __init__(self, folder):
        self.folder, self.space = folder, f"dualwan-prov-{os.getpid()}"
        self.state = folder / "state"
        self.authority = make_certificates(folder)
        (folder / "good.json").write_text(good("every-way"))
        (folder / "resolv.conf").write_text(f"nameserver {DNS}\n")
        # Not `ip netns exec`: it mounts, which a chroot does not let it.
        self.inside = ["nsenter", f"--net=/run/netns/{self.space}"]
        subprocess.run(["ip", "netns", "add", self.space], check=True)
        for words in (
            "link set lo up",
            f"address add {DNS}/128 dev lo nodad",
            f"address add {HTTPS}/128 dev lo nodad",
        ):
            subprocess.run([*self.inside, "ip", *words.split()], check=True)
        self.server = subprocess.Popen(
            [*self.inside, sys.executable, str(GUEST / "provisioning.py"), str(folder), DNS, HTTPS],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.server.stdout.readline() == b"ready\n"

    def close(self):
        """End the server and remove the namespace."""
        self.server.stdin.close()
        self.server.wait(10)
        self.server.stdout.close()
        subprocess.run(["ip", "netns", "delete", self.space], check=True)

    def reset(self):
        """Forget everything, as on the first day."""
        shutil.rmtree(self.state, ignore_errors=True)
        (self.folder / "log").unlink(missing_ok=True)

    def run(self, **job):
        """Run a client in the namespace, with the line's resolver."""
        environ = os.environ | {
            "SSL_CERT_FILE": str(self.authority),
            "DUALWAN_STATE": str(self.state),
        }
        done = subprocess.run(
            [
                *self.inside,
                sys.executable,
                "-c",
                CLIENT,
                json.dumps(
                    {
                        "seconds": SECONDS,
                        "prefixes": [PREFIX],
                        "resolv_conf": str(self.folder / "resolv.conf"),
                        **job,
                    }
                ),
            ],
            env=environ | job.pop("environ", {}),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def learn(self, path, txt="v=v6mig-1 url=https://{host}{path} t=b", host=HOST, **job):
        """Let the TXT record point to PATH, and learn."""
        (self.folder / "txt").write_text(txt.format(host=host, path=path))
        return self.run(**job)

    @property
    def requests(self):
        """What the server was asked."""
        return [json.loads(line) for line in (self.folder / "log").read_text().splitlines()]


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
    """A name and a password for whom they are meant; one printable line back."""
    (line.folder / "txt").write_text("-")
    found = line.run(update=[f"https://{HOST}/update?line=7", "me", "pa:ss"])
    assert found["said"] == "OK ?[2J 更新"
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
