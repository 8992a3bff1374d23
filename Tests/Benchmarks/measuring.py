"""Parts that benchmarks of central beside attackers share: placement, an honest client's figures, and a central."""

import http.client
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
os.environ.setdefault("HEDDLE", os.path.join(ROOT, ".build/release/heddle"))
sys.path.insert(0, os.path.join(ROOT, "Tests/System"))

import test_http  # noqa: E402

PROCESSORS = sorted(os.sched_getaffinity(0))
SERVER, OTHERS = PROCESSORS[:1], PROCESSORS[1:]
TICK = os.sysconf("SC_CLK_TCK")


def on(processors, *launcher):
    """The command that starts a program on some of the processors."""
    return ("taskset", "-c", ",".join(map(str, processors)), *launcher)


def compiled(folder, name):
    """The path of one of the C programs beside this file, compiled into the folder."""
    subprocess.run(["cc", "-O2", "-o", f"{folder}/{name}", f"{HERE}/{name}.c"], check=True)
    return f"{folder}/{name}"


class Figures:
    """The times that an honest client has measured: milliseconds, in order."""

    def __init__(self, text, interval=None):
        """With `interval`, in milliseconds, as if a request had been due so often: who waits for a long answer would
        else ask seldom just when asking takes long."""
        self.times = [float(line) / 1000 for line in text.split()]
        if interval:
            self.times += [time - interval * turn for time in self.times for turn in range(1, int(time / interval))]
        self.times.sort()

    def percentile(self, percent):
        return self.times[len(self.times) * percent // 100] if self.times else float("inf")

    def worst(self):
        return self.times[-1] if self.times else float("inf")


def median(figures, percent):
    """The median of a percentile over rounds."""
    return statistics.median(those.percentile(percent) for those in figures)


class Central(test_http.Central):
    """A central with its log on the disk of the build, whose own log is read, and plain requests to it."""

    def start(self):
        super().start()
        self.connection = None
        threading.Thread(target=self.process.stderr.read, daemon=True).start()
        return self

    def restart(self, number):
        """Ends central by a signal and starts it again; gives the seconds until it is ready."""
        self.process.send_signal(number)
        self.process.wait(120)
        begun = time.monotonic()
        self.start()
        return time.monotonic() - begun

    @property
    def southbound_port(self):
        return int(self.southbound.rsplit(":", 1)[1])

    def ask(self, method, path, body=None):
        """The document of an answer, which has to be one of success."""
        self.connection = self.connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        self.connection.request(method, path, json.dumps(body) if body is not None else None,
                                {"Content-Type": "application/json"} if body is not None else {})
        answer = self.connection.getresponse()
        self.fields = answer.headers
        content = answer.read()
        if answer.getheader("connection") == "close":
            self.connection = None
        if answer.status >= 300:
            sys.exit(f"{method} {path}: {answer.status} {content[:300]}")
        return json.loads(content) if content else None

    def transact(self, operations, size=1000):
        for first in range(0, len(operations), size):
            self.ask("POST", "/v1/transactions", {"ops": operations[first:first + size]})

    def highest(self, forget=False):
        """The most memory that was in use, in bytes, since it was last told to forget."""
        if forget:
            with open(f"/proc/{self.process.pid}/clear_refs", "w", encoding="ascii") as file:
                file.write("5")
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmHWM:\s+(\d+)", file.read()).group(1)) * 1024

    def cpu(self):
        """Seconds of processor time so far."""
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def settle(self, patience=120):
        """Waits until it has next to nothing to do."""
        before, deadline = -1, time.monotonic() + patience
        while (used := self.cpu()) > before + 0.02 and time.monotonic() < deadline:
            before = used
            time.sleep(0.5)


class Fleet:
    """Simulated chassis (fleet.c)."""

    def __init__(self, programs, central, count, wait=20, stuck=0):
        self.process = subprocess.Popen(
            [programs.fleet, str(central.southbound_port), str(count), str(wait), str(stuck)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.registered = self.heard("registered")

    @staticmethod
    def prepare(central, count, switches=1):
        """The ports that the chassis have, on so many switches."""
        for number in range(switches):
            central.ask("POST", "/v1/switches", {"name": f"shared{number}"})
        central.transact([
            {"op": "create", "path": "/v1/ports", "body": {
                "name": f"vif-{number}", "switch": f"shared{number % switches}",
                "addresses": [f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}"]}} for number in range(count)])

    def heard(self, word):
        """The numbers of the next line."""
        line = self.process.stdout.readline().split()
        if line[:1] != [word]:
            sys.exit(f"the fleet says {line}")
        return list(map(float, line[1:]))

    def tell(self, line):
        print(line, file=self.process.stdin, flush=True)

    def go(self, central):
        revision = central.ask("GET", "/v1/switches")["revision"]
        self.tell(f"go {revision} {central.fields.get('heddle-hash', '')}")
        self.heard("parked")
        central.settle(20)

    def end(self):
        """The outcomes of its syncs: answers, refused, lost, late."""
        self.process.stdin.close()
        words = self.process.stdout.read().split()
        self.process.wait()
        return dict(zip(words[::2], map(float, words[1::2])))


class Programs:
    """The C programs, their folder, and what the command line says."""

    def __init__(self, folder, arguments):
        self.folder, self.rounds, self.seconds = folder, arguments.rounds, arguments.seconds
        self.bytes, self.hosts, self.is_full = arguments.bytes, arguments.hosts, arguments.full
        self.honest, self.fleet = compiled(folder, "honest"), compiled(folder, "fleet")


def scratch():
    """A folder on the disk of the build, where all else that is temporary goes, too."""
    os.makedirs(f"{ROOT}/.build", exist_ok=True)
    tempfile.tempdir = f"{ROOT}/.build"
    return tempfile.TemporaryDirectory(prefix="benchmark-")
