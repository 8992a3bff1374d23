"""Three machines as the quick start sets them up, each daemon with the settings of its systemd unit."""

import glob
import os
import shutil
import signal
import socket
import subprocess
import time
import unittest

from intruder import IS_POSSIBLE, Intruder
from lab import HEDDLE, NETWORK, Daemon, Lab, run, wait_until
from units import Notifications, ROOT, Unit


class Machines(Lab):
    """Namespaces whose daemons run as their units say; each machine has a /var/lib of its own."""

    def __enter__(self):
        super().__enter__()
        # Users without a name must reach the program and the sockets of the notifications.
        os.chmod(self.state, 0o755)
        self.program = shutil.copy(HEDDLE, f"{self.state}/heddle")
        self.tools = f"{self.state}/tools"
        os.mkdir(self.tools)
        shutil.copy(os.path.join(ROOT, "Tests/System/units.py"), self.tools)
        self.notifications = {}
        return self

    def __exit__(self, *failure):
        super().__exit__(*failure)
        for notifications in self.notifications.values():
            notifications.close()

    def library(self, host):
        os.makedirs(f"{self.state}/{host}/lib", exist_ok=True)
        return f"{self.state}/{host}/lib"

    def environment(self, host):
        return super().environment(host) | {"HEDDLE_AGENT_SOCKET": f"{self.library(host)}/heddle/agent/agent.sock"}

    def unit(self, host, name, *options):
        """Starts a unit on a machine; gives it when it has told that it is ready, as Type=notify wants."""
        unit = Unit(name)
        library = self.library(host)
        key = f"{host}/{name}"
        if key not in self.notifications:
            self.notifications[key] = Notifications(f"{self.state}/{host}/{name}.notify")
        log = f"{self.state}/{host}/{name}.log"
        with open(log, "ab") as output:
            process = subprocess.Popen(
                self.inside(host, *unit.command(self.program, library, options, self.tools)),
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
                env=self.environment(host) | {"NOTIFY_SOCKET": self.notifications[key].path})
        self.processes.append(process)
        try:
            self.notifications[key].wait("READY=1")
        except TimeoutError:
            raise AssertionError(f"{name} on {host} does not get ready: {open(log, encoding='utf-8').read()}") from None
        return Daemon(process, log)

    def status(self, pid):
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


