"""Hosts out of network namespaces, for tests of the whole system.

A Lab makes an underlay bridge, hosts that are plugged into it and VMs, runs the real `heddle` on them, and
removes every process, namespace and file that it made when its `with` block ends, however it ends.
"""

import functools
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

import contract

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HEDDLE = os.environ.get("HEDDLE", os.path.join(ROOT, ".build/release/heddle"))
NETWORK = "10.127.0"
_serial = itertools.count()


def run(*command, check=True, timeout=120, **keywords):
    """Runs a command; gives its CompletedProcess with text output. A failure shows what it printed."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, **keywords)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def wait_until(condition, what, seconds=60):
    """Asks again until `condition()` is true; gives its value. Fails with `what` when the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds} s still not: {what}")
        time.sleep(0.01)


class Daemon:
    """A running `heddle central` or `heddle agent`."""

    def __init__(self, process, log):
        self.process, self.log = process, log

    @property
    def pid(self):
        return self.process.pid

    def output(self):
        with open(self.log, encoding="utf-8") as file:
            return file.read()

    def kill(self, number=signal.SIGKILL):
        self.process.send_signal(number)
        return self.process.wait(60)


class Pings:
    """A stream of pings: `count` of them, `interval` seconds apart."""

    def __init__(self, lab, vm, address, count, interval=0.01):
        self.count = count
        self.process = subprocess.Popen(
            lab.inside(vm, "ping", "-i", str(interval), "-c", str(count), "-W", "2", address),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.lines = []
        for line in self.process.stdout:      # the stream runs from the first answer on
            self.lines.append(line)
            if "bytes from" in line:
                break

    def lost(self):
        """Waits for the end of the stream; gives how many pings had no answer."""
        self.lines += self.process.stdout.readlines()
        self.process.stdout.close()
        self.process.wait(60)
        text = "".join(self.lines)
        sent, received = map(int, re.search(r"(\d+) packets transmitted, (\d+) received", text).groups())
        if sent != self.count:
            raise AssertionError(text[-2000:])
        return sent - received


class Lab:
    """With `secure`, central speaks TLS and agents join; else everything is plain and open."""

    program = HEDDLE
    # The kind of interface that VMs are given.
    device = "tap"

    def __init__(self, secure=False):
        self.secure = secure
        self.token = ""
        self.name = f"hd{os.getpid()}x{next(_serial)}"
        self.state = tempfile.mkdtemp(prefix="heddle-test-")
        self.namespaces, self.processes = [], []
        scheme = "https" if secure else "http"
        self.nb = f"{scheme}://{NETWORK}.2:6641"
        self.sb = f"{scheme}://{NETWORK}.2:6642"
        self.data = f"{self.state}/central/data"
        self.ca = f"{self.data}/ca.crt"

    # -- life ---------------------------------------------------------------------------------------------

    def __enter__(self):
        try:
            self.namespace("ul")
            self.ip("ul", "link", "add", "br0", "type", "bridge", "forward_delay", "0", "stp_state", "0")
            self.ip("ul", "link", "set", "br0", "up")
            self.host("central", 2)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *failure):
        if failure and failure[0]:
            self.show_logs()
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        for folder, _, files in os.walk(self.state):
            if "forwarder.pid" in files:
                self.kill_forwarder(folder)
        for namespace in self.namespaces:
            subprocess.run(["ip", "netns", "del", namespace], stderr=subprocess.DEVNULL)
        shutil.rmtree(self.state, ignore_errors=True)

    def show_logs(self):
        for folder, _, files in os.walk(self.state):
            for file in sorted(files):
                if file.endswith(".log"):
                    with open(os.path.join(folder, file), encoding="utf-8", errors="replace") as log:
                        print(f"--- {os.path.join(os.path.basename(folder), file)}\n{log.read()[-4000:]}")

    # -- hosts --------------------------------------------------------------------------------------------

    def namespace(self, name):
        full = f"{self.name}-{name}"
        run("ip", "netns", "add", full)
        self.namespaces.append(full)
        self.ip(name, "link", "set", "lo", "up")
        return full

    def remove_namespace(self, name):
        run("ip", "netns", "del", f"{self.name}-{name}")
        self.namespaces.remove(f"{self.name}-{name}")

    def ip(self, host, *arguments):
        return run("ip", "-n", f"{self.name}-{host}", *arguments).stdout

    def host(self, name, octet):
        """A namespace with the NIC `ul` at 10.127.0.OCTET on the underlay."""
        self.namespace(name)
        self.ip("ul", "link", "add", name, "type", "veth", "peer", "name", "ul", "netns", f"{self.name}-{name}")
        self.ip("ul", "link", "set", name, "master", "br0", "up")
        self.ip(name, "addr", "add", f"{NETWORK}.{octet}/25", "dev", "ul")
        self.ip(name, "link", "set", "ul", "up")

    def counters(self, host, device):
        """The frames that a device has sent so far."""
        links = json.loads(run("ip", "-n", f"{self.name}-{host}", "-j", "-s", "link", "show", "dev", device).stdout)
        return links[0]["stats64"]["tx"]["packets"]

    def inside(self, host, *command):
        return ["nsenter", f"--net=/run/netns/{self.name}-{host}", "--", *command]

    def environment(self, host):
        return os.environ | {
            "HEDDLE_NB": self.nb, "HEDDLE_AGENT_SOCKET": f"{self.state}/{host}/agent.sock",
            "HEDDLE_CA": self.ca if self.secure else "", "HEDDLE_TOKEN": self.token}

    def on(self, host, *command, check=True, timeout=120, **keywords):
        return run(*self.inside(host, *command), check=check, timeout=timeout, env=self.environment(host), **keywords)

    def listener(self, host, program, address):
        """Starts a Python program that prints "listening" first, and gives it then; the lab's end is its own."""
        process = subprocess.Popen(
            self.inside(host, "python3", "-c", program, address), stdout=subprocess.PIPE, text=True)
        self.processes.append(process)
        said = process.stdout.readline().strip()
        assert said == "listening", said
        return process

    def collect(self, target, collector, source, sender, address):
        """Runs a Python program on one host that collects what that of another sends. The collector says "listening" on
        standard error, and its verdict at the end, which is given; the sender reads its standard output."""
        collecting = subprocess.Popen(
            self.inside(target, "python3", "-c", collector, address), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True)
        self.processes.append(collecting)
        said = collecting.stderr.readline().strip()
        assert said == "listening", said
        sending = subprocess.Popen(
            self.inside(source, "python3", "-c", sender, address), stdin=collecting.stdout)
        self.processes.append(sending)
        collecting.stdout.close()
        with collecting.stderr:
            verdict = collecting.stderr.read().strip()
        statuses = collecting.wait(60), sending.wait(60)
        assert statuses == (0, 0), (statuses, verdict)
        return verdict

    def heddle(self, host, *arguments, check=True, timeout=120):
        return self.on(host, self.program, *arguments, check=check, timeout=timeout)

    # -- daemons ------------------------------------------------------------------------------------------

    def start(self, host, daemon, *arguments):
        """Starts a daemon on a host; gives it when it has said that it is ready."""
        os.makedirs(f"{self.state}/{host}", exist_ok=True)
        log = f"{self.state}/{host}/{daemon}-{next(_serial)}.log"
        with open(log, "wb") as output:
            process = subprocess.Popen(
                self.inside(host, self.program, daemon, *arguments), stdin=subprocess.DEVNULL, stdout=output,
                stderr=output, env=self.environment(host), start_new_session=True)
        self.processes.append(process)
        started = Daemon(process, log)
        wait_until(
            lambda: "ready" in started.output() or process.poll() is not None, f"{daemon} on {host} is ready")
        if process.poll() is not None:
            raise AssertionError(f"heddle {daemon} on {host} ended: {started.output()}")
        return started

    def central(self, *arguments):
        central = self.start(
            "central", "central", "--data-dir", self.data, "--northbound", f"{NETWORK}.2:6641",
            "--southbound", f"{NETWORK}.2:6642", *([] if self.secure else ["--insecure"]), *arguments)
        if self.secure and not self.token:
            self.token = self.make_token("--role", "admin")
        return central

    def make_token(self, *arguments):
        """A token, made by root on central's host."""
        return self.heddle("central", "token", "create", "--data-dir", self.data, *arguments).stdout.strip()

    def agent(self, host, octet, *arguments):
        return self.start(host, "agent", *self.agent_arguments(host, octet), *arguments)

    def agent_arguments(self, host, octet):
        guard = ["--insecure"]
        if self.secure:
            joined = os.path.exists(f"{self.state}/{host}/membership.pem")
            guard = [] if joined else ["--join", self.make_token("--chassis", host)]
        return [
            "--central", self.sb, "--chassis", host, "--encap-ip", f"{NETWORK}.{octet}", "--state-dir",
            f"{self.state}/{host}", *guard]

    def forwarder_pid(self, host):
        def written():
            with open(f"{self.state}/{host}/forwarder/forwarder.pid", encoding="utf-8") as file:
                return file.read()
        # One that starts empties the file of its predecessor first.
        return int(wait_until(written, f"the number of the forwarder on {host}"))

    def kill_forwarder(self, folder):
        try:
            with open(os.path.join(folder, "forwarder.pid"), encoding="utf-8") as file:
                pid = int(file.read())
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if b"forwarder" in file.read():
                    os.kill(pid, signal.SIGKILL)
        except (OSError, ValueError):
            pass

    # -- the logical network ------------------------------------------------------------------------------

    def logical_port(self, switch, port, *address, security=True):
        commands = ["lsp-add", switch, port, "--", "lsp-set-addresses", port, " ".join(address)]
        if security:
            commands += ["--", "lsp-set-port-security", port, " ".join(address)]
        self.heddle("central", "nb", *commands)

    def plug(self, host, vm, port, mac, *addresses):
        """A VM (a namespace, made when missing) whose interface `vm` is plugged into a logical port on a host."""
        if f"{self.name}-{vm}" not in self.namespaces:
            self.namespace(vm)
        arguments = itertools.chain.from_iterable(("--address", address) for address in addresses)
        self.heddle(
            host, "port", "add", vm, "--logical-port", port, "--netns", f"{self.name}-{vm}", "--mac", mac, "--device",
            self.device, *arguments)

    def sync(self):
        self.heddle("central", "nb", "--wait=hv", "--timeout=60", "sync")

    def wait_up(self, *ports):
        for port in ports:
            wait_until(
                lambda: self.heddle("central", "nb", "lsp-get-up", port).stdout.strip() == "up", f"{port} is up")

    def get(self, path):
        return json.loads(self.curl(path, "--fail-with-body").stdout)

    def curl(self, path, *arguments, base=None, token=None, check=True):
        """Asks central by curl, with the admin's token unless another is given."""
        token = self.token if token is None else token
        guard = ["--cacert", self.ca] if self.secure else []
        guard += ["-H", f"Authorization: Bearer {token}"] if token else []
        return contract.curl(
            functools.partial(self.on, "central", check=check), [*guard, *arguments], (base or self.nb) + path)

    def pings(self, vm, address, count):
        """A stream of 100 pings a second that goes on while the test does something."""
        return Pings(self, vm, address, count)

    def ping(self, vm, address, count=3):
        """The number of `count` pings that had an answer."""
        done = self.on(vm, "ping", "-i", "0.05", "-c", str(count), "-W", "1", address, check=False)
        return int(re.search(r"(\d+) received", done.stdout).group(1))


class Primer(Lab):
    """The primer's lab: ls1 with vm1 on hv1 and vm2 on hv2."""

    MAC = {1: "02:ac:10:ff:00:11", 2: "02:ac:10:ff:00:22", 3: "02:ac:10:ff:00:33"}
    IP = {1: "172.16.255.11", 2: "172.16.255.22", 3: "172.16.255.33"}

    def __enter__(self):
        super().__enter__()
        try:
            self.host("hv1", 3)
            self.host("hv2", 4)
            self.central_daemon = self.central()
            self.agents = {1: self.agent("hv1", 3), 2: self.agent("hv2", 4)}
            self.heddle("central", "nb", "ls-add", "ls1")
            self.vm(1, "hv1")
            self.vm(2, "hv2")
            self.wait_up("ls1-vm1", "ls1-vm2")
            self.sync()
        except BaseException:
            self.__exit__(AssertionError)
            raise
        return self

    def vm(self, number, host):
        self.logical_port("ls1", f"ls1-vm{number}", self.MAC[number], self.IP[number])
        self.plug_vm(number, host)

    def plug_vm(self, number, host):
        self.plug(host, f"vm{number}", f"ls1-vm{number}", self.MAC[number], f"{self.IP[number]}/24")
