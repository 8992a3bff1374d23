"""The place of a port: the host that plugs it in last, and never none while a host that may have it has it plugged in.

Every remedy that is printed on the way is run as it stands, and has to do what it says."""

import json
import re
import shlex
import unittest

from lab import Primer, wait_until

PORT = "ls1-vm3"


class BindingTest(unittest.TestCase):
    """vm3 has an interface on each of two hosts, of which one may be live: hv1 (vm3) and hv2 (vm3b)."""

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Primer())
        lab = cls.lab
        lab.logical_port("ls1", PORT, lab.MAC[3], lab.IP[3], security=False)
        # A switch of which each host has this one port, so that who loses it knows nothing of it any more.
        lab.heddle("central", "nb", "ls-add", "lonely", "--", "lsp-add", "lonely", "w")
        for name in "vm3", "vm3b", "wa", "wb":
            lab.namespace(name)

    def tearDown(self):
        for host in "hv1", "hv2":
            for port in "vm3", "w":
                self.lab.heddle(host, "port", "del", "--if-exists", port)
        self.request(PORT)

    def plug(self, host, port=PORT, name="vm3"):
        namespaces = {"vm3": {"hv1": "vm3", "hv2": "vm3b"}, "w": {"hv1": "wa", "hv2": "wb"}}
        self.lab.heddle(
            host, "port", "add", name, "--logical-port", port, "--netns", f"{self.lab.name}-{namespaces[name][host]}",
            "--mac", self.lab.MAC[3], "--address", f"{self.lab.IP[3]}/24")

    def unplug(self, host, name="vm3"):
        self.lab.heddle(host, "port", "del", name)

    def request(self, port, *chassis):
        words = ["requested-chassis=" + ",".join(chassis)] if chassis else []
        self.lab.heddle("central", "nb", "lsp-set-options", port, *words)

    def status(self, port=PORT):
        return self.lab.get(f"/v1/ports/{port}")["status"]

    def wait_at(self, host, port=PORT):
        wait_until(lambda: (self.status(port)["chassis"], self.status(port)["up"]) == (host, True),
                   f"{port} is up at {host}", 10)

    def waiting(self, port=PORT):
        return [(each["chassis"], each["reason"]) for each in self.status(port).get("waiting", [])]

    def report(self, host, name="vm3"):
        """The line of `port list` about a port."""
        ports = json.loads(self.lab.heddle(host, "port", "list", "-o", "json").stdout)
        ports = ports["ports"] if isinstance(ports, dict) else ports
        return next(port for port in ports if port["name"] == name)

    def run_remedy(self, host, text):
        command = re.search(r"heddle (port add|nb lsp-set-options|port list).*", text)
        self.assertTrue(command, text)
        return self.lab.heddle(host, *shlex.split(command.group(0))[1:])

    def describe(self, port=PORT):
        return self.lab.heddle("central", "describe", "port", port).stdout

    def test_who_lost_a_port_gets_it_back_when_the_taker_lets_go_also_of_a_switch_of_its_own(self):
        for port, name in (PORT, "vm3"), ("w", "w"):
            with self.subTest(port):
                self.plug("hv1", port, name)
                self.wait_at("hv1", port)
                self.plug("hv2", port, name)
                self.wait_at("hv2", port)
                wait_until(lambda: self.waiting(port) == [("hv1", "set-aside")], "hv1 waits", 10)
                self.unplug("hv2", name)
                self.wait_at("hv1", port)
                self.assertEqual(self.waiting(port), [])
                wait_until(lambda: self.report("hv1", name)["state"] == "up", "hv1 says that it is up", 10)

    def test_a_migration_that_is_called_off_goes_back_by_itself(self):
        self.request(PORT, "hv1")
        self.plug("hv1")
        self.wait_at("hv1")
        self.plug("hv2")
        wait_until(lambda: self.waiting() == [("hv2", "requested-elsewhere")], "hv2 waits", 10)
        self.request(PORT, "hv2")
        self.wait_at("hv2")
        self.request(PORT, "hv1")
        self.wait_at("hv1")

    def test_in_a_list_of_hosts_the_running_guest_keeps_the_port(self):
        self.request(PORT, "hv1")
        self.plug("hv1")
        self.wait_at("hv1")
        self.lab.sync()
        pings = self.lab.pings("vm3", self.lab.IP[1], 200)
        self.plug("hv2")
        self.request(PORT, "hv1", "hv2")
        self.plug("hv2")
        wait_until(lambda: self.waiting() == [("hv2", "set-aside")], "hv2 waits", 10)
        self.request(PORT)
        self.assertEqual(pings.lost(), 0)
        self.assertEqual(self.status()["chassis"], "hv1")

    def test_the_remedies_that_are_printed_work(self):
        self.assertIn("heddle port add INTERFACE --logical-port ls1-vm3", self.describe())
        self.plug("hv1")
        self.wait_at("hv1")
        self.plug("hv2")
        self.wait_at("hv2")
        # On the host that lost it, as 'port list' says.
        wait_until(lambda: self.report("hv1")["state"] == "lost", "hv1 says that it is lost", 10)
        self.run_remedy("hv1", self.report("hv1")["detail"])
        self.wait_at("hv1")
        # At central, as 'describe' says.
        wait_until(lambda: "set-aside" in self.describe(), "hv2 waits", 10)
        self.run_remedy("central", self.describe())
        self.wait_at("hv2")
        # If no host that has it plugged in may have it: let any.
        self.request(PORT, "hv3")
        wait_until(lambda: "requested-elsewhere" in self.describe(), "nobody may have it", 10)
        self.run_remedy("central", self.describe())
        wait_until(lambda: self.status()["up"], "it is up again", 10)
        # Of a switch of which the host knows nothing any more.
        self.plug("hv1", "w", "w")
        self.wait_at("hv1", "w")
        self.plug("hv2", "w", "w")
        self.wait_at("hv2", "w")
        wait_until(lambda: "heddle describe port w" in self.report("hv1", "w")["detail"], "hv1 refers to describe", 10)
        self.run_remedy("central", self.describe("w"))
        self.wait_at("hv1", "w")
        # The same plug again is a new claim where the port is not.
        self.request("w")
        self.plug("hv2", "w", "w")
        self.wait_at("hv2", "w")


if __name__ == "__main__":
    unittest.main()
