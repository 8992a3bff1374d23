"""`heddle doctor` on broken installations: each fault is found and has its remedy, and nothing else is found."""

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import unittest

from lab import HEDDLE, NETWORK, Primer, run, wait_until


# Has the tunnels' port for itself.
TAKE = """
import socket, sys, time
taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
taken.bind((sys.argv[1], 6081))
print("listening", flush=True)
time.sleep(600)
"""


class DoctorTest(unittest.TestCase):
    def findings(self, lab, host="hv1", data="/nonexistent", user=None, **environment):
        """The findings that need attention: check, detail and remedy of each."""
        command = [HEDDLE, "doctor", "-o", "json", "--data-dir", data]
        if host == "central":
            environment["HEDDLE_AGENT_SOCKET"] = ""
        else:
            command += ["--state-dir", f"{lab.state}/{host}"]
        if user:
            command = ["setpriv", f"--reuid={user}", "--clear-groups", *command]
        done = subprocess.run(
            lab.inside(host, *command), capture_output=True, text=True, timeout=60,
            env=lab.environment(host) | environment)
        report = json.loads(done.stdout)
        found = [finding for finding in report["findings"] if finding["level"] in ("warning", "failed")]
        self.assertEqual((done.returncode, report["healthy"], done.stderr), (1 if found else 0, not found, ""))
        for finding in found:
            self.assertTrue(finding["remedy"], finding)
        return [(finding["check"], finding["detail"] + " -> " + finding["remedy"]) for finding in found]

    def expect(self, lab, *wanted, **keywords):
        """Nothing but this is found: a check and a piece of its text each; at last, on a machine that is busy."""
        found = []

        def fits():
            found[:] = self.findings(lab, **keywords)
            return [check for check, _ in found] == [check for check, _ in wanted] and all(
                piece in text for (_, piece), (_, text) in zip(wanted, found))
        try:
            wait_until(fits, "what is found is what is wrong")
        except AssertionError:
            self.fail(f"wanted {wanted}, found {found}")

    @contextlib.contextmanager
    def firewall(self, lab, host, rule):
        rules = f"table inet doctor {{\n chain x {{\n type filter hook input priority 0;\n {rule}\n }}\n}}\n"
        lab.on(host, "nft", "-f", "-", input=rules)
        try:
            yield
        finally:
            lab.on(host, "nft", "delete", "table", "inet", "doctor")

    @contextlib.contextmanager
    def stopped(self, pid):
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    @contextlib.contextmanager
    def mtu(self, lab, host, size):
        lab.ip(host, "link", "set", "ul", "mtu", str(size))
        try:
            yield
        finally:
            lab.ip(host, "link", "set", "ul", "mtu", "1500")

    def lab(self):
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        lab = stack.enter_context(Primer(secure=True))
        for host in "hv1", "hv2":
            os.chmod(f"{lab.state}/{host}", 0o700)
        return lab

    def test_settings_of_who_asks(self):
        lab = self.lab()
        self.expect(lab)
        self.expect(lab, HEDDLE_NB="")
        self.expect(lab, HEDDLE_TOKEN="")
        self.expect(lab, ("central", "set HEDDLE_CA to a copy"), HEDDLE_CA="")
        self.expect(lab, ("central", "southbound port"), HEDDLE_NB=lab.sb)
        self.expect(lab, ("central", "Connection refused"), HEDDLE_NB=lab.nb.replace("6641", "6643"))
        self.expect(lab, ("central", "write https://"), HEDDLE_NB=lab.nb.replace("https", "http"))
        self.expect(lab, ("central", "HEDDLE_NB is wrong"), HEDDLE_NB=f"{NETWORK}.2:6641")
        self.expect(lab, ("central", "HEDDLE_CA is wrong"), HEDDLE_CA="/nonexistent")
        other = f"{lab.state}/other"
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=other", "-days", "2",
            "-keyout", f"{other}.key", "-out", f"{other}.crt")
        self.expect(lab, ("central", "no secure connection"), HEDDLE_CA=f"{other}.crt")
        # Somebody else than root sees less, and that is no fault of the installation.
        os.chmod(lab.state, 0o755)
        public = shutil.copy(lab.ca, f"{lab.state}/ca.crt")
        os.chmod(public, 0o644)
        self.expect(lab, ("agent", "run this as root"), user=65534, HEDDLE_CA=public)
        nothing = self.findings(lab, user=65534, HEDDLE_CA=f"{lab.state}/central/data/ca.key")
        self.assertIn("Permission denied", nothing[0][1])

    def test_the_way_to_others(self):
        lab = self.lab()
        with self.mtu(lab, "hv1", 1200):
            self.expect(lab, ("underlay", "too small for tunnels"))
        # A sufficient MTU is followed, here and on the way.
        with self.mtu(lab, "hv1", 1400):
            self.expect(lab)
        with self.mtu(lab, "hv2", 1400):
            self.expect(lab)
            # A veth takes a VLAN tag more than its MTU says.
            self.assertRegex(lab.heddle("hv1", "doctor", check=False).stdout, r"answer packets of 140\d bytes")
        with self.firewall(lab, "hv1", "udp dport 6081 drop"):
            self.expect(lab, ("underlay", "do not reach the forwarder"))
        with self.firewall(lab, "hv1", "udp dport 6081 reject"):
            self.assertEqual(self.findings(lab)[0][0], "underlay")
        with self.firewall(lab, "hv2", "udp dport 6081 reject"):
            self.expect(lab, ("path", f"hv2 ({NETWORK}.4) refuses datagrams to UDP port 6081"))
        with self.firewall(lab, "hv2", "icmp type echo-request drop"):
            self.expect(lab)
        lab.ip("ul", "link", "set", "hv1", "down")
        self.assertIn(("underlay", "off or unplugged"), [
            (check, "off or unplugged") for check, text in self.findings(lab) if "off or unplugged" in text])
        lab.ip("ul", "link", "set", "hv1", "up")
        lab.ip("hv1", "addr", "del", f"{NETWORK}.3/25", "dev", "ul")
        self.assertIn("no device of this host has the encap address", str(self.findings(lab)))
        lab.ip("hv1", "addr", "add", f"{NETWORK}.3/25", "dev", "ul")
        wait_until(lambda: not self.findings(lab), "all is well again")

    def test_processes_and_ports(self):
        lab = self.lab()
        with self.stopped(lab.forwarder_pid("hv1")):
            self.assertIn(("forwarder", True), [
                (check, "is stopped" in text) for check, text in self.findings(lab)])
        with self.stopped(lab.agents[1].pid):
            self.expect(lab, ("agent", f"'kill -CONT {lab.agents[1].pid}'"))
        wait_until(lambda: not self.findings(lab), "all is well again")
        lab.ip("vm1", "link", "del", "vm1")
        wait_until(lambda: self.findings(lab), "the device is missed")
        self.expect(lab, ("ports", "1 of 1 plugged ports are not up: vm1 (ls1-vm1): "))
        lab.heddle("hv1", "port", "del", "vm1")
        self.expect(lab)
        # Another host takes the name of one that lives.
        lab.host("hv3", 5)
        os.mkdir(f"{lab.state}/hv3", 0o700)
        done = lab.heddle(
            "hv3", "agent", *lab.agent_arguments("hv1", 3)[:2], "--chassis", "hv1", "--encap-ip", f"{NETWORK}.5",
            "--state-dir", f"{lab.state}/hv3", "--join", lab.make_token("--chassis", "hv1"), check=False)
        self.assertIn('The name "hv1" belongs to another live host', done.stderr)
        found = self.findings(lab, host="hv3")
        self.assertEqual([check for check, _ in found], ["agent", "forwarder"])
        self.assertIn('The name "hv1" belongs to another live host', found[0][1])
        lab.agents[1].kill()
        self.expect(lab, ("agent", "none runs with"))
        # Without HEDDLE_NB no central is missed on a host that never had one.
        self.expect(lab, ("agent", "none runs with"), HEDDLE_NB="")
        os.kill(lab.forwarder_pid("hv1"), signal.SIGKILL)
        wait_until(lambda: len(self.findings(lab)) == 2, "nothing runs")
        self.expect(lab, ("agent", "none runs"), ("forwarder", "none runs"))

    def test_files(self):
        lab = self.lab()
        state = f"{lab.state}/hv1"
        os.chmod(state, 0o755)
        self.expect(lab, ("state dir", f"chmod 700 {state}"))
        os.chmod(state, 0o700)
        os.chown(f"{state}/membership.pem", 64871, 64871)
        self.expect(lab, ("state dir", "membership.pem in it to another user: the agent may not use it -> 'chown"))
        os.chown(f"{state}/membership.pem", 0, 0)
        with open(f"{state}/membership.pem", encoding="utf-8") as file:
            kept = file.read()
        for days, piece in (("-1", "expired on"), (None, "holds no certificate")):
            with open(f"{state}/membership.pem", "w", encoding="utf-8") as file:
                file.write(self.expired(lab) if days else "nothing")
            self.expect(lab, ("certificates", piece))
        with open(f"{state}/membership.pem", "w", encoding="utf-8") as file:
            file.write(kept)
        self.expect(lab)
        # Central's own host, while central runs and after its end.
        os.chmod(lab.data, 0o700)
        central = {"host": "central", "data": lab.data}
        self.expect(lab, **central)
        self.expect(lab, HEDDLE_NB="", HEDDLE_CA="", HEDDLE_TOKEN="", **central)
        lab.central_daemon.kill()
        self.expect(lab, ("central", "none runs with"), **central)
        self.expect(lab, ("central", "none runs with"), HEDDLE_NB="", **central)
        database = sqlite3.connect(f"{lab.data}/central.db", isolation_level=None)
        database.execute("BEGIN EXCLUSIVE")
        self.expect(lab, ("central", "none runs"), ("store", f"process {os.getpid()} has locked"), **central)
        database.close()
        with open(f"{lab.data}/central.db", "r+b") as file:
            file.write(b"\0" * 100)
        self.expect(lab, ("central", "none runs"), ("store", "is not an SQLite database"), **central)
        with tempfile.TemporaryDirectory() as folder:
            run("mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", folder)
            try:
                self.expect(lab, ("central", "Connection refused"), ("store", "MiB left"), **central | {"data": folder})
                run("mount", "-o", "remount,ro", folder)
                self.expect(lab, ("central", "Connection refused"), ("store", "takes no writes"),
                            **central | {"data": folder})
            finally:
                run("umount", folder)

    def test_a_daemon_that_does_not_start_has_said_why_and_what_is_said_helps(self):
        lab = self.lab()
        lab.agents[1].kill()
        arguments = lab.agent_arguments("hv1", 3)

        def refuse(*words):
            self.assertNotEqual(lab.heddle("hv1", "agent", *arguments, *words, check=False).returncode, 0)
        for words, piece in (
                (["--encap-ip", "10.9.9.9"], "is not an address of this host; it has"),
                (["--encap-ip", "10.9"], "'10.9' is not an IP address"),
                (["--nonsense"], "--nonsense"),
                (["--join", "xyz"], "--join takes the output of 'heddle token create --chassis hv1'")):
            refuse(*words)
            self.expect(lab, ("agent", piece))
        # A token outlives a start that fails for another reason: it is good for one time only.
        token = lab.make_token("--chassis", "hv3")
        lab.host("hv3", 5)
        others = ["--central", lab.sb, "--chassis", "hv3", "--state-dir", f"{lab.state}/hv3", "--join", token]
        taken = lab.listener("hv3", TAKE, f"{NETWORK}.5")
        done = lab.heddle("hv3", "agent", *others, "--encap-ip", f"{NETWORK}.5", check=False)
        self.assertIn("UDP port 6081", done.stderr)
        self.assertNotIn("joined", done.stderr)
        os.chmod(f"{lab.state}/hv3", 0o700)
        self.expect(lab, ("agent", "UDP port 6081"), ("forwarder", "none runs"), ("underlay", "is taken"), host="hv3")
        taken.kill()
        taken.wait()
        taken.stdout.close()
        # It says what it waits for, and goes on by itself.
        lab.central_daemon.kill()
        log = open(f"{lab.state}/hv3/agent.log", "wb")
        waiting = subprocess.Popen(
            lab.inside("hv3", HEDDLE, "agent", *others, "--encap-ip", f"{NETWORK}.5"), stdin=subprocess.DEVNULL, stdout=log,
            stderr=log, env=lab.environment("hv3"), start_new_session=True)
        lab.processes.append(waiting)
        log.close()
        self.expect(lab, ("agent", f"process {waiting.pid} runs, but does not answer: cannot join yet: central: "),
                    ("forwarder", "none runs"), host="hv3", HEDDLE_NB="")
        # Other users of the host see what runs, and with which words.
        with open(f"/proc/{waiting.pid}/cmdline", "rb") as file:
            words = file.read().split(b"\0")
        self.assertEqual(words[words.index(b"--join") + 1], b"*" * len(token))
        lab.central()
        self.expect(lab, host="hv3")
        # The chassis of hv1's certificate is another one, and then is deleted.
        agent = lab.start("hv1", "agent", *arguments, "--chassis", "hv9")
        self.expect(lab, ("agent", 'start the agent with the --chassis that it names'))
        agent.kill()
        agent = lab.start("hv1", "agent", *arguments)
        self.expect(lab)
        lab.heddle("central", "sb", "chassis-del", "hv1")
        self.expect(lab, ("agent", "token create --chassis hv1"))
        agent.kill()
        lab.start("hv1", "agent", *arguments, "--join", lab.make_token("--chassis", "hv1"))
        self.expect(lab)

    def test_what_was_never_set_up_and_what_only_the_agent_may_not(self):
        lab = self.lab()
        # Nothing was ever started here.
        lab.host("hv3", 5)
        nothing = {"HEDDLE_NB": "", "HEDDLE_AGENT_SOCKET": "", "HEDDLE_TOKEN": "", "HEDDLE_CA": ""}
        done = subprocess.run(
            lab.inside("hv3", HEDDLE, "doctor", "--data-dir", "/nonexistent"), capture_output=True, text=True, timeout=60,
            env=lab.environment("hv3") | nothing)
        if not os.path.exists("/var/lib/heddle/agent"):
            self.assertRegex(done.stdout, "^failed +setup +nothing has run on this host yet")
            self.assertIn("1 finding.", done.stdout)
        # The device of TAPs is root's, and the agent is not.
        agent = lab.agents[1]
        agent.kill()
        os.chown(f"{lab.state}/hv1", 64872, 64872)
        for file in os.listdir(f"{lab.state}/hv1"):
            os.chown(f"{lab.state}/hv1/{file}", 64872, 64872)
        device = f"{lab.state}/tun"
        os.mknod(device, 0o20600, os.makedev(10, 200))
        command = f"mount --bind {device} /dev/net/tun && exec {HEDDLE} doctor --data-dir /nonexistent --state-dir {lab.state}/hv1"
        for mode, found in ((0o600, True), (0o666, False)):
            os.chmod(device, mode)
            done = lab.on("hv1", "unshare", "--mount", "sh", "-c", command, check=False)
            self.assertEqual("'chmod 666 /dev/net/tun'" in done.stdout, found, done.stdout)
        # The forwarder is of another build, as after an upgrade.
        os.chown(f"{lab.state}/hv1", 0, 0)
        for file in os.listdir(f"{lab.state}/hv1"):
            os.chown(f"{lab.state}/hv1/{file}", 0, 0)
        other = shutil.copy(HEDDLE, f"{lab.state}/heddle-newer")
        process = subprocess.Popen(
            lab.inside("hv1", other, "agent", *lab.agent_arguments("hv1", 3)), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=lab.environment("hv1"), start_new_session=True)
        lab.processes.append(process)
        pid = lab.forwarder_pid("hv1")
        self.expect(lab, ("versions", f"the forwarder runs another build than the agent -> 'kill {pid}'"))
        os.kill(pid, signal.SIGTERM)
        self.expect(lab)

    def test_central_without_its_key_and_without_connections(self):
        lab = self.lab()
        os.chmod(lab.data, 0o700)
        central = {"host": "central", "data": lab.data}
        os.rename(f"{lab.data}/ca.key", f"{lab.data}/away")
        self.expect(lab, ("certificates", "ca.key is missing"), **central)
        lab.central_daemon.kill()
        with self.assertRaises(AssertionError):
            lab.central()
        self.expect(lab, ("central", "ca.key, is missing"), ("certificates", "ca.key is missing"), **central)
        os.rename(f"{lab.data}/away", f"{lab.data}/ca.key")
        # A backup that root has put there is no concern of central's.
        with open(f"{lab.data}/backup", "w", encoding="utf-8"):
            os.chown(f"{lab.data}/backup", 65534, 65534)
        lab.central("--connections-per-address", "3")
        self.expect(lab, **central)
        streams = [subprocess.Popen(
            lab.inside("hv1", "curl", "-sSN", "--cacert", lab.ca, "-H", f"Authorization: Bearer {lab.token}",
                       "-H", "Accept: text/event-stream", f"{lab.nb}/v1/changes"), stdout=subprocess.PIPE)
            for _ in range(3)]
        lab.processes += streams
        for stream in streams:
            self.assertTrue(stream.stdout.readline())
        self.expect(lab, ("central", "see who has them with 'ss -tnp'"))
        # Central's own root is let in all the same.
        self.expect(lab, HEDDLE_NB="", HEDDLE_CA="", HEDDLE_TOKEN="", **central)
        for stream in streams:
            stream.kill()
            stream.wait()
            stream.stdout.close()
        self.expect(lab)

    def expired(self, lab):
        """A certificate of central's authority that held yesterday."""
        base = f"{lab.state}/expired"
        run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=hv1",
            "-keyout", f"{base}.key", "-out", f"{base}.csr")
        run("openssl", "x509", "-req", "-in", f"{base}.csr", "-CA", lab.ca, "-CAkey", f"{lab.data}/ca.key",
            "-days", "-1", "-out", f"{base}.crt")
        with open(f"{base}.crt", encoding="utf-8") as file:
            return file.read()


if __name__ == "__main__":
    unittest.main()
