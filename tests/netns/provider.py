"""A provider's resolver and server in a namespace, and a router that learns from them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from guest.provisioning import HOST, make_certificates
from provisioning_data import good

ROOT = Path(__file__).parents[2]
GUEST = ROOT / "tests" / "lab" / "guest"
PREFIX = "2001:db8:1:2abc::/64"
DNS, HTTPS = "2001:db8:53::53", "2001:db8:53::80"
SECONDS = 3.0  # instead of 10
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

    def argv(self, *argv):
        """Return the command that runs ARGV in the namespace."""
        return [*self.inside, *map(str, argv)]

    def run_in(self, *argv):
        """Run ARGV in the namespace."""
        subprocess.run(self.argv(*argv), check=True)

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