class UnitTest(unittest.TestCase):
    def test_systemd_finds_nothing_wrong_with_the_units(self):
        with Lab() as lab:
            # The units name the installed program, which is not there.
            folder = f"{lab.state}/units"
            os.mkdir(folder)
            units = sorted(glob.glob(os.path.join(ROOT, "deploy/systemd/*.service")))
            for path in units:
                with open(path, encoding="utf-8") as source, \
                        open(f"{folder}/{os.path.basename(path)}", "w", encoding="utf-8") as copy:
                    copy.write(source.read().replace("/usr/bin/heddle", "/usr/bin/true"))
            verified = run("systemd-analyze", "verify", *glob.glob(f"{folder}/*.service"), check=False)
            self.assertEqual((verified.returncode, verified.stdout + verified.stderr), (0, ""))
            for path in units:
                # "OK" is what systemd says up to 3.9 of 10, the least exposed being 0.
                run("systemd-analyze", "security", "--offline=true", "--threshold=30", path)

    def test_who_was_killed_is_back_at_once_and_who_is_refused_takes_its_time(self):
        for path in glob.glob(os.path.join(ROOT, "deploy/systemd/*.service")):
            name = os.path.basename(path).removesuffix(".service")
            self.assertIn(Unit(name)["RestartSec"], ("10ms", "50ms", "100ms"))
        with Lab() as lab:
            for daemon in ["agent", "--central", lab.sb, "--encap-ip", "10.9.9.9", "--insecure"], ["forwarder"]:
                begun = time.monotonic()
                done = lab.on("central", "env", f"NOTIFY_SOCKET={lab.state}/nobody", HEDDLE, *daemon, "--state-dir",
                              "/proc/no", check=False)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertGreater(time.monotonic() - begun, 0.9)

    def test_three_machines_with_the_settings_of_their_units(self):
        with Machines() as lab:
            lab.host("hv1", 3)
            lab.host("hv2", 4)
            central = lab.unit(
                "central", "heddle-central", "--northbound", f"{NETWORK}.2:6641", "--southbound", f"{NETWORK}.2:6642",
                "--insecure")
            forwarders, agents = {}, {}
            for host, octet in (("hv1", 3), ("hv2", 4)):
                forwarders[host] = lab.unit(host, "heddle-forwarder")
                agents[host] = lab.unit(
                    host, "heddle-agent", "--central", lab.sb, "--chassis", host, "--encap-ip", f"{NETWORK}.{octet}",
                    "--insecure")
            self.settings_hold(lab, central, agents["hv1"], forwarders["hv1"])

            lab.heddle("central", "nb", "ls-add", "ls1")
            for number, host in ((1, "hv1"), (2, "hv2")):
                mac, address = f"02:ac:10:ff:00:{number}{number}", f"172.16.255.{number}{number}"
                lab.logical_port("ls1", f"ls1-vm{number}", mac, address)
                lab.plug(host, f"vm{number}", f"ls1-vm{number}", mac, f"{address}/24")
            lab.wait_up("ls1-vm1", "ls1-vm2")
            lab.sync()
            self.assertEqual(lab.ping("vm1", "172.16.255.22"), 3)

            # The agent ends and comes back: no packet is lost, the forwarder is not touched.
            pings = lab.pings("vm1", "172.16.255.22", 100)
            self.assertEqual(agents["hv1"].kill(signal.SIGTERM), 0)
            lab.notifications["hv1/heddle-agent"].wait("STOPPING=1")
            agents["hv1"] = lab.unit(
                "hv1", "heddle-agent", "--central", lab.sb, "--chassis", "hv1", "--encap-ip", f"{NETWORK}.3",
                "--insecure")
            self.assertEqual(pings.lost(), 0)
            self.assertIsNone(forwarders["hv1"].process.poll())

            # The forwarder is restarted by others, as systemd does; the agent hands everything to the new one.
            for number in (signal.SIGTERM, signal.SIGKILL):
                forwarders["hv1"].kill(number)
                forwarders["hv1"] = lab.unit("hv1", "heddle-forwarder")
                wait_until(lambda: lab.ping("vm1", "172.16.255.22", count=1), "vm1 reaches vm2 again")
            self.assertIsNone(agents["hv1"].process.poll())
            self.assertNotIn("started the forwarder", agents["hv1"].output())
            doctor = lab.heddle("hv1", "doctor", "--data-dir", f"{lab.library('central')}/heddle/central")
            self.assertIn("All is well.", doctor.stdout)

            self.assertEqual(central.kill(signal.SIGTERM), 0)
            lab.notifications["central/heddle-central"].wait("STOPPING=1")

    def settings_hold(self, lab, central, agent, forwarder):
        for daemon, name, capabilities in (
                (central, "heddle-central", 0), (forwarder, "heddle-forwarder", 0),
                # CAP_NET_ADMIN is 12, CAP_NET_RAW 13, CAP_SYS_PTRACE 19, CAP_SYS_ADMIN 21.
                (agent, "heddle-agent", 1 << 12 | 1 << 13 | 1 << 19 | 1 << 21)):
            status = lab.status(daemon.pid)
            self.assertEqual(status["Uid"].split(), [str(Unit(name).uid)] * 4)
            self.assertEqual(int(status["CapEff"], 16), capabilities, name)
            self.assertEqual(status["NoNewPrivs"], "1")
            # The forwarder has a filter of its own.
            is_filtered = Unit(name).system_calls() or name == "heddle-forwarder"
            self.assertEqual(status["Seccomp"], "2" if is_filtered else "0")
        # Nobody else looks into what they keep.
        for host, folder in (("central", "central"), ("hv1", "agent")):
            self.assertEqual(os.stat(f"{lab.library(host)}/heddle/{folder}").st_mode & 0o777, 0o700)
        self.assertEqual(os.stat(f"{lab.library('hv1')}/heddle/forwarder").st_mode & 0o777, 0o750)
        self.assertNotEqual(Unit("heddle-forwarder").uid, Unit("heddle-agent").uid)
        if IS_POSSIBLE:
            key, connect = b"/var/lib/heddle/agent/membership.pem", (socket.AF_UNIX, socket.SOCK_STREAM, 0)
            with Intruder(forwarder.pid) as intruder:
                self.assertEqual(intruder.call("openat", -100, key, os.O_RDONLY), "EPERM")
                self.assertEqual(intruder.call("socket", *connect), "EPERM")


if __name__ == "__main__":
    unittest.main()
