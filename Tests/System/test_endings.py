"""Guests that end, and hosts that begin again: whatever of agent and forwarder was killed before, in whatever order."""

import json
import os
import signal
import subprocess
import unittest

from lab import HEDDLE, Primer, wait_until


class EndingTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Primer())
        cls.lab.logical_port("ls1", "ls1-vm3", cls.lab.MAC[3], cls.lab.IP[3], security=False)

    def tearDown(self):
        self.lab.heddle("hv1", "port", "del", "--if-exists", "vm3")
        if f"{self.lab.name}-g" in self.lab.namespaces:
            self.lab.remove_namespace("g")

    def plug(self, netns, check=True):
        return self.lab.heddle(
            "hv1", "port", "add", "vm3", "--logical-port", "ls1-vm3", "--netns", netns, "--mac", self.lab.MAC[3],
            "--address", f"{self.lab.IP[3]}/24", check=check)

    def report(self):
        answer = json.loads(self.lab.heddle("hv1", "port", "list", "-o", "json").stdout)
        ports = answer["ports"] if isinstance(answer, dict) else answer
        return next(port for port in ports if port["name"] == "vm3")

    def wait_for(self, state, detail=""):
        def is_so():
            report = self.report()
            return report["state"] == state and detail in report["detail"]
        wait_until(is_so, f"vm3 is {state}: {detail}", 10)
        self.assertEqual(self.lab.get("/v1/ports/ls1-vm3")["status"]["up"], state == "up") if state == "up" else \
            wait_until(lambda: not self.lab.get("/v1/ports/ls1-vm3")["status"]["up"], "central says that it is down", 10)

    def wait_up(self):
        self.lab.wait_up("ls1-vm3")
        self.wait_for("up")

    def kill_agent(self):
        self.lab.agents[1].kill()

    def kill_forwarder(self):
        os.kill(self.lab.forwarder_pid("hv1"), signal.SIGKILL)

    def start_agent(self):
        self.lab.agents[1] = self.lab.agent("hv1", 3)

    def test_a_deleted_namespace_takes_its_port_down_after_any_restarts(self):
        orders = {
            "both": [self.kill_agent, self.kill_forwarder, self.start_agent],
            "both, then the agent": [
                self.kill_forwarder, self.kill_agent, self.start_agent, self.wait_up, self.kill_agent, self.start_agent],
            "both, then the forwarder": [
                self.kill_agent, self.kill_forwarder, self.start_agent, self.wait_up, self.kill_forwarder],
        }
        for name, order in orders.items():
            with self.subTest(name):
                netns = self.lab.namespace("g")
                self.plug(netns)
                self.wait_up()
                for step in order:
                    step()
                self.wait_up()
                self.lab.remove_namespace("g")
                self.wait_for("failed", "heddle port add vm3 --logical-port ls1-vm3")
                netns = self.lab.namespace("g")
                self.assertIn("vm3", self.plug(netns).stdout)
                self.assertIn("vm3", self.lab.ip("g", "-o", "link"))
                self.wait_up()
                wait_until(lambda: self.lab.ping("g", self.lab.IP[1], count=1), "vm1 answers", 10)
                self.tearDown()

    def test_a_namespace_that_is_replaced_at_once_is_never_said_to_have_the_interface(self):
        netns = self.lab.namespace("g")
        self.plug(netns)
        self.wait_up()
        self.kill_agent()
        self.kill_forwarder()
        self.start_agent()
        self.wait_up()
        self.lab.remove_namespace("g")
        self.lab.namespace("g")
        self.plug(netns)
        self.assertIn("vm3", self.lab.ip("g", "-o", "link"))
        self.wait_up()

    def test_a_host_that_was_rebooted_makes_the_interface_again_once_its_namespace_is_there(self):
        netns = self.lab.namespace("g")
        self.plug(netns)
        self.wait_up()
        self.kill_agent()
        self.kill_forwarder()
        self.lab.remove_namespace("g")
        self.start_agent()
        self.wait_for("failed", f"ip netns add {netns}")
        self.lab.namespace("g")
        self.wait_up()
        self.assertIn(self.lab.IP[3], self.lab.ip("g", "addr"))
        wait_until(lambda: self.lab.ping("g", self.lab.IP[1], count=1), "vm1 answers", 10)

    def test_the_namespace_of_a_process_ends_with_it(self):
        guest = subprocess.Popen(["unshare", "--net", "sleep", "600"])
        self.lab.processes.append(guest)
        path = f"/proc/{guest.pid}/ns/net"
        wait_until(lambda: os.stat(path).st_ino != os.stat("/proc/self/ns/net").st_ino, "it has a namespace", 10)
        self.plug(path)
        self.wait_up()
        self.kill_agent()
        self.kill_forwarder()
        self.start_agent()
        self.wait_up()
        guest.kill()
        guest.wait()
        self.wait_for("failed", "heddle port add vm3")

    def test_a_pipe_as_namespace_is_refused_and_holds_nothing_up(self):
        path = f"{self.lab.state}/pipe"
        os.mkfifo(path)
        done = self.plug(path, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("is not a network namespace", done.stderr)
        self.plug(self.lab.namespace("g"))
        self.wait_up()


if __name__ == "__main__":
    unittest.main()
